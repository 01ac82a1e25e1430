"""The digest of a table: the same for the same columns and values, however they are laid out.

It is the sha256 of canonical JSON (`imagecards.digests.canonical_json`) that states the container, the
number of rows, facts of the container (a pandas index, Arrow metadata) and for each column its name, its type
and the sha256 of its values. Values are digested in blocks of 65,536 rows, numbers little-endian:

- first one byte a row: 1 where there is a value, 0 where there is none (null). For a row without a value,
  texts and lists have the length 0 and no content, other types have zeros;
- booleans: one byte; numbers, times, decimals, fixed-size bytes: as Arrow stores them, every NaN the same;
- texts and bytes: all lengths as 64-bit integers, then all bytes;
- lists of any kind and maps: all lengths as 64-bit integers, then all their elements as one column;
- structs: their fields one after another, null where the struct is;
- dictionaries (categories): as the values that they stand for. Ordered levels belong to the type of the
  column; pandas levels without an order do as well, sorted.

So the digest does not depend on chunks, slices, what lies under nulls, the numbering of categories, or
versions of the libraries. Whether texts are ``string`` or ``large_string`` matters for Arrow tables only.
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.digests import JsonValue, canonical_json, digest

_BLOCK = 65_536
_TEXTS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
)
_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
    pa.types.is_fixed_size_list,
    pa.types.is_map,
)
_Hash = Any  # hashlib's own type has no public name


def table_digest(table: pa.Table, container: str, facts: JsonValue) -> str:
    """The digest of a table.

    Args:
        table: The table.
        container: ``"polars"``, ``"pandas"`` or ``"pyarrow"``: what it is opened as.
        facts: What the container knows beyond columns.

    Raises:
        TypeError: A column has a type that has no digest (unions).
    """
    columns = [
        {"name": name, "type": kind, "sha256": sha256} for name, kind, sha256 in column_digests(table, container)
    ]
    return digest(canonical_json({"container": container, "rows": table.num_rows, "facts": facts, "columns": columns}))


def column_digests(table: pa.Table, container: str) -> Iterator[tuple[str, JsonValue, str]]:
    """Name, type and sha256 of the values of each column, in order."""
    table = table.unify_dictionaries()
    for field, column in zip(table.schema, table.columns, strict=True):
        kind = describe_type(field.type, exact=container == "pyarrow")
        if pa.types.is_dictionary(field.type):
            kind = {"categories": kind, "levels": _levels(field.type, column, container)}
        if container == "pyarrow":
            kind = {"type": kind, "nullable": field.nullable, "metadata": describe_metadata(field.metadata)}
        yield field.name, kind, _values(column)


def describe_type(kind: pa.DataType, *, exact: bool) -> JsonValue:
    """A type as JSON that no version of a library changes.

    Args:
        kind: The type.
        exact: Whether the widths of offsets and indices are part of it.
    """
    if any(test(kind) for test in _TEXTS) and not exact:
        return "binary" if "binary" in str(kind) else "string"
    if pa.types.is_dictionary(kind):
        values = describe_type(kind.value_type, exact=exact)
        return ["dictionary", values, bool(kind.ordered), str(kind.index_type) if exact else ""]
    if pa.types.is_map(kind):
        keys, items = describe_type(kind.key_type, exact=exact), describe_type(kind.item_type, exact=exact)
        return ["map", keys, items, bool(kind.keys_sorted)]
    if pa.types.is_fixed_size_list(kind):
        return ["fixed_size_list", describe_type(kind.value_type, exact=exact), kind.list_size]
    if any(test(kind) for test in _LISTS):
        name = str(kind).partition("<")[0] if exact else "list"
        return [name, describe_type(kind.value_type, exact=exact)]
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return ["struct", [[field.name, describe_type(field.type, exact=exact)] for field in fields]]
    if isinstance(kind, pa.BaseExtensionType):
        return ["extension", kind.extension_name, describe_type(kind.storage_type, exact=exact)]
    if pa.types.is_run_end_encoded(kind):
        return ["run_end_encoded", str(kind.run_end_type), describe_type(kind.value_type, exact=exact)]
    return str(kind)  # timestamp[us, tz=UTC], decimal128(20, 4), double: the names of the Arrow format itself


def describe_metadata(metadata: dict[bytes, bytes] | None) -> JsonValue:
    """What the author of an Arrow table wrote beside its columns, without what parquet adds."""
    items = (metadata or {}).items()
    ours = {
        key.hex(): value.hex() for key, value in items if not key.startswith((b"PARQUET:", b"ARROW:", b"imagecards"))
    }
    return ours or None


def _levels(kind: pa.DataType, column: pa.ChunkedArray, container: str) -> str | None:
    if not kind.ordered and container != "pandas":
        return None
    dictionary = column.chunk(0).dictionary if column.num_chunks else pa.array([], kind.value_type)
    if not kind.ordered:
        dictionary = dictionary.take(pc.sort_indices(dictionary))
    return _values(pa.chunked_array([dictionary]))


def _values(column: pa.ChunkedArray) -> str:
    sha = hashlib.sha256()
    for start in range(0, len(column), _BLOCK):
        block = column.slice(start, _BLOCK).combine_chunks()
        for array in block.chunks if isinstance(block, pa.ChunkedArray) else [block]:
            _feed(sha, array)
    return sha.hexdigest()


def _feed(sha: _Hash, array: pa.Array) -> None:
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _feed(sha, array.storage)
    if pa.types.is_dictionary(kind):
        return _feed(sha, array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return _feed(sha, pc.run_end_decode(array))
    sha.update(array.is_valid().cast(pa.uint8()).to_numpy(zero_copy_only=False))
    if pa.types.is_null(kind):
        return None
    if any(test(kind) for test in _TEXTS):
        return _feed_texts(sha, array)
    if any(test(kind) for test in _LISTS):
        if pa.types.is_map(kind):
            array = array.cast(pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)])))
        sha.update(pc.list_value_length(array).fill_null(0).cast(pa.int64()).to_numpy(zero_copy_only=False))
        return _feed(sha, array.flatten())
    if pa.types.is_struct(kind):
        for field in array.flatten():
            _feed(sha, field)
        return None
    if pa.types.is_boolean(kind):
        sha.update(array.fill_null(False).cast(pa.uint8()).to_numpy(zero_copy_only=False))
        return None
    if pa.types.is_union(kind):
        raise TypeError("a union has no digest")
    return _feed_fixed(sha, array)


def _feed_texts(sha: _Hash, array: pa.Array) -> None:
    is_text = "string" in str(array.type)
    array = array.cast(pa.large_string() if is_text else pa.large_binary())
    sha.update(pc.binary_length(array).fill_null(0).to_numpy(zero_copy_only=False))
    array = array.drop_null()
    _, offsets, data = array.buffers()
    if data is not None and len(array):
        ends = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
        sha.update(memoryview(data)[int(ends[0]) : int(ends[-1])])


def _feed_fixed(sha: _Hash, array: pa.Array) -> None:
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    if data is None or not len(array):
        return
    rows = np.frombuffer(data, np.uint8)[array.offset * width : (array.offset + len(array)) * width]
    rows = rows.reshape(len(array), width)
    if array.null_count:
        rows = np.where(array.is_valid().to_numpy(zero_copy_only=False)[:, None], rows, np.uint8(0))
    if pa.types.is_floating(array.type):
        rows = one_nan(rows.reshape(-1).view(f"f{width}"))
    sha.update(np.ascontiguousarray(rows))


def one_nan(numbers: "np.ndarray[Any, Any]") -> "np.ndarray[Any, Any]":
    """Floats with one and the same NaN: which one a computation gives differs between processors."""
    lost = np.isnan(numbers)
    if not lost.any():
        return numbers
    numbers = numbers.copy()
    numbers[lost] = np.nan
    return numbers
