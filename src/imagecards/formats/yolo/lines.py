"""Label files of YOLO, for many images at once: everything is computed by columns, and written at last."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.formats.losses import Losses
from imagecards.formats.yolo.labels import Outlines
from imagecards.formats.yolo.numbers import (
    TOLERANCE,
    Floats,
    Ints,
    boxes_to_fractions,
    boxes_to_pixels,
    decimal_texts,
    pixels,
    quantise,
)
from imagecards.formats.yolo.outlines import Line, Objects, Parts, Places, lines_of

Labels: TypeAlias = tuple[list[bytes | None], Losses]


class Batch(NamedTuple):
    """Some images: their names, sizes and lists of objects."""

    names: list[str]
    sizes: Floats
    objects: pa.ListArray


def box_labels(classes: pa.Array, decimals: int, batch: Batch) -> Labels:
    """The label files of some images, with boxes; ``None`` for an image of which nothing is known."""
    losses = Losses()
    objects = _objects(batch)
    given = pc.list_flatten(pc.struct_field(objects.table, "bbox")).to_numpy(zero_copy_only=False).reshape(-1, 4)
    low, high = given[:, :2], given[:, :2] + given[:, 2:]
    gone = ((high < 0) | (low > objects.sizes) | ((given[:, 2:] > 0) & ((high <= 0) | (low >= objects.sizes)))).any(1)
    inside = np.clip(low, 0, objects.sizes), np.clip(high, 0, objects.sizes)
    cut = np.maximum(np.abs(inside[0] - low), np.abs(inside[1] - high)).max(axis=1, initial=0) > TOLERANCE
    for number in np.flatnonzero(gone).tolist():
        losses.add("empty-dropped", "an object that covers nothing of its image is left out", objects.places[number])
    for number in np.flatnonzero(cut & ~gone).tolist():
        losses.add("outside-clipped", "what lies outside of the image is cut off", objects.places[number])
    boxes = np.concatenate([inside[0], inside[1] - inside[0]], axis=1)
    numbers = quantise(boxes_to_fractions(boxes, objects.sizes), decimals)
    back = boxes_to_pixels(numbers / 10.0**decimals, objects.sizes, decimals)
    away = np.concatenate([back - boxes, (back - boxes)[:, :2] + (back - boxes)[:, 2:]], axis=1)
    _tell_of_rounding(np.flatnonzero((np.abs(away).max(axis=1, initial=0) > TOLERANCE) & ~gone), objects, losses)
    if objects.table.type.get_field_index("segmentation") >= 0:
        outlined = pc.is_valid(pc.struct_field(objects.table, "segmentation")).to_numpy(zero_copy_only=False)
        for number in np.flatnonzero(outlined).tolist():
            losses.add("outlines-dropped", "objects have boxes only here", objects.places[number])
    kept = np.flatnonzero(~gone)
    lengths = np.full(kept.size, 4)
    return _files(batch, objects, classes, kept, lengths, numbers[kept].ravel(), decimals), losses


def polygon_labels(classes: pa.Array, decimals: int, outlines: Outlines, parts: Parts, batch: Batch) -> Labels:
    """The label files of some images, with polygons; ``None`` for an image of which nothing is known."""
    losses = Losses()
    objects = _objects(batch)
    lines = lines_of(objects, outlines, parts, losses)
    owners = np.array([line.number for line in lines], np.int64)
    lengths = np.array([line.points.size for line in lines], np.int64)
    points = np.concatenate([line.points for line in lines]) if lines else np.zeros(0)
    sides = np.repeat(objects.sizes[owners], lengths // 2, axis=0).ravel()
    numbers = quantise(np.clip(points, 0, sides) / sides, decimals)
    if sides.max(initial=0) * 10.0**-decimals > (TOLERANCE if outlines == "vertices" else 0.1):
        _find_moved(points, sides, numbers / 10.0**decimals, lines, lengths, outlines, decimals, objects, losses)
    return _files(batch, objects, classes, owners, lengths, numbers, decimals), losses


def _find_moved(
    points: Floats,
    sides: Floats,
    written: Floats,
    lines: Sequence[Line],
    lengths: Ints,
    outlines: Outlines,
    decimals: int,
    objects: Objects,
    losses: Losses,
) -> None:
    """Tell of objects with a coordinate that will be read as another."""
    if outlines == "pixels":
        moved = np.floor(written * sides) != np.floor(points)
    else:
        moved = np.abs(pixels(written, sides, decimals) - points) > TOLERANCE
    found = np.searchsorted(lengths.cumsum(), np.flatnonzero(moved), side="right")
    _tell_of_rounding(np.unique(np.array([lines[place].number for place in found.tolist()], int)), objects, losses)


def _tell_of_rounding(found: Any, objects: Objects, losses: Losses) -> None:
    for number in found.tolist():
        message = "coordinates are rounded to the decimals that are written: decimals= can be more"
        losses.add("coordinates-rounded", message, objects.places[number])


def _objects(batch: Batch) -> Objects:
    owners = pc.list_parent_indices(batch.objects).to_numpy().astype(np.int64)
    places = Places(batch.names, owners)
    return Objects(pc.list_flatten(batch.objects), owners, batch.sizes[owners], places)


def _files(
    batch: Batch, objects: Objects, classes: pa.Array, owners: Ints, lengths: Ints, numbers: Ints, decimals: int
) -> list[bytes | None]:
    """Put the lines of each image together.

    Args:
        batch: The images.
        objects: Their objects.
        classes: The categories by class number.
        owners: The object of each line.
        lengths: How many numbers each line has.
        numbers: All of them, one line after the other.
        decimals: How many decimals they have.
    """
    width = decimals + 3
    text = decimal_texts(numbers, decimals)
    ends = (lengths.cumsum() * width).tolist()
    prefixes = [b"%d " % number for number in range(len(classes))]
    categories = pc.struct_field(objects.table, "category").cast(pa.string())
    found = pc.index_in(categories, classes).to_numpy(zero_copy_only=False)
    files: list[list[bytes] | None] = [[] if known else None for known in batch.objects.is_valid().to_pylist()]
    start = 0
    rows = zip(objects.owners[owners].tolist(), found[owners].tolist(), ends, strict=True)
    for image, number, end in rows:
        file = files[image]
        assert file is not None
        file += (prefixes[number], text[start : end - 1], b"\n")
        start = end
    return [None if file is None else b"".join(file) for file in files]
