"""Records as columns: the Arrow schema of a dataset, and the way from records to a table and back.

A table of records has these columns, one row a record:

- ``file_name``: string
- ``caption``: string
- ``categories``: list of int64, or of string
- ``objects``: list of struct ``bbox`` (list of four doubles: x, y, width, height), ``category`` (int64 or
  string), and where the dataset has them ``segmentation`` (struct ``polygons``, ``size``, ``counts``,
  ``runs``), ``area`` (double), ``iscrowd`` (int64), ``id`` and other fields of objects
- ``extra``: struct of the further fields, where the dataset has any

A null means that the record doesn't have the field; an empty list is an empty list.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.errors import InvalidMetadataError
from imagecards.records.json_values import without_nulls
from imagecards.records.record import ImageRecord
from imagecards.records.shape import UNKNOWN, Kind, Shape

KNOWN_FIELDS = ("file_name", "caption", "categories", "objects")
KNOWN_OBJECT_FIELDS = ("bbox", "categories", "segmentation", "area", "iscrowd", "id")
_FIXED_OBJECT_FIELDS = ("bbox", "categories", "segmentation")
EMPTY_SHAPE = Shape("object", fields={name: Shape("object") for name in ("objects", "extra")})
"""The shape of no records; see `shape_view`."""

NO_FIELDS = ""
"""The name of the null field that stands for an object without fields, which Parquet can't hold."""

SEGMENTATION = pa.struct(
    [
        ("polygons", pa.list_(pa.list_(pa.float64()))),
        ("size", pa.list_(pa.int64())),
        ("counts", pa.string()),
        ("runs", pa.list_(pa.int64())),
    ]
)
_SCALARS: Mapping[Kind, pa.DataType] = {
    "null": pa.null(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
}


def shape_view(record: ImageRecord, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a record has a type to be settled.

    Args:
        record: The record.
        fields: The same as it was written, with its nulls: they say that a field exists.

    Returns:
        ``category``: all its categories; ``objects``: its fields of objects; ``masks``: whether it has
        segmentations; ``extra``: its further fields.
    """
    objects = dict(record.objects.present()) if record.objects is not None else {}
    written = fields["objects"] if isinstance(fields.get("objects"), Mapping) else objects
    parallel = {name: objects.get(name, items) for name, items in written.items()}
    view: dict[str, Any] = {
        "category": [*(record.categories or []), *objects.get("categories", [])],
        "objects": {name: items for name, items in parallel.items() if name not in _FIXED_OBJECT_FIELDS},
        "extra": {name: value for name, value in fields.items() if name not in KNOWN_FIELDS},
    }
    if "area" in objects:
        view["objects"]["area"] = [None if area is None else float(area) for area in objects["area"]]
    if "segmentation" in parallel:
        view["masks"] = True if "segmentation" in objects else None
    return view


def arrow_type(shape: Shape) -> pa.DataType:
    """Return the Arrow type that holds values of ``shape``; fields that were only ever null are left out."""
    if shape.kind == "list":
        return pa.list_(arrow_type(shape.item or UNKNOWN))
    if shape.kind == "object":
        fields = [(name, arrow_type(field)) for name, field in shape.fields.items() if field.kind != "null"]
        return pa.struct(fields or [(NO_FIELDS, pa.null())])
    return _SCALARS[shape.kind]


def category_type(shape: Shape) -> pa.DataType:
    """Return the type of the dataset's categories: string or, also while there are none, int64."""
    return pa.string() if category_shape(shape).kind == "text" else pa.int64()


def category_shape(shape: Shape) -> Shape:
    """Return the shape of one category."""
    return shape.field("category").item or UNKNOWN


def object_shapes(shape: Shape) -> dict[str, Shape]:
    """Return the shape of one entry of each field of objects besides the box, category and segmentation."""
    shapes = {name: field.item or UNKNOWN for name, field in shape.field("objects").fields.items()}
    return {name: item for name, item in shapes.items() if item.kind != "null"}


def object_type(shape: Shape) -> pa.DataType:
    """Return the struct type of one object."""
    fields = [("bbox", pa.list_(pa.float64())), ("category", category_type(shape))]
    if shape.field("masks").kind == "bool":
        fields.append(("segmentation", SEGMENTATION))
    return pa.struct(fields + [(name, arrow_type(item)) for name, item in object_shapes(shape).items()])


def table_schema(shape: Shape) -> pa.Schema:
    """Return the schema of the table of all records of ``shape``."""
    fields = [
        ("file_name", pa.string()),
        ("caption", pa.string()),
        ("categories", pa.list_(category_type(shape))),
        ("objects", pa.list_(object_type(shape))),
    ]
    extra = shape.field("extra")
    if any(field.kind != "null" for field in extra.fields.values()):
        fields.append(("extra", arrow_type(extra)))
    return pa.schema(fields)


def to_table(records: Sequence[ImageRecord], shape: Shape) -> pa.Table:
    """Return the table of ``records``, whose values ``shape`` covers."""
    schema = table_schema(shape)
    columns = {
        "file_name": [record.file_name for record in records],
        "caption": [record.caption for record in records],
        "categories": [record.categories for record in records],
        "objects": [_objects(record) for record in records],
    }
    if "extra" in schema.names:
        columns["extra"] = [record.extra for record in records]
    arrays = [positive_zeros(pa.array(columns[field.name], field.type)) for field in schema]
    return pa.table(arrays, schema=schema)


def positive_zeros(array: pa.Array) -> pa.Array:
    """Return ``array`` with 0.0 for each -0.0: ``-0`` is one to a parser of doubles, but not to one of integers."""
    dtype = array.type
    if pa.types.is_floating(dtype):
        return pc.add(array, 0.0)
    if pa.types.is_list(dtype):
        before = array.values
        values = positive_zeros(before)
        if values is before:
            return array
        return pa.ListArray.from_arrays(array.offsets, values, dtype, mask=null_mask(array))
    if pa.types.is_struct(dtype):
        children = [array.field(index) for index in range(dtype.num_fields)]
        zeroed = [positive_zeros(child) for child in children]
        if all(after is before for after, before in zip(zeroed, children, strict=True)):
            return array
        return pa.StructArray.from_arrays(zeroed, fields=list(dtype), mask=null_mask(array))
    return array


def to_dicts(table: pa.Table, batch_size: int = 4096) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table of records as JSON objects, in the order and form of metadata.jsonl."""
    columns = [name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names]
    for batch in table.select(columns).to_batches(max_chunksize=batch_size):
        for row in batch.to_pylist():
            yield _to_dict(row)


def has_lists(schema: pa.Schema) -> bool:
    """Whether the columns of objects and categories are lists, as `shape_of_table` needs them."""
    objects, categories = (schema.field(name).type for name in ("objects", "categories"))
    return bool(pa.types.is_list(categories) and pa.types.is_list(objects) and pa.types.is_struct(objects.value_type))


def shape_of_table(table: pa.Table) -> Shape:
    """Return the shape that the schema of a table of records settles: the inverse of `table_schema`."""
    objects = table.schema.field("objects").type.value_type
    parallel = [field for field in objects if field.name not in {"bbox", "category", "segmentation"}]
    lists = {field.name: Shape("list", item=shape_of_type(field.type)) for field in parallel}
    fields = {
        "category": Shape("list", item=_shape_of_categories(table)),
        "objects": Shape("object", fields=lists),
        "extra": Shape("object"),
    }
    if objects.get_field_index("segmentation") >= 0:
        fields["masks"] = Shape("bool")
    if "extra" in table.column_names:
        fields["extra"] = shape_of_type(table.schema.field("extra").type)
    return Shape("object", fields=fields)


def shape_of_type(dtype: pa.DataType) -> Shape:
    """Return the shape whose values an Arrow type holds: the inverse of `arrow_type`.

    Raises:
        InvalidMetadataError: No shape has this type.
    """
    if pa.types.is_list(dtype):
        return Shape("list", item=shape_of_type(dtype.value_type))
    if pa.types.is_struct(dtype):
        return Shape("object", fields={field.name: shape_of_type(field.type) for field in dtype})
    kind = next((kind for kind, scalar in _SCALARS.items() if scalar == dtype), None)
    if kind is None:
        raise InvalidMetadataError(f"a table of records has no columns of type {dtype}")
    return Shape(kind)


def conform(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Return ``array`` as the type of a shape that grew out of its own: with more fields, or as doubles."""
    if array.type == dtype:
        return array
    if array.type == pa.null():
        return pa.nulls(len(array), dtype)
    if pa.types.is_list(dtype):
        values = conform(array.flatten(), dtype.value_type)
        return pa.ListArray.from_arrays(_offsets(array), values, dtype, mask=null_mask(array))
    if pa.types.is_struct(dtype):
        children = [_conform_field(array, field) for field in dtype]
        return pa.StructArray.from_arrays(children, fields=list(dtype), mask=null_mask(array))
    return array.cast(dtype)


def conform_table(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table of records under the schema of a shape that grew out of its own."""
    if table.schema == schema:
        return table
    columns = [
        pa.chunked_array([conform(chunk, field.type) for chunk in table.column(field.name).chunks], field.type)
        if field.name in table.column_names
        else _no_extras(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _conform_field(array: pa.StructArray, field: pa.Field) -> pa.Array:
    index = array.type.get_field_index(field.name)
    return conform(array.field(index), field.type) if index >= 0 else pa.nulls(len(array), field.type)


def null_mask(array: pa.Array) -> pa.Array | None:
    """Return which entries are null, or ``None`` when none is: what ``from_arrays`` takes as its mask."""
    return array.is_null() if array.null_count else None


def _offsets(lists: pa.ListArray) -> pa.Array:
    """Return where each list starts in the flattened values; those of a slice start at 0, too."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0)
    return pa.array(np.concatenate(([0], np.cumsum(lengths.to_numpy()))), pa.int32())


def _no_extras(rows: int, dtype: pa.DataType) -> pa.Array:
    """A record without further fields has an object of nulls, not a null, so that each row reads alike."""
    return pa.StructArray.from_arrays([pa.nulls(rows, field.type) for field in dtype], fields=list(dtype))


def _shape_of_categories(table: pa.Table) -> Shape:
    """An unused category column is int64 by default, which settles nothing."""
    dtype = table.schema.field("categories").type.value_type
    lists = (table.column("categories"), table.column("objects"))
    used = dtype == pa.string() or any(len(chunk.flatten()) for column in lists for chunk in column.chunks)
    return shape_of_type(dtype) if used else UNKNOWN


def _objects(record: ImageRecord) -> list[dict[str, Any]] | None:
    """Turn the parallel lists of a record into one object an entry."""
    if record.objects is None:
        return None
    fields = record.objects.present()
    columns = {"bbox": fields.pop("bbox"), "category": fields.pop("categories")}
    if "segmentation" in fields:
        columns["segmentation"] = [_segmentation(outline) for outline in fields.pop("segmentation")]
    columns |= fields
    return [dict(zip(columns, entry, strict=True)) for entry in zip(*columns.values(), strict=True)]


def _segmentation(outline: Any) -> dict[str, Any] | None:
    if outline is None:
        return None
    if isinstance(outline, list):
        return {"polygons": outline}
    counts = outline["counts"]
    return {"size": outline["size"], "counts" if isinstance(counts, str) else "runs": counts}


def _to_dict(row: dict[str, Any]) -> dict[str, Any]:
    fields = {name: row[name] for name in ("file_name", "caption", "categories") if row[name] is not None}
    if row["objects"] is not None:
        fields["objects"] = _parallel_lists(row["objects"])
    fields.update(without_nulls(row.get("extra") or {}))
    return fields


def _parallel_lists(objects: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """Turn objects back into parallel lists, leaving out those that are null throughout."""
    fields: dict[str, list[Any]] = {
        "bbox": [entry["bbox"] for entry in objects],
        "categories": [entry["category"] for entry in objects],
    }
    for name in objects[0] if objects else ():
        if name in {"bbox", "category"}:
            continue
        values = [without_nulls(entry[name]) for entry in objects]
        if any(value is not None for value in values):
            fields[name] = [_outline(value) for value in values] if name == "segmentation" else values
    return fields


def _outline(value: dict[str, Any] | None) -> Any:
    if value is None:
        return None
    if "polygons" in value:
        return value["polygons"]
    return {"size": value["size"], "counts": value.get("counts", value.get("runs"))}
