"""What a format could not hold: told, never dropped in silence."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from imagecards.records import printable

_EXAMPLES = 10


@dataclass(frozen=True)
class Loss:
    """One way in which what was written says less, or something else, than the dataset does.

    Attributes:
        rule: Its stable name, ``parts-joined``.
        message: What happened to the objects or images concerned, in a sentence without a full stop.
        count: How many they are.
        examples: Where the first ones are: ``train/001.png objects[2]``.
    """

    rule: str
    message: str
    count: int
    examples: tuple[str, ...]

    def __str__(self) -> str:
        places = ", ".join(printable(place, 120) for place in self.examples[:3])
        return f"{self.count:,} x {self.message} ({self.rule}): {places}{', ...' if self.count > 3 else ''}"


class Losses:
    """Takes losses one by one, in bounded memory; can be pickled and joined, so that workers have some each."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], tuple[int, list[str]]] = {}

    def add(self, rule: str, message: str, place: str, count: int = 1) -> None:
        """Count a loss; one rule always comes with the same message."""
        before, examples = self._found.get((rule, message), (0, []))
        if len(examples) < _EXAMPLES:
            examples.append(place)
        self._found[rule, message] = before + count, examples

    def join(self, other: "Losses") -> None:
        """Take over what a worker found; called in the order of its images."""
        for (rule, message), (count, examples) in other._found.items():
            before, kept = self._found.get((rule, message), (0, []))
            self._found[rule, message] = before + count, [*kept, *examples][:_EXAMPLES]

    def report(self) -> "LossReport":
        """Return what was added so far."""
        return LossReport(Loss(*key, count, tuple(places)) for key, (count, places) in sorted(self._found.items()))


class LossReport(Sequence[Loss]):
    """Everything that a format could not hold, by rule; empty where it holds all of it.

    Example:
        >>> losses = Losses()
        >>> losses.add("captions-dropped", "this format has no captions", "a.png")
        >>> print(losses.report().render())
        1 x this format has no captions (captions-dropped): a.png
    """

    def __init__(self, losses: Iterable[Loss] = ()) -> None:
        self._losses = tuple(losses)

    @overload
    def __getitem__(self, index: int) -> Loss: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Loss, ...]: ...
    def __getitem__(self, index: int | slice) -> Loss | tuple[Loss, ...]:
        return self._losses[index]

    def __len__(self) -> int:
        return len(self._losses)

    def __iter__(self) -> Iterator[Loss]:
        return iter(self._losses)

    def __eq__(self, other: object) -> bool:
        return self._losses == other._losses if isinstance(other, LossReport) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._losses)

    def __repr__(self) -> str:
        return f"<LossReport: {', '.join(self.rules) or 'nothing was lost'}>"

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules."""
        return tuple(loss.rule for loss in self._losses)

    def render(self) -> str:
        """Return the report as text for people, a line a rule."""
        return "\n".join(map(str, self._losses)) or "nothing was lost"

    def to_json(self) -> str:
        """Return the report as JSON text for machines."""
        rows = [
            {"rule": loss.rule, "message": loss.message, "count": loss.count, "examples": list(loss.examples)}
            for loss in self._losses
        ]
        return json.dumps({"lossless": not rows, "losses": rows}, indent=1)
