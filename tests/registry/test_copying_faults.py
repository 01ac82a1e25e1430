"""Copies that are interrupted, and copies while garbage is collected: no card is ever without its data."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import polars as pl
import pytest
from tests.registry.watched import Hook, WatchedStore

from imagecards import CardRegistry
from imagecards.errors import CommitUnknownError, ImageCardsError, StorageError
from imagecards.registry import arriving, gc
from imagecards.storage import MemoryStore, Store

DAY = 24 * 3600.0
NUMBERS = count()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> CardRegistry:
    """A version with two files, one of them attached, made from another version."""
    registry = CardRegistry(MemoryStore("source"))
    note = tmp_path_factory.mktemp("notes") / "note"
    note.write_text("a note")
    parent = registry.register(pl.DataFrame({"x": [0]}), "a/parent")
    registry.register(pl.DataFrame({"x": [1]}), "a/t", parents=[parent], artifacts={"plot": note})
    registry.attach("a/t", "later", note)
    registry.tag("a/t", "prod")
    return registry


def empty() -> MemoryStore:
    return MemoryStore(f"target-{next(NUMBERS)}")


def age(store: MemoryStore, days: float, prefix: str = "") -> None:
    """Let what is there be older than it is."""
    for key, (data, modified) in [*store._bodies.items()]:
        if key.startswith(prefix):
            store._bodies[key] = (data, modified - days * DAY)


def assert_nothing_dangles(store: Store) -> None:
    """Every card that is there is whole, and so is what is attached to it."""
    if store.stat("imagecards.json") is not None:
        found = CardRegistry(store).verify(deep=True)
        assert found.ok, found.problems


def fails(before: int, *, over: bool, forever: bool, error: Callable[[], BaseException]) -> Hook:
    """Let one operation fail, or all from one on, before it is done or after."""

    def hook(number: int, name: str, done: bool) -> None:
        if done == over and (number == before or (forever and number > before)):
            raise error()

    return hook


KINDS: dict[str, tuple[bool, bool, Callable[[], BaseException]]] = {
    "refused": (False, False, lambda: StorageError("refused")),
    "refused for ever": (False, True, lambda: StorageError("refused")),
    "lost": (True, False, lambda: CommitUnknownError("lost")),
    "lost for ever": (True, True, lambda: CommitUnknownError("lost")),
    "interrupted": (False, False, KeyboardInterrupt),
    "interrupted after it": (True, False, KeyboardInterrupt),
}
OPERATIONS: dict[str, Callable[[CardRegistry, CardRegistry], object]] = {
    "copy": lambda source, target: source.copy("a/t", to=target, parents=True),
    "sync": lambda source, target: source.sync("a/t", to=target),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("side", ["source", "target"])
def test_each_operation_of_either_store_fails_in_one_way(source: CardRegistry, side: str, operation: str) -> None:
    fail_each(source, side, operation, [*KINDS])


@pytest.mark.campaign
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_operation_of_either_store_fails_in_every_way(
    source: CardRegistry, kind: str, side: str, operation: str
) -> None:
    fail_each(source, side, operation, [kind])


def fail_each(source: CardRegistry, side: str, operation: str, kinds: list[str]) -> None:
    """Let each operation of a store fail in one of the ways, in turn."""
    run = OPERATIONS[operation]
    for number in range(1, 200):
        over, forever, error = KINDS[kinds[number % len(kinds)]]
        inner = empty()
        here, there = WatchedStore(source.store), WatchedStore(inner)
        watched = here if side == "source" else there
        watched.hook = fails(number, over=over, forever=forever, error=error)
        with suppress(ImageCardsError, KeyboardInterrupt):
            run(CardRegistry(here), CardRegistry(there))
            assert CardRegistry(inner).load("a/t") == source.load("a/t"), "what is told is true"
        assert_nothing_dangles(inner)
        run(source, CardRegistry(inner))
        assert CardRegistry(inner).artifact("a/t", "later").read() == b"a note"
        assert_nothing_dangles(inner)
        assert [*inner.list("arrivals/")] == [], "what an interrupted run announced goes with the one that completes"
        if number > len(watched.calls):
            break
    assert 10 < number < 199


def test_what_an_interrupted_copy_sent_is_kept_for_a_week_and_not_sent_again(source: CardRegistry) -> None:
    inner = empty()
    there = WatchedStore(inner)

    def stop(number: int, name: str, over: bool) -> None:
        if any(entry.key.endswith(".parquet") for entry in inner.list("data/")):
            raise KeyboardInterrupt

    there.hook = stop
    with pytest.raises(KeyboardInterrupt):
        source.copy("a/t", to=CardRegistry(there))
    target = CardRegistry(inner)
    (sent,) = [entry.key for entry in inner.list("data/") if entry.key.endswith(".parquet")]
    age(inner, 6)
    assert target.gc(delete=True).keys == ()
    age(inner, 3)
    assert sent in target.gc().keys, "nobody takes it up again"
    assert source.copy("a/t", to=target).files == 1, "the artifact that was attached"
    assert_nothing_dangles(inner)


def leftovers(source: CardRegistry) -> MemoryStore:
    """A registry with all files of the version that no card names, and that are old: nobody announced them."""
    store = empty()
    CardRegistry(store).register(pl.DataFrame({"x": [7]}), "a/own")
    for entry in source.store.list("data/"):
        store.put_if_absent(entry.key, [source.store.get(entry.key)])
    age(store, 30)
    return store


def collect(store: Store) -> None:
    CardRegistry(store).gc(delete=True)


def copy(source: CardRegistry, store: Store) -> None:
    source.copy("a/t", to=CardRegistry(store), parents=True)


@pytest.mark.parametrize(("first", "stride"), [("collection", 1), ("copy", 3)])
def test_one_runs_whole_before_an_operation_of_the_other(source: CardRegistry, first: str, stride: int) -> None:
    runs = copied = 0
    refused: list[str] = []
    for number in range(1, 300, stride):
        inner = leftovers(source)
        watched = WatchedStore(inner)

        def cut_in(at: int, name: str, over: bool, number: int = number, inner: MemoryStore = inner) -> None:
            if at == number and not over:
                try:
                    copy(source, inner) if first == "collection" else collect(inner)
                except StorageError as error:
                    refused.append(str(error))

        watched.hook = cut_in
        try:
            collect(watched) if first == "collection" else copy(source, watched)
        except StorageError as error:
            refused.append(str(error))
        assert all("garbage collection is deleting files" in each for each in refused)
        assert_nothing_dangles(inner)
        runs += 1
        copied += inner.stat("cards/a/t/1.0.0.json") is not None
        copy(source, inner)
        assert_nothing_dangles(inner)
        if number > len(watched.calls):
            break
    assert 10 < number < 297
    assert copied > runs / 2


class Turns:
    """Lets several threads take turns, one operation each, in an order that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._waiting: set[str] = set()
        self._turn = ""
        self._changed = threading.Condition()
        self.refused: list[str] = []

    def run(self, **actions: Callable[[Hook], None]) -> None:
        self._waiting = set(actions)
        self._turn = self._random.choice(sorted(self._waiting))
        threads = [threading.Thread(target=self._run, args=(name, action)) for name, action in actions.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _run(self, who: str, action: Callable[[Hook], None]) -> None:
        def hook(number: int, name: str, over: bool) -> None:
            with self._changed:
                if over:
                    self._turn = self._random.choice(sorted(self._waiting))
                    self._changed.notify_all()
                else:
                    self._changed.wait_for(lambda: self._turn == who)

        try:
            action(hook)
        except StorageError as error:
            self.refused.append(str(error))
        finally:
            with self._changed:
                self._waiting.discard(who)
                self._turn = self._random.choice(sorted(self._waiting)) if self._waiting else ""
                self._changed.notify_all()


def run_in_turns(source: CardRegistry, seed: int) -> bool:
    """Two copies and a collection at the same time; whether a copy succeeded."""
    inner = leftovers(source)

    def acting(act: Callable[[Store], None]) -> Callable[[Hook], None]:
        def run(hook: Hook) -> None:
            store = WatchedStore(inner)
            store.hook = hook
            act(store)

        return run

    copying = acting(lambda store: copy(source, store))
    turns = Turns(seed)
    turns.run(collection=acting(collect), copy=copying, other=copying)
    assert [each for each in turns.refused if "garbage collection is deleting files" not in each] == []
    assert_nothing_dangles(inner)
    succeeded = inner.stat("cards/a/t/1.0.0.json") is not None
    copy(source, inner)
    assert_nothing_dangles(inner)
    return succeeded


def test_copies_and_a_collection_take_turns_in_any_order(source: CardRegistry) -> None:
    assert sum(run_in_turns(source, seed) for seed in range(12)) > 0


@pytest.mark.campaign
def test_copies_and_a_collection_take_turns_in_a_thousand_orders(source: CardRegistry) -> None:
    for seed in range(1000):
        run_in_turns(source, seed)


def test_what_a_collection_deletes_late_is_waited_for(source: CardRegistry) -> None:
    inner = leftovers(source)
    server = WatchedStore(inner, remote=True)
    late = CardRegistry(server).gc(delete=True).keys
    with pytest.raises(StorageError, match=r"garbage collection is deleting files in .* in 80 minutes"):
        copy(source, server)
    assert [*inner.list("arrivals/")] == []
    inner.delete(late)  # a request that was sent twice
    age(inner, arriving.SWEEP_KEPT / DAY + 0.01)
    copy(source, server)
    assert_nothing_dangles(inner)
    age(inner, 2)
    assert [key.split("/")[0] for key in CardRegistry(server).gc(delete=True).keys] == ["sweeps"]
    assert [*inner.list("sweeps/")] == []


def test_a_collection_elsewhere_stops_no_copy(source: CardRegistry) -> None:
    inner = empty()
    target = CardRegistry(WatchedStore(inner, remote=True))
    target.register(pl.DataFrame({"x": [7]}), "a/own")
    inner.put_if_absent("data/a/own/20200101T000000Z-0123456789abcdef/table.parquet", [b"nobody's"])
    age(inner, 30)
    assert target.gc(delete=True).size
    assert source.copy("a/t", to=target).created


def test_a_sweep_that_takes_too_long_deletes_nothing_more(
    source: CardRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = leftovers(source)
    before = [*inner.list("data/")]
    clock = iter([0.0, 3601.0])
    monkeypatch.setattr(gc, "steady_time", lambda: next(clock))
    with pytest.raises(StorageError, match="longer than 60 minutes"):
        collect(inner)
    assert [*inner.list("data/")] == before
