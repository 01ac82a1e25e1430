"""Keypoints in YOLO's labels: ``class x y width height``, then x and y of each, often with a visibility.

The numbers of such a line could be those of a polygon. ``kpt_shape`` in ``data.yaml`` says what they are; where it is
missing, the numbers have to.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imagecards.formats.yolo.numbers import Floats

_BOX = 4
_MARGIN = 0.01  # of a side: how far a keypoint may lie outside of its box
_SHARE = 0.9  # of the lines that are no boxes
_FEWEST_POINTS = 3  # with two numbers each, so that a polygon of five vertices would have as many


class Keypoints(NamedTuple):
    """What is behind the box in each line.

    Attributes:
        points: How many keypoints.
        values: How many numbers each has: 3 with a visibility, else 2.
    """

    points: int
    values: int

    @property
    def length(self) -> int:
        """How many numbers a line has behind its class."""
        return _BOX + self.points * self.values


def keypoints_in(lines: Sequence[Sequence[float]]) -> tuple[Keypoints | None, bool]:
    """Tell by the numbers of some lines whether they are boxes with keypoints.

    Args:
        lines: The numbers of each, without its class.

    Returns:
        The keypoints, ``None`` where these are boxes or polygons; and whether that is certain. It is with
        visibilities, each 0, 1 or 2, where all that can be seen lies in its box. Without them the points lie in their
        boxes, too, and what would be the second vertex of a polygon lies far from the others.

    Example:
        >>> keypoints_in([[0.5, 0.5, 0.2, 0.2, 0.45, 0.5, 2, 0.55, 0.5, 1]])
        (Keypoints(points=2, values=3), True)
        >>> keypoints_in([[0.1, 0.1, 0.9, 0.1, 0.9, 0.9]])
        (None, True)
    """
    longer = [line for line in lines if len(line) != _BOX]
    if not longer:
        return None, True
    (length, count), *_ = Counter(map(len, longer)).most_common(1)
    if length < _BOX or count < _SHARE * len(longer):
        return None, True
    numbers = np.array([line for line in longer if len(line) == length])
    boxes, rest = numbers[:, :_BOX], numbers[:, _BOX:]
    if rest.shape[1] % 3 == 0:
        triples = rest.reshape(count, -1, 3)
        seen = triples[:, :, 2]
        if np.isin(seen, (0, 1, 2)).all() and _are_inside(triples[:, :, :2], seen > 0, boxes):
            return Keypoints(rest.shape[1] // 3, 3), True
    if rest.shape[1] % 2 == 0 and rest.shape[1] >= 2 * _FEWEST_POINTS:
        pairs = rest.reshape(count, -1, 2)
        seen = (pairs != 0).any(axis=2)
        if _are_inside(pairs, seen, boxes) and _are_apart(boxes[:, 2:], pairs, seen):
            return Keypoints(rest.shape[1] // 2, 2), False
    return None, True


def _are_inside(points: Floats, counted: Any, boxes: Floats) -> bool:
    """Whether points lie in the boxes of their lines, and these in their images.

    Args:
        points: Shape (n, k, 2).
        counted: Those that count, shape (n, k).
        boxes: Shape (n, 4).
    """
    centres, halves = boxes[:, None, :2], boxes[:, None, 2:] / 2
    if (np.abs(centres - 0.5) + halves > 0.5 + _MARGIN).any():
        return False
    return bool((np.abs(points - centres) <= halves + _MARGIN)[counted].all())


def _are_apart(sizes: Floats, points: Floats, counted: Any) -> bool:
    """Whether the size of a box, taken for a point, lies far from the points that count, in any line."""
    some = counted.any(axis=1)
    sizes, points, there = sizes[some], points[some], counted[some, :, None]
    low = np.where(there, points, np.inf).min(axis=1)
    high = np.where(there, points, -np.inf).max(axis=1)
    extent = high - low + _MARGIN
    return bool(((sizes < low - extent) | (sizes > high + extent)).any())
