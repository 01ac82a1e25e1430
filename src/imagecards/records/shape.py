"""What types the fields of a dataset have: learned value by value, the first one decides.

A dataset's further fields have no declared types, but each has one type in all records, so that they fit in
columns: text, number, true or false, list, object. `Shape` is what the records so far have settled. It is
immutable; `grown` returns what one more value makes of it, or says which line it contradicts.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["null", "bool", "int", "float", "text", "list", "object"]

NAMES: Mapping[Kind, str] = {
    "null": "null",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "text": "text",
    "list": "a list",
    "object": "an object",
}

_KINDS: Mapping[type, Kind] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "text",
    list: "list",
    tuple: "list",
    dict: "object",
}
_FIELD_COST_IN_LISTS = 16  # a field of the objects in a list costs memory for every entry, not for every record


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """The type of one field, and for a list or an object what is in it.

    Attributes:
        kind: What it is; ``null`` until a value settles it.
        line: The line that settled it.
        item: What the entries of a list are.
        fields: What the fields of an object are, in the order in which they appeared.
        cost: How many columns it takes; a field of the objects in a list counts sixteenfold.
    """

    kind: Kind = "null"
    line: int = 0
    item: "Shape | None" = None
    fields: Mapping[str, "Shape"] = dataclasses.field(default_factory=dict)
    cost: int = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Kept, not computed when asked for: a hostile file makes a shape of the greatest size grow often.
        cost = 1 + sum([shape.cost for shape in self.fields.values()])
        if self.item is not None:
            cost += self.item.cost * (_FIELD_COST_IN_LISTS if self.item.kind == "object" else 1)
        object.__setattr__(self, "cost", cost)

    def field(self, *names: str) -> "Shape":
        """Return the shape of a field of an object, or of a field of that; `UNKNOWN` for one not seen yet."""
        shape = self
        for name in names:
            shape = shape.fields.get(name, UNKNOWN)
        return shape


UNKNOWN = Shape()


class ShapeConflictError(Exception):
    """A value has another type than the same field on an earlier line.

    Attributes:
        place: Where in the value.
        value: What was found.
        settled: What the field is.
    """

    def __init__(self, place: tuple[str | int, ...], value: object, settled: Shape) -> None:
        super().__init__(place, value, settled)
        self.place = place
        self.value = value
        self.settled = settled


def grown(shape: Shape, value: Any, line: int, place: tuple[str | int, ...] = ()) -> Shape:
    """Return ``shape`` extended by one more value: the very same object when the value fits in it.

    Args:
        shape: What is settled so far.
        value: JSON; a null settles that there is such a field, but not what it is.
        line: The line of the value.
        place: Where ``value`` is, for the error.

    Raises:
        ShapeConflictError: The value has another type.

    Example:
        >>> shape = grown(UNKNOWN, {"tags": ["a"]}, line=1)
        >>> grown(shape, {"tags": []}, line=2) is shape
        True
    """
    if value is None:
        return shape
    kind = kind_of(value)
    if shape.kind != kind:
        shape = _settled(shape, kind, value, line, place)
    if kind == "list":
        return _grown_list(shape, value, line, place)
    if kind == "object":
        return _grown_object(shape, value, line, place)
    return shape


class Conflict(NamedTuple):
    """A field that has different types.

    Attributes:
        place: The field; lists are passed over.
        before: Its shape on the one side.
        here: Its shape on the other.
    """

    place: tuple[str, ...]
    before: Shape
    here: Shape


def joined(one: Shape, other: Shape, place: tuple[str, ...], conflicts: list[Conflict]) -> Shape:
    """The shape that covers two, as `grown` covers a shape and a value.

    Args:
        one: What is settled.
        other: What is new; where it has another type, what is settled stays.
        place: Where the two are.
        conflicts: Where they have different types is added here.
    """
    if one is other or other.kind == "null":
        return one
    if one.kind == "null":
        return other
    if {one.kind, other.kind} == {"int", "float"}:
        return one if one.kind == "float" else other
    if one.kind != other.kind:
        conflicts.append(Conflict(place, one, other))
        return one
    if one.kind == "list":
        item = joined(one.item or UNKNOWN, other.item or UNKNOWN, place, conflicts)
        return one if item is one.item else Shape("list", item=item)
    if one.kind == "object":
        grown = {
            name: joined(one.field(name), field, (*place, name), conflicts) for name, field in other.fields.items()
        }
        if all(one.fields.get(name) is field for name, field in grown.items()):
            return one
        return Shape("object", fields={**one.fields, **grown})
    return one


def kind_of(value: object) -> Kind:
    """Return the kind of a JSON value."""
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind
    return next(kind for base, kind in _KINDS.items() if isinstance(value, base))


def _settled(shape: Shape, kind: Kind, value: object, line: int, place: tuple[str | int, ...]) -> Shape:
    if shape.kind == "null":
        return Shape(kind, line, UNKNOWN if kind == "list" else None)
    if shape.kind == "float" and kind == "int":
        return shape
    if shape.kind == "int" and kind == "float":
        return dataclasses.replace(shape, kind=kind)
    raise ShapeConflictError(place, value, shape)


def _grown_list(shape: Shape, items: list[Any], line: int, place: tuple[str | int, ...]) -> Shape:
    before = item = shape.item or UNKNOWN
    for index, value in enumerate(items):
        item = grown(item, value, line, (*place, index))
    return shape if item is before else dataclasses.replace(shape, item=item)


def _grown_object(shape: Shape, fields: Mapping[str, Any], line: int, place: tuple[str | int, ...]) -> Shape:
    changed: dict[str, Shape] = {}
    for name, value in fields.items():
        before = shape.fields.get(name)
        after = grown(before or UNKNOWN, value, line, (*place, name))
        if after is not before:
            changed[name] = after
    return dataclasses.replace(shape, fields={**shape.fields, **changed}) if changed else shape
