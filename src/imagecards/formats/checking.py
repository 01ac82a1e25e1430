"""Checking what a reader found by the rules of metadata.jsonl, round by round until nothing wrong is left."""

import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO

import pyarrow as pa

from imagecards.datasets import check_boxes
from imagecards.formats.columns import proved_table
from imagecards.formats.found_image import FoundImage, as_line, is_deep, kept_objects, sound_objects, with_objects
from imagecards.formats.soundness import unsound_outlines
from imagecards.records import Collector, Issue, Report, read_jsonl, shown
from imagecards.records.exact import read_line
from imagecards.records.problem import MAX_PROBLEMS

_OBJECT = re.compile(r"objects\.(.+?)\[(\d+)\](.*)", re.DOTALL)
_ON_LINE = re.compile(r"on line (\d+)")
# mending one thing may bring another to light: a type that only a bad object had settled; and a report has an end
_ROUNDS = 100


def check_images(images: Sequence[FoundImage], issues: Collector) -> tuple[pa.Table, list[FoundImage]]:
    """Check images and their objects, and leave out what is wrong.

    Args:
        images: What a reader found; objects that are wrong are marked in them.
        issues: Takes what is wrong, in the words of the format.

    Returns:
        The table of their records with the sizes of the images, and the images that are left, a row each.

    Raises:
        InvalidMetadataError: There is no end to what is wrong.
    """
    return _Rounds(images, issues).run()


class _Rounds:
    """What one round leaves for the next."""

    def __init__(self, images: Sequence[FoundImage], issues: Collector) -> None:
        self.issues = issues
        self._images = list(images)
        self._kept: dict[int, list[int]] = {}
        self._warnings: list[Issue] = []

    def run(self) -> tuple[pa.Table, list[FoundImage]]:
        for _ in range(_ROUNDS):
            table = self._checked()
            if table is not None:
                for warning in self._warnings:
                    self.issues.add(warning)
                return table, self._images
        self.issues.report().raise_errors()
        raise AssertionError  # something was wrong in each round

    def _checked(self) -> pa.Table | None:
        """Make the table, and mark what is wrong in it; ``None`` where anything was."""
        objects = [sound_objects(image) for image in self._images]
        table = proved_table([image.record for image in self._images], objects)
        report = Report()
        if table is None:
            table, report = read_jsonl(self._lines(), "records")
        bad_images: set[int] = set()
        self._kept.clear()
        self._warnings.clear()
        wrong = not report.ok
        for issue in report:
            self._take(issue, bad_images)
        for row in [row for row, kept in self._kept.items() if len(kept) > MAX_PROBLEMS]:
            self._check_each(row)
        if not wrong:
            table = self._with_sizes(table)
            wrong = self._check_geometry(table)
        self._images = [image for number, image in enumerate(self._images) if number not in bad_images]
        return None if wrong else table

    def _lines(self) -> bytes:
        """All records as lines, which are never there twice."""
        text = BytesIO()
        for image in self._images:
            text.write(as_line(with_objects(image)) + b"\n")
        return text.getvalue()

    def _check_each(self, row: int) -> None:
        """Check objects one by one, where an image has so many that not all that is wrong with them is told at once."""
        image = self._images[row]
        for index, number in enumerate(self._kept[row]):
            if number not in image.dropped and image.objects is not None:
                found = read_line(as_line(with_objects(image, [image.objects[number]])), "", row + 1)
                for issue in found if isinstance(found, list) else ():
                    match = _OBJECT.match(issue.field)
                    if match is not None:
                        self._drop(row, index, replace(issue, field=_field(match)))

    def _take(self, issue: Issue, bad_images: set[int]) -> None:
        """Tell of what is wrong with a line in the words of the format, and mark what it concerns."""
        assert issue.line is not None
        row = issue.line - 1
        image = self._images[row]
        # the lines are ours, nobody else has seen them
        issue = replace(issue, message=_ON_LINE.sub(lambda line: self._said_of(int(line[1]) - 1), issue.message))
        match = _OBJECT.match(issue.field)
        if match is not None:
            self._drop(row, int(match[2]), replace(issue, field=_field(match)))
            return
        if issue.rule == "too-deep" and not issue.field and self._drop_deep(row, issue):
            return
        if issue.rule == "line-too-long":
            what = "as a line of metadata.jsonl, what is said of the image and its objects would be too long"
            issue = replace(issue, message=f"{what}: {issue.message}")
        if issue.severity == "error":
            bad_images.add(row)
        called = ".".join(filter(None, (image.called, issue.field)))
        self._add(replace(issue, file=image.place.file, line=image.place.line, field=called))

    def _drop_deep(self, row: int, issue: Issue) -> bool:
        """Mark the objects that make the line of their image too deep; whether there are any."""
        objects = sound_objects(self._images[row]) or []
        deep = [index for index, entry in enumerate(objects) if is_deep(entry)]
        for index in deep:
            self._drop(row, index, issue)
        return bool(deep)

    def _said_of(self, row: int) -> str:
        image = self._images[row]
        return f"in what is said of {shown(image.name)}" if image.place.line is None else f"on line {image.place.line}"

    def _with_sizes(self, table: pa.Table) -> pa.Table:
        """A table of records, each the one of its image, with the sizes of the images."""
        for side, name in enumerate(("width", "height")):
            column = [image.size[side] if image.size else None for image in self._images]
            table = table.append_column(name, pa.array(column, pa.int32()))
        return table.drop_columns(["line"])

    def _check_geometry(self, table: pa.Table) -> bool:
        """Mark objects that can't be drawn into their images; whether there are any."""
        found = False
        for row, index, rule, message, value in unsound_outlines(table):
            self._drop(row, index, Issue("", None, "segmentation", value, rule, message))
            found = True
        rows = {image.name: row for row, image in enumerate(self._images)}
        for issue in check_boxes(table):
            match = _OBJECT.match(issue.field)
            assert match is not None
            self._drop(rows[issue.file], int(match[2]), replace(issue, field="bbox"))
            found = found or issue.severity == "error"
        return found

    def _drop(self, row: int, index: int, issue: Issue) -> None:
        """Tell of what is wrong with an object, by its place among those that were kept when the round began."""
        image = self._images[row]
        if row not in self._kept:
            self._kept[row] = kept_objects(image)
        number = self._kept[row][index]
        line, own = image.object_place(number)
        called = ".".join(filter(None, (own, issue.field)))
        self._add(replace(issue, file=image.place.file, line=line, field=called))
        if issue.severity == "error":
            image.dropped.add(number)

    def _add(self, issue: Issue) -> None:
        """Tell of an issue: at once of an error, and of a warning in the last round, as each round finds it again."""
        if issue.severity == "error":
            self.issues.add(issue)
        else:
            self._warnings.append(issue)


def _field(match: re.Match[str]) -> str:
    """A field of an object, as the object itself has it."""
    return f"{'category' if match[1] == 'categories' else match[1]}{match[3]}"
