"""The metadata files of a folder: which there are, what they say together, and where they say it."""

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.datasets.check import Place
from imagecards.datasets.root import Root
from imagecards.errors import FormatError, NotFoundError, StorageError
from imagecards.records.issues import Collector, Issue, Report, field_name, shown
from imagecards.records.jsonl import read_jsonl
from imagecards.records.merge import clashes
from imagecards.records.metadata import ImageMetadata
from imagecards.records.schema import EMPTY_SHAPE, conform_table, null_mask, shape_of_table, table_schema
from imagecards.records.shape import NAMES, UNKNOWN, Conflict, Shape, joined

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


def read_document(source: Root, path: str) -> Document:
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
    table, report = read_jsonl(data, path)
    # Where it breaks rules its valid records are still held against the files.
    metadata = ImageMetadata.from_read(table, report, data) if report.ok else None
    numbers = () if metadata is not None else table["line"].to_pylist()
    return Document(path, metadata, _prefixed(table.drop_columns("line"), path), report, numbers)


def given_document(metadata: ImageMetadata) -> Document:
    """Take an `ImageMetadata` for what the metadata file at the top of the folder would say."""
    return Document(RECORDS_NAME, metadata, metadata.table, metadata.report)


def join_documents(documents: Sequence[Document]) -> tuple[pa.Table, Report]:
    """Put the records of several metadata files into one table.

    Args:
        documents: The metadata files.

    Returns:
        The records, one row a line; and what is wrong with them together: a field that has one type in one
        file and another type in another file, and lines of two files that contradict each other. A field
        that has another type than in a file before is left out of the records of that file.
    """
    shapes = [shape_of_table(document.table) for document in documents]
    shape, tables, issues = EMPTY_SHAPE, [], Collector()
    first_with = cache(lambda place: next(n for n, each in enumerate(shapes) if _at(each, place).kind != "null"))
    for document, own in zip(documents, shapes, strict=True):
        conflicts: list[Conflict] = []
        shape = joined(shape, own, (), conflicts)
        for conflict in conflicts:
            issues.add(_mixed(document, conflict, documents[first_with(conflict.place)]))
        tables.append(_without(document.table, {conflict.place[:2] for conflict in conflicts}))
    target = table_schema(shape)
    table = pa.concat_tables([target.empty_table(), *(conform_table(each, target) for each in tables)])
    if len(documents) > 1:
        for issue in _contradictions(table, documents):
            issues.add(issue)
    return table, issues.report()


def _contradictions(table: pa.Table, documents: Sequence[Document]) -> Iterator[Issue]:
    """Lines in different files on the same image, or on names that some file systems take for one."""
    starts = list(accumulate((len(document.table) for document in documents), initial=0))
    lines_of = cache(lambda number: documents[number].lines())

    def place(row: int) -> Place:
        number = bisect_right(starts, row) - 1
        return Place(documents[number].path, lines_of(number)[row - starts[number]])

    for clash in clashes(table):
        if bisect_right(starts, clash.row) == bisect_right(starts, clash.earlier):
            continue  # the report of the file has it
        later, earlier = place(clash.row), place(clash.earlier)
        yield clash.issue(later.file, later.line, f"line {earlier.line} of {earlier.file}")


def _at(shape: Shape, place: Sequence[str]) -> Shape:
    """The shape at a place of a `Conflict`, which passes over lists."""
    for name in place:
        while shape.kind == "list":
            shape = shape.item or UNKNOWN
        shape = shape.field(name)
    return shape


def _without(table: pa.Table, places: Collection[tuple[str, ...]]) -> pa.Table:
    """Return a table with nulls in place of some of its fields: ``("extra", "weather")``, ``("category",)``."""
    if not places:
        return table
    table = table.combine_chunks()
    for column in ("categories", "objects", "extra"):
        if column in table.column_names:
            array = _nulled(table[column].combine_chunks(), column, places)
            table = table.set_column(table.column_names.index(column), column, array)
    return table


def _nulled(array: pa.Array, column: str, places: Collection[tuple[str, ...]]) -> pa.Array:
    if column == "categories":
        return pa.nulls(len(array)) if ("category",) in places else array
    if column == "objects":
        inner = {("entries", place[-1]) for place in places if place[0] in {"objects", "category"}}
        entries = _nulled(array.flatten(), "entries", inner)
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
        offsets = pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32())
        return pa.ListArray.from_arrays(offsets, entries, mask=null_mask(array))
    children = {
        field.name: pa.nulls(len(array)) if (column, field.name) in places else array.field(index)
        for index, field in enumerate(array.type)
    }
    return pa.StructArray.from_arrays(list(children.values()), list(children), mask=null_mask(array))


def _mixed(document: Document, conflict: Conflict, before: Document) -> Issue:
    place = conflict.place
    row, value = _first_value(document.table, place)
    line = document.lines()[row] if row is not None else None
    field = ".".join(map(field_name, place[1:] if place[0] == "extra" else place))
    if place == ("category",):
        field = "categories"
    message = (
        f"this is {NAMES[conflict.here.kind]} here and {NAMES[conflict.before.kind]} in {before.path}: "
        "a field has one type in a dataset"
    )
    return Issue(document.path, line, field, shown(value) if row is not None else "", "mixed-types", message)


def _first_value(table: pa.Table, place: Sequence[str]) -> tuple[int | None, object]:
    """Return the first row that has a field, and the field's value there."""
    columns = ["categories", "objects"] if place[0] == "category" else [place[0]]
    found = []
    for column in columns:
        array = table[column].combine_chunks()
        rows = np.arange(len(array))
        for name in [place[0]] if column == "objects" and place[0] == "category" else place[1:]:
            rows, array = _entries(rows, array)
            array = array.field(array.type.get_field_index(name))
        if column == "categories":
            rows, array = _entries(rows, array)
        valid = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
        if len(valid):
            found.append((int(rows[valid[0]]), array[int(valid[0])].as_py()))
    return min(found, key=lambda item: item[0], default=(None, None))


def _entries(rows: NDArray[np.int64], array: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Return what is in lists in place of the lists, with the row of each."""
    while pa.types.is_list(array.type):
        rows, array = rows[pc.list_parent_indices(array).to_numpy()], array.flatten()
    return rows, array


def _prefix(path: str) -> str:
    return path[: path.rfind("/") + 1]


def _prefixed(table: pa.Table, path: str) -> pa.Table:
    prefix = _prefix(path)
    if not prefix:
        return table
    names = pa.array([prefix + name for name in table["file_name"].to_pylist()], pa.string())
    return table.set_column(table.column_names.index("file_name"), "file_name", names)
