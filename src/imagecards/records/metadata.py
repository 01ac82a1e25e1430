"""`ImageMetadata`: all records of a dataset, held as columns and read from and written to metadata.jsonl."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import pyarrow as pa
from pydantic import TypeAdapter

from imagecards.destination import replace_file
from imagecards.errors import InvalidMetadataError, NotFoundError, StorageError
from imagecards.records import schema
from imagecards.records.exact import MAX_FIELDS, Line, settle
from imagecards.records.issues import Collector, Report, printable
from imagecards.records.jsonl import read_jsonl
from imagecards.records.merge import check_names, merged
from imagecards.records.record import ImageRecord
from imagecards.records.sound import table_problems

if TYPE_CHECKING:
    import polars

_RECORDS = TypeAdapter(list[ImageRecord])


class Records(Sequence[ImageRecord]):
    """The records of a table as a sequence, each made when it is asked for.

    Args:
        table: Records as the columns that `imagecards.records.schema` describes.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return int(self._table.num_rows)

    @overload
    def __getitem__(self, index: int) -> ImageRecord: ...
    @overload
    def __getitem__(self, index: slice) -> "Records": ...
    def __getitem__(self, index: int | slice) -> "ImageRecord | Records":
        rows = range(len(self))[index]
        if isinstance(rows, int):
            return next(iter(Records(self._table.slice(rows, 1))))
        if rows.step == 1:
            return Records(self._table.slice(rows.start, len(rows)))
        return Records(self._table.take(pa.array(rows, pa.int64())))

    def __iter__(self) -> Iterator[ImageRecord]:
        return map(ImageRecord.model_validate, schema.to_dicts(self._table))

    def __repr__(self) -> str:
        return f"<{len(self):,} records>"


class ImageMetadata:
    r"""The annotations of a dataset's images, as immutable columns.

    A row is about as large as its numbers, so a million records fit where a million Python objects would not;
    `records` makes objects on demand.

    Args:
        records: `ImageRecord` objects, or the same as dictionaries.

    Raises:
        pydantic.ValidationError: An item is not a valid record.
        InvalidMetadataError: Valid records contradict each other or have unlike types.

    Attributes:
        table: One row a record, as the columns that `imagecards.records.schema` describes.
        report: Warnings, of the lines that were read or of the records.
        text: The text that the records were read from, if they were.

    Example:
        >>> metadata = ImageMetadata(records=[ImageRecord(file_name="0001.png", caption="A cat.")])
        >>> metadata.to_jsonl()
        b'{"file_name": "0001.png", "caption": "A cat."}\n'
        >>> metadata.records[0].caption
        'A cat.'
    """

    __slots__ = ("report", "table", "text")

    table: pa.Table
    report: Report
    text: bytes | None

    def __init__(self, records: Iterable[ImageRecord]) -> None:
        # The lists in a record may have been changed since it was made, or it was never validated.
        given: list[Any] = list(records)
        fresh = [record.present() if isinstance(record, ImageRecord) else record for record in given]
        table, report = _from_records(_RECORDS.validate_python(fresh))
        report.raise_errors()
        self._set(table, report, None)

    @classmethod
    def from_jsonl(cls, data: bytes, file: str = "metadata.jsonl") -> "ImageMetadata":
        """Read the text of a metadata.jsonl.

        Raises:
            InvalidMetadataError: With every issue of every line.
        """
        table, report = read_jsonl(data, file)
        report.raise_errors()
        return cls.from_read(table, report, data)

    @classmethod
    def from_read(cls, table: pa.Table, report: Report, data: bytes) -> "ImageMetadata":
        """Take what `read_jsonl` made of a text without errors.

        Args:
            table: The records.
            report: The warnings.
            data: The text.
        """
        return cls._made(table.drop_columns(["line"]), report, data)

    @classmethod
    def from_table(cls, table: pa.Table) -> "ImageMetadata":
        """Take a table of records as it is, for example one that was read from a registered dataset.

        Args:
            table: The columns that `imagecards.records.schema` describes; others are left out.

        Raises:
            InvalidMetadataError: It has no such columns, they have other types, or a value in them breaks the
                rules of records: an unsafe file name, a box that is none.
        """
        columns = [name for name in (*schema.KNOWN_FIELDS, "extra") if name in table.column_names]
        if columns[:4] != list(schema.KNOWN_FIELDS):
            missing = [name for name in schema.KNOWN_FIELDS if name not in columns]
            raise InvalidMetadataError(f"a table of records has the columns {missing}, this one doesn't")
        table = table.select(columns)
        if not schema.has_lists(table.schema):
            raise InvalidMetadataError(f"a table of records has lists of objects and categories, not {table.schema}")
        expected = schema.table_schema(schema.shape_of_table(table))
        if table.schema != expected:
            raise InvalidMetadataError(f"a table of records has the schema {expected}, this one has {table.schema}")
        problem = next(table_problems(table), None)
        if problem is not None:
            raise InvalidMetadataError(f"this is no table of records: {problem}")
        return cls._made(table, Report(), None)

    @classmethod
    def load_from_file(cls, path: str | os.PathLike[str]) -> "ImageMetadata":
        """Read a metadata.jsonl.

        Raises:
            InvalidMetadataError: With every issue of every line.
            NotFoundError: There is no such file.
            StorageError: It can't be read.
        """
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError as error:
            raise NotFoundError(f"there is no metadata file {_said(path)}") from error
        except OSError as error:
            message = f"{_said(path)} can't be read ({error.strerror}): see that it is a file that you may read"
            raise StorageError(message) from error
        return cls.from_jsonl(data, Path(path).name)

    def write_to_file(self, path: str | os.PathLike[str]) -> None:
        """Write a metadata.jsonl: the very text that was read, or one line a record.

        A file that is there is replaced in one step: it is never seen half written.

        Raises:
            StorageError: It can't be written; a file that is there is as it was.
        """
        try:
            replace_file(path, self.to_jsonl())
        except OSError as error:
            message = f"{_said(path)} can't be written ({error.strerror}): see that its folder is there, that you may "
            raise StorageError(message + "write in it, and that there is room") from error

    @property
    def records(self) -> Records:
        """The records, made on demand."""
        return Records(self.table)

    def merged(self) -> pa.Table:
        """Return one row an image, in order of first appearance, with what all its lines say."""
        return merged(self.table)

    def to_jsonl(self) -> bytes:
        """Return the records as metadata.jsonl: the very text that was read, or one line a record."""
        if self.text is not None:
            return self.text
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in schema.to_dicts(self.table))

    def to_polars(self) -> "polars.DataFrame":
        """Return the table as a polars DataFrame, one row a record."""
        import polars

        frame = polars.from_arrow(self.table)
        assert isinstance(frame, polars.DataFrame)
        return frame

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImageMetadata):
            return NotImplemented
        if self.table.equals(other.table):
            return True
        return len(self) == len(other) and all(a == b for a, b in zip(self.records, other.records, strict=True))

    def __hash__(self) -> int:
        return hash((len(self), *self.table["file_name"][:1].to_pylist()))

    def __repr__(self) -> str:
        return f"<ImageMetadata of {len(self):,} records>"

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"ImageMetadata is immutable: {name} can't be set")

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.table, self.report, self.text)

    @classmethod
    def _made(cls, table: pa.Table, report: Report, text: bytes | None) -> "ImageMetadata":
        metadata = cls.__new__(cls)
        metadata._set(table, report, text)
        return metadata

    def _set(self, table: pa.Table, report: Report, text: bytes | None) -> None:
        for name, value in (("table", table), ("report", report), ("text", text)):
            object.__setattr__(self, name, value)


def _restored(table: pa.Table, report: Report, text: bytes | None) -> ImageMetadata:
    return ImageMetadata._made(table, report, text)


def _said(path: str | os.PathLike[str]) -> str:
    return printable(os.fspath(path))


def _from_records(records: list[ImageRecord]) -> tuple[pa.Table, Report]:
    """Settle the types of records as if each were a line, in a file named ``records``."""
    shape, issues = schema.EMPTY_SHAPE, Collector()
    for number, record in enumerate(records, start=1):
        shape, found = settle(Line(number, record.present(), record), shape, "records", MAX_FIELDS)
        for issue in found:
            issues.add(issue)
    if not issues.report().ok:
        return schema.to_table([], shape), issues.report()
    table = schema.to_table(records, shape)
    for issue in check_names(table.append_column("line", pa.array(range(1, len(records) + 1), pa.int64())), "records"):
        issues.add(issue)
    return table, issues.report()
