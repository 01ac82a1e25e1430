"""Sizes and sets of masks, from their runs alone: no pixel is looked at."""

from collections.abc import Sequence

import numpy as np

from imagecards.errors import FormatError
from imagecards.geometry.runs import Ints, Runs, runs_from_spans, spans


def area(runs: Runs) -> int:
    """Count the mask's pixels.

    Example:
        >>> area(Runs((4, 4), np.array([5, 2, 2, 2, 5])))
        4
    """
    return int(runs.counts[1::2].sum())


def bounds(runs: Runs) -> tuple[int, int, int, int]:
    """Return x, y, width, height of the smallest box around the mask's pixels; (0, 0, 0, 0) when there are none.

    Example:
        >>> bounds(Runs((4, 4), np.array([5, 2, 2, 2, 5])))
        (1, 1, 2, 2)
    """
    starts, ends = spans(runs)
    if not starts.size:
        return 0, 0, 0, 0
    height = runs.size[0]
    first, last = starts // height, (ends - 1) // height
    left, right = int(first[0]), int(last[-1]) + 1
    if (first != last).any():  # a run that goes on in the next column has the last row and the first
        return left, 0, right - left, height
    top = int((starts - first * height).min())
    bottom = int((ends - last * height).max())
    return left, top, right - left, bottom - top


def union(masks: Sequence[Runs]) -> Runs:
    """Return the pixels that any of the masks has.

    Args:
        masks: At least one, all of the same size.

    Raises:
        FormatError: There is none, or the sizes differ.

    Example:
        >>> union([Runs((1, 4), np.array([0, 1, 3])), Runs((1, 4), np.array([1, 2, 1]))]).counts.tolist()
        [0, 3, 1]
    """
    return _at_least(masks, 1)


def intersection(a: Runs, b: Runs) -> Runs:
    """Return the pixels that both masks have.

    Raises:
        FormatError: The sizes differ.

    Example:
        >>> intersection(Runs((1, 4), np.array([0, 2, 2])), Runs((1, 4), np.array([1, 2, 1]))).counts.tolist()
        [1, 1, 2]
    """
    return _at_least([a, b], 2)


def difference(a: Runs, b: Runs) -> Runs:
    """Return the pixels of ``a`` that ``b`` has not.

    Raises:
        FormatError: The sizes differ.

    Example:
        >>> difference(Runs((1, 4), np.array([0, 2, 2])), Runs((1, 4), np.array([1, 2, 1]))).counts.tolist()
        [0, 1, 3]
    """
    return _at_least([a, _inverse(b)], 2)


def iou(a: Runs, b: Runs) -> float:
    """Return the intersection over union of two masks; 0 when both are empty, as pycocotools does.

    Raises:
        FormatError: The sizes differ.

    Example:
        >>> iou(Runs((1, 4), np.array([0, 2, 2])), Runs((1, 4), np.array([1, 2, 1])))
        0.3333333333333333
    """
    shared = area(intersection(a, b))
    whole = area(a) + area(b) - shared
    return shared / whole if whole else 0.0


def _at_least(masks: Sequence[Runs], enough: int) -> Runs:
    """Return the pixels that ``enough`` of the masks have."""
    if not masks:
        raise FormatError("there is no mask to unite: give at least one")
    height, width = masks[0].size
    for other in masks:
        if other.size != (height, width):
            raise FormatError(
                f"a mask of {height} x {width} pixels and one of {other.size[0]} x {other.size[1]} have no pixels in "
                "common: both must be of the same image"
            )
    if len(masks) == enough == 1:
        return masks[0]
    parts = [spans(mask) for mask in masks]
    places: Ints = np.concatenate([starts for starts, _ in parts] + [ends for _, ends in parts])
    steps = np.ones(places.size, np.int64)
    steps[places.size // 2 :] = -1
    order = places.argsort(kind="stable")
    places = places[order]
    levels = steps[order].cumsum()
    # Where several runs start or end at one place, only what is left after all of them counts.
    settled = np.append(places[1:] != places[:-1], True)[: places.size]
    places, inside = places[settled], levels[settled] >= enough
    before = np.concatenate([[False], inside[:-1]])[: inside.size]
    edges = places[inside != before]
    return runs_from_spans(edges[::2], edges[1::2], height, width)


def _inverse(runs: Runs) -> Runs:
    if runs.counts[0] == 0:
        return Runs(runs.size, runs.counts[1:])
    return Runs(runs.size, np.concatenate([[0], runs.counts]))
