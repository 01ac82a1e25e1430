"""Records out of a table, as `imagecards.records.schema.to_dicts` gives them, many times as fast.

Arrow makes Python objects value by value. Here whole columns become lists at once, and those of a record are cut out
of them: its objects are parallel lists, which is what the columns of the flattened objects are already.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.records.json_values import without_nulls
from imagecards.records.schema import KNOWN_FIELDS

_ROWS = 512


def records_of(table: pa.Table, rows: int = _ROWS) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of records as JSON objects, in the order and form of metadata.jsonl.

    Args:
        table: Records; columns of files are left out.
        rows: How many are in memory at a time.
    """
    names = [name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names]
    for batch in table.select(names).to_batches(max_chunksize=rows):
        columns = {name: batch.column(index) for index, name in enumerate(names)}
        objects = _objects(columns.pop("objects")) if "objects" in columns else [None] * len(batch)
        extras = _values(columns.pop("extra")) if "extra" in columns else [None] * len(batch)
        known = {name: _values(column) for name, column in columns.items()}
        for row in range(len(batch)):
            record = {name: values[row] for name, values in known.items() if values[row] is not None}
            if objects[row] is not None:
                record["objects"] = objects[row]
            record.update(extras[row] or {})
            yield record


def _objects(array: pa.ListArray) -> list[dict[str, list[Any]] | None]:
    """The objects of each row as parallel lists; those that are null throughout are left out."""
    flat = array.flatten()
    names = [field.name for field in flat.type]
    columns = {name: child for name, child in zip(names, flat.flatten(), strict=True) if child.type != pa.null()}
    lists = {name: _outlines(child) if name == "segmentation" else _values(child) for name, child in columns.items()}
    nulls = {name: _validity_sums(child) for name, child in columns.items() if child.null_count}
    found: list[dict[str, list[Any]] | None] = []
    for start, stop in _cuts(array):
        if start is None:
            found.append(None)
            continue
        # an empty list has its box and category only: nothing tells whether it had the other fields
        some = {
            name: values[start:stop]
            for name, values in lists.items()
            if name in ("bbox", "category")
            or (stop > start and (name not in nulls or nulls[name][stop] > nulls[name][start]))
        }
        found.append({"bbox": some.pop("bbox"), "categories": some.pop("category"), **some})
    return found


def _validity_sums(array: pa.Array) -> list[int]:
    """How many entries in front of each are there."""
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return np.concatenate(([0], np.cumsum(valid))).tolist()  # type: ignore[no-any-return]


def _outlines(array: pa.StructArray) -> list[Any]:
    parts = dict(zip((field.name for field in array.type), array.flatten(), strict=True))
    outlines = _values(parts["polygons"])
    for place in np.flatnonzero(parts["size"].is_valid().to_numpy(zero_copy_only=False)).tolist():
        text = parts["counts"][place].as_py()
        counts = parts["runs"][place].as_py() if text is None else text
        outlines[place] = {"size": parts["size"][place].as_py(), "counts": counts}
    return outlines


def _values(array: pa.Array) -> list[Any]:
    """The Python values of an array; objects without the keys whose value is null."""
    kind = array.type
    if pa.types.is_list(kind):
        values = _values(array.flatten())
        return [None if start is None else values[start:stop] for start, stop in _cuts(array)]
    if pa.types.is_struct(kind):
        return [None if value is None else without_nulls(value) for value in array.to_pylist()]
    if array.null_count == 0 and (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        return array.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return]
    return array.to_pylist()  # type: ignore[no-any-return]


def _cuts(array: pa.ListArray) -> Iterator[tuple[int | None, int]]:
    """Where each list starts and ends in the flattened values; ``None`` for one that is null."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
    ends = np.cumsum(lengths, dtype=np.int64)
    starts: list[Any] = (ends - lengths).tolist()
    if array.null_count:
        for row in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
            starts[row] = None
    return zip(starts, ends.tolist(), strict=True)
