"""A power cut at any moment of a registration, in every state that POSIX allows; and weaker protocols.

Two data files and then the card that names them are put. In no state may a key hold anything but all of its
bytes, may a card be there without its data, or may something be lost that a put has acknowledged.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from imagecards.storage import LEFTOVER, LocalStore, exclusive, writing
from imagecards.testing.crashes import Step, crash_states, recording, write_state
from imagecards.testing.faults import os_calls

ROOT = "registry"
DATA = {"data/a/b/t1/shard-0.tar": b"images" * 50, "data/a/b/t1/records": b"rows" * 30}
CARD = "cards/a/b/1.0.0.json"
CARD_BODY = b'{"data": ["shard-0.tar", "records"]}'
BODIES = {**DATA, CARD: CARD_BODY}

Steps = list[Step]
Weakening = Callable[[Steps], Steps]


@pytest.fixture(autouse=True)
def small_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body takes several system calls, as a large file's does."""
    monkeypatch.setattr(writing, "_BUFFER", 97)


# -- situations in which a registration begins ---------------------------------------------------------------


def put_all(store: LocalStore, steps: Steps, order: Sequence[str] = (*DATA, CARD)) -> None:
    for key in order:
        body = BODIES[key]
        store.put_if_absent(key, [body[:7], body[7:]])
        steps.append(Step("mark", key, data=body))


def nothing_yet(base: Path, order: Sequence[str]) -> Steps:
    with recording(base) as steps:
        put_all(LocalStore(base / ROOT), steps, order)
    return steps


def folders_of_a_dead_writer(base: Path, order: Sequence[str]) -> Steps:
    with recording(base) as steps:
        folder = str(base / ROOT)
        for part in ("", "cards", "cards/a", "cards/a/b", "data", "data/a", "data/a/b", "data/a/b/t1"):
            os.mkdir(os.path.join(folder, part))
        put_all(LocalStore(base / ROOT), steps, order)
    return steps


def card_of_a_dead_writer(base: Path, order: Sequence[str]) -> Steps:
    """It died between its link and its last sync: "it exists already" must not be said of what may vanish."""
    with recording(base) as steps:
        store = LocalStore(base / ROOT)
        put_all(store, steps, order)
        while steps[-1].kind != "link":
            steps.pop()
        assert store.put_if_absent(order[-1], [b"mine"]) is False
        steps.append(Step("mark", order[-1], data=BODIES[order[-1]]))
    return steps


def card_of_another(base: Path, order: Sequence[str]) -> Steps:
    put_all(LocalStore(base / ROOT), [])
    with recording(base) as steps:
        steps.append(Step("mark", CARD, data=CARD_BODY))
        LocalStore(base / ROOT).put_if_absent(CARD, [b'{"data": []}'])
    return steps


SITUATIONS = (nothing_yet, folders_of_a_dead_writer, card_of_a_dead_writer, card_of_another)


# -- what must hold ------------------------------------------------------------------------------------------


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory where there is such a place: a disk takes its time for every sync."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Path(folder)


def problems(state: Mapping[str, bytes], promised: Mapping[str, bytes]) -> set[str]:
    keys = {path.removeprefix(ROOT + "/"): data for path, data in state.items() if LEFTOVER not in path}
    found = set()
    for key, data in keys.items():
        if data != BODIES[key]:
            found.add("half" if BODIES[key].startswith(data) or not data.strip(b"\0") else "changed")
    if CARD in keys and any(keys.get(key) != body for key, body in DATA.items()):
        found.add("dangling")
    if any(keys.get(key) != body for key, body in promised.items()):
        found.add("lost")
    return found


def examine(steps: Steps, limit: int, seed: int = 7) -> tuple[int, set[str]]:
    """How many states there are, and what is wrong in any of them."""
    choose = random.Random(seed)
    states = 0
    found: set[str] = set()
    for done in range(len(steps) + 1):
        if done and steps[done - 1].kind == "exists":
            continue
        promised = {step.path: step.data for step in steps[:done] if step.kind == "mark"}
        for state in crash_states(steps[:done], limit, choose):
            states += 1
            found |= problems(state, promised)
    return states, found


def test_no_crash_breaks_a_promise(tmp_path: Path) -> None:
    total = 0
    for situation in SITUATIONS:
        (base := tmp_path / situation.__name__).mkdir()
        states, found = examine(situation(base, (*DATA, CARD)), limit=100_000)
        assert found == set(), situation.__name__
        total += states
    assert total > 5_000, "the states are too few to mean something"


def test_no_crash_breaks_a_promise_to_either_of_two_writers(place: Path) -> None:
    total = 0
    for number in range(1, 100):
        (base := place / str(number)).mkdir()
        steps, interrupted = other_writer_at(base, number)
        if not interrupted:
            break
        choose = random.Random(number)
        for done in range(len(steps) + 1):
            promised = {step.data for step in steps[:done] if step.kind == "mark"}
            assert len(promised) < 2, "both were told of different winners"
            for state in crash_states(steps[:done], 2_000, choose):
                total += 1
                seen = state.get(f"{ROOT}/{CARD}")
                assert seen in promised or (not promised and seen in (None, b"mine", b"theirs"))
    assert number > 20, "the other one came before each system call"
    assert total > 5_000, "the states are too few to mean something"


def other_writer_at(base: Path, number: int) -> tuple[Steps, bool]:
    """One writer puts the card, and another one does so before one of its system calls."""
    store = LocalStore(base / ROOT)
    came = False

    def put(body: bytes) -> None:
        store.put_if_absent(CARD, [body])
        with open(base / ROOT / CARD, "rb") as winner:
            steps.append(Step("mark", CARD, data=winner.read()))

    def hook(at: int, name: str, arguments: tuple[object, ...]) -> None:
        nonlocal came
        if at == number:
            came = True
            put(b"theirs")

    with recording(base) as steps, os_calls(hook):
        put(b"mine")
    return steps, came


@pytest.mark.campaign
def test_no_crash_breaks_a_promise_to_many_writers(place: Path) -> None:
    total = 0
    for seed in range(300):
        (base := place / str(seed)).mkdir()
        states, found = examine(five_writers(base, random.Random(seed)), limit=50, seed=seed)
        assert found == set()
        total += states
    assert total > 100_000


def five_writers(base: Path, choose: random.Random) -> Steps:
    """Four more writers of the same come before system calls of the first, or of each other."""
    waiting = 4

    def hook(at: int, name: str, arguments: tuple[object, ...]) -> None:
        nonlocal waiting
        if waiting and choose.random() < 0.1:
            waiting -= 1
            put_all(LocalStore(base / ROOT), steps)

    with recording(base) as steps, os_calls(hook):
        put_all(LocalStore(base / ROOT), steps)
    return steps


def test_a_put_after_any_crash_mends_it(place: Path) -> None:
    (base := place / "run").mkdir()
    steps = nothing_yet(base, (*DATA, CARD))
    choose = random.Random(7)
    number = 0
    for done in range(len(steps) + 1):
        for state in crash_states(steps[:done], 6, choose):
            number += 1
            write_state(state, after := place / str(number))
            store = LocalStore(after / ROOT)
            for key, body in BODIES.items():
                store.put_if_absent(key, [body])
                assert store.get(key) == body
            store.delete(entry.key for entry in store.list("") if LEFTOVER in entry.key)
            assert [entry.key for entry in store.list("")] == sorted(BODIES)
    assert number > 100


# -- protocols that are nearly right -------------------------------------------------------------------------


def without(matches: Callable[[Steps, int], bool]) -> Weakening:
    return lambda steps: [step for index, step in enumerate(steps) if not matches(steps, index)]


def kind_before(steps: Steps, index: int) -> str:
    return steps[index - 1].kind if index else ""


def swapped(first: str, second: str) -> Weakening:
    def weaken(steps: Steps) -> Steps:
        weakened = list(steps)
        for index in range(len(weakened) - 1):
            if (weakened[index].kind, weakened[index + 1].kind) == (first, second):
                weakened[index], weakened[index + 1] = weakened[index + 1], weakened[index]
        return weakened

    return weaken


def link_before_sync(steps: Steps) -> Steps:
    """The file gets its name before its bytes are durable."""
    weakened = list(steps)
    for link in [step for step in steps if step.kind == "link"]:
        weakened.remove(link)
        weakened.insert(weakened.index(next(s for s in steps if s.kind == "sync" and s.path == link.path)), link)
    return weakened


def in_place(steps: Steps) -> Steps:
    """The bytes are written under the final name."""
    names = {step.path: step.other for step in steps if step.kind == "link"}
    return [
        replace(step, path=names.get(step.path, step.path))
        for step in steps
        if step.kind != "link" and not (step.kind == "unlink" and step.path in names)
    ]


def half_written(steps: Steps) -> Steps:
    """A write that the system cut short isn't continued."""
    return [replace(step, data=step.data[:5]) if step.kind == "write" else step for step in steps]


def acknowledged_early(steps: Steps) -> Steps:
    """A put returns before its last sync."""
    weakened = list(steps)
    for mark in [step for step in steps if step.kind == "mark"]:
        index = weakened.index(mark)
        del weakened[index]
        while weakened[index - 1].kind != "link":
            index -= 1
        weakened.insert(index, mark)
    return weakened


def is_about(step: Step, folder: str) -> bool:
    return step.path.startswith(f"{ROOT}/{folder}")


WEAKENINGS: dict[str, tuple[Callable[[Path, Sequence[str]], Steps], Weakening, str]] = {
    "no file is synced": (nothing_yet, without(lambda s, i: s[i].kind == "sync"), "half"),
    "data files aren't synced": (
        nothing_yet,
        without(lambda s, i: s[i].kind == "sync" and is_about(s[i], "data")),
        "dangling",
    ),
    "the card isn't synced": (
        nothing_yet,
        without(lambda s, i: s[i].kind == "sync" and is_about(s[i], "cards")),
        "half",
    ),
    "no folder is synced": (nothing_yet, without(lambda s, i: s[i].kind == "sync_folder"), "dangling"),
    "the folder isn't synced after the link": (
        nothing_yet,
        without(lambda s, i: s[i].kind == "sync_folder" and kind_before(s, i) == "link"),
        "lost",
    ),
    "the folder of data isn't synced after the link": (
        nothing_yet,
        without(lambda s, i: s[i].kind == "sync_folder" and kind_before(s, i) == "link" and is_about(s[i], "data")),
        "dangling",
    ),
    "parents of new folders aren't synced": (
        nothing_yet,
        without(lambda s, i: s[i].kind == "sync_folder" and kind_before(s, i) != "link"),
        "lost",
    ),
    "the root's own name isn't synced": (
        nothing_yet,
        without(lambda s, i: s[i].kind == "sync_folder" and s[i].path == ""),
        "lost",
    ),
    "folders that existed aren't synced": (
        folders_of_a_dead_writer,
        without(lambda s, i: s[i].kind == "sync_folder" and kind_before(s, i) != "link"),
        "dangling",
    ),
    "who comes second doesn't sync": (
        card_of_a_dead_writer,
        lambda steps: steps[: max(i for i, s in enumerate(steps) if s.kind == "sync_folder")] + steps[-1:],
        "lost",
    ),
    "the sync comes before the last write": (nothing_yet, swapped("write", "sync"), "half"),
    "the link comes before the sync": (nothing_yet, link_before_sync, "half"),
    "the file is written in place": (nothing_yet, in_place, "half"),
    "short writes aren't continued": (nothing_yet, half_written, "changed"),
    "a put returns before its last sync": (nothing_yet, acknowledged_early, "lost"),
}


@pytest.mark.parametrize("name", WEAKENINGS)
def test_a_weaker_protocol_is_caught(tmp_path: Path, name: str) -> None:
    situation, weaken, expected = WEAKENINGS[name]
    steps = situation(tmp_path, (*DATA, CARD))
    weakened = weaken(steps)
    assert weakened != steps
    _, found = examine(weakened, limit=128)
    assert expected in found


def test_the_card_before_its_data_is_caught(tmp_path: Path) -> None:
    _, found = examine(nothing_yet(tmp_path, (CARD, *DATA)), limit=64)
    assert "dangling" in found


def test_rename_in_place_of_link_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rename(folder: int, temporary: str, name: str, made: object, place: str) -> bool:
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return True

    def situation(base: Path) -> Steps:
        put_all(LocalStore(base / ROOT), [])
        monkeypatch.setattr(exclusive, "_link", rename)
        with recording(base) as steps:
            steps.append(Step("mark", CARD, data=CARD_BODY))
            LocalStore(base / ROOT).put_if_absent(CARD, [b'{"data": []}'])
        return steps

    _, found = examine(situation(tmp_path), limit=64)
    assert {"changed", "lost"} <= found


def test_skipping_syncs_in_the_code_itself_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusive, "sync_folder", lambda folder: None)
    _, found = examine(nothing_yet(tmp_path, (*DATA, CARD)), limit=64)
    assert "lost" in found
