"""What a dataset says that formats of boxes and outlines alone have no place for."""

from collections.abc import Callable, Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.formats.scene import Scene

_EXAMPLES = 10
_FIELDS = "further fields of images and objects are not kept"
_OBJECT_LOSSES = {
    "id": ("ids-dropped", "objects have no ids here"),
    "area": ("areas-dropped", "areas are not said here, they follow from the outlines"),
    "iscrowd": ("crowds-dropped", "a group outlined as one object is an object like any other here"),
}


def tell_of_unheld(scene: Scene, *, keeps: Collection[str] = (), category_fields: bool = False) -> None:
    """Tell of all that is said beside boxes, outlines, categories and splits.

    Args:
        scene: The dataset that is written; its losses take what is found.
        keeps: Further fields of objects that the format keeps.
        category_fields: Whether it keeps what is said of categories.
    """
    dataset, losses = scene.dataset, scene.losses
    for key in dataset.attributes:
        if key != "categories":
            losses.add("attributes-dropped", "nothing is said of the dataset as a whole here", key)
    for category in () if category_fields else scene.categories:
        for name in category.fields:
            message = "categories have nothing but a name here"
            losses.add("category-fields-dropped", message, f"{category.name} {name}")
    for split, members in dataset.splits.items():
        if not members:
            losses.add("empty-splits-dropped", "a split has images here, so one without any is not written", split)
    _tell_of_names(scene)
    names = np.array(dataset.names, object)
    table = dataset.table

    def tell(rule: str, message: str, found: pa.ChunkedArray | pa.Array, place: Callable[[int], str]) -> None:
        rows = np.flatnonzero(found.to_numpy(zero_copy_only=False))
        for row in rows[: _EXAMPLES - 1].tolist():
            losses.add(rule, message, place(row))
        if rows.size >= _EXAMPLES:
            losses.add(rule, message, place(int(rows[_EXAMPLES - 1])), rows.size - _EXAMPLES + 1)

    tell("captions-dropped", "images have no captions here", table["caption"].is_valid(), lambda row: names[row])
    found = table["categories"].is_valid()
    tell("image-categories-dropped", "images as a whole have no categories here", found, lambda row: names[row])
    if "extra" in table.column_names:
        extra = table["extra"].combine_chunks()
        for field in extra.type:
            found = pc.struct_field(extra, field.name).is_valid()
            tell("fields-dropped", _FIELDS, found, lambda row, field=field: f"{names[row]} {field.name}")  # type: ignore[misc]
    objects = table["objects"].combine_chunks()
    owners = pc.list_parent_indices(objects).to_numpy()
    first = np.searchsorted(owners, np.arange(table.num_rows))
    flat = pc.list_flatten(objects)

    def place(row: int) -> str:
        return f"{names[owners[row]]} objects[{row - first[owners[row]]}]"

    for field in flat.type:
        if field.name in ("bbox", "category", "segmentation", *keeps):
            continue
        column = pc.struct_field(flat, field.name)
        found = column.is_valid()
        if field.name == "iscrowd":
            found = pc.fill_null(pc.equal(column, 1), False)
        rule, message = _OBJECT_LOSSES.get(field.name, ("fields-dropped", _FIELDS))
        tell(rule, message, found, lambda row, field=field: f"{place(row)} {field.name}")  # type: ignore[misc]


def tell_of_unknown(scene: Scene) -> None:
    """Tell of images of which no annotation is known, where they become images without objects."""
    message = "images of which nothing is known are the same as images without objects here"
    for name, known in zip(scene.dataset.names, scene.dataset.table["objects"].is_valid().to_pylist(), strict=True):
        if not known:
            scene.losses.add("unknown-as-negative", message, name)


def _tell_of_names(scene: Scene) -> None:
    """Tell of images of a split that will be called otherwise once they are read again."""
    known: set[str] = set()
    for split, members in scene.dataset.splits.items():
        for name in members:
            if not name.startswith(f"{split}/") or name in known:
                message = "the image is named by its split when it is read again"
                scene.losses.add("images-renamed", message, f"{name} in {split}")
            known.add(name)
