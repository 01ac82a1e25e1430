"""Objects as YOLO's polygons: one for each line, in pixels."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.formats.losses import Losses
from imagecards.formats.outlines import runs_of_many
from imagecards.formats.yolo.labels import Outlines
from imagecards.formats.yolo.numbers import TOLERANCE, Floats
from imagecards.geometry import area, centre_polygons_many, edge_polygons, edge_polygons_many, join

_DRAWN = ("polygons-drawn", "a polygon is drawn, and the pixels are outlined anew")

Parts: TypeAlias = Literal["join", "split"]


class Objects(NamedTuple):
    """The objects of some images, all in columns.

    Attributes:
        table: What is said of each: a struct.
        owners: The number of its image.
        sizes: Width and height of its image, shape (n, 2).
        places: What it is called where a loss is told.
    """

    table: pa.StructArray
    owners: Any
    sizes: Floats
    places: "Places"


class Places:
    """Names objects, when one has to be named."""

    def __init__(self, names: Sequence[str], owners: Any) -> None:
        self._names = names
        self._owners = owners

    def __getitem__(self, number: int) -> str:
        owner = self._owners[number]
        first = np.searchsorted(self._owners, owner)
        return f"{self._names[owner]} objects[{number - first}]"


class Line(NamedTuple):
    """A polygon of an object: its number, and x and y in turn, in pixels."""

    number: int
    points: Floats


def lines_of(objects: Objects, outlines: Outlines, parts: Parts, losses: Losses) -> list[Line]:
    """Make polygons of objects.

    Args:
        objects: The objects.
        outlines: ``"pixels"``: the centres of the outermost pixels; ``"vertices"``: the polygons as they are, and
            masks by the edges of their pixels.
        parts: Whether several polygons of an object become one, or several lines.
        losses: Takes what is not the same any more.
    """
    if objects.table.type.get_field_index("segmentation") < 0:
        segmentations = pa.nulls(len(objects.table), pa.null())
        coordinates, offsets, first = np.zeros(0), np.zeros(1, np.int64), np.zeros(len(objects.table) + 1, np.int64)
    else:
        segmentations = pc.struct_field(objects.table, "segmentation")
        coordinates, offsets, first = _polygons(segmentations)
    counts = np.diff(first)
    sizes = np.repeat(objects.sizes, counts, axis=0)
    plain = np.zeros(0, bool) if outlines == "pixels" else _inside(coordinates, offsets, sizes)
    bounds, starts = offsets.tolist(), first.tolist()
    masked = [number for number, count in enumerate(counts.tolist()) if not (count and outlines == "vertices")]
    traced = _traced(segmentations, masked, objects, outlines, losses)
    lines = []
    for number, count in enumerate(counts.tolist()):
        start = starts[number]
        if count == 1 and outlines == "vertices" and plain[start]:
            lines.append(Line(number, coordinates[bounds[start] : bounds[start + 1]]))
            continue
        if count and outlines == "vertices":
            given = [coordinates[bounds[each] : bounds[each + 1]] for each in range(start, start + count)]
            found = list(_clipped(given, objects, number, losses))
            if len(found) > 1 and parts == "join":
                found = _without_overlap(found, objects, number, losses)
        else:
            found = traced[number]
        if not found:
            losses.add(
                "empty-dropped", "an object that covers nothing of its image is left out", objects.places[number]
            )
            continue
        if len(found) > 1 and parts == "join":
            message = "several parts of an object are one polygon, joined by thin bridges"
            losses.add("parts-joined", message, objects.places[number])
            found = [join(found).ravel()]
        elif len(found) > 1:
            message = "several parts of an object are objects of their own"
            losses.add("parts-split", message, objects.places[number])
        lines += [Line(number, points) for points in found]
    _compare_boxes(lines, objects, outlines, losses)
    return lines


def _polygons(segmentations: pa.StructArray) -> tuple[Floats, Any, Any]:
    """The coordinates of all polygons, where each polygon begins, and the first polygon of each object."""
    lists = pc.struct_field(segmentations, "polygons")
    polygons = pc.list_flatten(lists)
    coordinates = pc.list_flatten(polygons).to_numpy(zero_copy_only=False)
    return coordinates, _ends(polygons), _ends(lists)


def _ends(lists: pa.ListArray) -> Any:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _inside(coordinates: Floats, offsets: Any, sizes: Floats) -> Any:
    """Whether each polygon is sound and lies within its image."""
    lengths = np.diff(offsets)
    sound = (lengths >= 6) & (lengths % 2 == 0)
    if sound.all():
        limits = np.repeat(sizes, lengths // 2, axis=0).ravel()
        beyond = np.flatnonzero((coordinates < -TOLERANCE) | (coordinates > limits + TOLERANCE))
        sound[np.searchsorted(offsets, beyond, side="right") - 1] = False
        return sound
    return np.zeros(lengths.size, bool)  # one by one, then


def _clipped(given: Sequence[Floats], objects: Objects, number: int, losses: Losses) -> Iterator[Floats]:
    """What of an object's polygons lies within the image."""
    size = objects.sizes[number]
    for points in given:
        if points.size < 6 or points.size % 2:
            continue
        vertices = points.reshape(-1, 2)
        if (vertices >= -TOLERANCE).all() and (vertices <= size + TOLERANCE).all():
            yield points
            continue
        losses.add("outside-clipped", "what lies outside of the image is cut off", objects.places[number])
        clipped = clip(vertices, *size)
        if len(clipped) >= 3:
            yield clipped.ravel()


def _without_overlap(found: list[Floats], objects: Objects, number: int, losses: Losses) -> list[Floats]:
    """Polygons that share no pixel, for what is inside two parts of one outline is outside of it to those who fill it.

    They are as they were, or go around the pixels of all of them.
    """
    corners = np.array([[*each.reshape(-1, 2).min(0), *each.reshape(-1, 2).max(0)] for each in found])
    low, high = corners[:, None, :2], corners[None, :, 2:]
    meet = (low < high).all(axis=2)
    if (meet & meet.T).sum() == len(found):  # each meets itself
        return found
    width, height = objects.sizes[number].astype(int).tolist()
    lists = [each.tolist() for each in found]
    *each, whole = runs_of_many([*([part] for part in lists), lists], [(height, width)] * (len(found) + 1))
    if sum(map(area, each)) == area(whole):
        return found
    losses.add(*_DRAWN, objects.places[number])
    return [polygon.astype(np.float64).ravel() for polygon in edge_polygons(whole)]


def clip(points: Floats, width: float, height: float) -> Floats:
    """Cut a polygon off at the edges of its image, one edge after the other.

    Args:
        points: Shape (n, 2).
        width: Of the image.
        height: Of the image.

    Example:
        >>> clip(np.array([[-2.0, 1], [2, 1], [2, 3], [-2, 3]]), 4, 4).tolist()
        [[0.0, 1.0], [2.0, 1.0], [2.0, 3.0], [0.0, 3.0]]
    """
    for axis, limit, sign in ((0, 0.0, 1.0), (0, float(width), -1.0), (1, 0.0, 1.0), (1, float(height), -1.0)):
        if not len(points):
            break
        depth = (points[:, axis] - limit) * sign
        onward = np.roll(points, -1, axis=0)
        ahead = np.roll(depth, -1)
        crosses = (depth < 0) != (ahead < 0)
        share = depth / np.where(crosses, depth - ahead, 1.0)
        crossing = points + (onward - points) * share[:, None]
        crossing[:, axis] = limit
        both = np.stack([points, crossing], axis=1)
        points = both[np.stack([depth >= 0, crosses], axis=1)]
    return points


def _traced(
    segmentations: pa.Array, numbers: Sequence[int], objects: Objects, outlines: Outlines, losses: Losses
) -> dict[int, list[Floats]]:
    """The outlines of masks, and of what is made one, by the number of the object."""
    found: dict[int, list[Floats]] = {}
    masks: dict[int, Any] = {}
    boxes = pc.struct_field(objects.table, "bbox")
    for number, given in zip(numbers, segmentations.take(pa.array(numbers, pa.int64())).to_pylist(), strict=True):
        if given is not None and given["size"]:
            counts = given["counts"] if given["counts"] is not None else given["runs"]
            masks[number] = {"size": given["size"], "counts": counts}
        elif given is not None and given["polygons"]:
            losses.add(*_DRAWN, objects.places[number])
            masks[number] = given["polygons"]
        else:
            losses.add("boxes-outlined", "an object without an outline gets that of its box", objects.places[number])
            x, y, w, h = boxes[number].as_py()
            corners = [x, y, x + w, y, x + w, y + h, x, y + h]
            if outlines == "vertices":
                found[number] = list(_clipped([np.array(corners)], objects, number, losses))
            else:
                masks[number] = [corners]
    sides = objects.sizes[list(masks)].astype(np.int64).reshape(-1, 2).tolist()
    runs = runs_of_many(list(masks.values()), [(height, width) for width, height in sides])
    if outlines == "pixels":
        # A quarter of a pixel behind the corner is the same pixel whether a reader cuts off or rounds.
        for number, centres in zip(masks, centre_polygons_many(runs), strict=True):
            found[number] = [polygon.astype(np.float64).ravel() + 0.25 for polygon in centres]
        return found
    for number, edges in zip(masks, edge_polygons_many(runs), strict=True):
        losses.add("masks-as-polygons", "a mask is a polygon along the edges of its pixels", objects.places[number])
        found[number] = [polygon.ravel() for polygon in edges]
    return found


def _compare_boxes(lines: Sequence[Line], objects: Objects, outlines: Outlines, losses: Losses) -> None:
    """Tell of objects whose box is not the one that follows from the outline."""
    if not lines:
        return
    numbers = np.array([line.number for line in lines])
    lengths = np.array([line.points.size // 2 for line in lines])
    points = np.concatenate([line.points for line in lines]).reshape(-1, 2)
    starts = lengths.cumsum() - lengths
    low, high = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
    if outlines == "pixels":
        low, high = np.floor(low), np.floor(high) + 1
    boxes = pc.list_flatten(pc.struct_field(objects.table, "bbox")).to_numpy(zero_copy_only=False).reshape(-1, 4)
    boxes = boxes[numbers]
    away = np.concatenate([boxes[:, :2] - low, boxes[:, :2] + boxes[:, 2:] - high], axis=1)
    single = np.bincount(numbers, minlength=len(objects.table))[numbers] == 1
    for place in np.flatnonzero(single & (np.abs(away).max(axis=1) > TOLERANCE)).tolist():
        message = "the box is the one around the outline when it is read again"
        losses.add("boxes-recomputed", message, objects.places[int(numbers[place])])
