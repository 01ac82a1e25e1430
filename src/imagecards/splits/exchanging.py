"""Exchanges between parts that bring each closer to its share of every label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 64
"""How many units of a part are looked at for one exchange: those that are best given away."""

MOST_LOOKS = 2000
"""How often a deal looks for an exchange, in all its attempts together; then the outcome stands as it is."""

_Numbers = NDArray[Any]  # int64, or Python's whole numbers where those might not hold the result


@dataclass
class Rest:
    """Units that may change their part, and how far each part is from its shares.

    Attributes:
        starts: Where the labels of each unit start in ``labels`` and ``counts``.
        labels: The labels of all units, unit by unit.
        counts: How often.
        parts: The part of each unit.
        over: By how much each part (row) has more of each label (column) than its share, times ``whole``.
        whole: The sum of the shares.
    """

    starts: NDArray[np.int64]
    labels: NDArray[np.int64]
    counts: _Numbers
    parts: NDArray[np.int64]
    over: _Numbers
    whole: int

    @classmethod
    def of(
        cls,
        units: Sequence[Mapping[int, int]],
        parts: Sequence[int],
        over: Mapping[int, Sequence[int]],
        whole: int,
    ) -> "Rest":
        """Take units in the order in which they were dealt.

        Args:
            units: How often each has each label; one label at least.
            parts: The part of each.
            over: See the attribute; by label and part.
            whole: The sum of the shares.
        """
        column = {label: place for place, label in enumerate(over)}
        entries = [(column[label], count) for unit in units for label, count in unit.items()]
        most = max(count for _, count in entries)
        farthest = max(abs(value) for values in over.values() for value in values)
        # the largest number below: a sum over labels of count times twice the distance, and of squares of counts
        exact = 8 * len(column) * most * (farthest + whole * most * MOST_LOOKS) < 2**62
        dtype = np.int64 if exact else object
        return cls(
            starts=np.cumsum([0, *(len(unit) for unit in units[:-1])], dtype=np.int64),
            labels=np.array([label for label, _ in entries], np.int64),
            counts=np.array([count for _, count in entries], dtype),
            parts=np.array(parts, np.int64),
            over=np.array(list(over.values()), dtype).T.copy(),
            whole=whole,
        )

    def even(self) -> bool:
        """Whether each part has its share of every label, rounded up or down."""
        return bool((abs(self.over) < self.whole).all())

    def cost(self) -> int:
        """The sum of the squares of all distances from the shares."""
        return int(np.sum(self.over.astype(object) ** 2))

    def weigh(self, per_label: _Numbers) -> _Numbers:
        """For each unit the sum over its labels of how often it has them, times a number a label."""
        return np.add.reduceat(self.counts * per_label[self.labels], self.starts)

    def dense(self, units: NDArray[np.int64]) -> _Numbers:
        """How often some units (rows) have each label (columns)."""
        found = np.zeros((len(units), self.over.shape[1]), self.counts.dtype)
        ends = np.append(self.starts, len(self.labels))
        for row, unit in enumerate(units.tolist()):
            inside = slice(ends[unit], ends[unit + 1])
            found[row, self.labels[inside]] = self.counts[inside]
        return found


def exchange(rest: Rest, most: int, *, moves: bool) -> int:
    """Exchange units between parts, as long as that lowers the cost and some part is not within one of its share.

    Args:
        rest: Is changed.
        most: How often an exchange may be looked for.
        moves: Whether a unit may also change its part with none in return.

    Returns:
        How often one was looked for.
    """
    count = len(rest.over)
    pairs = [(one, other) for one in range(count) for other in range(one + 1, count)]
    squares = rest.whole * np.add.reduceat(rest.counts * rest.counts, rest.starts)
    looks = idle = place = 0
    while idle < len(pairs) and looks < most and not rest.even():
        looks += 1
        if _exchange_between(rest, squares, *pairs[place], moves=moves):
            idle = 0
        else:
            place, idle = (place + 1) % len(pairs), idle + 1
    return looks


def _exchange_between(rest: Rest, squares: _Numbers, one: int, other: int, *, moves: bool) -> bool:
    """Make the exchange between two parts that lowers the cost most, if any does."""
    slope = rest.weigh(rest.over[one] - rest.over[other])
    here, leave = _best(np.flatnonzero(rest.parts == one), squares - slope)
    there, come = _best(np.flatnonzero(rest.parts == other), squares + slope)
    mine, theirs = rest.dense(here), rest.dense(there)
    if moves:  # what stands for no unit: it has no labels, and giving it costs nothing
        nothing = np.zeros((1, mine.shape[1]), mine.dtype)
        mine, theirs = np.vstack([mine, nothing]), np.vstack([theirs, nothing])
        leave, come = np.append(leave, leave.dtype.type(0)), np.append(come, come.dtype.type(0))
    if not len(mine) or not len(theirs):
        return False
    used = np.flatnonzero(mine.any(axis=0) & theirs.any(axis=0))
    shared = mine[:, used] @ theirs[:, used].T
    cost = leave[:, None] + come[None, :] - 2 * rest.whole * shared
    row, column = divmod(int(cost.argmin()), cost.shape[1])
    if cost[row, column] >= 0:
        return False
    change = rest.whole * (mine[row] - theirs[column])
    rest.over[one] -= change
    rest.over[other] += change
    if row < len(here):
        rest.parts[here[row]] = other
    if column < len(there):
        rest.parts[there[column]] = one
    return True


def _best(units: NDArray[np.int64], costs: _Numbers) -> tuple[NDArray[np.int64], _Numbers]:
    """The units that cost least, cheapest first; of equals the one that was dealt first."""
    found = costs[units]
    if len(found) > CANDIDATES:  # to sort all of them is most of the work
        cheap = found <= np.partition(found, CANDIDATES)[CANDIDATES]
        units, found = units[cheap], found[cheap]
    order = np.argsort(found, kind="stable")[:CANDIDATES]
    return units[order], found[order]
