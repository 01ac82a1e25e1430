"""An image as a reader found it, and the line of metadata.jsonl that it stands for."""

import json
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from imagecards.datasets import Place
from imagecards.records.exact import MAX_FIELDS
from imagecards.records.json_values import MAX_DEPTH

_NOT_FIELDS = frozenset({"categories"})  # of objects: what their category is called in lines
# in the line of an image, each object has a place for every field that any of them has
_CELLS, _CELLS_PER_VALUE = 100_000, 20
_TOO_MANY_FIELDS: dict[str, Any] = {"objects": {str(number): [] for number in range(MAX_FIELDS + 1)}}

ObjectPlace = Callable[[int], tuple[int | None, str]]
"""Tells for an object of an image, by its number, the line it is on and what it is called there."""


def by_number(index: int) -> tuple[int | None, str]:
    """What an object is called where nothing better is known."""
    return None, f"objects[{index}]"


@dataclass
class FoundImage:
    """One image as a reader found it."""

    name: str
    file: str | None
    split: str | None
    size: tuple[int, int] | None
    record: dict[str, Any]
    objects: list[dict[str, Any]] | None
    place: Place
    object_place: ObjectPlace
    called: str
    dropped: set[int] = field(default_factory=set)  # objects that are wrong


def free_name(name: str, taken: Container[str], fields: Container[str]) -> str:
    """What a further field is called whose own name means something else here: so that none is overwritten.

    Example:
        >>> free_name("caption", {"caption"}, {"caption", "caption_"})
        'caption__'
    """
    if name in taken:
        name += "_"
        while name in taken or name in fields:
            name += "_"
    return name


def kept_objects(image: FoundImage) -> list[int]:
    """The numbers of the objects that nothing is wrong with so far."""
    return [number for number in range(len(image.objects or ())) if number not in image.dropped]


def sound_objects(image: FoundImage) -> list[dict[str, Any]] | None:
    """The objects that nothing is wrong with so far; ``None`` where nothing is known of any."""
    if image.objects is None or not image.dropped:
        return image.objects
    return [image.objects[number] for number in kept_objects(image)]


def with_objects(image: FoundImage, objects: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """An image as a record of metadata.jsonl, its objects, by default all that are sound, as parallel lists."""
    objects = sound_objects(image) if objects is None else objects
    if objects is None:
        return image.record
    names = dict.fromkeys(name for entry in objects for name in entry)
    if len(names) * len(objects) > _CELLS + _CELLS_PER_VALUE * sum(map(len, objects)):
        return _TOO_MANY_FIELDS
    fields = {
        "bbox": [entry.get("bbox") for entry in objects],
        "categories": [entry.get("category") for entry in objects],
    }
    for name in names:
        if name not in ("bbox", "category"):
            fields[free_name(name, _NOT_FIELDS, names)] = [entry.get(name) for entry in objects]
    return {**image.record, "objects": fields}


def as_line(record: dict[str, Any]) -> bytes:
    """A record as a line of metadata.jsonl."""
    try:
        return orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        # whole numbers of any length and halves of surrogates are JSON too, and refused where that is told
        try:
            return json.dumps(record, default=np.ndarray.tolist).encode()
        except RecursionError:
            return (MAX_DEPTH + 1) * b"["  # refused as what it stands for


def is_deep(entry: Mapping[str, Any]) -> bool:
    """Whether the line of a record nests too deep because of an object."""
    level: list[Any] = [entry]
    for _ in range(MAX_DEPTH - 1):  # in the line, the object is taken apart, and its values are in lists
        lists = [value.values() if type(value) is dict else value for value in level if type(value) in (dict, list)]
        level = [value for values in lists for value in values]
    return bool(level)
