"""The rows of Severstal's CSV, in both of Kaggle's variants."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from imagecards.errors import FormatError
from imagecards.records import printable, shown

ROWS = ("ImageId", "ClassId", "EncodedPixels")
LEGACY = ("ImageId_ClassId", "EncodedPixels")

_NONE = frozenset({"", "-1", "nan", "none", "null"})
_MOST_DIGITS = 9

Complain = Callable[[str, str, int, str, object], None]
"""Told of a bad row: rule, message, line, field and value."""


class Header(NamedTuple):
    """The columns of a file.

    Attributes:
        fields: How many there are.
        image: Which one has the image; in the legacy variant with the class behind it.
        category: Which one has the class; ``None`` in the legacy variant.
        pixels: Which one has the mask.
    """

    fields: int
    image: int
    category: int | None
    pixels: int

    @property
    def class_field(self) -> str:
        """The name of the column that has the class."""
        return LEGACY[0] if self.category is None else ROWS[1]

    @property
    def image_field(self) -> str:
        """The name of the column that has the image."""
        return LEGACY[0] if self.category is None else ROWS[0]

    @property
    def pixels_field(self) -> str:
        """The name of the column that has the mask."""
        return ROWS[2]


class Row(NamedTuple):
    """What one row says.

    Attributes:
        line: Its number, counted from 1.
        image: The image.
        category: The class.
        pixels: Its mask, pairs of start and length; empty for none.
    """

    line: int
    image: str
    category: int
    pixels: str


def read_header(text: str, path: Path) -> Header:
    """Read which column is which, in any order; columns of other names are not looked at.

    Raises:
        FormatError: A column is missing, or is there twice.
    """
    first = text.partition("\n")[0].removesuffix("\r")
    names = [name.strip() for name in _split(first) or []]
    if len(set(names)) == len(names):
        if set(LEGACY) <= set(names):
            return Header(len(names), names.index(LEGACY[0]), None, names.index(LEGACY[1]))
        if set(ROWS) <= set(names):
            return Header(len(names), *(names.index(name) for name in ROWS))
    wanted = f"{', '.join(ROWS)}, or {', '.join(LEGACY)}"
    raise FormatError(f"{printable(str(path))}:1: the columns are {wanted}, each once, not {shown(first)}")


def parse_rows(text: str, header: Header, complain: Complain) -> Iterator[Row]:
    """Yield the rows that are sound in themselves.

    Args:
        text: The file.
        header: Its columns.
        complain: Told of each row that isn't sound.
    """
    for number, line in enumerate(text.split("\n")[1:], start=2):
        if not line.strip():
            continue
        fields = _split(line.removesuffix("\r"))
        if fields is None or len(fields) != header.fields:
            message = f"a row has {header.fields} fields" + ("" if fields is None else f", this one has {len(fields)}")
            complain("csv-row", message, number, "", line[:200])
            continue
        image, category = fields[header.image], "" if header.category is None else fields[header.category]
        if header.category is None:
            image, _, category = image.rpartition("_")
        if not image:
            complain("missing-field", "a row names an image", number, header.image_field, fields[header.image])
        elif not _is_class(category):
            message = "a class is a whole number from 1 on"
            complain("class-id", message, number, header.class_field, category or fields[header.image])
        else:
            pixels = fields[header.pixels].strip()
            yield Row(number, image, int(category), "" if pixels.lower() in _NONE else pixels)


def _is_class(text: str) -> bool:
    text = text.strip()
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and int(text) > 0


def _split(line: str) -> list[str] | None:
    """The fields of a line; ``None`` for one that is no CSV."""
    if '"' not in line:
        return line.split(",")
    try:
        return next(csv.reader([line], strict=True))
    except (csv.Error, StopIteration):
        return None
