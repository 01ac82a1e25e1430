"""The protocol with one rule left out, and the shortest way in which it then breaks a promise.

`python -m tests.protocol.weakenings` writes ``counterexamples.txt`` anew.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from tests.protocol.world import GRACE, Rules, World, broken, steps

GOLDEN = Path(__file__).with_name("counterexamples.txt")
_PROTOCOL = Rules()

WEAKENINGS: Mapping[str, Rules] = MappingProxyType(
    {
        "the writer looks whether there is a card, and then writes": replace(_PROTOCOL, put="after a look"),
        "a card replaces what is there": replace(_PROTOCOL, put="always"),
        "taken is taken for a conflict": replace(_PROTOCOL, taken="a conflict"),
        "taken is taken for a success": replace(_PROTOCOL, taken="a success"),
        "no answer is taken for a failure": replace(_PROTOCOL, silence="a failure"),
        "no answer is taken for a success": replace(_PROTOCOL, silence="a success"),
        "no card after the last try is taken for a failure": replace(_PROTOCOL, absent="a failure"),
        "data are deleted while the outcome is unknown": replace(_PROTOCOL, in_doubt="delete"),
        "the card is stored before its data": replace(_PROTOCOL, first="card"),
        "nobody looks whether all files are there": replace(_PROTOCOL, looks_at_files=False),
        "nobody looks whether the lender was withdrawn meanwhile": replace(_PROTOCOL, looks_at_lender=False),
        "an attempt may be of any age": replace(_PROTOCOL, oldest_attempt=None, oldest_again=None),
        "a card may be sent again at any age": replace(_PROTOCOL, oldest_again=None),
        "garbage needs no age": replace(_PROTOCOL, grace=-1),
        "the grace period does not cover late requests": replace(_PROTOCOL, grace=GRACE - 1),
        "what only a withdrawn card names goes at once": replace(_PROTOCOL, grace_of_withdrawn=-1),
        "the collector lists cards before objects": replace(_PROTOCOL, collector="cards first"),
        "the number of a withdrawn version is used again": replace(_PROTOCOL, numbers="used again"),
    }
)


class Explored(NamedTuple):
    """What an exploration found.

    Attributes:
        states: How many states were seen; all that there are, where no promise was broken.
        ends: How the writer may end.
        promise: The promise that was broken, if one was.
        way: The shortest way to it.
    """

    states: int
    ends: frozenset[str]
    promise: str | None
    way: tuple[str, ...]


@cache
def explore(rules: Rules) -> Explored:
    """See every state that can be reached, nearest first, until a promise is broken."""
    before: dict[World, tuple[World, str] | None] = {World(): None}
    waiting = deque(before)
    while waiting:
        world = waiting.popleft()
        promise = broken(world)
        if promise is not None:
            return Explored(len(before), frozenset(), promise, _way(before, world))
        for step, after in steps(world, rules):
            if after not in before:
                before[after] = (world, step)
                waiting.append(after)
    return Explored(len(before), frozenset(world.writer for world in before), None, ())


def _way(before: Mapping[World, tuple[World, str] | None], world: World) -> tuple[str, ...]:
    way = []
    while (last := before[world]) is not None:
        world, step = last
        way.append(step)
    return tuple(reversed(way))


def told() -> str:
    """All counterexamples, to be read."""
    lines = ["The shortest way in which each weakening of the commit protocol breaks a promise.", ""]
    for name, rules in WEAKENINGS.items():
        found = explore(rules)
        numbered = (f"{number:4}. {step}" for number, step in enumerate(found.way, start=1))
        lines += [f"If {name}:", *numbered, f"   => {found.promise}", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    GOLDEN.write_text(told())
