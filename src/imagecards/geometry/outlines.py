"""Outlines of masks as polygons, from which the same mask is filled again, pixel for pixel.

Two conventions. Pixel-edge outlines go along the pixels' edges, as COCO's polygons do: pycocotools gives the mask
back. Pixel-centre outlines go from centre to centre of the outermost pixels and count these as inside, as OpenCV's
contours do: ``cv2.fillPoly`` and `fill_centre` give the mask back. Both fill by the even-odd rule, so a hole
is kept by a bridge from the outline to the hole and back along the same line, which lies within the mask.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagecards.errors import FormatError
from imagecards.geometry.fill import fill_centre
from imagecards.geometry.masks import mask_to_runs
from imagecards.geometry.rings import BOTTOM, BOTTOM_AGAIN, TOP, TOP_AGAIN, trace
from imagecards.geometry.runs import Ints, Runs

__all__ = ["centre_polygons", "centre_polygons_many", "edge_polygons", "edge_polygons_many", "fill_centre", "join"]

_Number = TypeVar("_Number", np.int64, np.float64)
_Points = TypeVar("_Points")

_RUNS = 1 << 18  # and columns that are traced at once
_PAIRS = 1 << 20  # distances that are held at once


def edge_polygons(mask: Runs | ArrayLike) -> list[NDArray[np.float64]]:
    """Trace the pixel-edge outline of each part of a mask, holes included.

    Args:
        mask: Runs, or an array of shape (height, width).

    Returns:
        For each 4-connected part (in the order of its first pixel, by columns) the corners as x, y: float64, shape
        (n, 2), clockwise on a screen. pycocotools fills them to exactly this mask.

    Raises:
        FormatError: The mask has another shape.

    Example:
        >>> [polygon.ravel().tolist() for polygon in edge_polygons([[0, 0, 0], [0, 1, 1]])]
        [[1.0, 1.0, 3.0, 1.0, 3.0, 2.0, 1.0, 2.0]]
    """
    return edge_polygons_many([mask if isinstance(mask, Runs) else mask_to_runs(mask)])[0]


def edge_polygons_many(masks: Sequence[Runs]) -> list[list[NDArray[np.float64]]]:
    """Trace the pixel-edge outlines of many masks: as `edge_polygons` of each, many times as fast.

    Example:
        >>> [len(polygons) for polygons in edge_polygons_many([Runs((1, 3), np.array([0, 1, 1, 1]))] * 2)]
        [2, 2]
    """
    return [each for batch in _batches(masks) for each in _edge_polygons(batch)]


def _edge_polygons(masks: Sequence[Runs]) -> list[list[NDArray[np.float64]]]:
    rings, owners = trace(masks, 4)
    kind = rings.kind
    left, right = rings.column, rings.column + 1
    is_top = (kind == TOP) | (kind == TOP_AGAIN)
    y = np.where(is_top, rings.top, rings.bottom)
    start = np.where(kind == TOP, left, right)
    end = np.where(kind == BOTTOM, left, right)
    points = np.stack([np.stack([start, y], axis=1), np.stack([end, y], axis=1)], axis=1)
    return _grouped(_corners(points.reshape(-1, 2).astype(np.float64), 2 * rings.offsets), owners, len(masks))


def centre_polygons(mask: Runs | ArrayLike) -> list[Ints]:
    """Trace the pixel-centre outline of each part of a mask, holes included.

    Args:
        mask: Runs, or an array of shape (height, width).

    Returns:
        For each 8-connected part (in the order of its first pixel, by columns) the corners as column, row: int64,
        shape (n, 2), clockwise on a screen. ``cv2.fillPoly``, given them one polygon a call, fills exactly this mask.
        There are always at least three points: a part of one or two corners has its last one repeated.

    Raises:
        FormatError: The mask has another shape.

    Example:
        >>> [polygon.tolist() for polygon in centre_polygons([[1, 1, 0], [1, 1, 0], [0, 0, 1]])]
        [[[0, 0], [1, 0], [1, 1], [2, 2], [1, 1], [0, 1]]]
    """
    return centre_polygons_many([mask if isinstance(mask, Runs) else mask_to_runs(mask)])[0]


def centre_polygons_many(masks: Sequence[Runs]) -> list[list[Ints]]:
    """Trace the pixel-centre outlines of many masks: as `centre_polygons` of each, many times as fast.

    Example:
        >>> [len(polygons) for polygons in centre_polygons_many([Runs((1, 3), np.array([0, 1, 1, 1]))] * 2)]
        [2, 2]
    """
    return [each for batch in _batches(masks) for each in _centre_polygons(batch)]


def _centre_polygons(masks: Sequence[Runs]) -> list[list[Ints]]:
    rings, owners = trace(masks, 8)
    kind, column = rings.kind, rings.column
    is_top = (kind == TOP) | (kind == TOP_AGAIN)
    edge = np.where(is_top, rings.top, rings.bottom)
    row = np.where(is_top, rings.top, rings.bottom - 1)
    line = column + (kind != BOTTOM)  # where this edge ends and the next starts
    onward = _onward(rings.offsets)
    step = np.sign(edge[onward] - edge)
    # Downwards along the line, the mask is to its left; upwards, to its right. (A bridge goes down as an edge would.)
    beside = np.where(step > 0, line - 1, line)
    first = np.where(step > 0, edge, edge - 1)
    last = np.where(step > 0, edge[onward] - 1, edge[onward])
    straight = (step == 0) | (kind == BOTTOM_AGAIN)
    points = np.empty((kind.size, 3, 2), np.int64)
    points[:, 0, 0], points[:, 0, 1] = column, row
    points[:, 1, 0], points[:, 1, 1] = np.where(straight, column, beside), np.where(straight, row, first)
    points[:, 2, 0], points[:, 2, 1] = np.where(straight, column, beside), np.where(straight, row, last)
    polygons = _corners(points.reshape(-1, 2), 3 * rings.offsets)
    closed = [
        polygon if len(polygon) > 2 else np.concatenate([polygon, polygon[-1:].repeat(3 - len(polygon), axis=0)])
        for polygon in polygons
    ]
    return _grouped(closed, owners, len(masks))


def join(parts: Sequence[ArrayLike]) -> NDArray[np.float64]:
    """Make one polygon of several, for formats that hold one polygon an object.

    Each further part is joined by a bridge, there and back, between its point and the point of all before that are
    nearest to each other. pycocotools fills the result as it fills the parts one by one, if they don't overlap;
    ``cv2.fillPoly`` paints the bridges as well, one pixel wide.

    Args:
        parts: Polygons, flat or as (n, 2).

    Returns:
        float64, shape (n, 2).

    Raises:
        FormatError: There is no part, or one has no points or an odd number of coordinates.

    Example:
        >>> join([[0, 0, 1, 0, 1, 1], [3, 0, 4, 0, 4, 1]]).astype(int).ravel().tolist()
        [0, 0, 1, 0, 3, 0, 4, 0, 4, 1, 3, 0, 1, 0, 1, 1]
    """
    arrays = [_points(part) for part in parts]
    if not arrays:
        raise FormatError("there is nothing to join: give at least one polygon")
    joined = arrays[0]
    for part in arrays[1:]:
        here, there = _nearest(joined, part)
        detour = np.concatenate([part[there:], part[: there + 1]])
        joined = np.concatenate([joined[: here + 1], detour, joined[here:]])
    return joined


def _batches(masks: Sequence[Runs]) -> Iterator[Sequence[Runs]]:
    """Masks that are traced at once: as many as take little memory."""
    start, gathered = 0, 0
    for number, runs in enumerate(masks, start=1):
        gathered += runs.counts.size + runs.size[1]  # a run may go on through many columns
        if gathered >= _RUNS or number == len(masks):
            yield masks[start:number]
            start, gathered = number, 0


def _grouped(polygons: Sequence[_Points], owners: Ints, count: int) -> list[list[_Points]]:
    """The polygons of each mask, given which mask each is of."""
    stops = np.searchsorted(owners, np.arange(count), side="right").tolist()
    return [list(polygons[start:stop]) for start, stop in pairwise([0, *stops])]


def _corners(points: NDArray[_Number], offsets: Ints) -> list[NDArray[_Number]]:
    """Leave out the points of closed rings at which the direction doesn't change."""
    points, offsets = _kept(points, offsets, (points[_onward(offsets)] != points).any(axis=1))
    onward = _onward(offsets)
    direction = np.sign(points[onward] - points)
    backward = np.empty_like(onward)
    backward[onward] = np.arange(onward.size)
    points, offsets = _kept(points, offsets, (direction != direction[backward]).any(axis=1))
    bounds = offsets.tolist()
    return [points[start:stop] for start, stop in pairwise(bounds)]


def _kept(points: NDArray[_Number], offsets: Ints, keep: NDArray[np.bool_]) -> tuple[NDArray[_Number], Ints]:
    """Keep some points of each ring, and the first one of a ring that would lose all."""
    before = np.concatenate([[0], keep.cumsum()])
    emptied = before[offsets[1:]] == before[offsets[:-1]]
    if emptied.any():
        keep[offsets[:-1][emptied]] = True
        before = np.concatenate([[0], keep.cumsum()])
    return points[keep], before[offsets]


def _onward(offsets: Ints) -> Ints:
    """Return the number of the next one in the same ring."""
    onward = np.arange(1, int(offsets[-1]) + 1)
    onward[offsets[1:] - 1] = offsets[:-1]
    return onward


def _points(part: ArrayLike) -> NDArray[np.float64]:
    try:
        values = np.asarray(part, np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"a polygon is a list of numbers, this can't be read as one: {error}") from error
    if not values.size or values.size % 2 or not (np.abs(values) < 1e100).all():
        raise FormatError(f"a polygon of {values.size} coordinates can't be joined: they are finite pairs, x and y")
    return values.reshape(-1, 2)


def _nearest(a: NDArray[np.float64], b: NDArray[np.float64]) -> tuple[int, int]:
    """Return which point of ``a`` and which of ``b`` are nearest to each other."""
    best, pair = np.inf, (0, 0)
    rows = max(1, _PAIRS // len(b))
    for start in range(0, len(a), rows):
        distances = ((a[start : start + rows, None] - b) ** 2).sum(axis=2)
        place = int(distances.argmin())
        if distances.flat[place] < best:
            best, pair = float(distances.flat[place]), (start + place // len(b), place % len(b))
    return pair
