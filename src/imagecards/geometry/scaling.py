"""Masks in other sizes, in whole numbers throughout: the same on every machine."""

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry.regions import bounds
from imagecards.geometry.runs import Ints, Runs, check_size, runs_from_spans
from imagecards.geometry.windows import cut

ScaleRule: TypeAlias = Literal["nearest", "area", "any-overlap"]
"""When a pixel of the result belongs to the mask: if the pixel of the original does in which its centre lies; if at
least half of its area does; if any part of it does."""

_BAND = 1 << 22  # pixels that are held at once


def scaled(runs: Runs, width: int, height: int, rule: ScaleRule) -> Runs:
    """Return a mask in another size.

    ``any-overlap`` keeps what is thin: no mask becomes empty. ``nearest`` and ``area`` lose it: of stripes two pixels
    wide in an image made six times smaller, two thirds are gone with the one, and all with the other.

    Args:
        runs: The mask.
        width: Of the result, in pixels.
        height: Of the result, in pixels.
        rule: Which pixels belong to it.

    Raises:
        FormatError: There is no such rule, or no mask has this size.

    Example:
        >>> stripe = Runs((1, 6), np.array([2, 1, 3]))
        >>> [scaled(stripe, 2, 1, rule).counts.tolist() for rule in ("nearest", "area", "any-overlap")]
        [[2], [2], [0, 1, 1]]
    """
    if rule not in ("nearest", "area", "any-overlap"):
        raise FormatError(f"masks are scaled by 'nearest', 'area' or 'any-overlap', not by {rule!r}")
    height, width = check_size(height, width)
    if runs.size == (height, width):
        return runs
    x, y, w, h = bounds(runs)
    high, wide = runs.size
    top, bottom = y * height // high, -(-(y + h) * height // high)
    left, right = x * width // wide, -(-(x + w) * width // wide)
    step = max(1, _BAND // max(h * -(-wide // width), bottom - top, 1))
    starts, ends = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for first in range(left, right, step):
        last = min(first + step, right)
        begin, end = first * wide // width, -(-last * wide // width)
        part = _dense(cut(runs, begin, y, end - begin, h))
        part = _along(part, begin, first, last, wide, width, rule)
        part = _along(part.T, y, top, bottom, high, height, rule).T
        inside = _is_inside(part, rule, high * wide)
        edges = np.diff(np.pad(inside, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        for sign, found in ((1, starts), (-1, ends)):
            column, row = np.nonzero(edges == sign)
            found.append((first + column) * height + top + row)
    return runs_from_spans(np.concatenate(starts), np.concatenate(ends), height, width)


def nearest_places(length: int, wanted: int) -> Ints:
    """Where on a line of pixels the centres of the pixels of another length lie.

    Example:
        >>> nearest_places(6, 2).tolist(), nearest_places(2, 4).tolist()
        ([1, 4], [0, 0, 1, 1])
    """
    return (2 * np.arange(wanted, dtype=np.int64) + 1) * length // (2 * wanted)


def _dense(runs: Runs) -> NDArray[np.int64]:
    """The pixels of a mask, columns first."""
    bits = np.arange(runs.counts.size, dtype=np.int64) % 2
    return np.repeat(bits, runs.counts).reshape(runs.size[1], runs.size[0])


def _along(
    part: NDArray[np.int64], begin: int, first: int, last: int, length: int, wanted: int, rule: ScaleRule
) -> NDArray[np.int64]:
    """Scale along the first axis.

    Args:
        part: Pixels from ``begin`` on; beyond them there is nothing.
        begin: Where they begin.
        first: The first pixel of the result.
        last: The pixel behind its last one.
        length: Of the whole axis.
        wanted: Length of the whole axis of the result.
        rule: For ``nearest`` the result is the pixels; else how much each is covered, out of ``length``.
    """
    if rule == "nearest":
        places = (2 * np.arange(first, last, dtype=np.int64) + 1) * length // (2 * wanted) - begin
        there = (places >= 0) & (places < len(part))
        return np.where(there[:, None], part[np.where(there, places, 0)], 0)
    sums = np.concatenate([np.zeros((1, part.shape[1]), np.int64), part.cumsum(axis=0)])
    edges = np.arange(first, last + 1, dtype=np.int64) * length
    whole, rest = edges // wanted - begin, edges % wanted
    rest = np.where((whole >= 0) & (whole < len(part)), rest, 0)[:, None]
    covered = sums[np.clip(whole, 0, len(part))] * wanted + rest * part[np.clip(whole, 0, len(part) - 1)]
    parts: NDArray[np.int64] = np.diff(covered, axis=0)
    return parts


def _is_inside(part: NDArray[np.int64], rule: ScaleRule, whole: int) -> NDArray[np.bool_]:
    return 2 * part >= whole if rule == "area" else part > 0
