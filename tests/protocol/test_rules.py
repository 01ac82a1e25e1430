"""Rules of the protocol in the registry itself: what others do at the worst moment breaks no promise."""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.faults.test_crash_states import CARD, DATA, examine, folders_of_a_dead_writer, nothing_yet

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import CardName, Version
from imagecards.errors import CommitUnknownError, StorageError
from imagecards.registry import lookup
from imagecards.registry.tags import append_tag
from imagecards.storage import LEFTOVER, Entry, LocalStore, MemoryStore, writing
from imagecards.testing.crashes import Step
from imagecards.testing.faults import count_calls, fail_at, os_calls, patched_os

MakeFolder = Callable[..., Path]
NAME = CardName("a", "b")


class Meanwhile(MemoryStore):
    """A store in which something can happen just before a call.

    Attributes:
        before: Called with the name of the call and its key or prefix.
    """

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[str, str], None] = lambda call, key: None

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        self.before("put", key)
        return super().put_if_absent(key, body)

    def list(self, prefix: str) -> Iterator[Entry]:
        self.before("list", prefix)
        return super().list(prefix)

    def once(self, call: str, ending: str, act: Callable[[], object]) -> None:
        """Let something happen before the next such call."""

        def before(name: str, key: str) -> None:
            if name == call and key.endswith(ending):
                self.before = lambda call, key: None
                act()

        self.before = before

    def age(self) -> None:
        """Let everything that is there be many years old."""
        self._bodies = {key: (data, 1.0) for key, (data, _) in self._bodies.items()}


@pytest.fixture
def store() -> Meanwhile:
    return Meanwhile()


def test_a_lender_that_is_withdrawn_meanwhile_lends_nothing(store: Meanwhile, make_folder: MakeFolder) -> None:
    registry = CardRegistry(store)
    first = registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    store.once("put", "/records.parquet", lambda: registry.withdraw("a/b@1.0.0", reason="wrong"))
    second = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    assert not set(second.keys()) & set(first.keys())
    store.age()
    assert set(registry.gc(delete=True).keys) >= set(first.keys())
    assert registry.verify(deep=True).ok


@pytest.mark.parametrize("kept", [0, 5])
@pytest.mark.parametrize("file", ["records.parquet", "shard-00000.tar"])
def test_a_file_that_a_store_does_not_keep_is_missed_before_the_commit(
    make_folder: MakeFolder, file: str, kept: int
) -> None:
    class Careless(MemoryStore):
        def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
            if not key.endswith(file):
                return super().put_if_absent(key, body)
            data = b"".join(body)
            return super().put_if_absent(key, [data[:kept]]) if kept else True

    registry = CardRegistry(store := Careless())
    with pytest.raises(StorageError, match=f"{file} is (missing|there with 5 bytes), and was stored with"):
        registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    assert [entry.key for entry in store.list("")] == ["imagecards.json"]


def test_when_a_card_is_put_all_that_it_names_is_there(store: Meanwhile, make_folder: MakeFolder) -> None:
    there: set[str] = set()

    def before(call: str, key: str) -> None:
        if call == "put" and key.startswith("cards/"):
            there.update(store._bodies)

    store.before = before
    note = make_folder(0, name="notes") / "note.txt"
    note.parent.mkdir()
    note.write_bytes(b"note")
    card = CardRegistry(store).register(ImageDataset(image_dir=make_folder(2)), "a/b", artifacts={"note": note})
    assert set(card.keys()) <= there


def test_a_card_that_comes_while_garbage_is_collected_keeps_its_data(store: Meanwhile) -> None:
    registry = CardRegistry(store)
    card = registry.register(pl.DataFrame({"x": [1]}), "a/b")
    key = "cards/a/b/1.0.0.json"
    body = store.get(key)
    store.delete([key])
    store.age()
    looked = False

    def before(call: str, prefix: str) -> None:
        nonlocal looked
        if call == "list" and looked:
            store._bodies[key] = (body, 1.0)
        looked = looked or prefix in ("", "cards/")

    store.before = before
    assert registry.gc(delete=True).keys == ()
    assert registry.load("a/b") == card
    assert registry.verify(deep=True).ok


def test_a_tag_that_another_moves_meanwhile_is_moved_after_that(store: Meanwhile) -> None:
    registry = CardRegistry(store)
    for rows in ([1], [1, 2], [1, 2, 3]):
        registry.register(pl.DataFrame({"x": rows}), "a/b")
    first, rivals, ours = (Version(1, minor, 0) for minor in range(3))
    append_tag(store, NAME, "prod", first)
    store.once("put", "/prod/00000002.json", lambda: append_tag(store, NAME, "prod", rivals))
    append_tag(store, NAME, "prod", ours)
    numbers = lookup.tag_numbers(store, NAME, "prod")
    assert [lookup.read_tag(store, NAME, "prod", number).version for number in numbers] == [first, rivals, ours]


def test_a_use_that_another_records_meanwhile_is_kept_beside_ours(store: Meanwhile) -> None:
    registry = CardRegistry(store)
    registry.register(pl.DataFrame({"x": [1]}), "a/b")
    store.once("put", "/00000001.json", lambda: registry.record_use("a/b", "another"))
    assert registry.record_use("a/b", "ours").number == 2
    assert [use.by for use in registry.uses("a/b")] == ["another", "ours"]


def test_a_withdrawn_number_stays_taken(store: Meanwhile) -> None:
    registry = CardRegistry(store)
    registry.register(pl.DataFrame({"x": [1]}), "a/b")
    registry.withdraw("a/b@1.0.0", reason="wrong")
    store.age()
    registry.gc(delete=True)
    assert store.stat("cards/a/b/1.0.0.json") is not None
    assert str(registry.register(pl.DataFrame({"x": [2]}), "a/b").version) == "1.1.0"


# -- on disk -------------------------------------------------------------------------------------------------


def test_a_card_that_is_there_is_durable_before_it_is_said_to_be(registry: CardRegistry) -> None:
    """Whoever put it may have died before it was."""
    registry.register(pl.DataFrame({"x": [1]}), "a/b")
    synced = set()

    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        synced.add(os.readlink(f"/proc/self/fd/{arguments[0]}"))

    with os_calls(hook, only=["fsync"]):
        registry.register(pl.DataFrame({"x": [1]}), "a/b")
    assert os.path.realpath(f"{registry.url}/cards/a/b") in synced


def test_a_sync_that_fails_is_never_told_as_success(tmp_path: Path) -> None:
    syncs = count_calls(lambda: LocalStore(tmp_path / "0").put_if_absent("a/b", [b"data"]), only=["fsync"])
    assert syncs >= 4
    for number in range(1, syncs + 1):
        store = LocalStore(tmp_path / str(number))
        with os_calls(fail_at(number, errno.EIO), only=["fsync"]), pytest.raises(StorageError) as caught:
            store.put_if_absent("a/b", [b"data"])
        there = store.stat("a/b") is not None
        assert isinstance(caught.value, CommitUnknownError) == there, "what may not be durable is in doubt"


def test_whenever_another_comes_one_of_the_two_wins(tmp_path: Path) -> None:
    calls = count_calls(lambda: LocalStore(tmp_path / "0").put_if_absent("a/b", [b"ours"]))
    winners = set()
    for number in range(1, calls + 1):
        store = LocalStore(tmp_path / str(number))
        theirs: list[bool] = []

        def hook(at: int, name: str, arguments: tuple[object, ...]) -> None:
            if at == number and not theirs:  # noqa: B023 - called in this turn only
                theirs.append(True)  # noqa: B023
                theirs[0] = LocalStore(store.root).put_if_absent("a/b", [b"theirs"])  # noqa: B023

        with os_calls(hook):
            ours = store.put_if_absent("a/b", [b"ours"])
        assert [ours, *theirs].count(True) == 1, f"before call {number}"
        assert store.get("a/b") == (b"ours" if ours else b"theirs")
        winners.add(ours)
    assert winners == {True, False}


def test_a_link_that_can_not_be_looked_at_is_in_doubt(tmp_path: Path) -> None:
    def around(name: str, original: Any, arguments: Any, named: Any) -> Any:
        if name == "link":
            original(*arguments, **named)
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))

    store = LocalStore(tmp_path / "registry")
    with patched_os(around, only=["link", "stat"]), pytest.raises(CommitUnknownError, match="can't say whether"):
        store.put_if_absent("a/b", [b"data"])
    assert store.get("a/b") == b"data"


@pytest.mark.parametrize("situation", [nothing_yet, folders_of_a_dead_writer])
def test_a_power_cut_breaks_no_promise(
    tmp_path: Path, situation: Callable[[Path, Sequence[str]], list[Step]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short form of what ``tests/faults/test_crash_states.py`` does completely."""
    monkeypatch.setattr(writing, "_BUFFER", 97)
    assert examine(situation(tmp_path, (*DATA, CARD)), limit=24)[1] == set()


def test_what_only_closing_a_file_tells_is_a_failure(tmp_path: Path) -> None:
    """Network file systems say there what they could not write."""
    store = LocalStore(tmp_path / "registry")

    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        if LEFTOVER in os.readlink(f"/proc/self/fd/{arguments[0]}"):
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with os_calls(hook, only=["close"]), pytest.raises(StorageError, match="quota"):
        store.put_if_absent("a/b", [b"data"])
    assert store.stat("a/b") is None
