"""Which objects of an image are which in another version of it."""

from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

import numpy as np
import orjson
from numpy.typing import NDArray

from imagecards.geometry import Runs, iou_matrix, polygons_to_runs, runs_from_coco
from imagecards.geometry.rle import iou

_NEAR = 1e-3  # pixels
_ROWS = 256  # of boxes that are compared with all others at once: bounds memory where there are tens of thousands
_KNOWN = 4_000_000  # candidates that are kept for when they are asked for again


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
    rest = [before[number] for number in lone], [after[number] for number in free]
    for row, column, common in _best_first(*rest, size, least):
        pairs[lone[row]] = Match(lone[row], free[column], common)
        taken.add(free[column])
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


def _best_first(
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[str, Any]],
    size: tuple[int, int],
    least: float,
) -> Iterator[tuple[int, int, float]]:
    """Yield pairs, each object in one of them, the best first: those of one category before all others.

    Each object of the first side waits with the best of the second that it could have when it was last looked at, so
    that not all pairs are in memory at once: there may be a hundred million.
    """
    if not before or not after:
        return
    candidates = _Candidates(before, after, size, least)
    free = np.ones(len(after), bool)
    waiting = [best for row in candidates.rows() if (best := candidates.best(row, free)) is not None]
    heapify(waiting)
    while waiting:
        _, value, row, column = heappop(waiting)
        if free[column]:
            free[column] = False
            yield row, column, -value
        elif (best := candidates.best(row, free)) is not None:
            heappush(waiting, best)


class _Candidates:
    """What an object of the first side may be on the second: objects whose boxes meet, and enough of the outlines."""

    def __init__(
        self,
        before: Sequence[Mapping[str, Any]],
        after: Sequence[Mapping[str, Any]],
        size: tuple[int, int],
        least: float,
    ) -> None:
        self.sides, self.size, self.least = (before, after), size, least
        self.boxes = [np.array([entry["bbox"] for entry in side], float) for side in self.sides]
        self.lefts, self.rights = self.boxes[1][:, 0], self.boxes[1][:, 0] + self.boxes[1][:, 2]
        self.categories = np.array([entry["category"] for entry in after], object)
        self.outlined = np.array([entry.get("segmentation") is not None for entry in after])
        self.runs: dict[tuple[int, int], Runs] = {}
        self.known: OrderedDict[int, tuple[NDArray[np.int64], NDArray[np.float64]]] = OrderedDict()
        self.kept = 0  # candidates that are known

    def rows(self) -> Iterator[int]:
        """The numbers of the objects of the first side, each when its candidates are known."""
        order = np.argsort(self.boxes[0][:, 0], kind="stable")  # neighbours come together, and meet few of the others
        for start in range(0, len(order), _ROWS):
            self._look(order[start : start + _ROWS])
            yield from order[start : start + _ROWS].tolist()

    def best(self, row: int, free: NDArray[np.bool_]) -> tuple[bool, float, int, int] | None:
        """The best that is free: whether it has another category, minus what is common, and the numbers of both."""
        if row not in self.known:
            self._look(np.array([row]))
        columns, values = self.known[row]
        there = free[columns]
        columns, values = columns[there], values[there]
        if not len(columns):
            return None
        others = self.categories[columns] != self.sides[0][row]["category"]
        place = int(np.lexsort((columns, -values, others))[0]) if len(columns) > 1 else 0
        return bool(others[place]), -float(values[place]), row, int(columns[place])

    def _look(self, rows: NDArray[np.int64]) -> None:
        """Find the candidates of some objects, and forget those of others where they are too many."""
        mine = self.boxes[0][rows]
        left, right = mine[:, 0].min(), (mine[:, 0] + mine[:, 2]).max()
        near = np.flatnonzero((self.lefts <= right) & (self.rights >= left))
        common = iou_matrix(mine, self.boxes[1][near])
        for row, values in zip(rows.tolist(), common, strict=True):
            meet = np.flatnonzero(values)
            self.known[row] = self._found(row, near[meet], values[meet])
            self.kept += len(self.known[row][0])
        while self.kept > _KNOWN and len(self.known) > 1:
            columns, _ = self.known.popitem(last=False)[1]
            self.kept -= len(columns)

    def _found(
        self, row: int, columns: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Candidates among objects whose boxes meet, and what each has in common."""
        entry = self.sides[0][row]
        close = (np.abs(self.boxes[1][columns] - self.boxes[0][row]) <= _NEAR).all(axis=1)
        outlined = self.outlined[columns]
        if entry.get("segmentation") is None:
            values[close & ~outlined] = 1.0
            outlined = np.zeros_like(outlined)
        for place in np.flatnonzero(outlined).tolist():
            column = int(columns[place])
            other = self.sides[1][column]
            if close[place] and _is_near(entry, other):
                values[place] = 1.0
                continue
            drawn = self._drawn(0, row, entry), self._drawn(1, column, other)
            # outlines of images of two sizes have no pixels in common: then the boxes tell
            if drawn[0].size == drawn[1].size:
                values[place] = iou(*drawn)
        enough = values >= self.least
        return columns[enough], values[enough]

    def _drawn(self, side: int, number: int, entry: Mapping[str, Any]) -> Runs:
        """The pixels of an object's outline, drawn once."""
        if (side, number) not in self.runs:
            outline = entry["segmentation"]
            width, height = self.size
            made = runs_from_coco(outline) if isinstance(outline, Mapping) else polygons_to_runs(outline, height, width)
            self.runs[side, number] = made
        return self.runs[side, number]


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
