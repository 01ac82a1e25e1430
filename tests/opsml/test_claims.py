"""Claims keep writers apart, whatever the order of their steps, and whichever of them is killed."""

import random
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagecards.errors import StorageError
from imagecards.opsml import claims
from imagecards.opsml.host import Row
from imagecards.opsml.versions import next_version


class Killed(BaseException):
    """A writer ends here, and leaves what it has."""


@dataclass
class Turns:
    """Lets threads take single steps, in an order that is given.

    Attributes:
        order: Which of the waiting threads is next, as long as it says; dice do then.
        kills: After how many of its steps each thread ends.
    """

    order: list[int]
    kills: dict[str, int]
    waiting: set[str] = field(default_factory=set)
    alive: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)
    steps: dict[str, int] = field(default_factory=dict)
    chosen: str = ""
    dice: random.Random = field(default_factory=lambda: random.Random(0))
    changed: threading.Condition = field(default_factory=threading.Condition)

    def step(self) -> None:
        """Wait for the own turn."""
        name = threading.current_thread().name
        if name in self.killed:  # what a process would not do any more
            raise Killed
        with self.changed:
            self.waiting.add(name)
            self._choose()
            assert self.changed.wait_for(lambda: self.chosen == name, timeout=20)
            self.chosen = ""
            self.waiting.discard(name)
            self.steps[name] = self.steps.get(name, 0) + 1
            if self.steps[name] == self.kills.get(name):
                self.killed.add(name)
                self.alive.discard(name)
                self._choose()
                self.changed.wait_for(lambda: not self.alive, timeout=60)
                raise Killed

    def end(self) -> None:
        with self.changed:
            self.alive.discard(threading.current_thread().name)
            self._choose()
            self.changed.notify_all()

    def _choose(self) -> None:
        if self.chosen or not self.alive or self.waiting != self.alive:
            return
        ready = sorted(self.waiting)
        turn = self.order.pop(0) if self.order else self.dice.randrange(6)  # in step, two would never end
        self.chosen = ready[turn % len(ready)]
        self.changed.notify_all()


@dataclass
class Host:
    """opsml's list, in memory: each call is one step."""

    turns: Turns
    table: list[Row] = field(default_factory=list)
    authors: dict[str, str] = field(default_factory=dict)

    def rows(self, **wanted: Any) -> tuple[Row, ...]:
        self.turns.step()
        tags = set(wanted.pop("tags", ()))
        return tuple(
            row
            for row in self.table
            if tags <= set(row.tags) and all(getattr(row, name) == value for name, value in wanted.items())
        )

    def in_passing_row(self, inside: Callable[[], None], *, space: str, name: str, tags: Sequence[str]) -> None:
        row = self.add(space, name, "0.1.0", tags)
        inside()
        self.turns.step()
        self.table.remove(row)

    def add(self, space: str, name: str, version: str, tags: Sequence[str] = ()) -> Row:
        self.turns.step()
        row = Row(secrets.token_hex(8), space, name, version, tuple(tags), datetime.now(UTC), "", (), ())
        self.table.append(row)
        self.authors[row.uid] = threading.current_thread().name
        return row

    def register(self, version: str) -> str:
        """A card, whose folder nobody else may have, and nobody else may begin to have."""
        row = self.add("lab", "cats", version)
        there = [each.version for each in self.table if each.name == "cats"]
        assert there.count(version) == 1, f"{version} is registered twice"
        self.turns.step()
        assert row in self.table
        return version


@contextmanager
def replaced(host: Host) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "host", host)
        patch.setattr("time.sleep", lambda _: host.turns.step())
        yield


def run(order: list[int], kills: dict[str, int], writers: int) -> tuple[list[str], Host]:
    """Let writers register two versions each; what they were told."""
    turns = Turns(list(order), kills, alive={f"writer {number}" for number in range(writers)})
    host, told, broken = Host(turns), list[str](), list[BaseException]()

    def choose(cards: set[str], claimed: set[str]) -> str:
        return next_version(cards | claimed, "minor")

    def write() -> None:
        try:
            for _ in range(2):
                told.append(claims.register_claimed("lab", "cats", choose, host.register))
        except Killed:
            pass
        except BaseException as error:
            broken.append(error)
        finally:
            turns.end()

    threads = [threading.Thread(target=write, name=name) for name in sorted(turns.alive)]
    with replaced(host):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    if broken:
        raise broken[0]
    return told, host


@settings(max_examples=100)
@given(
    st.lists(st.integers(0, 5), max_size=80),
    st.dictionaries(st.sampled_from(["writer 0", "writer 1"]), st.integers(1, 25), max_size=2),
    st.integers(2, 3),
)
def test_no_two_get_one_version(order: list[int], kills: dict[str, int], writers: int) -> None:
    told, host = run(order, kills, writers)
    cards = [row.version for row in host.table if row.name == "cats"]
    assert len(set(told)) == len(told)
    assert set(told) <= set(cards)
    assert len(cards) == len(set(cards))
    if not kills:
        assert len(told) == 2 * writers
        assert len(host.table) == len(told), "no claim is left"


def test_a_writer_who_did_not_look_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its rule the same test fails: two that claim one version at once both go on."""
    monkeypatch.setattr(claims, "claims_on", _only_own)
    with pytest.raises(AssertionError, match="registered twice"):
        run([0, 1] * 40, {}, 2)


def test_a_list_that_does_not_show_an_own_claim_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one would be that is read from a copy of the database, which lags behind."""
    host = Host(Turns([], {}, alive={threading.current_thread().name}))
    monkeypatch.setattr(claims, "claims_on", lambda space, name: {})
    with replaced(host), pytest.raises(StorageError, match="nothing is safe"):
        claims.register_claimed("lab", "cats", lambda cards, claimed: "0.1.0", host.register)
    assert host.table == []


def _only_own(space: str, name: str) -> dict[str, list[Row]]:
    """The claims that this writer made itself."""
    host: Host = claims.__dict__["host"]
    found: dict[str, list[Row]] = {}
    for row in host.rows(space=space, tags=[f"of={space}/{name}"]):
        if host.authors[row.uid] == threading.current_thread().name:
            found.setdefault(row.tags[1].removeprefix("version="), []).append(row)
    return found
