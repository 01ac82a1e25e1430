"""The shapes of labelme: polygons, rectangles, circles, and masks that are small PNG files."""

import base64
import math
from collections.abc import Sequence

import numpy as np

from imagecards.errors import FormatError
from imagecards.formats.figures import box_of, check_pixels, clipped, ellipse, placed_mask, polygon_of
from imagecards.formats.groups import TAKEN, BadShapeError, Shape
from imagecards.formats.labelme.writing import SHAPE_KEYS
from imagecards.geometry import Runs
from imagecards.images import decode, probe

MAX_MASK_CHARACTERS = 64 * 2**20

_SKIPPED = ("point", "points", "line", "linestrip")


def read_shape(raw: object, called: str, size: tuple[int, int] | None) -> Shape | None:
    """Read a shape; ``None`` for one that has no area."""
    if not isinstance(raw, dict):
        raise BadShapeError("wrong-type", "a shape is an object", value=raw)
    kind = raw.get("shape_type") or "polygon"  # files from before there were other types don't say
    if kind in _SKIPPED:
        return None
    label, group = raw.get("label"), raw.get("group_id")
    if not isinstance(label, str):
        raise BadShapeError("wrong-type", "a label is text", "label", label)
    if group is not None and (type(group) is not int and not isinstance(group, str)):
        raise BadShapeError("wrong-type", "a group_id is a whole number, or null", "group_id", group)
    fields = {key if key not in TAKEN else f"{key}_": value for key, value in raw.items() if key not in SHAPE_KEYS}
    fields |= {key: raw[key] for key in ("flags", "description") if raw.get(key)}
    shape = Shape(called, label, group=group, fields=fields)
    points = _checked(raw.get("points"))
    if kind == "mask":
        shape.box, shape.runs = _mask(raw.get("mask"), points, size)
    elif kind == "rectangle":
        shape.box, shape.polygon = _rectangle(points)
    elif kind == "circle":
        shape.polygon = _circle(points, size)
    elif kind in ("polygon", "rotation", "oriented_rectangle"):
        if len(points) < 3:
            raise BadShapeError("polygon-too-short", "a polygon has three points or more", "points", raw["points"])
        shape.polygon = polygon_of(points)
    else:
        raise BadShapeError("unknown-shape", "labelme has no shapes of this type", "shape_type", kind)
    return shape


def _checked(points: object) -> list[tuple[float, float]]:
    """Points as they are read, if each is two finite numbers.

    Raises:
        BadShapeError: They aren't.
    """
    if not isinstance(points, list):
        raise BadShapeError("wrong-type", "points are a list of [x, y]", "points", points)
    for number, point in enumerate(points):
        where = f"points[{number}]"
        if not isinstance(point, list) or len(point) != 2 or not all(type(v) in (int, float) for v in point):
            raise BadShapeError("wrong-type", "a point is [x, y], two numbers", where, point)
        if not all(math.isfinite(value) and abs(value) < 2**53 for value in point):
            raise BadShapeError("not-finite", "a coordinate is no finite number", where, point)
    return [(float(x), float(y)) for x, y in points]


def _rectangle(points: Sequence[tuple[float, float]]) -> tuple[list[float] | None, list[float] | None]:
    """A box; or an outline, where four corners aren't those of one."""
    if len(points) not in (2, 4):
        raise BadShapeError("rectangle-points", "a rectangle has two points, or four", "points", list(points))
    box = box_of([polygon_of(points)])
    corners = {(x, y) for x in (box[0], box[0] + box[2]) for y in (box[1], box[1] + box[3])}
    if len(points) == 4 and set(points) != corners:
        return None, polygon_of(points)
    return box, None


def _circle(points: Sequence[tuple[float, float]], size: tuple[int, int] | None) -> list[float]:
    if len(points) != 2:
        raise BadShapeError("circle-points", "a circle has two points: its centre, one on it", "points", list(points))
    (x, y), rim = points
    polygon = ellipse(x, y, radius := math.dist((x, y), rim), radius)
    if size is not None:
        polygon = clipped(polygon, *size)
    if not polygon or not radius:
        raise BadShapeError("shape-outside", "no part of the circle is in the image", "points", list(points))
    return polygon_of(polygon)


def _mask(
    data: object, points: Sequence[tuple[float, float]], size: tuple[int, int] | None
) -> tuple[list[float], Runs]:
    """The mask of a PNG that lies in a box whose corners are pixels, the last of them included."""
    if len(points) != 2:
        raise BadShapeError("mask-points", "the box of a mask has two points", "points", list(points))
    if not isinstance(data, str):
        raise BadShapeError("wrong-type", "a mask is a PNG file in base64", "mask", data)
    if len(data) > MAX_MASK_CHARACTERS:
        raise BadShapeError("mask-too-large", f"more than {MAX_MASK_CHARACTERS:,} characters", "mask", data[:40])
    if size is None:
        raise BadShapeError("size-unknown", "a mask needs imageWidth and imageHeight", "mask")
    width, height = size
    try:
        check_pixels(height, width)
        png = base64.b64decode("".join(data.split()), validate=True)
        info = probe(png, max_pixels=width * height)
        if info.format != "PNG":
            raise FormatError(f"a mask is a PNG, this is a {info.format}")
        pixels = np.asarray(decode(png, max_pixels=width * height))
        if pixels.ndim != 2:
            raise FormatError(f"a mask has one value a pixel, this one is {info.mode}")
        (left, top), (right, bottom) = [(round(x), round(y)) for x, y in points]
        left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
        if pixels.shape != (bottom - top + 1, right - left + 1):
            raise FormatError(
                f"the mask has {pixels.shape[1]} x {pixels.shape[0]} pixels, its box has "
                f"{right - left + 1} x {bottom - top + 1}"
            )
        runs = placed_mask(pixels != 0, left, top, height, width)
    except (ValueError, FormatError) as error:  # b64decode has one for letters beyond ASCII, too
        raise BadShapeError("bad-mask", str(error), "mask", data[:40]) from error
    return [float(left), float(top), float(right - left + 1), float(bottom - top + 1)], runs
