"""Pairs of hashes that differ in few bits, without comparing all with all."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

BITS = 64
MOST_COMPARED = 400_000_000
"""How many pairs are compared; hashes that are much alike may make more necessary."""

MOST_FOUND = 1_000_000
"""How many pairs are kept."""


@dataclass(frozen=True, eq=False)
class NearPairs:
    """Pairs of hashes that differ in few bits.

    Attributes:
        first: The place of one of each pair; lower than that of the other.
        second: The place of the other.
        distance: In how many bits they differ.
        complete: Whether these are all.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    distance: NDArray[np.int64]
    complete: bool


def near_pairs(hashes: NDArray[np.uint64], most: int) -> NearPairs:
    """Find the pairs of hashes that differ in at most ``most`` bits.

    Two hashes that differ in d bits are equal in one at least of d + 1 pieces, so only those are compared that have a
    piece in common.

    Args:
        hashes: 64 bits each, no two the same.
        most: From 0 to 63.

    Example:
        >>> found = near_pairs(np.array([0b0000, 0b0111, 0b1111], np.uint64), 2)
        >>> list(zip(found.first.tolist(), found.second.tolist(), found.distance.tolist()))
        [(1, 2, 1)]
    """
    edges = [BITS * piece // (most + 1) for piece in range(most + 2)]
    pieces = [(np.uint64(low), np.uint64((1 << (high - low)) - 1)) for low, high in pairwise(edges)]
    nothing = np.zeros(0, np.int64)
    found: list[tuple[NDArray[Any], ...]] = [(nothing, nothing, nothing)]
    compared = kept = 0
    complete = True
    for number, (low, mask) in enumerate(pieces):
        keys = (hashes >> low) & mask
        order = np.argsort(keys, kind="stable")
        ends = np.searchsorted(keys[order], keys[order], side="right")
        left = np.arange(len(order))
        for step in range(1, len(order)):
            left = left[left + step < ends[left]]
            if not len(left) or not complete:
                break
            compared += len(left)
            one, other = order[left], order[left + step]
            different = hashes[one] ^ hashes[other]
            distance = np.bitwise_count(different)
            near = distance <= most
            for before, wide in pieces[:number]:  # those with an earlier piece in common were found there
                near &= ((different >> before) & wide) != 0
            kept += int(near.sum())
            complete = compared <= MOST_COMPARED and kept <= MOST_FOUND
            found.append((one[near], other[near], distance[near]))
    columns = [np.concatenate(each).astype(np.int64) for each in zip(*found, strict=True)] or [
        np.zeros(0, np.int64)
    ] * 3
    first, second = np.minimum(columns[0], columns[1]), np.maximum(columns[0], columns[1])
    order = np.lexsort((second, first))
    return NearPairs(first[order], second[order], columns[2][order], complete)
