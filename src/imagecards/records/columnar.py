"""Many lines of metadata.jsonl at once: pyarrow parses them into columns, and whole columns are proved valid.

This path never refuses anything and never learns anything: it either proves that every line it was given is a
valid record of the types settled so far, or it proves nothing and the exact path decides.

The parser gets the full schema and must stop at any other field. That keeps a line that nests without end
from exhausting its stack and one with a million keys from exhausting the memory; it also keeps dates text.
What the parser accepts beyond JSON is checked afterwards: numbers that are not finite, rounded whole numbers,
texts that are not UTF-8, several objects on a line. Lines that look unusual (see `lines.Block`) never reach
it: `null` on the first line crashes it, and NUL written as an escape can't be told from the result.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from numpy.typing import NDArray

from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.records import schema
from imagecards.records.shape import UNKNOWN, Shape
from imagecards.records.sound import unsafe_names


class UnprovedError(Exception):
    """Something in the lines could not be proved valid; the exact path has to look."""


def prove(text: Any, line_count: int, shape: Shape) -> pa.Table | None:
    """Parse lines that all start with ``{`` and end with ``}``, and prove them valid.

    Args:
        text: The lines, as bytes or another buffer.
        line_count: How many they are.
        shape: The types that are settled.

    Returns:
        The table of the records by ``schema.table_schema(shape)``, or ``None`` if something was not proved.
    """
    try:
        parsed = pj.read_json(
            pa.BufferReader(text),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pj.ParseOptions(explicit_schema=_parse_schema(shape), unexpected_field_behavior="error"),
        )
        _require(len(parsed) == line_count)
        parsed.validate(full=True)  # finds text that is not UTF-8
        return _proved_table(parsed.combine_chunks(), shape)
    except (pa.ArrowInvalid, pa.ArrowIndexError, pa.ArrowNotImplementedError, UnprovedError):
        return None


def _proved_table(parsed: pa.Table, shape: Shape) -> pa.Table:
    target = schema.table_schema(shape)
    columns = {name: parsed.column(name).chunk(0) for name in parsed.column_names}
    _require_safe_names(columns["file_name"])
    proved = {
        "file_name": columns["file_name"],
        "caption": columns["caption"],
        "categories": _proved_categories(columns["categories"], shape),
        "objects": _proved_objects(columns["objects"], shape),
    }
    extra = target.field("extra").type if "extra" in target.names else pa.struct([])
    extras = {
        name: _proved(columns[name], field) for name, field in shape.field("extra").fields.items()
    }  # all of them: those that are not in the table must be null throughout
    if "extra" in target.names:
        kept = [extras[field.name] for field in extra]
        proved["extra"] = pa.StructArray.from_arrays(kept, fields=list(extra))
    return pa.table([proved[name] for name in target.names], schema=target)


def _parse_schema(shape: Shape) -> pa.Schema:
    """Return the schema of the lines as they are written, with parallel lists."""
    categories = pa.list_(_parse_type(schema.category_shape(shape)))
    objects = [("bbox", pa.list_(pa.list_(pa.float64()))), ("categories", categories)]
    masks = shape.fields.get("masks")
    if masks is not None:
        outline = pa.bool_() if masks.kind == "null" else pa.list_(pa.list_(pa.float64()))
        objects.append(("segmentation", pa.list_(outline)))
    objects += [(name, _parse_type(field)) for name, field in shape.field("objects").fields.items()]
    fields = [
        ("file_name", pa.string()),
        ("caption", pa.string()),
        ("categories", categories),
        ("objects", pa.struct(objects)),
    ]
    return pa.schema(fields + [(name, _parse_type(field)) for name, field in shape.field("extra").fields.items()])


def _parse_type(shape: Shape) -> pa.DataType:
    if shape.kind == "list":
        return pa.list_(_parse_type(shape.item or UNKNOWN))
    if shape.kind == "object":
        fields = [(name, _parse_type(field)) for name, field in shape.fields.items()]
        return pa.struct(fields or [(schema.NO_FIELDS, pa.bool_())])
    if shape.kind == "null":
        return pa.bool_()  # the parser miscounts nulls in lists of type null; any type does that is checked to be null
    return schema.arrow_type(shape)


def _proved(array: pa.Array, shape: Shape) -> pa.Array:
    """Return an array as the type of ``shape``, if its values are those that the exact path would read."""
    if shape.kind == "list":
        values = _proved(array.values, shape.item or UNKNOWN)
        return pa.ListArray.from_arrays(array.offsets, values, mask=schema.null_mask(array))
    if shape.kind == "object":
        return _proved_struct(array, shape)
    if shape.kind == "null":
        _require(array.null_count == len(array))
        return pa.nulls(len(array))
    if shape.kind in {"int", "float"}:
        _require_exact(array)
        return schema.positive_zeros(array)
    return array


def _proved_struct(array: pa.StructArray, shape: Shape) -> pa.Array:
    names = list(shape.fields) or [schema.NO_FIELDS]
    children = {name: _proved(array.field(name), shape.field(name)) for name in names}
    dtype = schema.arrow_type(shape)
    kept = [children.get(field.name, pa.nulls(len(array))) for field in dtype]
    return pa.StructArray.from_arrays(kept, fields=list(dtype), mask=schema.null_mask(array))


def _proved_categories(array: pa.ListArray, shape: Shape) -> pa.Array:
    values = _category_values(array, shape)
    return pa.ListArray.from_arrays(array.offsets, values, mask=schema.null_mask(array))


def _category_values(array: pa.ListArray, shape: Shape) -> pa.Array:
    category = schema.category_shape(shape)
    values = _proved(array.values, category)
    if category.kind == "null":
        _require(len(values) == 0)
        return pa.nulls(0, schema.category_type(shape))
    _require(values.null_count == 0)
    return values


def _proved_objects(objects: pa.StructArray, shape: Shape) -> pa.Array:
    """Zip the parallel lists of objects into one list of structs."""
    boxes, categories = objects.field("bbox"), objects.field("categories")
    offsets = boxes.offsets
    present = _valid(objects)
    _require(np.array_equal(_valid(boxes), present) and np.array_equal(_valid(categories), present))
    _require(offsets.equals(categories.offsets))
    columns = {"bbox": _proved_boxes(boxes.values), "category": _category_values(categories, shape)}
    dtype = schema.object_type(shape)
    for name, field in shape.field("objects").fields.items():
        values = _proved(_aligned(objects.field(name), offsets), field.item or UNKNOWN)
        _require_rule(name, values)
        columns[name] = values
    if "masks" in shape.fields:
        columns["segmentation"] = _proved_outlines(_aligned(objects.field("segmentation"), offsets))
    structs = pa.StructArray.from_arrays([columns[field.name] for field in dtype], fields=list(dtype))
    return pa.ListArray.from_arrays(offsets, structs, mask=schema.null_mask(objects))


def _proved_boxes(boxes: pa.ListArray) -> pa.Array:
    numbers = boxes.values
    _require(boxes.null_count == 0 and numbers.null_count == 0)
    _require(len(numbers) == 4 * len(boxes) and bool((np.diff(boxes.offsets.to_numpy()) == 4).all()))
    _require_exact(numbers)
    _require(bool((numbers.to_numpy().reshape(-1, 4)[:, 2:] >= 0).all()))
    return pa.ListArray.from_arrays(boxes.offsets, schema.positive_zeros(numbers))


def _proved_outlines(outlines: pa.Array) -> pa.Array:
    """Return polygons as segmentations; run-length encodings never get here."""
    if pa.types.is_boolean(outlines.type):
        return _proved(outlines, UNKNOWN)
    polygons = outlines.values
    numbers = polygons.values
    lengths = np.diff(polygons.offsets.to_numpy())
    _require(polygons.null_count == 0 and numbers.null_count == 0)
    _require(bool((lengths >= 6).all() and (lengths % 2 == 0).all()))
    _require_exact(numbers)
    fields = list(schema.SEGMENTATION)
    others = [pa.nulls(len(outlines), field.type) for field in fields[1:]]
    polygons = pa.ListArray.from_arrays(polygons.offsets, schema.positive_zeros(numbers))
    outlines = pa.ListArray.from_arrays(outlines.offsets, polygons, mask=schema.null_mask(outlines))
    return pa.StructArray.from_arrays([outlines, *others], fields=fields, mask=schema.null_mask(outlines))


def _aligned(entries: pa.Array, offsets: pa.Array) -> pa.Array:
    """Return one entry an object, null where the whole list is absent."""
    counts = np.diff(offsets.to_numpy())
    if not pa.types.is_list(entries.type):  # a field that was never anything but null
        _require(entries.null_count == len(entries))
        return pa.nulls(int(counts.sum()), pa.bool_())
    if entries.offsets.equals(offsets):
        return entries.values
    there = _valid(entries)
    _require(np.array_equal(np.diff(entries.offsets.to_numpy())[there], counts[there]))
    per_object = np.repeat(there, counts)
    positions = np.cumsum(per_object) - 1
    return entries.values.take(pa.array(positions, mask=~per_object))


def _require_rule(name: str, values: pa.Array) -> None:
    """Check the rules that the exact path has for named fields of objects."""
    if name == "area":
        _require(_all(pc.greater_equal(values, 0)) if values.type != pa.null() else True)
    elif name == "iscrowd":
        _require(_all(pc.is_in(values.drop_null(), pa.array([0, 1]))) if values.type != pa.null() else True)


def _require_safe_names(names: pa.StringArray) -> None:
    _require(names.null_count == 0)
    _require(not unsafe_names(names))


def _require_exact(numbers: pa.Array) -> None:
    """Refuse what a parser may have rounded, and what isn't finite; beyond 2**53 the exact path looks."""
    limit = pa.scalar(MAX_SAFE_INTEGER, numbers.type)
    _require(_all(pc.and_(pc.less(numbers, limit), pc.greater(numbers, pa.scalar(-MAX_SAFE_INTEGER, numbers.type)))))


def _valid(array: pa.Array) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _all(flags: pa.BooleanArray) -> bool:
    return bool(pc.all(flags, min_count=0).as_py())


def _require(proved: bool) -> None:
    if not proved:
        raise UnprovedError
