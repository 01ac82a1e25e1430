"""Shapes that annotation tools know and records don't, as polygons and masks: ellipses, turned boxes, small masks."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry import Runs, bounds, runs_to_mask
from imagecards.geometry.runs import check_size, runs_from_spans
from imagecards.images import MAX_PIXELS

CURVE_ERROR = 0.1
"""How far, in pixels, the polygon of a circle or an ellipse may stay inside the curve."""

Points = list[tuple[float, float]]

_MOST_CORNERS = 720
_FEWEST_CORNERS = 16


def ellipse(x: float, y: float, rx: float, ry: float, turned: float = 0.0) -> list[tuple[float, float]]:
    """An ellipse as a polygon whose corners lie on it, no more than `CURVE_ERROR` inside the curve elsewhere.

    Args:
        x: Of the centre.
        y: Of the centre.
        rx: Radius along its own x axis.
        ry: Radius along its own y axis.
        turned: Degrees, clockwise on a screen.

    Returns:
        The corners: their number is a multiple of four, and the first lies on the ellipse's own x axis, so that the
        box of one that isn't turned is exact. At most 720, which is as accurate as said up to a radius of 10,000.

    Example:
        >>> polygon = ellipse(10, 10, 5, 5)
        >>> len(polygon), [round(v, 9) for v in (*polygon[0], *polygon[4])]
        (16, [15.0, 10.0, 10.0, 15.0])
    """
    radius = max(rx, ry, CURVE_ERROR)
    count = math.pi / math.acos(1 - min(1.0, CURVE_ERROR / radius))
    count = min(max(4 * math.ceil(count / 4), _FEWEST_CORNERS), _MOST_CORNERS)
    angles = np.arange(count) * (2 * math.pi / count)
    corners = np.stack([rx * np.cos(angles), ry * np.sin(angles)], axis=1).round(9)
    return _placed(corners, x, y, turned)


def turned_box(x: float, y: float, width: float, height: float, turned: float, about: tuple[float, float]) -> Points:
    """A box that is turned about a point, as its four corners.

    Args:
        x: Of the top left corner before it was turned.
        y: Of the top left corner before it was turned.
        width: In pixels.
        height: In pixels.
        turned: Degrees, clockwise on a screen.
        about: The point that stays where it is.

    Example:
        >>> turned_box(0, 0, 4, 2, 90, (0, 0))
        [(0.0, 0.0), (0.0, 4.0), (-2.0, 4.0), (-2.0, 0.0)]
    """
    corners = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], float)
    return _placed(corners - about, *about, turned)


def clipped(points: Points, width: float, height: float) -> Points:
    """The part of a convex polygon that lies in its image; empty where none does.

    Example:
        >>> clipped([(-2, 0), (2, 0), (2, 4), (-2, 4)], 10, 10)
        [(0.0, 0.0), (2.0, 0.0), (2.0, 4.0), (0.0, 4.0)]
    """
    for axis, limit, sign in ((0, 0.0, 1), (0, float(width), -1), (1, 0.0, 1), (1, float(height), -1)):
        kept: Points = []
        for before, after in zip(points[-1:] + points[:-1], points, strict=True):
            inside = [sign * (each[axis] - limit) >= 0 for each in (before, after)]
            if inside[0] != inside[1]:
                share = (limit - before[axis]) / (after[axis] - before[axis])
                other = before[1 - axis] + share * (after[1 - axis] - before[1 - axis])
                kept.append((limit, other) if axis == 0 else (other, limit))
            if inside[1]:
                kept.append((float(after[0]), float(after[1])))
        points = [point for number, point in enumerate(kept) if point != kept[number - 1]]
    return points if len(points) >= 3 else []


def polygon_of(points: Sequence[Sequence[float]]) -> list[float]:
    """Points as records have them: x and y in turn."""
    return [float(value) for point in points for value in point]


def box_of(polygons: Sequence[Sequence[float]]) -> list[float]:
    """The box around flat polygons, x, y, width, height."""
    xs = [value for polygon in polygons for value in polygon[::2]]
    ys = [value for polygon in polygons for value in polygon[1::2]]
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def placed_mask(mask: NDArray[np.bool_], x: int, y: int, height: int, width: int) -> Runs:
    """A mask that lies somewhere in an image, as runs of the whole image, which is never drawn.

    Args:
        mask: bool, shape (rows, columns).
        x: The column of the image that its first one is.
        y: The row of the image that its first one is.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        FormatError: It reaches beyond the image.

    Example:
        >>> placed_mask(np.array([[True], [True]]), 1, 0, 3, 2).counts.tolist()
        [3, 2, 1]
    """
    height, width = check_size(height, width)
    rows, columns = mask.shape
    if x < 0 or y < 0 or x + columns > width or y + rows > height:
        raise FormatError(
            f"a mask of {columns} x {rows} pixels at ({x}, {y}) reaches beyond an image of {width} x {height}"
        )
    # A row of nothing below keeps apart what the next column begins with.
    steps = np.diff(np.pad(mask, ((1, 1), (0, 0))).astype(np.int8), axis=0)
    column, start = np.nonzero(steps.T == 1)
    ends = np.nonzero(steps.T == -1)[1]
    base = (column + x) * height + y
    return runs_from_spans(base + start, base + ends, height, width)


def check_pixels(height: Any, width: Any) -> None:
    """See that an image that a mask is drawn into is no larger than images may be.

    Raises:
        FormatError: It is.
    """
    height, width = check_size(height, width)
    if height * width > MAX_PIXELS:
        raise FormatError(f"a mask of {width} x {height} pixels is larger than any image may be: correct the size")


def has_holes(runs: Runs, polygons: int) -> bool:
    """Whether a mask has holes, which are left out by an outline without bridges.

    Args:
        runs: The mask.
        polygons: How many parts it has whose pixels share sides.

    Example:
        >>> from imagecards.geometry import mask_to_runs
        >>> has_holes(mask_to_runs([[1, 1, 1], [1, 0, 1], [1, 1, 1]]), 1)
        True
    """
    if not polygons:
        return False
    x, y, w, h = bounds(runs)
    mask = np.pad(runs_to_mask(runs)[y : y + h, x : x + w], 1).astype(np.int8)
    quads = mask[1:, 1:] + 2 * mask[1:, :-1] + 4 * mask[:-1, 1:] + 8 * mask[:-1, :-1]
    ones, threes = np.isin(quads, (1, 2, 4, 8)).sum(), np.isin(quads, (7, 11, 13, 14)).sum()
    diagonal = np.isin(quads, (6, 9)).sum()
    return int(polygons - (ones - threes + 2 * diagonal) // 4) > 0  # parts less Euler's number


def _placed(corners: NDArray[np.float64], x: float, y: float, turned: float) -> Points:
    if turned % 360:
        angle = math.radians(turned)
        sine, cosine = math.sin(angle), math.cos(angle)
        corners = (corners @ np.array([[cosine, sine], [-sine, cosine]])).round(9)
    return [(float(a), float(b)) for a, b in corners + (x, y) + 0.0]
