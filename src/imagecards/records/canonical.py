"""Canonical JSON texts, a column at a time: for each value what `imagecards.digests.canonical_text` says of it.

Arrow joins the texts; it never decides how a value is written. Texts that need escapes, and numbers that are not
whole, are written by Python one by one, so that the texts do not depend on the version of Arrow.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.digests import MAX_SAFE_INTEGER, canonical_text, number_text, sorted_keys
from imagecards.records.json_values import without_nulls

_TEXT = pa.large_string()  # the texts of one batch may well be more than the 2 GiB that a string array can hold
_ESCAPED = r'["\\\x00-\x1f]'  # all else stands for itself in RFC 8785


def column_texts(array: pa.Array) -> pa.Array:
    """Return the canonical text of each value, without the keys whose value is null; null for a null.

    Raises:
        ValueError: A number is not finite, or is a whole number beyond 2**53.
    """
    kind = array.type
    if pa.types.is_string(kind):
        return _string_texts(array)
    if pa.types.is_int64(kind):
        return _integer_texts(array)
    if pa.types.is_float64(kind):
        return _number_texts(array)
    if pa.types.is_boolean(kind):
        return pc.if_else(array, _text("true"), _text("false"))
    if pa.types.is_null(kind):
        return pa.nulls(len(array), _TEXT)
    if pa.types.is_list(kind):
        return _list_texts(array)
    if pa.types.is_struct(kind) and kind.num_fields:
        return _struct_texts(array)
    values = array.to_pylist()
    return pa.array([None if value is None else canonical_text(without_nulls(value)) for value in values], _TEXT)


def object_texts(columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return the text of each row as an object, without the members that are null.

    Args:
        columns: The text of each member, by key; one at least.
    """
    parts = []
    for name in sorted_keys(columns):
        key, texts = _text(f",{canonical_text(name)}:"), columns[name]
        parts += [_joined(key, texts).fill_null("")] if texts.null_count else [key, texts]
    # Which member is the first one differs from row to row, so each brings a comma.
    return _joined(_text("{"), pc.ascii_ltrim(_joined(*parts), ","), _text("}"))


def quoted(texts: pa.Array, prefix: str = "") -> pa.Array:
    """Return texts that need no escapes in quotation marks, each after a prefix."""
    return _joined(_text(f'"{prefix}'), texts, _text('"'))


def _string_texts(array: pa.Array) -> pa.Array:
    strings = array.cast(_TEXT)
    texts = quoted(strings)
    odd = pc.match_substring_regex(strings, _ESCAPED)
    if not pc.any(odd).as_py():
        return texts
    escaped = [canonical_text(text) for text in strings.filter(odd).to_pylist()]
    return pc.replace_with_mask(texts, odd.fill_null(False), pa.array(escaped, _TEXT))


def _integer_texts(array: pa.Array) -> pa.Array:
    bounds = pc.min_max(array).as_py().values()
    for bound in bounds:
        canonical_text(bound)  # refuses what is beyond 2**53
    return array.cast(_TEXT)


def _number_texts(array: pa.Array) -> pa.Array:
    numbers = array.drop_null().to_numpy()
    # From 2**53 on there are exponents to think of; NaN is less than nothing.
    small = np.where(np.abs(numbers) < MAX_SAFE_INTEGER, numbers, 0.5)
    whole = small.astype(np.int64)
    texts = pa.array(whole).cast(_TEXT)
    other = whole != small
    if other.any():
        texts = pc.replace_with_mask(texts, pa.array(other), pa.array(map(_number, numbers[other].tolist()), _TEXT))
    if array.null_count:
        texts = pc.replace_with_mask(pa.nulls(len(array), _TEXT), array.is_valid(), texts)
    return texts


def _number(number: float) -> str:
    # A number with a fraction is below 2**53, and from 1e-4 on Python writes it as ECMAScript does.
    return repr(number) if 1e-4 <= abs(number) < MAX_SAFE_INTEGER else number_text(number)


def _list_texts(array: pa.Array) -> pa.Array:
    items = column_texts(array.flatten())
    lengths = pc.list_value_length(array).fill_null(0).to_numpy()
    lists = pa.LargeListArray.from_arrays(np.concatenate(([0], np.cumsum(lengths))), items.fill_null("null"))
    return _where_valid(array, _joined(_text("["), pc.binary_join(lists, _text(",")), _text("]")))


def _struct_texts(array: pa.Array) -> pa.Array:
    names = [field.name for field in array.type]
    columns = {name: column_texts(child) for name, child in zip(names, array.flatten(), strict=True)}
    if len(columns) < len(names):
        raise ValueError("an object has several fields of one name")
    return _where_valid(array, object_texts(columns))


def _where_valid(array: pa.Array, texts: pa.Array) -> pa.Array:
    return pc.if_else(array.is_valid(), texts, pa.scalar(None, _TEXT)) if array.null_count else texts


def _joined(*parts: pa.Array | pa.Scalar) -> pa.Array:
    return pc.binary_join_element_wise(*parts, _text(""))


def _text(text: str) -> pa.Scalar:
    return pa.scalar(text, _TEXT)
