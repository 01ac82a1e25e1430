"""Severstal's CSV (Kaggle): one mask an image and class, as pairs of start and length down the columns."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from imagecards.datasets import FolderSource, Place, is_image_name
from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.documents import read_text
from imagecards.formats.format import Format
from imagecards.formats.severstal.rows import Header, Row, parse_rows, read_header
from imagecards.formats.severstal.writing import write_severstal
from imagecards.formats.sizes import read_sizes
from imagecards.geometry import bounds, runs_from_pairs, runs_to_coco
from imagecards.records import printable

_SIZE = (1600, 256)  # width and height of all images that Severstal published
_WHOLE = "annotations"  # a file of this name is no split
_NOT_ANNOTATIONS = ("sample_submission.csv",)
_SIZE_TEXT = re.compile(r"(\d{1,9})x(\d{1,9})")


class _Table(NamedTuple):
    """One CSV file: its name, the split that it describes, and its text."""

    name: str
    split: str | None
    text: str


def read_severstal(
    path: Path, builder: DatasetBuilder, *, size: tuple[int, int] | str | None = None, classes: int = 4
) -> None:
    """Read one CSV file, or those of a folder: ``<split>.csv`` with its images in ``<split>_images/``.

    The size of an image is that of its file; of one that is not there, and need not be, 1600 x 256. Images of the
    folder without any row are known to have no defect. A file that is read alone, or called ``annotations.csv``, is
    no split; its images lie in ``<its name>_images/``, in ``images/``, or beside it.

    Args:
        path: The file or folder.
        builder: Takes what is read.
        size: Width and height of all images, ``(1600, 256)`` or ``"1600x256"``.
        classes: How many classes there are: ``ClassId`` is from 1 to this.

    Raises:
        FormatError: There is no such file, or the only one is something else.
        InvalidInputError: The size is none.
    """
    given = _size(size)
    if type(classes) is not int or not 0 < classes < 2**31:
        raise InvalidInputError(f"classes is a whole number, how many there are, not {classes!r}")
    folder = path if path.is_dir() else path.parent
    names = _csv_files(path) if path.is_dir() else [path.name]
    if not names:
        raise FormatError(f"{printable(str(path))} has no CSV file of Severstal's: see the path, or name the file")
    builder.attributes["categories"] = [{"id": number, "name": str(number)} for number in range(1, classes + 1)]
    for name in names:
        builder.annotation_files[name] = str(folder / name)
        stem = name.removesuffix(".csv")
        split = stem if path.is_dir() and stem != _WHOLE else None
        try:
            table = _Table(name, split, read_text(folder / name))
            header = read_header(table.text, folder / name)
        except FormatError as error:
            if len(names) == 1:
                raise
            builder.error("unreadable-file", str(error), name)
            continue
        if split is not None:
            builder.splits.append(split)
        _read_table(table, header, builder, given, classes)
    builder.warn_of_unlisted(names[0])


def _size(size: Any) -> tuple[int, int] | None:
    if isinstance(size, str) and (match := _SIZE_TEXT.fullmatch(size)):
        size = int(match[1]), int(match[2])
    if size is None:
        return None
    if not isinstance(size, tuple | list) or len(size) != 2 or not all(type(side) is int and side > 0 for side in size):
        raise InvalidInputError(f"a size is width and height, (1600, 256) or '1600x256', not {size!r}")
    return size[0], size[1]


def _csv_files(folder: Path) -> list[str]:
    """The CSV files of a folder that are Severstal's."""
    found = [path for path in folder.glob("*.csv") if path.is_file() and path.name not in _NOT_ANNOTATIONS]
    return sorted(path.name for path in found if _is_severstal(path))


def _read_table(
    table: _Table, header: Header, builder: DatasetBuilder, given: tuple[int, int] | None, classes: int
) -> None:
    rows: dict[str, list[Row]] = {}
    seen: dict[tuple[str, int], int] = {}
    for row in parse_rows(table.text, header, lambda *issue: builder.error(issue[0], issue[1], table.name, *issue[2:])):
        if row.category > classes:
            message = f"there are classes from 1 to {classes}; if there are more, say how many with classes="
            builder.error("unknown-category", message, table.name, row.line, header.class_field, row.category)
        elif (row.image, row.category) in seen:
            message = f"line {seen[row.image, row.category]} has the same image and class: there is one mask of each"
            builder.error("duplicate-row", message, table.name, row.line, header.class_field, row.image)
        else:
            seen[row.image, row.category] = row.line
            rows.setdefault(row.image, []).append(row)
    places = _image_files(table, [*rows], builder)
    lines = {image: found[0].line for image, found in rows.items()}
    for image in sorted(places.keys() - rows.keys()):
        rows[image] = []
    sizes = _sizes(rows, places, builder) if given is None else {}
    front = f"{table.split}/" if table.split is not None else ""
    for image, found in rows.items():
        size = given or sizes.get(image)
        known = size or (None if builder.check_images else _SIZE)
        objects, numbers = _objects(found, known, table, header, builder)
        builder.image(
            front + image,
            file=places.get(image),
            place=Place(table.name, lines.get(image)),
            split=table.split,
            size=known,
            objects=objects,
            object_place=lambda index, numbers=numbers: (numbers[index], header.pixels_field),  # type: ignore[misc]
        )


def _image_files(table: _Table, wanted: list[str], builder: DatasetBuilder) -> dict[str, str]:
    """Where images lie, by what they are called: all of the folder in which most of those that are named lie."""
    stem = table.name.removesuffix(".csv")
    best: tuple[int, dict[str, str]] = (-1, {})
    for folder in (f"{stem}_images/", "images/", ""):
        files = (file for file in builder.files if file.startswith(folder) and is_image_name(file))
        inside = {file.removeprefix(folder): file for file in files}
        if folder == "" and best[0] < 0 and wanted and not any(name in inside for name in wanted):
            continue  # a folder in which none of them lies is not that of the images
        count = sum(name in inside for name in wanted)
        if inside and count > best[0]:
            best = count, inside
    return best[1]


def _sizes(rows: dict[str, list[Row]], places: dict[str, str], builder: DatasetBuilder) -> dict[str, tuple[int, int]]:
    """The sizes of the images that have masks, from their headers."""
    there = [image for image, found in rows.items() if image in places and any(row.pixels for row in found)]
    read = read_sizes(FolderSource(builder.root), [places[image] for image in there], builder.executor)
    return {image: size for image, size in zip(there, read, strict=True) if not isinstance(size, str)}


def _objects(
    rows: list[Row], size: tuple[int, int] | None, table: _Table, header: Header, builder: DatasetBuilder
) -> tuple[list[dict[str, Any]], list[int]]:
    """The masks of one image, and the line of each."""
    objects: list[dict[str, Any]] = []
    lines: list[int] = []
    for row in rows:
        if not row.pixels or size is None:  # an image without a size is told as missing
            continue
        try:
            runs = runs_from_pairs(row.pixels, size[1], size[0])
        except FormatError as error:
            builder.error("bad-rle", str(error), table.name, row.line, header.pixels_field, row.pixels)
            continue
        box = [float(number) for number in bounds(runs)]
        objects.append({"bbox": box, "category": str(row.category), "segmentation": runs_to_coco(runs)})
        lines.append(row.line)
    return objects, lines


def _is_severstal(path: Path) -> bool:
    """Whether a file's first line names the columns; nothing but that line is read."""
    with path.open("rb") as file:
        first = file.readline(2**12)
    return b"EncodedPixels" in first and b"ImageId" in first


def _looks_like_it(path: Path) -> bool:
    if path.is_dir():
        return bool(_csv_files(path))
    return path.suffix.lower() == ".csv" and _is_severstal(path)


FORMAT = Format(
    name="severstal",
    title="Severstal CSV of run lengths (Kaggle)",
    extensions=(".csv",),
    holds=frozenset({"masks", "splits"}),
    sniff=_looks_like_it,
    read=read_severstal,
    write=write_severstal,
)
