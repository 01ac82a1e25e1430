"""The objects of Pascal VOC: boxes and polygons of pixels that are counted from 1, or from 0."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from imagecards.formats.figures import box_of
from imagecards.formats.groups import BadShapeError
from imagecards.formats.xml_nodes import Node

SHIFTS: Mapping[str, tuple[float, float, float]] = {
    "1-based": (-1, 1, -0.5),
    "0-based": (0, 1, 0.5),
    "edges": (0, 0, 0),
}
"""What is added to the first corner of a box, to its size, and to the points of polygons."""

_FLAGS = ("difficult", "truncated", "occluded")
_OWN = ("name", "bndbox", "polygon", "part", *_FLAGS)
_RENAMED = ("bbox", "category", "segmentation", "parts")


def read_object(node: Node, boxes: str) -> dict[str, Any]:
    """Read an object.

    Args:
        node: The element.
        boxes: How pixels are counted, a key of `SHIFTS`.

    Raises:
        BadShapeError: Something in it is wrong.
    """
    name = node.text_of("name")
    if not name:
        raise BadShapeError("missing-field", "an object has a name", "name", "")
    entry: dict[str, Any] = {"bbox": None, "category": name}
    outline = [_polygon(part, boxes) for part in node.all("polygon")]
    if outline:
        entry["segmentation"] = outline
    box = node.first("bndbox")
    if box is None and not outline:
        raise BadShapeError("missing-field", "an object has a bndbox", "bndbox", "")
    entry["bbox"] = _box(box, boxes) if box is not None else box_of(outline)
    for flag in _FLAGS:
        text = node.text_of(flag)
        if text:
            number = number_of(text)
            entry[flag] = int(number) if number is not None and number == int(number) else None
    parts = [{"name": part.text_of("name"), "bbox": _box(part.first("bndbox"), boxes)} for part in node.all("part")]
    if parts:
        entry["parts"] = parts
    for child in node.children:
        if child.tag not in _OWN and (child.text or child.children):
            key = child.tag if child.tag not in _RENAMED else f"{child.tag}_"
            entry.setdefault(key, plain(child))
    return entry


def repeated(node: Node, *may: str) -> Iterator[str]:
    """The elements that there are several of in one, or in one within it, each with what it is in: ``bndbox/xmin``.

    Args:
        node: The element that they are in.
        may: Those that there may be several of.
    """
    if len({child.tag for child in node.children}) < len(node.children):
        tags = Counter(child.tag for child in node.children)
        yield from (tag for tag, count in tags.items() if count > 1 and tag not in may)
    for child in node.children:
        if child.children and child.tag != "object" and not _named_attributes(child):
            yield from (f"{child.tag}/{tag}" for tag in repeated(child, *(("pt",) if child.tag == "polygon" else ())))


def plain(node: Node) -> Any:
    """An element that only its author knows, as JSON; of those that are repeated in it, the first."""
    if not node.children:
        return node.text
    return _named_attributes(node) or {child.tag: plain(child) for child in reversed(node.children)}


def _named_attributes(node: Node) -> dict[str, str]:
    """What an element says in attributes that have a name and a value, as CVAT writes them; empty for any other."""
    pairs = [(child.text_of("name"), child.text_of("value")) for child in node.children if child.tag == "attribute"]
    whole = len(pairs) == len(node.children) and all(name for name, _ in pairs)
    return dict(reversed(pairs)) if whole else {}


def _box(node: Node | None, boxes: str) -> list[float]:
    if node is None:
        raise BadShapeError("missing-field", "a part has a bndbox", "part", "")
    xmin, ymin, xmax, ymax = (_coordinate(node, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    first, last, _ = SHIFTS[boxes]
    width, height = xmax - xmin + last, ymax - ymin + last
    if width < 0 or height < 0:
        raise BadShapeError("bbox-negative-size", "a box ends before it begins", "bndbox", f"{width}, {height}")
    return [xmin + first, ymin + first, width, height]


def _polygon(node: Node, boxes: str) -> list[float]:
    shift = SHIFTS[boxes][2]
    flat = []
    number = 1
    texts = {child.tag: child.text for child in reversed(node.children)}  # the first of a name counts
    while f"x{number}" in texts:
        flat += [_finite(texts.get(f"{axis}{number}", ""), f"polygon.{axis}{number}") + shift for axis in "xy"]
        number += 1
    for point in node.all("pt"):  # LabelMe's own XML, and tools that write as it does
        flat += [_coordinate(point, axis) + shift for axis in "xy"]
    if len(flat) < 6:
        raise BadShapeError("polygon-too-short", "a polygon has three points or more", "polygon", str(flat))
    return flat


def _coordinate(node: Node, tag: str) -> float:
    return _finite(node.text_of(tag), f"{node.tag}.{tag}")


def _finite(text: str, where: str) -> float:
    number = number_of(text)
    if number is None:
        raise BadShapeError("not-finite", "a coordinate is a finite number", where, text)
    return number


def number_of(text: str) -> float | None:
    """A finite number, or ``None``."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 2**53 else None
