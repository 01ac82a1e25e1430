"""What a suite measures, and what was promised of it."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Sample = Mapping[str, float]
"""What one round measured, by row: seconds, bytes, or 1 and 0 for yes and no."""

Unit = Literal["s", "ms", "bytes", "x", "yes"]


@dataclass(frozen=True)
class Row:
    """A line of a suite's table.

    Attributes:
        key: What rounds call it.
        label: What readers call it.
        unit: How it is shown. Samples are in seconds and bytes whatever is shown.
        against: The row that it is compared with, if any.
    """

    key: str
    label: str
    unit: Unit = "s"
    against: str | None = None


@dataclass(frozen=True)
class Target:
    """A promise.

    Attributes:
        text: What was promised.
        value: What it is about, computed from one figure for each row.
        sense: On which side of the limit it has to be.
        limit: In seconds, bytes, times, or 1 for yes.
        unit: How it is shown.
    """

    text: str
    value: Callable[[Sample], float]
    sense: Literal["at most", "at least", "under"]
    limit: float
    unit: Unit = "x"

    def met(self, value: float) -> bool:
        """Whether a value keeps the promise."""
        if self.sense == "at least":
            return value >= self.limit
        return value <= self.limit if self.sense == "at most" else value < self.limit


class Suite(Protocol):
    """Something that is measured in rounds, all contestants in each of them, so that drift hits all alike."""

    @property
    def title(self) -> str:
        """A heading."""
        ...

    @property
    def method(self) -> str:
        """What is timed, in a few sentences."""
        ...

    @property
    def rows(self) -> Sequence[Row]:
        """The lines of its table."""
        ...

    @property
    def targets(self) -> Sequence[Target]:
        """What was promised."""
        ...

    def prepare(self) -> None:
        """Make the data, unless they are there from an earlier run."""
        ...

    def round(self, number: int) -> Sample:
        """Measure every contestant once; ``number`` says who begins."""
        ...


@dataclass(frozen=True)
class Outcome:
    """What the rounds of a suite gave."""

    suite: Suite
    samples: Sequence[Sample]

    def series(self, key: str) -> list[float]:
        """The samples of a row, one for each round; none where it was not measured."""
        return [sample[key] for sample in self.samples if key in sample]

    def medians(self) -> Sample:
        """The median of each row."""
        return {row.key: statistics.median(self.series(row.key)) for row in self._measured()}

    def minima(self) -> Sample:
        """The smallest sample of each row."""
        return {row.key: min(self.series(row.key)) for row in self._measured()}

    def _measured(self) -> list[Row]:
        return [row for row in self.suite.rows if self.series(row.key)]


def ratio(part: str, whole: str) -> Callable[[Sample], float]:
    """How many times as much one row is as another."""
    return lambda figures: figures[part] / figures[whole]


def figure(key: str) -> Callable[[Sample], float]:
    """A row itself."""
    return lambda figures: figures[key]
