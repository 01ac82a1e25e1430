"""From what a reader finds in annotation files to a sound dataset, or to everything that is wrong with them.

Whatever the format, images and objects become lines of metadata.jsonl, and are checked as those are: one set of
rules, told with the places of the format. What is wrong is left out when the caller is not strict, object by object.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from imagecards.datasets import FolderSource, ImageDataset, Place, RenamedSource, check_boxes, scan_folder
from imagecards.formats.columns import proved_table
from imagecards.formats.sizes import Size, read_sizes
from imagecards.formats.soundness import unsound_outlines
from imagecards.records import Collector, Issue, Report, read_jsonl, shown
from imagecards.records.exact import MAX_FIELDS, read_line
from imagecards.records.values import MAX_DEPTH, MAX_PROBLEMS

_OBJECT = re.compile(r"objects\.(.+?)\[(\d+)\](.*)", re.DOTALL)
_ON_LINE = re.compile(r"on line (\d+)")
_TAKEN = frozenset({"file_name", "caption", "categories", "objects"})
# mending one thing may bring another to light: a type that only a bad object had settled; and a report has an end
_ROUNDS = 100
# in the line of an image, each object has a place for every field that any of them has
_CELLS, _CELLS_PER_VALUE = 100_000, 20
_TOO_MANY_FIELDS: dict[str, Any] = {"objects": {str(number): [] for number in range(MAX_FIELDS + 1)}}

ObjectPlace = Callable[[int], tuple[int | None, str]]
"""Tells for an object of an image, by its number, the line it is on and what it is called there."""


def _by_number(index: int) -> tuple[int | None, str]:
    return None, f"objects[{index}]"


@dataclass
class _Image:
    """One image as a reader found it."""

    name: str
    file: str | None
    split: str | None
    size: tuple[int, int] | None
    record: dict[str, Any]
    objects: list[dict[str, Any]] | None
    place: Place
    object_place: ObjectPlace
    called: str
    dropped: set[int] = field(default_factory=set)  # objects that are wrong


class DatasetBuilder:
    """Takes images one by one and makes a dataset of them.

    Args:
        root: The folder that the images' files are named in.
        executor: Where to read the sizes of images.
        check_images: Whether each image has to be there, in the size that is said of it.

    Attributes:
        attributes: What is said of the dataset as a whole; see `imagecards.ImageDataset.attributes`.
        annotation_files: Relative path and place of each file that annotations were read from.
        splits: Splits that are there whether or not they have images.
    """

    def __init__(self, root: Path, *, executor: Executor | None = None, check_images: bool = True) -> None:
        self.root = root
        self.executor = executor
        self.check_images = check_images
        self.attributes: dict[str, Any] = {}
        self.annotation_files: dict[str, str] = {}
        self.splits: list[str] = []
        self.issues = Collector()
        self._images: list[_Image] = []
        self._names: dict[str, Place] = {}
        self._sizes: dict[str, Size | str] = {}
        self._kept: dict[int, list[int]] = {}
        self._warnings: list[Issue] = []

    @cached_property
    def files(self) -> frozenset[str]:
        """The files below the root, as relative paths; links are none."""
        return frozenset(found.name for found in scan_folder(self.root).files)

    def sizes(self, files: Sequence[str]) -> list[Size | str]:
        """Width and height of image files below the root, or what is wrong with them; each is read once."""
        unread = [file for file in dict.fromkeys(files) if file not in self._sizes]
        self._sizes.update(zip(unread, read_sizes(FolderSource(self.root), unread, self.executor), strict=True))
        return [self._sizes[file] for file in files]

    def error(
        self, rule: str, message: str, file: str, line: int | None = None, where: str = "", value: object = ""
    ) -> None:
        """Tell of something that is wrong; what it concerns is not to be added."""
        self.issues.add(Issue(file, line, where, shown(value) if value != "" else "", rule, message))

    def warn(
        self, rule: str, message: str, file: str, line: int | None = None, where: str = "", value: object = ""
    ) -> None:
        """Tell of something that is worth a look, and was dealt with."""
        self.issues.add(Issue(file, line, where, shown(value) if value != "" else "", rule, message, "warning"))

    def image(
        self,
        name: str,
        *,
        file: str | None,
        place: Place,
        split: str | None = None,
        size: tuple[int, int] | None = None,
        caption: str | None = None,
        categories: Sequence[str] | None = None,
        objects: list[dict[str, Any]] | None = None,
        object_place: ObjectPlace = _by_number,
        extra: Mapping[str, Any] | None = None,
        called: str = "",
    ) -> None:
        """Add an image.

        Args:
            name: What it is called in the dataset: within its split as in the format, behind the split's name.
            file: Its path below the root; ``None`` where there is no such file.
            place: Where it is described.
            split: The split that it belongs to.
            size: Width and height as they are said; read from its header without.
            caption: A text on it.
            categories: Categories of the image as a whole.
            objects: Its objects: ``bbox`` (x, y, width, height in pixels), ``category``, and where there are any
                ``segmentation``, ``area``, ``iscrowd``, ``id`` and further fields. ``None`` and an empty list
                differ: nothing is known of it, or it is known to have none.
            object_place: Where an object is described.
            extra: Further fields.
            called: What the image is called where it is described, if that isn't clear from the line:
                ``"images[3] (id 17)"``.
        """
        if name in self._names:
            first = self._names[name]
            message = f"the image {name!r} is described twice, first in {first.file}"
            self.error("duplicate-image", message + (f":{first.line}" if first.line else ""), *place, called, name)
            return
        self._names[name] = place
        record: dict[str, Any] = {"file_name": name}
        if caption is not None:
            record["caption"] = caption
        if categories is not None:
            record["categories"] = list(categories)
        # a field of the format's own must not become one that means something here
        record.update({key if key not in _TAKEN else f"{key}_": value for key, value in (extra or {}).items()})
        self._images.append(_Image(name, file, split, size, record, objects, place, object_place, called))

    def build(self) -> tuple[ImageDataset, Report]:
        """Check everything and make the dataset.

        Returns:
            The dataset of all that is sound, and what was found; where there are errors, the dataset is without
            what they concern.
        """
        self._settle_sizes()
        for _ in range(_ROUNDS):
            table, wrong = self._checked()
            if not wrong:
                break
        else:
            self.issues.report().raise_errors()
        for warning in self._warnings:
            self.issues.add(warning)
        splits: dict[str, list[str]] = defaultdict(list, {split: [] for split in self.splits})
        for image in self._images:
            if image.split is not None:
                splits[image.split].append(image.name)
        places = {image.name: image.file for image in self._images if image.file is not None}
        dataset = ImageDataset.from_source(
            RenamedSource(FolderSource(self.root), places),
            table,
            splits,
            attributes=self.attributes,
            annotation_files=self.annotation_files,
        )
        return dataset, self.issues.report()

    def _settle_sizes(self) -> None:
        """Find out how large the images are, and drop those that are missing or not what is said of them."""
        wanted = [image for image in self._images if self.check_images or image.size is None]
        there = [image for image in wanted if image.file is not None]
        read = self.sizes([image.file for image in there if image.file is not None])
        sizes = {image.name: size for image, size in zip(there, read, strict=True)}
        gone: set[str] = set()
        for image in wanted:
            size = sizes.get(image.name)
            if size is None:
                message = "there is no such image: put it there, or remove what is said of it"
                self.error("missing-file", message, *image.place, image.called, image.name)
            elif isinstance(size, str):
                self.error("not-an-image", size, *image.place, image.called, image.name)
            elif image.size not in (None, size):
                assert image.size is not None
                said = (
                    f"{image.size[0]} x {image.size[1]} pixels are said of it, and the file has {size[0]} x {size[1]}"
                )
                self.error("size-differs", said, *image.place, image.called, image.name)
            else:
                image.size = size
                continue
            gone.add(image.name)
        self._images = [image for image in self._images if image.name not in gone]

    def _checked(self) -> tuple[pa.Table, bool]:
        """Make the table, and mark what is wrong in it; whether anything was."""
        objects = [_sound_objects(image) for image in self._images]
        table = proved_table([image.record for image in self._images], objects)
        report = Report()
        if table is None:
            lines = [_line(_with_objects(image)) for image in self._images]
            table, report = read_jsonl(b"\n".join(lines), "records")
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
        return table, wrong

    def _check_each(self, row: int) -> None:
        """Check objects one by one, where an image has so many that not all that is wrong with them is told at once."""
        image = self._images[row]
        for index, number in enumerate(self._kept[row]):
            if number not in image.dropped and image.objects is not None:
                found = read_line(_line(_with_objects(image, [image.objects[number]])), "", row + 1)
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
        if issue.severity == "error":
            bad_images.add(row)
        called = ".".join(filter(None, (image.called, issue.field)))
        self._add(replace(issue, file=image.place.file, line=image.place.line, field=called))

    def _drop_deep(self, row: int, issue: Issue) -> bool:
        """Mark the objects that make the line of their image too deep; whether there are any."""
        objects = _sound_objects(self._images[row]) or []
        deep = [index for index, entry in enumerate(objects) if _is_deep(entry)]
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
            self._kept[row] = _kept(image)
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


def _kept(image: _Image) -> list[int]:
    """The numbers of the objects that nothing is wrong with so far."""
    return [number for number in range(len(image.objects or ())) if number not in image.dropped]


def _sound_objects(image: _Image) -> list[dict[str, Any]] | None:
    if image.objects is None or not image.dropped:
        return image.objects
    return [image.objects[number] for number in _kept(image)]


def _with_objects(image: _Image, objects: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """An image as a record of metadata.jsonl, its objects, by default all that are sound, as parallel lists."""
    objects = _sound_objects(image) if objects is None else objects
    if objects is None:
        return image.record
    names = dict.fromkeys(name for entry in objects for name in entry)
    if len(names) * len(objects) > _CELLS + _CELLS_PER_VALUE * sum(map(len, objects)):
        return _TOO_MANY_FIELDS
    fields = {
        "bbox": [entry.get("bbox") for entry in objects],
        "categories": [entry.get("category") for entry in objects],
    }
    for name in names:
        if name not in ("bbox", "category"):
            fields[name if name != "categories" else "categories_"] = [entry.get(name) for entry in objects]
    return {**image.record, "objects": fields}


def _field(match: re.Match[str]) -> str:
    """A field of an object, as the object itself has it."""
    return f"{'category' if match[1] == 'categories' else match[1]}{match[3]}"


def _line(record: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(record)
    except TypeError:
        # whole numbers of any length and halves of surrogates are JSON too, and refused where that is told
        try:
            return json.dumps(record).encode()
        except RecursionError:
            return (MAX_DEPTH + 1) * b"["  # refused as what it stands for


def _is_deep(entry: Mapping[str, Any]) -> bool:
    """Whether the line of a record nests too deep because of an object."""
    level: list[Any] = [entry]
    for _ in range(MAX_DEPTH - 1):  # in the line, the object is taken apart, and its values are in lists
        lists = [value.values() if type(value) is dict else value for value in level if type(value) in (dict, list)]
        level = [value for values in lists for value in values]
    return bool(level)
