"""Splits that a CSV file lists."""

import csv
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationError, field_validator

from imagecards.datasets import ImageDataset, Step
from imagecards.digests import canonical_text
from imagecards.errors import FormatError, InvalidInputError, NotFoundError, StorageError
from imagecards.records import printable, shown
from imagecards.splits.fields import field_of
from imagecards.splits.plan import SplitName, joined_name, with_splits

FILE_NAME = "file_name"
"""Stands for the file names of images."""

MOST_TEXT = 4 << 20
"""How many characters the listed names may have together: they are kept in the card."""

_MOST_BYTES = 64 << 20
_IMAGE_COLUMNS = ("file_name", "filename", "image_path", "image_name", "image", "path")
_ID_COLUMNS = ("image_id", "imade_id", "id")
_SPLIT_COLUMNS = ("split", "subset", "set", "fold")


class FromCsv(Step):
    """Add the splits that a list names. The list itself is kept, so that nobody needs the file to do it again.

    `FromCsv.read` makes one from a CSV file.

    Attributes:
        members: The images of each split, as the list names them.
        match: What the list names them by: ``"file_name"``, also without its folders where only one image has that
            name, or another field of records.
        name: What the names of the splits begin with, before a slash; nothing by default.

    Example:
        >>> FromCsv(members={"train": ["a.png", "b.png"], "valid": ["c.png"]}, name="mskf_0").match
        'file_name'
    """

    step_name: ClassVar[str] = "split-from-csv"

    members: Annotated[
        Mapping[SplitName, Annotated[Sequence[str], AfterValidator(tuple)]], Field(min_length=1, max_length=10_000)
    ]
    match: Annotated[str, Field(min_length=1, max_length=1000)] = FILE_NAME
    name: SplitName = ""

    @field_validator("members")
    @classmethod
    def _bound(cls, members: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        if sum(len(image) for images in members.values() for image in images) > MOST_TEXT:
            raise ValueError(
                f"the listed names have more than {MOST_TEXT:,} characters, too many for a card: make the splits a "
                "field of the records, and use FromColumn"
            )
        return dict(sorted(members.items()))

    @classmethod
    def read(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        image_column: str | None = None,
        split_column: str | None = None,
        match: str | None = None,
    ) -> "FromCsv":
        """Read a CSV file with a header, one image a line.

        Args:
            path: The file.
            name: See the attribute.
            image_column: The column that names the image; by default one called ``file_name``, ``IMAGE_PATH`` or
                similar, else one of ids: ``image_id``, ``IMADE_ID``.
            split_column: The column that names the split; by default one called ``split`` or similar.
            match: See the attribute; by default the file name, for a column of ids the field ``id``.

        Raises:
            NotFoundError: There is no such file.
            StorageError: It can't be read.
            FormatError: It is not such a file; says the line.
        """
        place = Path(path).name
        lines = _lines(_text(Path(path)), place)
        header = next(lines, (1, []))[1]
        image, is_id = _column(header, image_column, (*_IMAGE_COLUMNS, *_ID_COLUMNS), place)
        split, _ = _column(header, split_column, _SPLIT_COLUMNS, place)
        found: dict[str, tuple[str, int]] = {}
        for number, cells in lines:
            if len(cells) != len(header):
                message = f"{len(cells)} cells below a header of {len(header)}"
                raise FormatError(f"{printable(place)}:{number}: {message}: mend the line")
            if not cells[split]:
                continue
            known = found.setdefault(cells[image], (cells[split], number))
            if known[0] != cells[split]:
                raise FormatError(
                    f"{printable(place)}:{number}: {shown(cells[image])} is in {shown(cells[split])}, and in "
                    f"{shown(known[0])} by line {known[1]}: decide on one"
                )
        members: dict[str, list[str]] = {}
        for listed, (inside, _) in found.items():
            members.setdefault(inside, []).append(listed)
        if not members:
            raise FormatError(f"{printable(place)} lists no image in a split: see that it is the right file")
        try:
            return cls(members=members, match=match or ("id" if is_id else FILE_NAME), name=name)
        except ValidationError as error:
            fault = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(shown(each) for each in fault["loc"][:2])
            raise FormatError(f"{printable(place)} can't be a step: {where}: {fault['msg']}") from error

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Add the splits.

        Raises:
            InvalidInputError: An image that the list names is not there, or not the only one, or is named in two ways;
                or a name is taken.
        """
        if self.match == FILE_NAME:
            rows, short = _by_name(dataset.names)
        else:
            values = field_of(dataset.table, self.match).to_pylist()
            texts = [value if value is None or isinstance(value, str) else canonical_text(value) for value in values]
            rows, short = _once(texts), {}
        members: dict[str, list[int]] = {}
        lost: list[str] = []
        called: dict[int, str] = {}
        for split, images in self.members.items():
            found = [rows.get(image, short.get(_base(image))) for image in images]
            lost += [image for image, row in zip(images, found, strict=True) if row is None or row < 0]
            for image, row in zip(images, found, strict=True):
                if row is not None and row >= 0 and called.setdefault(row, image) != image:
                    raise InvalidInputError(
                        f"{shown(called[row])} and {shown(image)} of the list are both {shown(dataset.names[row])} in "
                        "this dataset: it has only one of the two, or the list names one image twice; correct the list"
                    )
            members[joined_name(self.name, split)] = sorted({row for row in found if row is not None})
        if lost:
            raise InvalidInputError(
                f"{len(lost):,} listed images are not in this dataset, or several have that {self.match}: "
                f"{shown(lost[0])} first; the list names images by {shown(self.match)}"
            )
        return with_splits(dataset, members)


def _by_name(names: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    return {name: row for row, name in enumerate(names)}, _once([_base(name) for name in names])


def _once(texts: Sequence[str | None]) -> dict[str, int]:
    """The row of each text; -1 for one that is there several times."""
    rows: dict[str, int] = {}
    for row, text in enumerate(texts):
        if text is not None:
            rows[text] = -1 if text in rows else row
    return rows


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


def _column(header: Sequence[str], given: str | None, usual: Sequence[str], place: str) -> tuple[int, bool]:
    """Where a column is, and whether it holds ids."""
    columns: Mapping[str, int] = {name.strip().lower(): index for index, name in enumerate(header)}
    if given is not None and given in header:
        return header.index(given), given.lower() in _ID_COLUMNS
    for name in () if given is not None else usual:
        if name in columns:
            return columns[name], name in _ID_COLUMNS
    wanted = shown(given) if given is not None else "/".join(usual)
    raise FormatError(f"{printable(place)} has no column {wanted}: its header is {shown(list(header))}")


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {printable(str(path))}") from error
    except OSError as error:
        raise StorageError(f"{printable(str(path))} can't be read ({error.strerror}): see that you may") from error
    if len(data) > _MOST_BYTES:
        raise FormatError(
            f"{printable(path.name)} is larger than {_MOST_BYTES >> 20} MiB: see that it is the right file"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{printable(path.name)} is not UTF-8 at byte {error.start:,}: convert it"
        raise FormatError(message) from error


def _lines(text: str, place: str) -> Iterator[tuple[int, list[str]]]:
    """Lines with something in them, with their numbers."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            if cells:
                yield reader.line_num, cells
    except csv.Error as error:
        raise FormatError(f"{printable(place)}:{reader.line_num}: this is no CSV ({error}): mend the line") from error
