"""Several lines on one image, and names that some file systems can't tell apart.

Lines that complement each other are one record: a caption on one, the objects on another. Lines that
contradict each other are an error that names both.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.paths import collision_key
from imagecards.records.issues import Issue, field_name, shown


class _Rows(NamedTuple):
    """Which rows say something in one column.

    Attributes:
        first: For each image the first row that does, or -1.
        again: The rows that do although an earlier one of the same image does.
        earlier: The first row of the same image, for each of ``again``.
    """

    first: NDArray[np.int64]
    again: NDArray[np.int64]
    earlier: NDArray[np.int64]


class Clash(NamedTuple):
    """Two rows that can't both be true.

    Attributes:
        row: The later one.
        earlier: The earlier one.
        field: What they say differently, ``file_name`` for names that some file system takes for one.
        value: What the later one says.
        earlier_value: What the earlier one says.
    """

    row: int
    earlier: int
    field: str
    value: object
    earlier_value: object

    def issue(self, file: str, line: int | None, earlier: str) -> Issue:
        """Return the issue for it.

        Args:
            file: The file of the later row.
            line: The line of the later row.
            earlier: Where the earlier row is: ``line 3``.
        """
        if self.field == "file_name":
            message = f"on some file systems this is the same file as {shown(self.earlier_value)} on {earlier}"
            return Issue(file, line, "file_name", shown(self.value), "name-collision", message)
        message = f"{earlier} says {shown(self.earlier_value)} of the same image"
        return Issue(file, line, field_name(self.field), shown(self.value), "contradicting-lines", message)


def check_names(table: pa.Table, file: str) -> Iterator[Issue]:
    """Yield an error for each line that contradicts an earlier one, and for names that collide.

    Args:
        table: Records, with the column ``line``.
        file: The file that they are from.
    """
    lines = table["line"].to_numpy()
    for clash in clashes(table):
        yield clash.issue(file, int(lines[clash.row]), f"line {lines[clash.earlier]}")


def clashes(table: pa.Table) -> Iterator[Clash]:
    """Yield the rows that contradict earlier ones, and those whose names collide with earlier ones.

    Args:
        table: Records.
    """
    images = _images(table)
    yield from _collisions(images.dictionary, images.indices.to_numpy())
    if len(images.dictionary) < len(table):
        yield from _contradictions(table, images)


def merged(table: pa.Table) -> pa.Table:
    """Return one row an image, in the order in which the images first appear; ``line`` is left out.

    Args:
        table: Records without contradictions.
    """
    columns = [name for name in table.column_names if name != "line"]
    table = table.select(columns)
    images = _images(table)
    if len(images.dictionary) == len(table):
        return table
    merged_columns = [images.dictionary]
    for name in columns[1:]:
        merge_column = _merged_extra if name == "extra" else _merged_column
        merged_columns.append(merge_column(table[name], images))
    return pa.table(merged_columns, schema=table.schema)


def _images(table: pa.Table) -> pa.DictionaryArray:
    return table["file_name"].combine_chunks().dictionary_encode()


def _merged_column(column: pa.ChunkedArray, images: pa.DictionaryArray) -> pa.Array:
    first = _rows(column, images).first
    return column.take(pa.array(first, mask=first < 0)).combine_chunks()


def _merged_extra(extra: pa.ChunkedArray, images: pa.DictionaryArray) -> pa.Array:
    """Merge further fields one by one: each may be on another line."""
    fields = [_merged_column(pc.struct_field(extra, [index]), images) for index in range(extra.type.num_fields)]
    return pa.StructArray.from_arrays(fields, fields=list(extra.type))


def _rows(column: pa.ChunkedArray, images: pa.DictionaryArray) -> _Rows:
    rows = np.flatnonzero(column.is_valid().to_numpy())
    image_of_row = images.indices.to_numpy()[rows]
    there, positions = np.unique(image_of_row, return_index=True)
    first = np.full(len(images.dictionary), -1, dtype=np.int64)
    first[there] = rows[positions]
    again = np.delete(rows, positions)
    return _Rows(first, again, first[images.indices.to_numpy()[again]])


def _contradictions(table: pa.Table, images: pa.DictionaryArray) -> Iterator[Clash]:
    for name, column in _told_columns(table):
        rows = _rows(column, images)
        values, earlier_values = column.take(rows.again).to_pylist(), column.take(rows.earlier).to_pylist()
        for row, earlier, value, earlier_value in zip(rows.again, rows.earlier, values, earlier_values, strict=True):
            if value != earlier_value:
                yield Clash(int(row), int(earlier), name, value, earlier_value)


def _told_columns(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    for name in ("caption", "categories", "objects"):
        yield name, table[name]
    if "extra" in table.column_names:
        extra = table["extra"]
        for index, field in enumerate(extra.type):
            yield field.name, pc.struct_field(extra, [index])


def _collisions(names: pa.StringArray, image_of_row: NDArray[np.int32]) -> Iterator[Clash]:
    is_ascii = pc.all(pc.string_is_ascii(names), min_count=0).as_py()
    keys = pc.ascii_lower(names) if is_ascii else pa.array(map(collision_key, names.to_pylist()), pa.string())
    if keys.equals(names) or pc.count_distinct(keys).as_py() == len(names):
        return
    row_of_image = np.unique(image_of_row, return_index=True)[1]
    first_with: dict[str, int] = {}
    for image, key in enumerate(keys.to_pylist()):
        other = first_with.setdefault(key, image)
        if other != image:
            rows = int(row_of_image[image]), int(row_of_image[other])
            yield Clash(*rows, "file_name", names[image].as_py(), names[other].as_py())
