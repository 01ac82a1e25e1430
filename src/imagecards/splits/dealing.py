"""Dealing: units into parts, so that each part gets its share of every label.

``docs/concepts/splits.md`` says step by step what is computed here. Everything is whole numbers, so that no rounding
can differ between machines, and every choice between equals is settled by the draw or by an order that is given.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from imagecards.splits.draw import draw_numbers, draw_order
from imagecards.splits.exchanging import MOST_LOOKS, Rest, exchange

ATTEMPTS = 8
"""How many times the rest is dealt anew, where no attempt brings every part within one of its share."""


@dataclass(frozen=True)
class Unit:
    """What is dealt as a whole: an image, or a group of images.

    Attributes:
        name: What its draws depend on.
        counts: How many of its images have each label; one label at least.
    """

    name: str
    counts: Mapping[int, int]


def deal(units: Sequence[Unit], shares: Sequence[int], seed: int, purpose: str, *, even_sizes: bool) -> list[int]:
    """Deal units to parts.

    Args:
        units: What to deal; their order does not count.
        shares: How much each part gets, in proportion; all at least 1.
        seed: Another one gives another outcome.
        purpose: What the draws are for.
        even_sizes: Whether the number of units in each part is to be its share of all, rounded up or down; else
            the number of units is left to the labels.

    Returns:
        The place in ``shares`` of the part of each unit.
    """
    whole = sum(shares)
    parts = [0] * len(units)
    over = _Excess.of(units, shares)
    rest: list[int] = []
    given = [0] * len(shares)
    for counts, members in _by_counts(units, draw_order(seed, purpose, [unit.name for unit in units])).items():
        start = 0
        for part, share in enumerate(shares):
            count = len(members) * share // whole
            for member in members[start : start + count]:
                parts[member] = part
            over.give(part, counts, count)
            given[part] += count
            start += count
        rest += members[start:]
    room = None
    if even_sizes:
        room = [size - there for size, there in zip(apportion(len(units), shares), given, strict=True)]
    placed = _deal_rest([units[each] for each in rest], over, room, seed, purpose)
    for member, part in zip(rest, placed, strict=True):
        parts[member] = part
    return parts


def apportion(count: int, shares: Sequence[int]) -> list[int]:
    """Cut a whole number in proportion: each part rounded down, then one more for the largest remainders.

    Example:
        >>> apportion(1055, [1, 1, 1, 1])
        [264, 264, 264, 263]
    """
    whole = sum(shares)
    sizes = [count * share // whole for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda part: -(count * shares[part] % whole))
    for part in by_remainder[: count - sum(sizes)]:
        sizes[part] += 1
    return sizes


def _by_counts(units: Sequence[Unit], order: Sequence[int]) -> dict[tuple[tuple[int, int], ...], list[int]]:
    """The units that have the same labels equally often, in the order of the draw."""
    members: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for place in order:
        members.setdefault(tuple(sorted(units[place].counts.items())), []).append(place)
    return members


@dataclass
class _Excess:
    """By how much each part has more of each label than its share, times the sum of the shares.

    Attributes:
        whole: The sum of the shares.
        totals: How many images have each label.
        over: For each label and part.
    """

    whole: int
    totals: dict[int, int]
    over: dict[int, list[int]]

    @classmethod
    def of(cls, units: Sequence[Unit], shares: Sequence[int]) -> "_Excess":
        totals: dict[int, int] = {}
        for unit in units:
            for label, count in unit.counts.items():
                totals[label] = totals.get(label, 0) + count
        return cls(
            sum(shares), totals, {label: [-share * total for share in shares] for label, total in totals.items()}
        )

    def give(self, part: int, counts: Iterable[tuple[int, int]], times: int = 1) -> None:
        for label, count in counts:
            self.over[label][part] += self.whole * count * times

    def needs(self, unit: Unit) -> list[int]:
        """How much each part has of the labels of a unit; the less, the more it needs the unit."""
        counts = unit.counts.items()
        columns = [
            self.over[label] if count == 1 else [count * each for each in self.over[label]] for label, count in counts
        ]
        return list(map(sum, zip(*columns, strict=True)))

    def copy(self) -> "_Excess":
        return _Excess(self.whole, self.totals, {label: list(parts) for label, parts in self.over.items()})


def _deal_rest(units: Sequence[Unit], start: _Excess, room: list[int] | None, seed: int, purpose: str) -> list[int]:
    """Deal what is left over when every part has its whole share of each kind of unit."""
    best: tuple[int, list[int]] | None = None
    left = MOST_LOOKS
    rarity = [min(start.totals[label] for label in unit.counts) for unit in units]
    for attempt in range(ATTEMPTS if units else 0):
        over = start.copy()
        numbers = draw_numbers(seed, f"{purpose}/{attempt}", [unit.name for unit in units])
        order = sorted(range(len(units)), key=lambda place: (rarity[place], numbers[place]))
        ordered = [units[place] for place in order]
        placed = _place_each(ordered, [numbers[place] for place in order], over, room and list(room))
        rest = Rest.of([unit.counts for unit in ordered], placed, over.over, over.whole)
        left -= exchange(rest, left, moves=room is None)
        cost = rest.cost()
        if best is None or cost < best[0]:
            part_of = dict(zip(order, rest.parts.tolist(), strict=True))
            best = cost, [part_of[place] for place in range(len(units))]
        if rest.even() or not left:
            break
    return best[1] if best is not None else []


def _place_each(units: Sequence[Unit], numbers: Sequence[int], over: _Excess, room: list[int] | None) -> list[int]:
    """Give each unit in turn to the part that needs its labels most; of equals, to the one its number points at."""
    placed = []
    for unit, number in zip(units, numbers, strict=True):
        needs = over.needs(unit)
        count = len(needs)
        turn = [(number + step) % count for step in range(count)]
        part = min((part for part in turn if room is None or room[part]), key=needs.__getitem__)
        over.give(part, unit.counts.items())
        if room is not None:
            room[part] -= 1
        placed.append(part)
    return placed
