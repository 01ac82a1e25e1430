"""The metadata files of a folder: which there are, what they say together, and where they say it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa

from imagecards.datasets.check import Place
from imagecards.datasets.folder import FolderSource
from imagecards.errors import FormatError, InvalidMetadataError, NotFoundError, StorageError
from imagecards.records.issues import Issue, Report
from imagecards.records.jsonl import read_jsonl
from imagecards.records.merge import check_names
from imagecards.records.metadata import ImageMetadata
from imagecards.records.schema import EMPTY_SHAPE, conform_table, shape_of_table, table_schema
from imagecards.records.shape import NAMES, UNKNOWN, Shape

METADATA_NAME = "metadata.jsonl"
RECORDS_NAME = "records"
"""What stands for a file in the issues of an `ImageMetadata` that is in no file."""


class Document(NamedTuple):
    """A metadata file, or an `ImageMetadata` in its place.

    Attributes:
        path: Its path in the folder; the file names in it are relative to the folder it lies in.
        metadata: What it says; ``None`` where that breaks rules.
        table: Its valid records, one row a line, with file names relative to the whole folder.
        report: What is wrong with it.
        numbers: The number of the line of each row of ``table``, where not all lines are valid.
    """

    path: str
    metadata: ImageMetadata | None
    table: pa.Table
    report: Report
    numbers: Sequence[int] = ()

    @property
    def prefix(self) -> str:
        """The folder it lies in, ``""`` or with a ``/`` at its end."""
        return _prefix(self.path)

    def lines(self) -> Sequence[int | None]:
        """The number of the line of each row of ``table``, where that is known."""
        if self.metadata is None:
            return self.numbers
        if self.metadata.text is None:
            return range(1, len(self.table) + 1)
        lines = self.metadata.text.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        return [number for number, line in enumerate(lines, start=1) if line.strip(b" \t\r")]

    def line_by_name(self, *, of_objects: bool = False) -> dict[str, int | None]:
        """The line of each image; of several lines on one image the first one.

        Args:
            of_objects: Of several lines, the first one that has objects.
        """
        names: list[str] = self.table["file_name"].to_pylist()
        having = self.table["objects"].is_valid().to_pylist() if of_objects else [True] * len(names)
        lines: dict[str, int | None] = {}
        for name, line, counts in zip(names, self.lines(), having, strict=True):
            if counts:
                lines.setdefault(name, line)
        return lines


def find_documents(root: str) -> list[str]:
    """The metadata files of a folder: its own, and those of its direct sub-folders, sorted by path.

    Raises:
        StorageError: The folder can't be read.
    """
    found = []
    try:
        if os.path.lexists(f"{root}/{METADATA_NAME}"):
            found.append(METADATA_NAME)
        with os.scandir(root) as entries:
            folders = sorted(
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            )
    except OSError as error:
        raise StorageError(f"the folder {root} can't be read: {error.strerror}") from error
    paths = [f"{name}/{METADATA_NAME}" for name in folders]
    return found + [path for path in paths if os.path.lexists(f"{root}/{path}")]


def documents_among(names: Iterable[str]) -> list[str]:
    """Those of the files of a folder that `find_documents` would find in it."""
    tail = f"/{METADATA_NAME}"
    found = [name for name in names if (name.endswith(tail) and name.count("/") == 1) or name == METADATA_NAME]
    return sorted(found, key=lambda name: ("/" in name, name))


def read_document(source: FolderSource, path: str) -> Document:
    """Read a metadata file; whatever is wrong with it is in its report.

    Raises:
        StorageError: It can't be read.
    """
    try:
        data = source.read(path)
    except (FormatError, NotFoundError) as error:
        rule = "symlink" if isinstance(error, FormatError) else "missing-file"
        report = Report([Issue(path, None, "", "", rule, str(error))])
        return Document(path, None, table_schema(EMPTY_SHAPE).empty_table(), report)
    try:
        metadata = ImageMetadata.from_jsonl(data, file=path)
    except InvalidMetadataError as error:
        table, report = read_jsonl(data, path)  # its valid records are still held against the files
        report = Report(error.issues) if report.ok else report
        return Document(path, None, _prefixed(table.drop_columns("line"), path), report, table["line"].to_pylist())
    return Document(path, metadata, _prefixed(metadata.table, path), metadata.report)


def given_document(metadata: ImageMetadata) -> Document:
    """Take an `ImageMetadata` for what the metadata file at the top of the folder would say."""
    return Document(RECORDS_NAME, metadata, metadata.table, metadata.report)


def join_documents(documents: Sequence[Document]) -> tuple[pa.Table, Report]:
    """Put the records of several metadata files into one table.

    Args:
        documents: The metadata files.

    Returns:
        The records, one row a line; and what is wrong with them together: a field that has one type in one
        file and another type in another file. The records of a file that contradicts one before it are left
        out.
    """
    shape, issues = EMPTY_SHAPE, []
    tables: list[pa.Table] = []
    for document in documents:
        try:
            wider = _joined(shape, shape_of_table(document.table), ())
            tables = [conform_table(table, table_schema(wider)) for table in (*tables, document.table)]
            shape = wider
        except (_ConflictError, pa.ArrowInvalid) as conflict:
            issues.append(_mixed(document.path, conflict))
    table = pa.concat_tables([table_schema(shape).empty_table(), *tables])
    if len(documents) > 1 and not issues and all(document.metadata is not None for document in documents):
        issues += _contradictions(table, documents)
    return table, Report(issues)


def _contradictions(table: pa.Table, documents: Sequence[Document]) -> Iterator[Issue]:
    """Lines in different files on the same image, or on names that some file systems take for one."""
    places = [Place(document.path, line) for document in documents for line in document.lines()]
    for issue in check_names(table.append_column("line", pa.array(range(len(table)), pa.int64())), ""):
        place = places[issue.line or 0]
        message = "a line in another metadata file says something else of the same image"
        if issue.rule == "name-collision":
            message = "on some file systems this is the same file as one in another metadata file"
        yield replace(issue, file=place.file, line=place.line, message=message)


class _ConflictError(Exception):
    """A field has different types: its path, and the two."""


def _joined(one: Shape, other: Shape, place: tuple[str, ...]) -> Shape:
    """The shape that covers two, as `imagecards.records.shape.grown` covers a shape and a value."""
    if one.kind == "null" or other.kind == "null":
        return other if one.kind == "null" else one
    if {one.kind, other.kind} == {"int", "float"}:
        return one if one.kind == "float" else other
    if one.kind != other.kind:
        raise _ConflictError(".".join(place), NAMES[one.kind], NAMES[other.kind])
    if one.kind == "list":
        return Shape("list", item=_joined(one.item or UNKNOWN, other.item or UNKNOWN, place))
    if one.kind == "object":
        names = dict.fromkeys((*one.fields, *other.fields))
        fields = {name: _joined(one.field(name), other.field(name), (*place, name)) for name in names}
        return Shape("object", fields=fields)
    return one


def _mixed(path: str, conflict: Exception) -> Issue:
    if isinstance(conflict, _ConflictError):
        place, before, here = conflict.args
        field = place.removeprefix("extra.").replace("category", "categories")
        message = f"this is {here} here and {before} in another metadata file: a field has one type in a dataset"
        return Issue(path, None, field, "", "mixed-types", message)
    message = f"a field has whole numbers too large to stand beside fractions in another metadata file: {conflict}"
    return Issue(path, None, "", "", "mixed-types", message)


def _prefix(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _prefixed(table: pa.Table, path: str) -> pa.Table:
    prefix = _prefix(path)
    if not prefix:
        return table
    names = pa.array([prefix + name for name in table["file_name"].to_pylist()], pa.string())
    return table.set_column(table.column_names.index("file_name"), "file_name", names)
