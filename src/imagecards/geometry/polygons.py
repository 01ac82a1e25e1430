"""Polygons: closed outlines, x and y in turn, in pixels, where pixels are squares.

A polygon is a float64 array x0 y0 x1 y1 ..., flat or of shape (n, 2); its last point is joined to its first. The pixel
in column c and row r covers [c, c+1] x [r, r+1], so a polygon around that one pixel is c r, c+1 r, c+1 r+1, c r+1.
"""

from collections.abc import Sequence
from itertools import accumulate, chain, groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagecards.errors import FormatError
from imagecards.geometry.counts import decode_many
from imagecards.geometry.rle import canonical_runs, runs_from_coco, runs_from_coco_many, union
from imagecards.geometry.runs import Runs, check_size

# What `check_polygons` numbers; 0 is a sound polygon.
POLYGON_RULES = ("", "polygon-odd-length", "polygon-too-short", "polygon-not-finite", "polygon-outside")

FAR_SIDES = 10  # times the image's larger side: what is farther out is no annotation of this image
FAR_PIXELS = 1000  # pixels that are allowed for small images besides
_LARGEST = 1e100  # from here on, areas would leave what a float64 holds
_STEPS_A_PIXEL = 5  # pycocotools walks along polygons in fifths of a pixel
# What pycocotools may allocate, in steps of 16 bytes: honest outlines are long where points or pixels are many.
_STEPS_A_POINT = 200
_MOST_STEPS = 1 << 24
_FEW_STEPS = 1 << 22


def polygon_area(polygon: ArrayLike, signed: bool = False) -> float:
    """Return the area within a polygon, in square pixels.

    Args:
        polygon: At least three points.
        signed: Positive if the points go clockwise as seen on a screen, where y points down; else negative.

    Raises:
        FormatError: It has an odd number of coordinates, fewer than three points, or one that isn't finite.

    Example:
        >>> polygon_area([0, 0, 2, 0, 2, 3, 0, 3]), polygon_area([0, 3, 2, 3, 2, 0, 0, 0], signed=True)
        (6.0, -6.0)
    """
    points = polygon_points(polygon)
    points = points - points[0]  # so that an outline far from the corner loses no digits
    x, y = points[:, 0], points[:, 1]
    area = float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)
    return area if signed else abs(area)


def polygon_bounds(polygons: Sequence[ArrayLike]) -> tuple[float, float, float, float]:
    """Return x, y, width, height of the smallest box around all of an object's polygons.

    Raises:
        FormatError: There is none, or one has an odd number of coordinates, too few points or isn't finite.

    Example:
        >>> polygon_bounds([[1, 2, 3, 2, 3, 5], [0, 2, 1, 2, 1, 3]])
        (0.0, 2.0, 3.0, 3.0)
    """
    if not len(polygons):
        raise FormatError("an object without polygons has no bounds: give at least one")
    points = np.concatenate([polygon_points(polygon) for polygon in polygons])
    (left, top), (right, bottom) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return left, top, right - left, bottom - top


def check_polygon(polygon: ArrayLike, width: float, height: float) -> str | None:
    """Name the rule that a polygon breaks.

    Args:
        polygon: Its coordinates, flat or as (n, 2), in pixels.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Returns:
        ``polygon-odd-length``, ``polygon-too-short`` (fewer than three points), ``polygon-not-finite``,
        ``polygon-outside`` (it doesn't touch the image, or a coordinate is farther than ten times the image's larger
        side and 1,000 pixels from 0), or ``None``: it is sound, which includes one that lies outside in part.

    Raises:
        FormatError: These are no numbers.

    Example:
        >>> check_polygon([0, 0, 5, 0, 5, 5], 10, 10), check_polygon([20, 0, 25, 0, 25, 5], 10, 10)
        (None, 'polygon-outside')
    """
    flat = _numbers(polygon)
    code = check_polygons(flat, np.array([0, flat.size]), np.array([width]), np.array([height]))[0]
    return POLYGON_RULES[code] or None


def check_polygons(
    flat: NDArray[np.float64], offsets: NDArray[np.int64], widths: ArrayLike, heights: ArrayLike
) -> NDArray[np.uint8]:
    """Check many polygons at once; see `check_polygon`.

    Args:
        flat: The coordinates of all polygons, one after the other.
        offsets: Polygon i is ``flat[offsets[i]:offsets[i + 1]]``: shape (n + 1,), from 0 to the length of ``flat``.
        widths: Of each polygon's image, in pixels: shape (n,), or one number for all.
        heights: Of each polygon's image, in pixels.

    Returns:
        uint8, shape (n,): an index into ``POLYGON_RULES``, 0 for a sound polygon.

    Raises:
        FormatError: The offsets don't part the coordinates.

    Example:
        >>> POLYGON_RULES[check_polygons(np.array([0.0, 0, 5, 0, 5]), np.array([0, 5]), 10, 10)[0]]
        'polygon-odd-length'
    """
    flat, offsets = np.asarray(flat, np.float64), np.asarray(offsets, np.int64)
    lengths = np.diff(offsets)
    if not offsets.size or offsets[0] != 0 or offsets[-1] != flat.size or (lengths < 0).any():
        raise FormatError(f"the offsets of polygons ascend from 0 to the {flat.size} coordinates that there are")
    wide = np.broadcast_to(np.asarray(widths, np.float64), lengths.shape)
    high = np.broadcast_to(np.asarray(heights, np.float64), lengths.shape)
    odd = lengths % 2 == 1
    short = lengths < 6
    codes = np.zeros(lengths.size, np.uint8)
    finite_numbers = np.isfinite(flat)
    finite = np.ones(lengths.size, np.bool_)
    if not finite_numbers.all():
        finite[np.searchsorted(offsets, np.flatnonzero(~finite_numbers), side="right") - 1] = False
    sound = np.flatnonzero(~(odd | short | ~finite))
    if sound.size:
        # The points of sound polygons alone: between them lies what has no pairs, or no numbers.
        if sound.size == lengths.size:
            points, starts = flat.reshape(-1, 2), offsets[:-1] // 2
        else:
            keep = np.repeat(np.isin(np.arange(lengths.size), sound), lengths)
            points = flat[keep].reshape(-1, 2)
            starts = (lengths[sound].cumsum() - lengths[sound]) // 2
        least, most = np.minimum.reduceat(points, starts), np.maximum.reduceat(points, starts)
        limits = np.stack([wide[sound], high[sound]], axis=1)
        far = (FAR_SIDES * limits.max(axis=1) + FAR_PIXELS)[:, None]
        outside = (most < 0) | (least > limits) | (most > far) | (least < -far)
        codes[sound[outside.any(axis=1)]] = 4
    codes[~finite] = 3
    codes[short] = 2
    codes[odd] = 1
    return codes


def polygons_to_runs(polygons: Sequence[ArrayLike], height: int, width: int) -> Runs:
    """Fill an object's polygons, exactly as pycocotools does.

    Nothing is clipped beforehand: what lies outside the image is left out while filling.

    Args:
        polygons: The object is all of them together; where one crosses itself, the even-odd rule holds.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        FormatError: There is no polygon, one breaks a rule of `check_polygon` (one that is merely outside the image
            is no pixels, if it isn't far out), or is too long to be followed.

    Example:
        >>> polygons_to_runs([[1, 1, 3, 1, 3, 3, 1, 3]], 4, 4).counts.tolist()
        [5, 2, 2, 2, 5]
    """
    import pycocotools.mask as coco

    height, width = check_size(height, width)
    if not len(polygons):
        raise FormatError("an object without polygons has no pixels: give at least one, or drop the object")
    far = FAR_SIDES * max(height, width) + FAR_PIXELS
    safe = []
    for polygon in polygons:
        points = polygon_points(polygon)
        # pycocotools converts to int and allocates by length unchecked: without this it would end the process.
        least, most = float(points.min()), float(points.max())
        if least < -far or most > far:
            raise FormatError(
                f"a polygon has the coordinate {most if most > far else least:g} in an image of {height} x {width}: "
                "coordinates are pixels; correct the polygon"
            )
        allowed = _STEPS_A_POINT * len(points) + min(_STEPS_A_PIXEL * height * width, _MOST_STEPS) + _FEW_STEPS
        if _STEPS_A_PIXEL * (most - least) * len(points) > allowed and _steps(points) > allowed:
            raise FormatError(
                f"a polygon of {len(points)} points is {_steps(points) / _STEPS_A_PIXEL:,.0f} pixels long in an image "
                f"of {height} x {width}: that is no outline of anything; correct the polygon"
            )
        safe.append(points.ravel())
    filled = [runs_from_coco(rle) for rle in coco.frPyObjects(safe, height, width)]
    return filled[0] if len(filled) == 1 else union(filled)


def polygons_to_runs_many(
    objects: Sequence[Sequence[ArrayLike]], heights: Sequence[int], widths: Sequence[int]
) -> list[Runs]:
    """Fill the polygons of many objects: as `polygons_to_runs` for each, several times as fast.

    Args:
        objects: The polygons of each object.
        heights: Of the image of each object, in pixels; objects of one image stand together.
        widths: The same for widths.

    Raises:
        FormatError: As for `polygons_to_runs`, of the first bad object.

    Example:
        >>> [runs.counts.tolist() for runs in polygons_to_runs_many([[[1, 1, 3, 1, 3, 3, 1, 3]]], [4], [4])]
        [[5, 2, 2, 2, 5]]
    """
    import pycocotools.mask as coco

    sizes = list(zip(heights, widths, strict=True))
    safe = _plainly_safe(objects, sizes)
    if safe is None:
        return [polygons_to_runs(one, height, width) for one, (height, width) in zip(objects, sizes, strict=True)]
    filled: list[dict[str, Any]] = []
    shapes: list[tuple[int, int]] = []
    start = 0
    counts = list(map(len, objects))
    for (height, width), group in groupby(zip(counts, sizes, strict=True), key=itemgetter(1)):
        stop = start + sum(count for count, _ in group)
        shapes += [check_size(height, width)] * (stop - start)
        filled += coco.frPyObjects(safe[start:stop], height, width)
        start = stop
    runs = canonical_runs(*decode_many([rle["counts"] for rle in filled]), shapes) or runs_from_coco_many(filled)
    return [
        runs[stop - 1] if count == 1 else union(runs[stop - count : stop])
        for count, stop in zip(counts, accumulate(counts), strict=True)
    ]


def _plainly_safe(
    objects: Sequence[Sequence[ArrayLike]], sizes: Sequence[tuple[int, int]]
) -> list[NDArray[np.float64]] | None:
    """All polygons, if they can be handed to pycocotools without a closer look at each: those of real data can."""
    flat = [polygon for polygons in objects for polygon in polygons]
    if not flat or not all(map(len, objects)):
        return None
    try:
        lengths = np.fromiter(map(len, flat), np.int64, len(flat))  # type: ignore[arg-type]  # what has none is looked at
        values = np.fromiter(chain.from_iterable(flat), np.float64, int(lengths.sum()))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    owners = np.repeat(np.arange(len(objects)), [len(polygons) for polygons in objects])
    height, width = np.array(sizes, np.float64)[owners].T
    far = FAR_SIDES * np.maximum(height, width) + FAR_PIXELS
    if (lengths < 6).any() or (lengths % 2).any() or not np.isfinite(values).all():
        return None
    stops = lengths.cumsum()
    starts = stops - lengths
    least, most = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    allowed = _STEPS_A_POINT * (lengths // 2) + np.minimum(_STEPS_A_PIXEL * height * width, _MOST_STEPS) + _FEW_STEPS
    short = _STEPS_A_PIXEL * (most - least) * (lengths // 2) <= allowed
    if not (short & (least >= -far) & (most <= far)).all():
        return None
    return [values[start:stop] for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)]


def polygon_points(polygon: ArrayLike) -> NDArray[np.float64]:
    """Return a polygon's points, shape (n, 2), after proving that there are three and all are finite.

    Raises:
        FormatError: Not so.

    Example:
        >>> polygon_points([0, 0, 5, 0, 5, 5]).tolist()
        [[0.0, 0.0], [5.0, 0.0], [5.0, 5.0]]
    """
    flat = _numbers(polygon)
    if flat.size % 2:
        raise FormatError(f"a polygon has {flat.size} coordinates, but they come in pairs: x and y")
    if flat.size < 6:
        raise FormatError(f"a polygon has {flat.size // 2} points: it takes three. Correct or drop it")
    if not (flat.min() > -_LARGEST and flat.max() < _LARGEST):
        place = int((~(np.abs(flat) < _LARGEST)).argmax())
        raise FormatError(f"coordinate {place} of a polygon is {flat[place]}: every one must be a finite pixel")
    return flat.reshape(-1, 2)


def _numbers(polygon: ArrayLike) -> NDArray[np.float64]:
    try:
        values = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"a polygon is a list of numbers, this can't be read as one: {error}") from error
    if (values.ndim == 2 and values.shape[1] != 2) or values.ndim not in (1, 2):
        raise FormatError(f"a polygon is a list x, y, x, y, ... or of pairs, this has the shape {values.shape}")
    return values.ravel()


def _steps(points: NDArray[np.float64]) -> float:
    return float(_STEPS_A_PIXEL * np.abs(np.diff(points, axis=0, append=points[:1])).max(axis=1).sum())
