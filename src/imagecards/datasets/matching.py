"""Which objects of an image are which in another version of it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from imagecards.geometry import Runs, iou_matrix, polygons_to_runs, runs_from_coco
from imagecards.geometry.rle import iou

_NEAR = 1e-3  # pixels
_ROWS = 256  # of boxes that are compared with all others at once: bounds memory where there are tens of thousands


class Match(NamedTuple):
    """One object on either side, or on both.

    Attributes:
        before: Its number on the first side; ``None`` where it is only on the second.
        after: Its number on the second side; ``None`` where it is only on the first.
        iou: How much of the two outlines, or boxes where one has no outline, is common: from 0 to 1.
    """

    before: int | None
    after: int | None
    iou: float


def match_objects(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
    *,
    least: float = 0.5,
) -> list[Match]:
    """Pair the objects of an image on two sides.

    Equal ones are paired first, then those of one category whose outlines have most in common, then those of
    different categories. Points that are a thousandth of a pixel apart, as formats round them, are one. Each object is
    paired once; pairs have at least ``least`` of their union in common.

    Args:
        before: Objects as dicts: ``bbox``, ``category``, perhaps ``segmentation``, and more.
        after: The same for the other side.
        size: Width and height of the image, in pixels.
        least: The smallest intersection over union of a pair.

    Returns:
        Pairs and lone objects, by their number on the first side, then those that only the second has.

    Example:
        >>> cat, dog = ({"bbox": [0.0, 0.0, 4.0, 4.0], "category": name} for name in ("cat", "dog"))
        >>> match_objects([cat], [dog], (8, 8))
        [Match(before=0, after=0, iou=1.0)]
    """
    pairs = {one: Match(one, other, 1.0) for one, other in _equal(before, after)}
    taken = {match.after for match in pairs.values()}
    lone = [number for number in range(len(before)) if number not in pairs]
    free = [number for number in range(len(after)) if number not in taken]
    for one, other, common in _overlapping(before, after, lone, free, size, least):
        if one not in pairs and other not in taken:
            pairs[one] = Match(one, other, common)
            taken.add(other)
    found = [pairs.get(number, Match(number, None, 0.0)) for number in range(len(before))]
    return found + [Match(None, number, 0.0) for number in range(len(after)) if number not in taken]


def box_iou(one: Sequence[float], other: Sequence[float]) -> float:
    """Intersection over union of two boxes; 1 for the same box, also where nothing is in it.

    Example:
        >>> box_iou([0, 0, 2, 2], [0, 0, 2, 1]), box_iou([3, 3, 0, 0], [3, 3, 0, 0])
        (0.5, 1.0)
    """
    if list(one) == list(other):
        return 1.0
    return float(iou_matrix(np.array([one], float), np.array([other], float))[0, 0])


def _equal(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Pair objects that are said in the same words, then those that have the same place and category."""
    pairs: list[tuple[int, int]] = []
    for keys in (None, ("category", "bbox", "segmentation"), ("category", "bbox")):
        done = [set(side) for side in zip(*pairs, strict=True)] or [set(), set()]
        places: dict[bytes, list[int]] = defaultdict(list)
        for number in reversed(range(len(after))):
            if number not in done[1]:
                places[_said(after[number], keys)].append(number)
        for number, entry in enumerate(before):
            same = places.get(_said(entry, keys)) if number not in done[0] else None
            if same and (keys is None or "segmentation" in keys or not _outlined(entry, after[same[-1]])):
                pairs.append((number, same.pop()))
    return pairs


def _said(entry: Mapping[str, Any], keys: Sequence[str] | None) -> bytes:
    kept = {key: entry[key] for key in sorted(entry) if keys is None or key in keys}
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS)


def _outlined(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.get("segmentation") is not None and other.get("segmentation") is not None


def _overlapping(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    lone: Sequence[int],
    free: Sequence[int],
    size: tuple[int, int],
    least: float,
) -> list[tuple[int, int, float]]:
    """Candidates, the best first: those of one category before all others."""
    if not lone or not free:
        return []
    sides = ((before, lone), (after, free))
    boxes = [np.array([side[number]["bbox"] for number in numbers], float) for side, numbers in sides]
    runs: dict[tuple[int, int], Runs] = {}
    found = []
    order = np.argsort(boxes[0][:, 0], kind="stable")  # neighbours come together, and each meets few of the others
    for start in range(0, len(lone), _ROWS):
        rows = order[start : start + _ROWS]
        left, right = boxes[0][rows, 0].min(), (boxes[0][rows, 0] + boxes[0][rows, 2]).max()
        near = np.flatnonzero((boxes[1][:, 0] <= right) & (boxes[1][:, 0] + boxes[1][:, 2] >= left))
        common = iou_matrix(boxes[0][rows], boxes[1][near])
        for row, column in np.argwhere(common > 0).tolist():
            one, other = lone[rows[row]], free[near[column]]
            value = float(common[row, column])
            if _is_near(before[one], after[other]):
                found.append((before[one]["category"] != after[other]["category"], -1.0, one, other))
                continue
            if _outlined(before[one], after[other]):
                drawn = [
                    _drawn(runs, side, number, entry, size)
                    for side, number, entry in ((0, one, before[one]), (1, other, after[other]))
                ]
                # outlines of images of two sizes have no pixels in common: then the boxes tell
                value = iou(*drawn) if drawn[0].size == drawn[1].size else value
            if value >= least:
                found.append((before[one]["category"] != after[other]["category"], -value, one, other))
    return [(one, other, -value) for _, value, one, other in sorted(found)]


def _is_near(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two objects have the same points up to what formats round to."""
    outlines = [entry.get("segmentation") for entry in (one, other)]
    pairs = [(one["bbox"], other["bbox"])]
    if isinstance(outlines[0], list) and isinstance(outlines[1], list):
        if [*map(len, outlines[0])] != [*map(len, outlines[1])]:
            return False
        pairs += zip(*outlines, strict=True)
    elif outlines[0] != outlines[1]:
        return False
    return all(is_near(*pair) for pair in pairs)


def is_near(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether coordinates are the same up to what formats round to, a thousandth of a pixel."""
    return len(one) == len(other) and all(abs(a - b) <= _NEAR for a, b in zip(one, other, strict=True))


def _drawn(
    known: dict[tuple[int, int], Runs], side: int, number: int, entry: Mapping[str, Any], size: tuple[int, int]
) -> Runs:
    """The pixels of an object's outline, drawn once."""
    if (side, number) not in known:
        outline = entry["segmentation"]
        width, height = size
        made = runs_from_coco(outline) if isinstance(outline, Mapping) else polygons_to_runs(outline, height, width)
        known[side, number] = made
    return known[side, number]
