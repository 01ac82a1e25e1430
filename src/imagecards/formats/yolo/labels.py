"""YOLO's label files: one line an object, a class and a box or a polygon."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np

from imagecards.errors import FormatError
from imagecards.formats.yolo.keypoints import Keypoints
from imagecards.formats.yolo.numbers import Floats, boxes_to_pixels, pixels
from imagecards.geometry import bounds, fill_centre, runs_to_coco

Outlines: TypeAlias = Literal["vertices", "pixels"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_CLASS = re.compile(r"(\d{1,9})(?:\.0*)?\Z", re.ASCII)
_BEYOND = 0.01  # of a side: what YOLO's own readers let pass


class Kind(NamedTuple):
    """How labels are to be understood.

    Attributes:
        names: Class numbers and names; ``None`` where every number is its own name.
        polygons: Whether lines are polygons; boxes without.
        outlines: What polygons mean: their vertices, or the pixels that OpenCV fills.
        decimals: How many decimals the coordinates were written with.
        keypoints: What lines have behind their box; it is left out.
    """

    names: Mapping[int, str] | None
    polygons: bool
    outlines: Outlines
    decimals: int
    keypoints: Keypoints | None = None


class Problem(NamedTuple):
    """What is wrong with a line: ``error`` or ``warning``."""

    severity: Literal["error", "warning"]
    rule: str
    message: str
    line: int
    field: str
    value: object


@dataclass
class Labels:
    """What a label file says.

    Attributes:
        objects: Its sound objects.
        lines: The line of each.
        problems: What is wrong with the others.
        keypoints: How many objects have keypoints, which are left out.
    """

    objects: list[dict[str, Any]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    keypoints: int = 0


class _Line(NamedTuple):
    number: int
    category: str
    values: list[float]
    keypoints: bool


def parse_labels(text: str, size: tuple[int, int], kind: Kind) -> Labels:
    r"""Read a label file.

    Args:
        text: What is in it.
        size: Width and height of its image, in pixels.
        kind: How to understand it.

    Example:
        >>> kind = Kind({0: "cat"}, False, "vertices", 6)
        >>> parse_labels("0 0.5 0.5 0.5 1\n", (8, 6), kind).objects
        [{'bbox': [2.0, 0.0, 4.0, 6.0], 'category': 'cat'}]
    """
    labels = Labels()
    read = _lines(text, kind, labels.problems)
    if not read:
        return labels
    flat = np.fromiter((value for line in read for value in line.values), float)
    ends = np.cumsum([len(line.values) for line in read])
    sound = _within(read, flat, ends - [len(line.values) for line in read], kind, labels.problems)
    made: dict[int, dict[str, Any]] = {}
    boxes = [place for place in sound if len(read[place].values) == 4]
    if boxes:
        fractions = np.array([read[place].values for place in boxes])
        for place, box in zip(boxes, boxes_to_pixels(fractions, size, kind.decimals).tolist(), strict=True):
            made[place] = {"bbox": box, "category": read[place].category}
    outlined = [place for place in sound if len(read[place].values) > 4]
    if outlined and boxes:
        message = f"{len(boxes)} of its lines are boxes among polygons: these objects have no outline"
        labels.problems.append(Problem("warning", "boxes-among-polygons", message, read[boxes[0]].number, "", ""))
    shape = _filled if kind.outlines == "pixels" else _drawn
    for place in outlined:
        line = read[place]
        points = np.array(line.values).reshape(-1, 2)
        try:
            made[place] = {**shape(points, size, kind.decimals), "category": line.category}
        except FormatError as error:
            labels.problems.append(Problem("error", "bad-polygon", str(error), line.number, "", line.values[:8]))
    labels.keypoints = sum(read[place].keypoints for place in made)
    for place in sorted(made):
        labels.objects.append(made[place])
        labels.lines.append(read[place].number)
    return labels


def _drawn(points: Floats, size: tuple[int, int], decimals: int) -> dict[str, Any]:
    """An object of a polygon's vertices; its box is what of it lies in the image."""
    vertices = pixels(points, size, decimals)
    left, top, right, bottom = _ends(vertices, size)
    return {"bbox": [left, top, right - left, bottom - top], "segmentation": [vertices.ravel().tolist()]}


def _ends(vertices: Floats, size: tuple[int, int]) -> list[float]:
    inside = np.clip(vertices, 0, size)
    return [*inside.min(axis=0).tolist(), *inside.max(axis=0).tolist()]


def _filled(points: Floats, size: tuple[int, int], _: int) -> dict[str, Any]:
    """An object of the pixels that ``cv2.fillPoly`` paints, given the pixels that the points lie in."""
    width, height = size
    runs = fill_centre(np.floor(points * size), height, width)
    box = bounds(runs)
    if not box[2]:
        raise FormatError("no pixel of the image lies in the polygon")
    return {"bbox": [float(side) for side in box], "segmentation": runs_to_coco(runs)}


def _lines(text: str, kind: Kind, problems: list[Problem]) -> list[_Line]:
    """The lines whose tokens are a class and as many numbers as there must be."""
    # float() takes digits of any script, and underscores: only what is plain can do without a closer look
    plain = text.isascii() and "_" not in text
    read = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        tokens = line.split()
        if not tokens:
            continue
        if line in seen:
            message = f"this line is the same as line {seen[line]}: was something written twice?"
            problems.append(Problem("warning", "repeated-line", message, number, "", line[:80]))
        seen.setdefault(line, number)
        problem = _problem_of_count(tokens, kind)
        category = _category(tokens[0], kind)
        if problem is None and isinstance(category, tuple):
            problem = (*category, "class", tokens[0])
        if problem is None:
            try:
                values = list(map(float, tokens[1:]))
            except ValueError:
                values = []
            if not values or not plain:
                problem = _problem_of_number(tokens)
        if problem is not None:
            rule, message, name, value = problem
            problems.append(Problem("error", rule, message, number, name, value))
        else:
            pose = kind.keypoints is not None and len(values) > 4
            read.append(_Line(number, str(category), values[:4] if pose else values, pose))
    return read


def _problem_of_count(tokens: Sequence[str], kind: Kind) -> tuple[str, str, str, object] | None:
    count = len(tokens) - 1
    if count == 4 or (kind.keypoints is not None and count == kind.keypoints.length):
        return None
    if kind.keypoints is not None:
        what = f"a class, a box and {kind.keypoints.points} keypoints of {kind.keypoints.values} numbers"
        return "box-length", f"a line is {what}, {kind.keypoints.length} in all, this one has {count}", "", count
    if not kind.polygons:
        hint = ": a line of a polygon? Read it as yolo-seg" if count >= 6 and count % 2 == 0 else ""
        return "box-length", f"a box is a class and four numbers, this line has {count}{hint}", "", count
    if count < 6:
        return "polygon-too-short", f"a polygon is a class and three points or more, not {count} numbers", "", count
    if count % 2:
        return "polygon-odd-length", f"a polygon is a class and x and y in turn, not {count} numbers", "", count
    return None


def _category(token: str, kind: Kind) -> str | tuple[str, str]:
    """The name of a class, or what is wrong with its number."""
    match = _CLASS.match(token)
    if match is None:
        return "class-number", "a line begins with the number of a class, from 0 on"
    number = int(match[1])
    if kind.names is None:
        return str(number)
    if number not in kind.names:
        classes = f"{len(kind.names)} classes" if len(kind.names) != 1 else "one class"
        last = f", the last one {max(kind.names)}" if kind.names else ""
        return "unknown-class", f"there is no class {number}: data.yaml has {classes}{last}"
    return kind.names[number]


def _problem_of_number(tokens: Sequence[str]) -> tuple[str, str, str, object] | None:
    for place, token in enumerate(tokens[1:]):
        if not _NUMBER.match(token):
            name = _field(place, len(tokens) - 1)
            if token.lstrip("+-").lower() in ("nan", "inf", "infinity"):
                return "not-finite", "a coordinate is a finite number", name, token
            return "not-a-number", "a coordinate is a number", name, token[:80]
    return None


def _within(read: Sequence[_Line], flat: Floats, starts: Any, kind: Kind, problems: list[Problem]) -> list[int]:
    """The places of the lines whose numbers all lie within the image, or nearly so."""
    good = (flat >= -_BEYOND) & (flat <= 1 + _BEYOND)  # not so for NaN
    if good.all():
        return list(range(len(read)))
    wrong = np.flatnonzero(~good)
    owners = np.searchsorted(starts, wrong, side="right") - 1
    told: set[int] = set()
    for place, owner in zip(wrong.tolist(), owners.tolist(), strict=True):
        if owner in told:
            continue
        told.add(owner)
        line, index = read[owner], int(place - starts[owner])
        value = line.values[index]
        rule, message = "beyond-image", "coordinates are fractions of the image's sides, from 0 to 1"
        if not np.isfinite(value):
            rule, message = "not-finite", "a coordinate is a finite number"
        problems.append(Problem("error", rule, message, line.number, _field(index, len(line.values)), value))
    return [place for place in range(len(read)) if place not in told]


def _field(place: int, count: int) -> str:
    if count == 4:
        return ("x", "y", "width", "height")[place]
    return f"{'xy'[place % 2]}{place // 2 + 1}"
