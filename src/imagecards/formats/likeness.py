"""What several writers lose alike, told in the same words; and masks as outlines where these are exact."""

from collections.abc import Mapping, Sequence
from typing import Any

from imagecards.formats.figures import has_holes
from imagecards.formats.losses import Losses
from imagecards.formats.outlines import runs_of
from imagecards.formats.scene import Scene, View
from imagecards.geometry import Runs, edge_polygons


def lose_attributes(scene: Scene, title: str) -> None:
    """Tell that a format says nothing of the dataset as a whole: ids of categories, supercategories, licences."""
    for key in scene.dataset.attributes:
        scene.losses.add("attributes-dropped", f"{title} says nothing of the dataset as a whole", key)
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
        losses.add("images-renamed", "the image is named by its split when it is read again", f"{view.name} in {split}")


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
