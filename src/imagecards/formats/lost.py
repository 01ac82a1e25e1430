"""What several writers lose alike, told in the same words: of a dataset as a whole, image by image, and by columns."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets import is_image_name
from imagecards.formats.figures import has_holes
from imagecards.formats.losses import Losses
from imagecards.formats.outlines import runs_of
from imagecards.formats.scene import Scene, View
from imagecards.geometry import Runs, edge_polygons

_EXAMPLES = 10
_RENAMED = "the image is named by its split when it is read again"
_FIELDS = "further fields of images and objects are not kept"
_OBJECT_LOSSES = {
    "id": ("ids-dropped", "objects have no ids here"),
    "area": ("areas-dropped", "areas are not said here, they follow from the outlines"),
    "iscrowd": ("crowds-dropped", "a group outlined as one object is an object like any other here"),
}


def tell_of_unheld(
    scene: Scene, *, keeps: Collection[str] = (), category_fields: bool = False, holds: Collection[str] = ()
) -> None:
    """Tell of all that is said beside boxes, outlines, categories and splits.

    Args:
        scene: The dataset that is written; its losses take what is found.
        keeps: Further fields of objects that the format keeps.
        category_fields: Whether it keeps what is said of categories.
        holds: What else it keeps: ``"image categories"``, and ``"names"`` of images in whatever split.
    """
    dataset, losses = scene.dataset, scene.losses
    lose_attributes(scene, keeps=("categories",))
    for category in () if category_fields else scene.categories:
        for name in category.fields:
            message = "categories have nothing but a name here"
            losses.add("category-fields-dropped", message, f"{category.name} {name}")
    if "names" not in holds:
        _tell_of_names(scene)
    called = np.array(dataset.names, object)
    table = dataset.table

    def tell(rule: str, message: str, found: pa.ChunkedArray | pa.Array, place: Callable[[int], str]) -> None:
        rows = np.flatnonzero(found.to_numpy(zero_copy_only=False))
        for row in rows[: _EXAMPLES - 1].tolist():
            losses.add(rule, message, place(row))
        if rows.size >= _EXAMPLES:
            losses.add(rule, message, place(int(rows[_EXAMPLES - 1])), rows.size - _EXAMPLES + 1)

    tell("captions-dropped", "images have no captions here", table["caption"].is_valid(), lambda row: called[row])
    if "image categories" not in holds:
        found = table["categories"].is_valid()
        tell("image-categories-dropped", "images as a whole have no categories here", found, lambda row: called[row])
    if "extra" in table.column_names:
        extra = table["extra"].combine_chunks()
        for field in extra.type:
            found = pc.struct_field(extra, field.name).is_valid()

            def image_place(row: int, name: str = field.name) -> str:
                return f"{called[row]} {name}"

            tell("fields-dropped", _FIELDS, found, image_place)
    objects = table["objects"].combine_chunks()
    owners = pc.list_parent_indices(objects).to_numpy()
    first = np.searchsorted(owners, np.arange(table.num_rows))
    flat = pc.list_flatten(objects)

    def place(row: int) -> str:
        return f"{called[owners[row]]} objects[{row - first[owners[row]]}]"

    for field in flat.type:
        if field.name in ("bbox", "category", "segmentation", *keeps):
            continue
        column = pc.struct_field(flat, field.name)
        found = column.is_valid()
        if field.name == "iscrowd":
            found = pc.fill_null(pc.equal(column, 1), False)
        rule, message = _OBJECT_LOSSES.get(field.name, ("fields-dropped", _FIELDS))

        def object_place(row: int, name: str = field.name) -> str:
            return f"{place(row)} {name}"

        tell(rule, message, found, object_place)


def tell_of_unknown(scene: Scene) -> None:
    """Tell of images of which no annotation is known, where they become images without objects."""
    for name, known in zip(scene.dataset.names, scene.dataset.table["objects"].is_valid().to_pylist(), strict=True):
        if not known:
            lose_unknown(name, scene.losses)


def _tell_of_names(scene: Scene) -> None:
    """Tell of images of a split that will be called otherwise once they are read again."""
    known: set[str] = set()
    for split, members in scene.dataset.splits.items():
        for name in members:
            if not name.startswith(f"{split}/") or name in known:
                scene.losses.add("images-renamed", _RENAMED, f"{name} in {split}")
            known.add(name)


def lose_attributes(scene: Scene, *, keeps: Collection[str] = ()) -> None:
    """Tell of what is said of the dataset as a whole: ids of categories, licences; and of splits without images.

    Args:
        scene: The dataset that is written; its losses take what is found.
        keeps: Attributes that the format keeps.
    """
    for key in scene.dataset.attributes:
        if key not in keeps:
            scene.losses.add("attributes-dropped", "nothing is said of the dataset as a whole here", key)
    for split, members in scene.dataset.splits.items():
        if not members:
            message = "a split has images here, so one without any is not written"
            scene.losses.add("empty-splits-dropped", message, split)


def path_of(split: str | None, view: View) -> str:
    """Where an image lies in a layout with a folder for each split."""
    return view.path if split is None else f"{split}/{view.path}"


def lose_names(split: str | None, view: View, losses: Losses) -> None:
    """Tell that an image gets another name, because its own doesn't begin with that of its split."""
    if path_of(split, view) != view.name:
        losses.add("images-renamed", _RENAMED, f"{view.name} in {split}")


def lose_unknown(name: str, losses: Losses) -> None:
    """Tell of an image of which no annotation is known, where it becomes one without objects."""
    message = "images of which nothing is known are the same as images without objects here"
    losses.add("unknown-as-negative", message, name)


def lose_hidden(name: str, losses: Losses) -> None:
    """Tell of an image whose name is not that of one, where files of images are found by their names."""
    if not is_image_name(name):
        message = "the name has none of the extensions of images, so that readers will not find it"
        losses.add("image-hidden", message, name)


def as_label(category: str | int, place: str, losses: Losses) -> str:
    """A category as text, for formats that have no others."""
    if not isinstance(category, str):
        losses.add("categories-as-text", "whole numbers as categories become text", place)
    return str(category)


def polygons_of_mask(
    segmentation: Mapping[str, Any], view: View, place: str, losses: Losses
) -> tuple[list[list[float]] | None, Runs]:
    """A mask as polygons that have exactly its pixels, ``None`` where it has holes or none at all; and as runs."""
    runs = runs_of(segmentation, view.height, view.width)
    polygons = [[float(value) for value in polygon.ravel()] for polygon in edge_polygons(runs)]
    if not polygons or has_holes(runs, len(polygons)):
        if not isinstance(segmentation["counts"], str):
            losses.add("runs-compressed", "uncompressed run lengths become compressed ones", place)
        return None, runs
    losses.add("masks-as-polygons", "masks become polygons of the same pixels", place)
    return polygons, runs


def lose_box(entry: Mapping[str, Any], outline: Sequence[float], place: str, losses: Losses) -> None:
    """Tell that an object's box isn't the one around its outline, from which it is read again."""
    if list(outline) != [float(value) for value in entry["bbox"]]:
        losses.add("boxes-recomputed", "boxes become those of the outlines", place)


def lose_rounding(before: Sequence[float], after: Sequence[float], place: str, losses: Losses) -> None:
    """Tell that coordinates are not read again as they were written."""
    if list(after) != [float(value) for value in before]:
        losses.add("coordinates-rounded", "coordinates change by less than a millionth of a pixel", place)
