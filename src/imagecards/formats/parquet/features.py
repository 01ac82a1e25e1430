"""The columns of a dataset as Hugging Face's features: Arrow arrays, and the description that ``datasets`` reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.formats.scene import Part, Scene
from imagecards.records.json_values import without_nulls
from imagecards.records.schema import NO_FIELDS

_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_POLYGONS = pa.list_(pa.list_(pa.float64()))
_NUMBERS = {"int64": "int64", "double": "float64", "string": "string", "bool": "bool", "int32": "int32"}
_OWN = ("image", "file_name", "width", "height", "caption", "categories", "objects")


@dataclass(frozen=True)
class Features:
    """How a dataset's records become columns.

    Attributes:
        scene: The dataset.
        schema: The columns, with the metadata that ``datasets`` reads.
        images: Whether there are images.
        labels: The number of each category that is a class label; ``None`` where categories are numbers.
        renamed: What further fields are called.
    """

    scene: Scene
    schema: pa.Schema
    images: bool
    labels: Mapping[Any, int] | None
    renamed: Mapping[str, str]

    def table(self, part: Part, rows: Sequence[int], files: Sequence[bytes] | None) -> pa.Table:
        """Some rows of a split; with the bytes of their images."""
        dataset = self.scene.dataset
        source = dataset.table.take(pa.array(rows, pa.int64()))
        prefix = f"{part.split}/" if part.split is not None else ""
        paths = [dataset.names[row].removeprefix(prefix) for row in rows]
        columns: dict[str, Any] = {"file_name": pa.array(paths, pa.string())}
        if files is not None:
            columns["image"] = pa.StructArray.from_arrays(
                [pa.array(files, pa.binary()), columns["file_name"]], fields=list(_IMAGE)
            )
        for side, number in (("width", 0), ("height", 1)):
            columns[side] = pa.array([self.scene.sizes[row][number] for row in rows], pa.int32())
        columns["caption"] = _whole(source["caption"])
        columns["categories"] = _whole(source["categories"])
        if "objects" in self.schema.names:
            columns["objects"] = self._objects(_whole(source["objects"]))
        if "extra" in source.column_names:
            extra = _whole(source["extra"])
            for name, renamed in self.renamed.items():
                columns[renamed] = _typed(pc.struct_field(extra, name), self.schema.field(renamed).type)
        arrays = [columns[field.name] for field in self.schema]
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _objects(self, objects: pa.ListArray) -> pa.StructArray:
        """Lists of objects as objects of lists."""
        lengths = pc.fill_null(pc.list_value_length(objects), 0).to_numpy()
        offsets = pa.array(np.concatenate(([0], np.cumsum(lengths))), pa.int32())
        flat = pc.list_flatten(objects)
        fields = list(self.schema.field("objects").type)
        lists = []
        for field in fields:
            values = pc.struct_field(flat, field.name)
            if field.name == "category" and self.labels is not None:
                values = pa.array([self.labels[value] for value in values.to_pylist()], pa.int64())
            elif field.name == "segmentation":
                values = _segmentations(values, field.type.value_type)
            lists.append(pa.ListArray.from_arrays(offsets, _typed(values, field.type.value_type)))
        return pa.StructArray.from_arrays(lists, fields=fields, mask=objects.is_null())


def features_of(scene: Scene, *, images: bool) -> Features:
    """Decide on the columns of a dataset."""
    table = scene.dataset.table
    labels = _labels(scene)
    fields: list[pa.Field] = [pa.field("image", _IMAGE)] if images else []
    described: dict[str, Any] = {"image": {"_type": "Image"}} if images else {}
    for name, kind in (("file_name", pa.string()), ("width", pa.int32()), ("height", pa.int32())):
        fields.append(pa.field(name, kind))
    said = [name for name in ("caption", "categories") if table[name].null_count < len(table)]
    fields += [table.schema.field(name) for name in said]
    objects = table.schema.field("objects").type.value_type
    if table["objects"].null_count < len(table) or not len(table):
        members = [pa.field(field.name, pa.list_(_member(field, table, labels))) for field in objects]
        fields.append(pa.field("objects", pa.struct(members)))
    renamed: dict[str, str] = {}
    extra = table.schema.field("extra").type if "extra" in table.column_names else []
    for field in extra:
        if field.name == NO_FIELDS:
            continue
        name = field.name
        while name in _OWN or name in renamed.values():
            name += "_"
        if name != field.name:
            message = "a further field has the name of a column, and gets another"
            scene.losses.add("fields-renamed", message, f"{field.name}: {name}")
        renamed[field.name] = name
        fields.append(pa.field(name, field.type if _is_plain(field.type) else pa.string()))
    described |= {field.name: _described(field.type) for field in fields if field.name not in described}
    if labels is not None and "objects" in described:
        names = [str(value) for value in labels]
        described["objects"]["category"] = [{"names": names, "_type": "ClassLabel"}]
    metadata = {"huggingface": json.dumps({"info": {"features": described}})}
    if scene.dataset.attributes:
        metadata["imagecards"] = orjson.dumps(dict(scene.dataset.attributes), option=orjson.OPT_SORT_KEYS).decode()
    return Features(scene, pa.schema(fields, metadata=metadata), images, labels, renamed)


def _labels(scene: Scene) -> dict[Any, int] | None:
    """The number of each category in the order of ids; ``None`` for whole numbers that nobody has named."""
    categories = scene.categories
    if not scene.dataset.attributes.get("categories") and any(isinstance(each.name, int) for each in categories):
        return None
    if [each.id for each in categories] != list(range(len(categories))):
        message = "categories are numbered from 0; their own ids are in the file's metadata only"
        if scene.dataset.attributes.get("categories"):
            scene.losses.add("category-ids-changed", message, ", ".join(str(each.id) for each in categories[:5]))
    return {each.name: number for number, each in enumerate(categories)}


def _member(field: pa.Field, table: pa.Table, labels: Mapping[Any, int] | None) -> pa.DataType:
    """The type of a field of objects."""
    if field.name == "category" and labels is not None:
        return pa.int64()
    if field.name == "segmentation":
        outlines = pc.struct_field(pc.list_flatten(table["objects"]), field.name)
        masks = pc.sum(pc.is_valid(pc.struct_field(outlines, "size"))).as_py()
        return pa.string() if masks else _POLYGONS
    return field.type if _is_plain(field.type) else pa.string()


def _is_plain(dtype: pa.DataType) -> bool:
    """Whether ``datasets`` has features for a type: all of its parts have one."""
    if pa.types.is_list(dtype):
        return _is_plain(dtype.value_type)
    if pa.types.is_struct(dtype):
        return bool(dtype.num_fields) and all(field.name != NO_FIELDS and _is_plain(field.type) for field in dtype)
    return not pa.types.is_null(dtype)


def _described(dtype: pa.DataType) -> Any:
    """A type as ``datasets`` describes it; every version of it reads lists and objects that are written out."""
    if pa.types.is_list(dtype):
        return [_described(dtype.value_type)]
    if pa.types.is_struct(dtype):
        return {field.name: _described(field.type) for field in dtype}
    return {"dtype": _NUMBERS[str(dtype)], "_type": "Value"}


def _typed(values: pa.Array, dtype: pa.DataType) -> pa.Array:
    """Values as they are, or as JSON where the column is text and they aren't."""
    if values.type == dtype:
        return values
    if dtype == pa.string():
        return pa.array([_json(value) for value in values.to_pylist()], dtype)
    return values.cast(dtype)


def _segmentations(values: pa.Array, dtype: pa.DataType) -> pa.Array:
    if dtype != pa.string():
        return pc.struct_field(values, "polygons")
    texts: list[str | None] = []
    for value in values.to_pylist():
        if value is None or value["polygons"] is not None:
            texts.append(None if value is None else _json(value["polygons"]))
        else:
            counts = value["counts"] if value["counts"] is not None else value["runs"]
            texts.append(_json({"size": value["size"], "counts": counts}))
    return pa.array(texts, pa.string())


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(without_nulls(value)).decode()


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array
