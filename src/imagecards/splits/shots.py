"""Choosing few images: whole images, until there are so many objects of every class."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

MOST_LOOKS = 1_000_000
"""How many images a search for exactly so many objects looks at before it gives up."""

MOST_LOOKS_TOGETHER = 20_000_000
"""How many all searches of one step look at."""


@dataclass
class Patience:
    """How many images the searches of one step may still look at; it is used up by them.

    Attributes:
        looks: How many.
    """

    looks: int = MOST_LOOKS_TOGETHER


class Choice:
    """Images chosen so far, in an order that a draw gives; more can be added.

    Args:
        images: How many objects of each class each image has; the earlier, the sooner it is chosen.
        patience: What searches of several choices share.

    Attributes:
        chosen: The places of the chosen images.
        have: How many objects of each class they have.
    """

    def __init__(self, images: Sequence[Mapping[int, int]], patience: Patience | None = None) -> None:
        self._images = images
        self._patience = patience or Patience()
        self._holders: dict[int, list[int]] = {}
        for place, counts in enumerate(images):
            for label in counts:
                self._holders.setdefault(label, []).append(place)
        totals = {label: sum(images[place][label] for place in places) for label, places in self._holders.items()}
        self._rarest_first = sorted(totals, key=lambda label: (totals[label], label))
        self._next = dict.fromkeys(totals, 0)
        self.chosen: set[int] = set()
        self.have = dict.fromkeys(totals, 0)

    def grow_to_at_least(self, wanted: int) -> None:
        """Add images until there are ``wanted`` objects of each class: class by class, the rarest first.

        Example:
            >>> choice = Choice([{0: 1}, {0: 3, 1: 1}, {1: 1}])
            >>> choice.grow_to_at_least(1)
            >>> choice.chosen
            {1}
        """
        for label in self._rarest_first:
            holders = self._holders[label]
            while self.have[label] < wanted and self._next[label] < len(holders):
                self._add(holders[self._next[label]])
                self._next[label] += 1

    def grow_to_exactly(self, wanted: int) -> bool:
        """Add images until there are just ``wanted`` objects of each class; the first way that a search finds.

        Returns:
            Whether there is one; without it nothing is added.

        Example:
            >>> choice = Choice([{0: 3}, {0: 1}, {0: 2}])
            >>> choice.grow_to_exactly(3), sorted(choice.chosen)
            (True, [0])
            >>> choice.grow_to_exactly(7), sorted(choice.chosen)
            (False, [0])
        """
        steps: list[tuple[int, int]] = []  # which class an image was added for, and its place among the holders
        most = min(MOST_LOOKS, self._patience.looks)
        looks, at = 0, 0
        while (label := self._open(wanted)) is not None:
            holders = self._holders[label]
            while at < len(holders) and looks < most and not self._fits(holders[at], wanted):
                at += 1
                looks += 1
            if looks < most and at < len(holders):
                self._add(holders[at])
                steps.append((label, at))
                at = at + 1 if self._open(wanted) == label else 0  # of one class each set is tried once, in one order
                looks += 1
            elif looks < most and steps:
                last, at = steps.pop()
                self._remove(self._holders[last][at])
                at += 1
            else:
                for last, place in steps:
                    self._remove(self._holders[last][place])
                break
        self._patience.looks -= looks
        return label is None

    def _open(self, wanted: int) -> int | None:
        """The rarest class of which there are too few."""
        return next((label for label in self._rarest_first if self.have[label] < wanted), None)

    def _fits(self, place: int, wanted: int) -> bool:
        counts = self._images[place].items()
        return place not in self.chosen and all(self.have[label] + count <= wanted for label, count in counts)

    def _add(self, place: int) -> None:
        if place not in self.chosen:
            self.chosen.add(place)
            for label, count in self._images[place].items():
                self.have[label] += count

    def _remove(self, place: int) -> None:
        self.chosen.remove(place)
        for label, count in self._images[place].items():
            self.have[label] -= count


def nested_choices(
    images: Sequence[Mapping[int, int]], shots: Iterable[int], patience: Patience, *, exactly: bool
) -> Iterator[set[int] | None]:
    """Choose images for each number of shots, each choice holding those for all smaller numbers.

    The choice for k grows from that for k - 1 whether or not that one is asked for, so it does not depend on which
    other numbers are.

    Args:
        images: How many objects of each class each image has, in the order of the draw.
        shots: The numbers, in rising order.
        patience: What the searches share with others.
        exactly: Whether there are to be just so many objects of each class.

    Yields:
        The places of the images, or ``None`` where there is no way.
    """
    choice, at, possible = Choice(images, patience), 0, True
    for shot in shots:
        while at < shot and possible:
            at += 1
            if exactly:
                possible = choice.grow_to_exactly(at)
            else:
                choice.grow_to_at_least(at)
        yield set(choice.chosen) if possible else None
