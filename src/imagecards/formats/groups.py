"""Objects that annotation tools keep in pieces: shapes of one group are parts of one object."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from imagecards.formats.figures import box_of
from imagecards.formats.outlines import runs_of
from imagecards.geometry import Runs, bounds, runs_to_coco, union

TAKEN = frozenset({"bbox", "category", "segmentation"})
"""Fields of objects that come from shapes alone: fields of these names in a tool's file get another one."""


class BadShapeError(Exception):
    """A shape is not what its format has.

    Attributes:
        rule: The rule that it breaks.
        message: What is wrong.
        where: Where in the shape.
        value: What was found.
        warning: Whether the shape is left out without being wrong.
    """

    def __init__(self, rule: str, message: str, where: str = "", value: object = "", warning: bool = False) -> None:
        super().__init__(rule, message, where, value, warning)
        self.rule, self.message, self.where, self.value, self.warning = rule, message, where, value, warning


@dataclass
class Shape:
    """One shape of an annotation tool: a box, a polygon or a mask.

    Attributes:
        place: Where it is, as issues name it: ``shapes[2]``.
        category: Its label.
        line: The line that it is on, where files have lines.
        group: What the parts of one object share; ``None`` for a shape that is an object of its own.
        box: x, y, width, height, where it is a box and nothing else.
        polygon: Flat, where it is a polygon.
        runs: Where it is a mask.
        fields: What else is said of it.
    """

    place: str
    category: Any
    line: int | None = None
    group: Hashable | None = None
    box: list[float] | None = None
    polygon: list[float] | None = None
    runs: Runs | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def joined(shapes: Sequence[Shape]) -> list[tuple[list[Shape], dict[str, Any]]]:
    """Make objects of shapes: those of one group and label are parts of one.

    Parts that are polygons or boxes become the polygons of one outline. Where a part is a mask all are drawn, and
    the object has the mask of them together. What else is said of an object is what its first part says.

    Returns:
        For each object its shapes and itself, in the order of first shapes.
    """
    groups: dict[Hashable, list[Shape]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        key = ("single", number) if shape.group is None else ("group", shape.group, str(shape.category))
        groups[key].append(shape)
    return [(parts, _object(parts)) for parts in groups.values()]


def shared_groups(shapes: Sequence[Shape]) -> set[Hashable]:
    """The groups that say more than that shapes are parts of one object: those of one shape, or of several labels."""
    labels: dict[Hashable, list[str]] = defaultdict(list)
    for shape in shapes:
        if shape.group is not None:
            labels[shape.group].append(str(shape.category))
    return {group for group, found in labels.items() if len(found) == 1 or len(set(found)) > 1}


def _object(parts: list[Shape]) -> dict[str, Any]:
    first = parts[0]
    entry: dict[str, Any] = {"bbox": None, "category": first.category}
    if len(parts) == 1 and first.box is not None and first.runs is None:
        entry["bbox"] = first.box
        return entry | first.fields
    size = next((part.runs.size for part in parts if part.runs is not None), None)
    if size is None:
        polygons = [_outline(part) for part in parts]
        entry["bbox"], entry["segmentation"] = box_of(polygons), polygons
        return entry | first.fields
    whole = union([part.runs if part.runs is not None else runs_of([_outline(part)], *size) for part in parts])
    entry["bbox"] = first.box or [0.0, 0.0, 0.0, 0.0]
    if whole.counts.size > 1:
        entry["bbox"] = [float(value) for value in bounds(whole)]
    entry["segmentation"] = runs_to_coco(whole)
    return entry | first.fields


def _outline(part: Shape) -> list[float]:
    if part.polygon is not None:
        return part.polygon
    assert part.box is not None
    x, y, w, h = part.box
    return [x, y, x + w, y, x + w, y + h, x, y + h]
