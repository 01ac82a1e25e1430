"""The shapes of CVAT: boxes and ellipses that may be turned, polygons, and masks in a box, counted along rows."""

from typing import Any

import numpy as np

from imagecards.errors import FormatError
from imagecards.formats.figures import Points, check_pixels, clipped, ellipse, placed_mask, polygon_of, turned_box
from imagecards.formats.groups import BadShapeError, Shape
from imagecards.formats.xml_nodes import Node
from imagecards.geometry import runs_from_row_major, runs_to_mask


def read_shape(node: Node, where: str, size: tuple[int, int]) -> Shape:
    """Read a shape that has an area.

    Args:
        node: The element.
        where: What issues call it.
        size: Width and height of the image.

    Raises:
        BadShapeError: It is not what CVAT writes.
    """
    label = node.attributes.get("label", "")
    if not label:
        raise BadShapeError("missing-field", "a shape has a label", "label")
    group = whole(node, "group_id", 0)
    shape = Shape(where, label, node.line, group=group or None, fields=_fields(node))
    turned = _number(node, "rotation", 0.0)
    corners: Points = []
    if node.tag == "box":
        left, top, right, bottom = (_number(node, key) for key in ("xtl", "ytl", "xbr", "ybr"))
        if right < left or bottom < top:
            raise BadShapeError("bbox-negative-size", "a box ends before it begins", "xbr", [left, top, right, bottom])
        if not turned % 360:
            shape.box = [left, top, right - left, bottom - top]
            return shape
        middle = ((left + right) / 2, (top + bottom) / 2)
        corners = clipped(turned_box(left, top, right - left, bottom - top, turned, middle), *size)
    elif node.tag == "ellipse":
        x, y, rx, ry = (_number(node, key) for key in ("cx", "cy", "rx", "ry"))
        corners = clipped(ellipse(x, y, abs(rx), abs(ry), turned), *size)
    elif node.tag == "polygon":
        corners = _points(node)
        if len(corners) < 3:
            raise BadShapeError("polygon-too-short", "a polygon has three points or more", "points", corners)
    elif node.tag == "mask":
        _mask(shape, node, size)
        return shape
    else:
        raise BadShapeError("unknown-shape", "CVAT has no shapes of this kind", "", node.tag)
    if not corners:
        raise BadShapeError("shape-outside", f"no part of the {node.tag} is in the image")
    shape.polygon = polygon_of(corners)
    return shape


def _mask(shape: Shape, node: Node, size: tuple[int, int]) -> None:
    """A mask whose runs go along the rows of a box, zeros first."""
    left, top, width, height = (whole(node, key) for key in ("left", "top", "width", "height"))
    try:
        check_pixels(size[1], size[0])
        if left < 0 or top < 0 or left + width > size[0] or top + height > size[1]:
            raise FormatError(f"its box ({left}, {top}, {width} x {height}) reaches beyond the image")
        counts = [int(count) for count in node.attributes.get("rle", "").split(",") if count.strip()]
        small = runs_to_mask(runs_from_row_major(counts, height, width))
        shape.runs = placed_mask(np.asarray(small, bool), left, top, size[1], size[0])
    except (FormatError, ValueError, OverflowError) as error:
        raise BadShapeError("bad-rle", str(error), "rle", node.attributes.get("rle", "")) from error
    shape.box = [float(left), float(top), float(width), float(height)]


def _fields(node: Node) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key in ("occluded", "z_order"):
        if key in node.attributes:
            fields[key] = whole(node, key, 0)
    if node.attributes.get("source"):
        fields["source"] = node.attributes["source"]
    attributes = attributes_of(node)
    return fields | ({"attributes": attributes} if attributes else {})


def attributes_of(node: Node) -> dict[str, str]:
    """The attributes that labels have in CVAT, as text."""
    found = {child.attributes.get("name", ""): child.text for child in node.all("attribute")}
    found.pop("", None)
    return found


def _points(node: Node) -> Points:
    text = node.attributes.get("points", "")
    corners = []
    for number, pair in enumerate(filter(None, text.split(";"))):
        x, comma, y = pair.partition(",")
        if not comma:
            raise BadShapeError("wrong-type", "a point is x,y", f"points[{number}]", pair)
        corners.append((_finite(x, f"points[{number}]"), _finite(y, f"points[{number}]")))
    return corners


def _number(node: Node, key: str, default: float | None = None) -> float:
    if key not in node.attributes and default is not None:
        return default
    return _finite(node.attributes.get(key, ""), key)


def _finite(text: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < 2**53:
        raise BadShapeError("not-finite", "this is a finite number", where, text)
    return number


def whole(node: Node, key: str, default: int | None = None) -> int:
    """A whole number that an element has as an attribute."""
    number = _number(node, key, default)
    if number != int(number):
        raise BadShapeError("wrong-type", "this is a whole number", key, node.attributes.get(key, ""))
    return int(number)
