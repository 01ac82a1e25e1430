"""Whole columns of records that were not read from lines, held against the rules of records."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.paths import DEVICE_PATH, MAX_PART_BYTES, PLAIN_PATH, check_relative
from imagecards.records.issues import shown


def unsafe_names(names: pa.Array | pa.ChunkedArray) -> list[tuple[str, str]]:
    """Those of many file names that are not safe relative paths, each with what is wrong with it."""
    plain = pc.and_(
        pc.match_substring_regex(names, PLAIN_PATH),
        pc.and_not(
            pc.less_equal(pc.binary_length(names), pa.scalar(MAX_PART_BYTES, pa.int32())),
            pc.match_substring_regex(names, DEVICE_PATH),
        ),
    )
    doubtful: list[str] = names.filter(pc.invert(plain)).to_pylist()
    reasons = [(name, check_relative(name)) for name in doubtful]
    return [(name, reason) for name, reason in reasons if reason is not None]


def table_problems(table: pa.Table) -> Iterator[str]:
    """Say what makes the values of a table of records others than lines could have.

    Args:
        table: Records under a schema that `imagecards.records.schema.table_schema` makes.
    """
    names = table["file_name"]
    if names.null_count:
        yield f"{names.null_count:,} records have no file_name"
    for name, reason in unsafe_names(names):
        yield f"the file_name {shown(name)} {reason}"
    for column in table.columns:
        for chunk in column.chunks:
            yield from _value_problems(chunk)
    for chunk in table["objects"].chunks:
        yield from _object_problems(chunk.flatten())
    for chunk in table["categories"].chunks:
        if chunk.flatten().null_count:
            yield "a category is null"


def _object_problems(objects: pa.StructArray) -> Iterator[str]:
    boxes = pc.struct_field(objects, "bbox")
    if objects.null_count or boxes.null_count or pc.struct_field(objects, "category").null_count:
        yield "an object has no bbox or no category"
        return
    numbers = boxes.flatten()
    if numbers.null_count or not pc.all(pc.equal(pc.list_value_length(boxes), 4), min_count=0).as_py():
        yield "a bbox is not [x, y, width, height]"
    elif (numbers.to_numpy().reshape(-1, 4)[:, 2:] < 0).any():
        yield "the width or the height of a bbox is negative"


def _value_problems(array: pa.Array) -> Iterator[str]:
    if pa.types.is_list(array.type):
        yield from _value_problems(array.flatten())
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            yield from _value_problems(child)
    elif pa.types.is_string(array.type):
        if pc.any(pc.match_substring(array, "\0"), min_count=0).as_py():
            yield "a text has a NUL character"
    elif pa.types.is_floating(array.type) or pa.types.is_integer(array.type):
        numbers = array.drop_null().to_numpy()
        if not np.isfinite(numbers).all():
            yield "a number is not finite"
        elif array.type == pa.int64() and ((numbers > MAX_SAFE_INTEGER) | (numbers < -MAX_SAFE_INTEGER)).any():
            yield "a number is too large to keep exactly"
