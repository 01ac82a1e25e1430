"""The regions of a Label Studio annotation: percent of the image, turned about corners, masks in a codec of its own."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagecards.errors import FormatError
from imagecards.formats.figures import Points, check_pixels, clipped, ellipse, polygon_of, turned_box
from imagecards.formats.groups import TAKEN, BadShapeError, Shape
from imagecards.formats.labelstudio.owners import AREAS, kind_of
from imagecards.geometry import decode_brush, mask_to_runs

OWN_ID = "imagecards-"
"""What the ids of regions begin with that stand for none of the dataset's own."""

PART_OF = "part_of"
"""The key of a region's ``meta`` that names the region whose object it is a part of."""

_DECIMALS = 8  # of pixels: what a percentage keeps of the coordinates in any image, so that 1/3 of 3 is 1
_WITHOUT_AREA = ("keypoint", "vector", "relation")
_FIELDS = ("number", "rating", "taxonomy", "datetime")
_TAKEN = (*TAKEN, "id", "id_", "area", "iscrowd", PART_OF)  # names of controls that mean something else in objects


@dataclass
class Found:
    """What the result of an annotation says of an image.

    Attributes:
        size: Width and height of the image, where a result says so.
        shapes: What has an area.
        categories: What was chosen for the image as a whole.
        texts: What was written on the image as a whole.
        fields: What else was said of it, by the name of the control.
        bad: For each result that is left out where it is, and why.
    """

    size: tuple[int, int] | None = None
    shapes: list[Shape] = field(default_factory=list)
    categories: list[str] | None = None
    texts: list[str] | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    bad: list[tuple[str, BadShapeError]] = field(default_factory=list)


@dataclass
class _Told:
    """What results of one id say of their region: labels by kind of region, ``""`` for any, and further fields."""

    labels: dict[str, list[str]] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)

    def take(self, raw: Mapping[str, Any]) -> None:
        """Take one result."""
        type_, value = raw.get("type"), raw["value"]
        kind = kind_of(type_)
        labels = _labels(value, kind)
        if labels:
            self.labels.setdefault(kind, labels)
        key = "text" if type_ == "textarea" else type_
        if kind not in AREAS and isinstance(key, str) and key in value and key != "labels":
            name = str(raw.get("from_name", key))
            while name in _TAKEN:
                name += "_"
            self.fields[name] = value[key]


def pixels(percent: float, size: int) -> float:
    """A percentage of an image's side in pixels.

    Example:
        >>> pixels(100 / 3, 3)
        1.0
    """
    return round(percent * size / 100, _DECIMALS) + 0.0


def read_result(results: Mapping[int, Any], place: str, size: tuple[int, int] | None) -> Found:
    """Read what the result of an annotation says of one image.

    Args:
        results: Regions, choices and texts as they are, by their numbers in the result.
        place: Where the result is, for the issues.
        size: Of the image, for regions that don't say it.
    """
    found = Found(next(filter(None, map(size_said, results.values())), None))
    told: dict[str, _Told] = defaultdict(_Told)
    regions = set()
    for raw in results.values():
        if isinstance(raw, dict) and isinstance(raw.get("value"), dict) and isinstance(raw.get("id"), str):
            told[raw["id"]].take(raw)
            if kind_of(raw.get("type")) in AREAS:
                regions.add(raw["id"])
    for number, raw in results.items():
        where = f"{place}[{number}]"
        try:
            _read_one(raw, where, told, regions, size, found)
        except BadShapeError as error:
            found.bad.append((where, error))
    wholes = {shape.fields.pop(PART_OF) for shape in found.shapes if PART_OF in shape.fields}
    for shape in found.shapes:
        region = shape.fields.pop("id_", None)
        if shape.group is None and region in wholes:
            shape.group = region
    return found


def size_said(raw: object) -> tuple[int, int] | None:
    """Width and height of the image as a result says them, or the ``meta`` of a task."""
    said = (raw.get("original_width"), raw.get("original_height")) if isinstance(raw, Mapping) else (None, None)
    # mypy does not learn from all() that both are whole numbers
    return said if all(type(side) is int and side > 0 for side in said) else None  # type: ignore[return-value]


def _read_one(
    raw: object,
    where: str,
    told: Mapping[Any, _Told],
    regions: set[str],
    size: tuple[int, int] | None,
    found: Found,
) -> None:
    if not isinstance(raw, dict):
        raise BadShapeError("wrong-type", "a result is an object", value=raw)
    type_, value = raw.get("type"), raw.get("value")
    kind = kind_of(type_)
    if kind in _WITHOUT_AREA:
        raise BadShapeError("region-skipped", f"a {type_} has no area, and is left out", "type", type_, warning=True)
    if not isinstance(value, dict):
        raise BadShapeError("wrong-type", "the value of a result is an object", "value", value)
    if kind in AREAS:
        own = _size(raw, size)
        if found.size not in (None, own):
            raise BadShapeError("size-differs", "another region says another size of the image", "original_width")
        found.size = own
        if raw.get("image_rotation") not in (None, 0):
            message = "regions of images that are shown turned are not read: turn the image back in Label Studio"
            raise BadShapeError("image-turned", message, "image_rotation", raw["image_rotation"])
        found.shapes.append(_region(raw, kind, where, told.get(raw.get("id"), _Told()), own))
    elif raw.get("id") in regions:
        return  # says something of a region, and is told with it
    elif type_ == "choices" and _texts(value.get("choices")):
        found.categories = [*(found.categories or []), *value["choices"]]
    elif type_ == "textarea" and _texts([value["text"]] if isinstance(value.get("text"), str) else value.get("text")):
        found.texts = [*(found.texts or []), *([value["text"]] if isinstance(value["text"], str) else value["text"])]
    elif type_ in _FIELDS and type_ in value:
        found.fields[str(raw.get("from_name", type_))] = value[type_]
    else:
        raise BadShapeError("unknown-region", "results of this type are not known", "type", type_)


def _region(raw: Mapping[str, Any], kind: str, where: str, told: _Told, size: tuple[int, int]) -> Shape:
    """One region, with what other results say of it."""
    value = raw["value"]
    labels = _labels(value, kind) or told.labels.get(kind) or told.labels.get("")
    if labels is None:
        raise BadShapeError("no-label", "a region has a label", "value", sorted(value))
    shape = Shape(where, labels[0])
    meta = raw.get("meta") if isinstance(raw.get("meta"), dict) else {}
    assert isinstance(meta, dict)
    fields = {key if key not in TAKEN else f"{key}_": item for key, item in meta.items()}
    if PART_OF in fields:
        shape.group = str(fields[PART_OF])
        fields[PART_OF] = shape.group
    if len(labels) > 1:
        fields["labels"] = labels
    if isinstance(raw.get("score"), int | float):
        fields["score"] = raw["score"]
    fields |= told.fields
    region = raw.get("id")
    if isinstance(region, str):
        if not region.startswith(OWN_ID):
            fields.setdefault("id", region)
        fields["id_"] = region
    shape.fields = fields
    _outline(shape, kind, value, size)
    return shape


def _outline(shape: Shape, kind: str, value: Mapping[str, Any], size: tuple[int, int]) -> None:
    width, height = size
    if kind == "brush":
        try:
            if value.get("format") != "rle":
                raise FormatError("the mask of a brush has the format rle")
            check_pixels(height, width)
            shape.runs = mask_to_runs(decode_brush(value.get("rle"), height, width))  # type: ignore[arg-type]
        except FormatError as error:
            raise BadShapeError("bad-brush", str(error), "value.rle") from error
        return
    corners: Points
    if kind == "polygon":
        points = value.get("points")
        if not isinstance(points, list) or len(points) < 3:
            raise BadShapeError("polygon-too-short", "a polygon has three points or more", "value.points", points)
        corners = [_point(point, f"value.points[{number}]", size) for number, point in enumerate(points)]
        shape.polygon = polygon_of(corners)
        return
    turned = _number(value, "rotation", 0)
    x, y = pixels(_number(value, "x"), width), pixels(_number(value, "y"), height)
    if kind == "rectangle":
        w, h = pixels(_number(value, "width"), width), pixels(_number(value, "height"), height)
        if not turned % 360:
            shape.box = [x, y, w, h]
            return
        corners = turned_box(x, y, w, h, turned, (x, y))
    else:
        rx, ry = pixels(_number(value, "radiusX"), width), pixels(_number(value, "radiusY"), height)
        corners = ellipse(x, y, abs(rx), abs(ry), turned)
    corners = clipped(corners, width, height)
    if not corners:
        raise BadShapeError("shape-outside", f"no part of the {kind} is in the image", "value", dict(value))
    shape.polygon = polygon_of(corners)


def _labels(value: Mapping[str, Any], kind: str) -> list[str] | None:
    labels = value.get(f"{kind}labels", value.get("labels"))
    return labels if _texts(labels) and labels else None


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _size(raw: Mapping[str, Any], known: tuple[int, int] | None) -> tuple[int, int]:
    said = raw.get("original_width"), raw.get("original_height")
    size = known if said == (None, None) else size_said(raw)
    if size is None:
        raise BadShapeError("size-unknown", "a region needs the image's original_width and original_height", "", said)
    return size


def _point(point: object, where: str, size: tuple[int, int]) -> tuple[float, float]:
    if not isinstance(point, list) or len(point) != 2:
        raise BadShapeError("wrong-type", "a point is [x, y], two numbers", where, point)
    x, y = (_finite(value, where) for value in point)
    return pixels(x, size[0]), pixels(y, size[1])


def _number(value: Mapping[str, Any], key: str, default: float | None = None) -> float:
    return _finite(value.get(key, default), f"value.{key}")


def _finite(value: Any, where: str) -> float:
    if type(value) not in (int, float):
        raise BadShapeError("wrong-type", "this is a number, in percent or degrees", where, value)
    if not math.isfinite(value) or abs(value) > 1e9:
        raise BadShapeError("not-finite", "this is no finite number, or no percentage", where, value)
    return float(value)
