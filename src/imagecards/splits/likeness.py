"""Which images are alike in some way, and which of these two splits share."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagecards.splits.leak_report import Kind
from imagecards.splits.nearness import NearPairs, near_pairs

_Rows = NDArray[np.int64]


class One(NamedTuple):
    """What two splits share, once.

    Attributes:
        value: What makes the images alike: a group, a digest, a hash.
        first: The rows in the first split, in order.
        second: The rows in the second.
        distance: In how many bits their hashes differ.
    """

    value: Hashable
    first: _Rows
    second: _Rows
    distance: int


@dataclass(frozen=True, eq=False)
class Likeness:
    """Which images are alike in some way.

    Attributes:
        kind: In which way.
        codes: The place in ``values`` for each row, the same for rows that are alike; -1 where it is not known.
        values: What makes them alike.
        finer: The codes of a plainer way to be alike: what is alike in that way is told there and not here.
        near: Pairs of places in ``values`` that count as alike, too.
    """

    kind: Kind
    codes: _Rows
    values: tuple[Hashable, ...]
    finer: _Rows | None
    near: NearPairs | None = None

    @classmethod
    def of(cls, kind: Kind, count: int, values: Mapping[int, Hashable], finer: "Likeness | None") -> "Likeness":
        """Find which rows have equal values.

        Args:
            kind: See the attribute.
            count: How many rows there are.
            values: The value of each row; ``None``, or left out, where it is not known.
            finer: A plainer way to be alike.
        """
        places: dict[Hashable, int] = {}
        codes = np.full(count, -1, np.int64)
        for row in sorted(values):
            if values[row] is not None:
                codes[row] = places.setdefault(values[row], len(places))
        return cls(kind, codes, tuple(places), finer.codes if finer is not None else None)

    def with_near(self, most: int) -> "Likeness":
        """Take hashes that differ in at most ``most`` bits as alike, too; the values are whole numbers of 64 bits."""
        return replace(self, near=near_pairs(np.array(self.values, np.uint64), most))

    def shared(self, first: _Rows, second: _Rows) -> "Shared":
        """What two splits share.

        Args:
            first: The rows of one.
            second: The rows of the other.
        """
        first, second = (rows[self.codes[rows] >= 0] for rows in (first, second))
        here, there = self._there(first), self._there(second)
        both = np.flatnonzero(here & there)
        if self.finer is not None:
            both = both[self._differ(np.concatenate([first, second]))[both]]
        one, other, distance = both, both, np.zeros(len(both), np.int64)
        if self.near is not None:
            found = self.near
            straight, crossed = here[found.first] & there[found.second], here[found.second] & there[found.first]
            one = np.concatenate([one, found.first[straight], found.second[crossed]])
            other = np.concatenate([other, found.second[straight], found.first[crossed]])
            distance = np.concatenate([distance, found.distance[straight], found.distance[crossed]])
        order = np.lexsort((other, one, distance))
        return Shared(self, first, second, one[order], other[order], distance[order])

    def _there(self, rows: _Rows) -> NDArray[np.bool_]:
        """For each value whether a row has it."""
        found = np.zeros(len(self.values), np.bool_)
        found[self.codes[rows]] = True
        return found

    def _differ(self, rows: _Rows) -> NDArray[np.bool_]:
        """For each value whether rows that have it are not all alike in the plainer way."""
        assert self.finer is not None
        lowest = np.full(len(self.values), np.iinfo(np.int64).max)
        highest = np.full(len(self.values), -1)
        np.minimum.at(lowest, self.codes[rows], self.finer[rows])
        np.maximum.at(highest, self.codes[rows], self.finer[rows])
        differ: NDArray[np.bool_] = lowest < highest
        return differ


@dataclass(frozen=True, eq=False)
class Shared:
    """What two splits share: pairs of values that are equal or near, the nearest first, then in the order of the rows.

    Attributes:
        likeness: In which way.
        rows: The rows of the first split.
        other_rows: Those of the second.
        one: The value in the first split.
        other: That in the second.
        distance: In how many bits they differ.
    """

    likeness: Likeness
    rows: _Rows
    other_rows: _Rows
    one: _Rows
    other: _Rows
    distance: _Rows

    def __len__(self) -> int:
        return len(self.one)

    def first_ones(self, most: int) -> Iterator[One]:
        """The first of it, with all its rows."""
        values, codes = self.likeness.values, self.likeness.codes
        here, there = _Lookup(codes, self.rows), _Lookup(codes, self.other_rows)
        columns = (column[:most].tolist() for column in (self.one, self.other, self.distance))
        for one, other, distance in zip(*columns, strict=True):
            yield One(values[one], here.rows(one), there.rows(other), distance)


class _Lookup:
    """The rows that have a code."""

    def __init__(self, codes: _Rows, rows: _Rows) -> None:
        rows = np.sort(rows)
        order = np.argsort(codes[rows], kind="stable")
        self._rows = rows[order]
        self._codes = codes[self._rows]

    def rows(self, code: int) -> _Rows:
        start, end = np.searchsorted(self._codes, [code, code + 1])
        return self._rows[start:end]
