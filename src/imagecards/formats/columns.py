"""Records that a reader made, as columns at once: what reading them as lines would give, where that is easy to prove.

As in `imagecards.records.columnar`, nothing is ever refused here: either all records are proved valid, and their
table is the one that `imagecards.records.read_jsonl` makes of their lines, or the lines have to be read.
"""

import difflib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.records.columnar import UnprovedError
from imagecards.records.exact import MAX_LINE_BYTES
from imagecards.records.merge import check_names
from imagecards.records.schema import KNOWN_FIELDS, KNOWN_OBJECT_FIELDS, SEGMENTATION, positive_zeros
from imagecards.records.sound import unsafe_names

_MOST_FIELDS = 20  # of records and of objects; the exact rule looks at more of them
_NUMBER, _CHARACTER = 25, 6  # bytes that one may take in a line, the comma or the escape included
_MOST_BYTES = MAX_LINE_BYTES - 2**16  # the rest is for the names of fields
_KINDS: Mapping[frozenset[type], pa.DataType] = {
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
    frozenset({str}): pa.string(),
    frozenset({bool}): pa.bool_(),
}
_NUMBERS = frozenset({float, int})

Objects = Sequence[Mapping[str, Any]]


def proved_table(records: Sequence[Mapping[str, Any]], objects: Sequence[Objects | None]) -> pa.Table | None:
    """Make the table of records.

    Args:
        records: One an image: ``file_name``, ``caption``, ``categories`` and further fields.
        objects: Of each image, a dict each, as `imagecards.formats.building.DatasetBuilder.image` takes them.

    Returns:
        The table that `imagecards.records.read_jsonl` makes of the same records, ``line`` included; ``None`` where
        that is not proved.
    """
    try:
        names = pa.array([record["file_name"] for record in records], pa.string())
        _require(not unsafe_names(names))
        captions = _scalars([record.get("caption") for record in records])
        _require(captions.type in (pa.string(), pa.null()))
        categories = [record.get("categories") for record in records]
        flat = list(chain.from_iterable(each for each in objects if each is not None))
        _require(set(map(type, categories)) <= {list, type(None)})
        _require_texts(list(chain.from_iterable(each for each in categories if each)))
        columns = {
            "file_name": names,
            "caption": captions.cast(pa.string()),
            "categories": pa.array(categories, pa.list_(pa.string())),
            "objects": _objects(objects, flat),
        }
        if not flat and not any(categories):  # nothing says what categories are
            return None
        extra = _extra(records)
        if extra is not None:
            columns["extra"] = extra
        _require_short_lines(columns)
        columns["line"] = pa.array(np.arange(1, len(records) + 1))
        table = pa.table(columns)
        return None if any(check_names(table, "")) else table
    except (UnprovedError, pa.ArrowException, KeyError, TypeError, ValueError, OverflowError):
        return None


def _objects(objects: Sequence[Objects | None], flat: Objects) -> pa.Array:
    """All objects, in lists that are null where nothing is known of an image's objects."""
    fields = list(dict.fromkeys(chain.from_iterable(flat)))
    _require("categories" not in fields)  # what the category is called in lines
    _require_known(fields, ("bbox", "category", *KNOWN_OBJECT_FIELDS))
    columns = {"bbox": _boxes([entry["bbox"] for entry in flat])}
    categories = [entry["category"] for entry in flat]
    columns["category"] = _require_texts(categories)
    for name in fields:
        if name in ("bbox", "category"):
            continue
        values = [entry.get(name) for entry in flat]
        if name == "segmentation":
            columns[name] = _outlines(values)
        else:
            column = _checked_field(name, _scalars(values))
            if column.type != pa.null():
                columns[name] = column
    if "segmentation" in columns:  # its place in the schema is a fixed one
        columns = {name: columns[name] for name in dict.fromkeys(("bbox", "category", "segmentation", *columns))}
    structs = pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
    lengths = [0 if each is None else len(each) for each in objects]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int32)
    _require(len(flat) < 2**31)
    unknown = np.array([each is None for each in objects], bool)
    return pa.ListArray.from_arrays(pa.array(offsets), structs, mask=pa.array(unknown) if unknown.any() else None)


def _require_known(names: Sequence[str], known: Sequence[str]) -> None:
    """Let the exact path look at names that may be misspelt, or that can't be names."""
    _require(len(names) <= _MOST_FIELDS)
    for name in names:
        if name not in known:
            _require(type(name) is str and name.isprintable() and 0 < len(name) < 80 and name != "categories")
            _require(not difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7))


def _boxes(boxes: Sequence[Any]) -> pa.Array:
    _require(set(map(type, boxes)) <= {list} and set(map(len, boxes)) <= {4})
    _require(set(map(type, chain.from_iterable(boxes))) <= _NUMBERS)
    flat = _coordinates(boxes, 4 * len(boxes))
    _require(bool((flat.reshape(-1, 4)[:, 2:] >= 0).all()))
    return pa.ListArray.from_arrays(_offsets(np.full(len(boxes), 4)), pa.array(flat))


def _outlines(outlines: Sequence[Any]) -> pa.Array:
    """Polygons and run lengths as one column; null where an object has neither."""
    kinds = set(map(type, outlines))
    _require(kinds <= {list, dict, type(None)} and kinds != {type(None)})
    polygons = [outline if type(outline) is list else None for outline in outlines]
    parts = list(chain.from_iterable(filter(None, polygons)))
    _require(set(map(type, parts)) <= {list, np.ndarray})
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    _require(bool((lengths >= 6).all()) and not (lengths % 2).any() and int(lengths.sum()) < 2**31)
    _require(set(map(type, chain.from_iterable(part for part in parts if type(part) is list))) <= _NUMBERS)
    flat = _coordinates(parts, int(lengths.sum()))
    lists = pa.ListArray.from_arrays(_offsets(lengths), pa.array(flat))
    counts = np.fromiter((0 if each is None else len(each) for each in polygons), np.int64, len(polygons))
    missing = pa.array([each is None for each in polygons], pa.bool_()) if None in polygons else None
    columns = [pa.ListArray.from_arrays(_offsets(counts), lists, mask=missing), *_run_lengths(outlines, dict in kinds)]
    absent = pa.array([outline is None for outline in outlines], pa.bool_()) if type(None) in kinds else None
    return pa.StructArray.from_arrays(columns, fields=list(SEGMENTATION), mask=absent)


def _coordinates(lists: Sequence[Any], count: int) -> Any:
    """The numbers of many lists or arrays, one after the other; no copy of all of them is made on the way."""
    if np.ndarray in set(map(type, lists)):
        flat = np.concatenate([np.asarray(each, float) for each in lists])
    else:
        flat = np.fromiter(chain.from_iterable(lists), float, count)
    flat += 0.0  # -0.0 becomes 0.0
    # of NaN neither is true
    _require(not count or (flat.max() < MAX_SAFE_INTEGER and flat.min() > -MAX_SAFE_INTEGER))
    return flat


def _run_lengths(outlines: Sequence[Any], some: bool) -> list[pa.Array]:
    """Size, text and list of run lengths."""
    if not some:
        return [pa.nulls(len(outlines), field.type) for field in list(SEGMENTATION)[1:]]
    encoded = [outline if type(outline) is dict else None for outline in outlines]
    there = [outline for outline in encoded if outline is not None]
    _require(all(len(outline) == 2 and "size" in outline and "counts" in outline for outline in there))
    sizes = [outline["size"] for outline in there]
    _require(set(map(type, sizes)) <= {list} and set(map(len, sizes)) == {2})
    _require(set(map(type, chain.from_iterable(sizes))) == {int})
    _require(min(map(min, sizes)) > 0 and max(map(max, sizes)) <= MAX_SAFE_INTEGER)
    texts = [outline["counts"] if outline and type(outline["counts"]) is str else None for outline in encoded]
    lists = [outline["counts"] if outline and type(outline["counts"]) is list else None for outline in encoded]
    _require(set(map(type, (outline["counts"] for outline in there))) <= {str, list})
    _require(set(map(type, chain.from_iterable(filter(None, lists)))) <= {int})
    runs = pa.array(lists, pa.list_(pa.int64()))
    flat = runs.flatten()
    _require(not len(flat) or (pc.min(flat).as_py() >= 0 and pc.max(flat).as_py() <= MAX_SAFE_INTEGER))
    every = [None if outline is None else outline["size"] for outline in encoded]
    return [pa.array(every, pa.list_(pa.int64())), _texts(texts), runs]


def _require_short_lines(columns: Mapping[str, pa.Array]) -> None:
    """Let the exact path look where what is said of one image may be a line too long."""
    weights = np.sum([_weights(column) for column in columns.values()], axis=0)
    _require(int(weights.max(initial=0)) < _MOST_BYTES)


def _weights(array: pa.Array) -> Any:
    """How many bytes each entry may take in a line at most, without the names of fields."""
    kind = array.type
    if pa.types.is_string(kind):
        return pc.fill_null(pc.binary_length(array), 0).to_numpy().astype(np.int64) * _CHARACTER + _NUMBER
    if pa.types.is_list(kind):
        lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy().astype(np.int64)
        if pa.types.is_primitive(kind.value_type):  # coordinates are many
            return (lengths + 1) * _NUMBER
        sums = np.concatenate(([0], np.cumsum(_weights(array.flatten()), dtype=np.int64)))
        ends = np.cumsum(lengths)
        return sums[ends] - sums[ends - lengths] + _NUMBER
    if pa.types.is_struct(kind):
        return sum((_weights(child) for child in array.flatten()), np.zeros(len(array), np.int64))
    return np.full(len(array), _NUMBER, np.int64)


def _checked_field(name: str, column: pa.Array) -> pa.Array:
    """The rules that fields of objects have by their names."""
    if name == "area" and column.type != pa.null():
        _require(column.type in (pa.int64(), pa.float64()))
        column = positive_zeros(column.cast(pa.float64()))
        _require(pc.min(column).as_py() >= 0)
    elif name == "iscrowd" and column.type != pa.null():
        _require(column.type == pa.int64() and set(pc.unique(column.drop_null()).to_pylist()) <= {0, 1})
    elif name == "id":
        _require(column.type in (pa.int64(), pa.string(), pa.null()))
    return column


def _extra(records: Sequence[Mapping[str, Any]]) -> pa.Array | None:
    names = [name for name in dict.fromkeys(chain.from_iterable(records)) if name not in KNOWN_FIELDS]
    _require_known(names, KNOWN_FIELDS)
    columns = {name: _scalars([record.get(name) for record in records]) for name in names}
    kept = {name: column for name, column in columns.items() if column.type != pa.null()}
    return pa.StructArray.from_arrays(list(kept.values()), names=list(kept)) if kept else None


def _scalars(values: Sequence[Any]) -> pa.Array:
    """A column of texts, numbers, or true and false; of nulls where there is nothing."""
    kinds = set(map(type, values)) - {type(None)}
    if not kinds:
        return pa.nulls(len(values))
    kind = _KINDS.get(frozenset(kinds))
    _require(kind is not None)
    if kind == pa.string():
        return _texts(values)
    column = pa.array(values, kind)
    if kind in (pa.int64(), pa.float64()):
        numbers = column.drop_null().to_numpy()
        _require(bool((np.abs(numbers) < MAX_SAFE_INTEGER).all()))  # also false where one is not finite
    return positive_zeros(column)


def _require_texts(values: Sequence[Any]) -> pa.Array:
    _require(set(map(type, values)) <= {str})
    return _texts(values)


def _texts(values: Sequence[Any]) -> pa.Array:
    column = pa.array(values, pa.string())
    _require(not pc.any(pc.match_substring(column, "\0"), min_count=0).as_py())
    return column


def _offsets(lengths: Any) -> pa.Array:
    return pa.array(np.concatenate(([0], np.cumsum(lengths))).astype(np.int32))


def _require(proved: bool) -> None:
    if not proved:
        raise UnprovedError
