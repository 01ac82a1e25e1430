"""Which of the images of a Label Studio task a result is of: by ``item_index`` in a list, by ``to_name`` among tags."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from imagecards.formats.groups import BadShapeError

AREAS = ("polygon", "rectangle", "brush", "ellipse")
"""The kinds of regions that have an area."""

MAX_SHARED = 64 * 2**20
"""Bytes of JSON that the images of one task may share, times the number of images."""

_WHOLE = ("choices", "textarea", "number", "rating", "taxonomy", "datetime")
_NAMED = "this is of another image of the task: choose one with image_key=, and with to_name= what results call it"


@dataclass
class Owned:
    """The results of an annotation, by image.

    Attributes:
        images: For each image of the task the numbers of its results.
        bad: Numbers of results that are of no image that is read, and why.
        others: How many are of a tag that was not chosen.
    """

    images: list[list[int]]
    bad: list[tuple[int, BadShapeError]] = field(default_factory=list)
    others: int = 0


def kind_of(type_: object) -> str:
    """The kind of region that a type of results is: ``rectangle`` for ``rectanglelabels``; empty for labels alone."""
    return type_.removesuffix("labels") if isinstance(type_, str) else ""


def may_be_shared(data: Mapping[str, Any], key: str, result: list[Any], images: int) -> bool:
    """Whether what is said of a task as a whole is short enough to be said of each of its images.

    Args:
        data: Of the task.
        key: The field that names the images.
        result: What is said of them.
        images: How many they are.
    """
    shared = [*(pair for pair in data.items() if pair[0] != key), *filter(_is_of_all, result)]
    try:
        return len(json.dumps(shared)) * images <= MAX_SHARED
    except (ValueError, RecursionError):
        return False


def owned(result: list[Any], images: int, key: str, others: Collection[str], to_name: str | None) -> Owned:
    """Share results among the images of their task.

    What is said of the whole task is said of each of its images.

    Args:
        result: The results.
        images: How many images the field of the task has.
        key: The field.
        others: Further fields of the task that name images.
        to_name: What results call the image; without, all are of it as long as they name no other one.

    Example:
        >>> regions = [{"type": "rectangle", "item_index": 1}, {"type": "choices"}]
        >>> owned(regions, 2, "images", (), None).images
        [[1], [0, 1]]
    """
    found = Owned([[] for _ in range(images)])
    named = {_tag(raw) for raw in result if isinstance(raw, dict) and kind_of(raw.get("type")) in AREAS}
    strange = (named if len(named - {None}) > 1 else set()) | {*others}
    for number, raw in enumerate(result):
        if not isinstance(raw, Mapping):
            found.images[0].append(number)
            continue
        tag, item = _tag(raw), raw.get("item_index")
        if to_name is not None and tag not in (None, to_name):
            found.others += 1
        elif to_name is None and tag is not None and tag in strange - {key}:
            found.bad.append((number, BadShapeError("other-image", _NAMED, "to_name", tag)))
        elif item is None:
            for image in range(images) if _is_of_all(raw) else range(1):
                found.images[image].append(number)
        elif type(item) is not int or not 0 <= item < images:
            message = f"the task has {images} images, counted from 0" if images > 1 else "the task has one image"
            found.bad.append((number, BadShapeError("other-image", message, "item_index", item)))
        else:
            found.images[item].append(number)
    return found


def _tag(raw: Mapping[str, Any]) -> str | None:
    tag = raw.get("to_name")
    return tag if isinstance(tag, str) else None


def _is_of_all(raw: object) -> bool:
    """Whether a result says something of the whole task, and so of each of its images."""
    return isinstance(raw, Mapping) and raw.get("item_index") is None and raw.get("type") in _WHOLE
