"""Filling of pixel-centre polygons, exactly as OpenCV's ``fillPoly`` does for whole coordinates."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagecards.errors import FormatError
from imagecards.geometry.polygons import FAR_PIXELS, FAR_SIDES
from imagecards.geometry.runs import Ints, Runs, check_size, runs_from_flat, runs_from_spans
from imagecards.geometry.windows import placed

_FRACTION = 16  # bits behind the point in OpenCV's coordinates
_MOST_STEPS = 1 << 22  # pixels along all edges that are held at once
_STEPS_A_POINT = 200  # more for polygons that have many points


def fill_centre(polygon: ArrayLike, height: int, width: int) -> Runs:
    """Fill a polygon whose coordinates are pixels: its edges are inside, and the even-odd rule holds.

    Args:
        polygon: Whole numbers, column and row in turn, flat or as (n, 2); one or two points are a pixel or a line.
            They may lie outside the image: edges are cut at its border as OpenCV cuts them, to whole pixels.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Returns:
        The pixels that ``cv2.fillPoly(image, [polygon], 1)`` paints.

    Raises:
        FormatError: The coordinates aren't pairs of whole numbers, are far outside the image, or none are given.

    Example:
        >>> fill_centre([1, 1, 2, 1, 2, 2, 1, 2], 4, 4).counts.tolist()
        [5, 2, 2, 2, 5]
    """
    height, width = check_size(height, width)
    points = _points(polygon, height, width)
    ends = np.roll(points, -1, axis=0)
    left, top = np.maximum(points.min(axis=0), 0).tolist()
    right, bottom = np.minimum(points.max(axis=0) + 1, [width, height]).tolist()
    if right <= left or bottom <= top:
        nothing = np.zeros(0, np.int64)
        return runs_from_spans(nothing, nothing, height, width)
    cut_starts, cut_ends, visible = points, ends, np.ones(len(points), np.bool_)
    if ((points < 0) | (points >= [width, height])).any():
        left, right = 0, width  # a cut edge that is drawn out again may leave the polygon's own bounds
        cut_starts, cut_ends, visible = _cut(points, ends, height, width)
    wide, high, corner = right - left, bottom - top, np.array([left, top])
    cut_starts, cut_ends = cut_starts - corner, cut_ends - corner
    filled = _inside(points[:, 1] - top, ends[:, 1] - top, cut_starts, cut_ends, high, wide)
    x, y = _lines(cut_starts[visible], cut_ends[visible])
    filled[y, x] = True
    return placed(runs_from_flat(filled.ravel(order="F"), high, wide), left, top, width, height)


def _cut(starts: Ints, ends: Ints, height: int, width: int) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Cut edges at the image's borders as OpenCV does, which rounds to whole pixels, and tell which are visible."""
    points = [starts.copy(), ends.copy()]
    last = np.array([width - 1, height - 1])

    def sides(of: Ints, axis: int) -> Ints:
        result: Ints = (of[:, axis] < 0) + 2 * (of[:, axis] > last[axis])
        return result

    def crosses() -> NDArray[np.bool_]:
        found = np.ones(len(starts), np.bool_)
        for axis in (0, 1):
            found &= (sides(points[0], axis) & sides(points[1], axis)) == 0
        return found

    for axis in (1, 0):
        able = crosses()
        for one in points:
            side = sides(one, axis)
            cut = np.flatnonzero(able & (side > 0))
            border = np.where(side[cut] == 1, 0, last[axis])
            span = points[1][cut] - points[0][cut]
            shift = (border - one[cut, axis]).astype(np.float64) * span[:, 1 - axis] / span[:, axis]
            one[cut, 1 - axis] += np.trunc(shift).astype(np.int64)
            one[cut, axis] = border
    both = np.concatenate(points, axis=1)
    visible: NDArray[np.bool_] = np.logical_and.reduce((both >= 0) & (both <= np.tile(last, 2)), axis=1)
    return points[0], points[1], visible


def _inside(start_rows: Ints, end_rows: Ints, starts: Ints, ends: Ints, height: int, width: int) -> NDArray[np.bool_]:
    """Fill between the first and second, third and fourth ... crossing of each row with the edges.

    Args:
        start_rows: Where each edge starts.
        end_rows: Where each edge ends.
        starts: A point on the line that each edge lies on.
        ends: Another one.
        height: Of the result.
        width: Of the result.
    """
    rise = ends[:, 1] - starts[:, 1]
    run = (ends[:, 0] - starts[:, 0]) << _FRACTION
    # Cut off towards zero, as C divides.
    slope = np.sign(run) * np.sign(rise) * (np.abs(run) // np.maximum(np.abs(rise), 1))
    down = end_rows > start_rows
    first_row, last_row = np.where(down, start_rows, end_rows), np.where(down, end_rows, start_rows)
    known = np.where(down[:, None], starts, ends)
    first, last = np.maximum(first_row, 0), np.minimum(last_row, height)
    count = np.maximum(last - first, 0)
    edge = np.repeat(np.arange(len(starts)), count)
    y = first[edge] + np.arange(edge.size) - (count.cumsum() - count)[edge]
    x = (known[edge, 0] << _FRACTION) + slope[edge] * (y - known[edge, 1])
    order = np.lexsort((x, y))
    y, x = y[order], x[order]
    # Only whole pixels between the crossings: those that an edge cuts are painted as part of its line, if at all.
    row = y[::2]
    begin, end = np.clip(-(-x[::2] >> _FRACTION), 0, width), np.clip((x[1::2] >> _FRACTION) + 1, 0, width)
    pitch = width + 1
    steps = np.bincount(row * pitch + begin, minlength=height * pitch)
    steps -= np.bincount(row * pitch + np.maximum(begin, end), minlength=height * pitch)
    filled: NDArray[np.bool_] = steps.cumsum().reshape(height, pitch)[:, :-1] > 0
    return filled


def _lines(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return the pixels of all edges: Bresenham's, which starts at the left end of each."""
    swap = ends[:, 0] < starts[:, 0]
    begin, end = np.where(swap[:, None], ends, starts), np.where(swap[:, None], starts, ends)
    reach = np.abs(end - begin)
    long = reach.max(axis=1)
    edge = np.repeat(np.arange(len(starts)), long + 1)
    step = np.arange(edge.size) - ((long + 1).cumsum() - (long + 1))[edge]
    twice = 2 * np.maximum(long, 1)[:, None]
    # Along the longer side this is one pixel a step; along the other, halves are rounded down.
    moved = (2 * reach[edge] * step[:, None] + long[edge, None] - 1) // twice[edge]
    moved = np.where(reach[edge] == long[edge, None], step[:, None], moved)
    x, y = (begin[edge] + np.sign(end - begin)[edge] * moved).T
    return x, y


def _points(polygon: ArrayLike, height: int, width: int) -> Ints:
    try:
        values = np.asarray(polygon, np.float64).ravel()
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"a polygon is a list of numbers, this can't be read as one: {error}") from error
    if not values.size or values.size % 2:
        raise FormatError(f"a polygon has {values.size} coordinates, but they come in pairs: x and y")
    far = FAR_SIDES * max(height, width) + FAR_PIXELS
    wrong = ~(np.abs(values) <= far)
    if wrong.any():
        raise FormatError(
            f"a polygon has the coordinate {values[wrong.argmax()]:g} in an image of {height} x {width}: "
            "coordinates are pixels; correct the polygon"
        )
    if (values != np.floor(values)).any():
        found = values[(values != np.floor(values)).argmax()]
        raise FormatError(f"a polygon has the coordinate {found:g}: here they are whole pixels; round them first")
    points = values.reshape(-1, 2).astype(np.int64)
    steps = int(np.abs(np.diff(points, axis=0, append=points[:1])).max(axis=1).sum())
    if steps > _MOST_STEPS + _STEPS_A_POINT * len(points):
        raise FormatError(
            f"a polygon of {len(points)} points is {steps:,} pixels long in an image of {height} x {width}: that is "
            "no outline of anything; correct the polygon"
        )
    return points
