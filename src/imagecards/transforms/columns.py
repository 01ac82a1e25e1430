"""Objects of all images as flat columns: what steps look at, and how what they keep becomes a table again."""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.records.schema import null_mask

Keep = NDArray[np.bool_]


class Flat(NamedTuple):
    """The entries of a column of lists, one after the other.

    Attributes:
        lists: The column, in one piece.
        entries: What is in its lists.
        rows: The row of each entry.
    """

    lists: pa.ListArray
    entries: pa.Array
    rows: NDArray[np.int64]


def flat(table: pa.Table, column: str) -> Flat:
    """Take the lists of a column apart.

    Example:
        >>> found = flat(pa.table({"categories": [["a"], None, ["b", "c"]]}), "categories")
        >>> found.entries.to_pylist(), found.rows.tolist()
        (['a', 'b', 'c'], [0, 2, 2])
    """
    lists = table[column].combine_chunks()
    return Flat(lists, lists.flatten(), pc.list_parent_indices(lists).to_numpy().astype(np.int64))


def kept(found: Flat, keep: Keep) -> pa.ListArray:
    """The lists with some of their entries; a null stays null, and a list that loses all becomes an empty one.

    Example:
        >>> found = flat(pa.table({"categories": [["a"], None, ["b", "c"]]}), "categories")
        >>> kept(found, np.array([False, False, True])).to_pylist()
        [[], None, ['c']]
    """
    counts = np.bincount(found.rows[keep], minlength=len(found.lists))
    entries = found.entries if keep.all() else found.entries.filter(pa.array(keep))
    return _listed(found.lists, entries, counts)


def refilled(found: Flat, entries: pa.Array) -> pa.ListArray:
    """The lists with other entries in place of theirs.

    Example:
        >>> found = flat(pa.table({"categories": [["a"], None, ["b", "c"]]}), "categories")
        >>> refilled(found, pa.array([1, 2, 3])).to_pylist()
        [[1], None, [2, 3]]
    """
    return _listed(found.lists, entries, np.bincount(found.rows, minlength=len(found.lists)))


def with_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    """The table with another column in the place of one that it has, or behind the others."""
    field = pa.field(name, values.type)
    index = table.schema.get_field_index(name)
    return table.append_column(field, values) if index < 0 else table.set_column(index, field, values)


def with_field(entries: pa.StructArray, name: str, values: pa.Array) -> pa.StructArray:
    """The objects with another value of one field.

    Example:
        >>> with_field(pa.array([{"area": 1.0, "id": 7}]), "id", pa.array([8])).to_pylist()
        [{'area': 1.0, 'id': 8}]
    """
    fields = {field.name: child for field, child in zip(entries.type, entries.flatten(), strict=True)}
    fields[name] = values
    return pa.StructArray.from_arrays(list(fields.values()), names=list(fields), mask=null_mask(entries))


def _listed(lists: pa.ListArray, entries: pa.Array, counts: NDArray[np.int64]) -> pa.ListArray:
    offsets = pa.array(np.concatenate(([0], np.cumsum(counts))), pa.int32())
    return pa.ListArray.from_arrays(offsets, entries, mask=null_mask(lists))
