"""Temporary folders: what a killed process leaves goes with the next one, and nothing else does."""

import fcntl
import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from imagecards import folderlock
from imagecards.destination import new_folder
from imagecards.folderlock import MACHINE, hold, hold_new
from imagecards.temporary import TemporaryPlace, temporary_folder

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def die(work: Callable[[], Any], how: signal.Signals) -> None:
    """Do some work in another process, at the end of which it is killed."""

    def run() -> None:
        held = [work()]
        os.kill(os.getpid(), how)
        signal.pause()
        held.clear()

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join()
    assert child.exitcode == -how


def begin() -> TemporaryPlace:
    place = TemporaryPlace("test")
    (place.path / "large").write_bytes(b"1")
    return place


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_killed_process_left_goes_with_the_next_folder(root: Path, how: signal.Signals) -> None:
    with temporary_folder("test") as live:
        die(begin, how)
        assert len([*root.iterdir()]) == 2
        with temporary_folder("other") as mine:
            assert {*root.iterdir()} == {live, mine}
    assert [*root.iterdir()] == []


def test_an_interruption_leaves_nothing(root: Path) -> None:
    def interrupted() -> None:
        with temporary_folder("test") as folder:
            (folder / "x").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [*root.iterdir()] == []


def work_on(pipe: Any) -> None:
    pipe.send(os.getpid())
    signal.pause()


def test_workers_that_outlive_who_was_killed_keep_no_folder(root: Path) -> None:
    mine, pipe = multiprocessing.Pipe()

    def begin_with_a_worker() -> None:
        begin()
        worker = multiprocessing.get_context("fork").Process(target=work_on, args=(pipe,))
        worker.start()

    die(begin_with_a_worker, signal.SIGKILL)
    worker = mine.recv()
    try:
        with temporary_folder("test") as folder:
            assert [*root.iterdir()] == [folder]
    finally:
        os.kill(worker, signal.SIGKILL)


def test_what_others_may_have_put_there_stays(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "x").touch()
    name = f"imagecards-attach-{MACHINE}-aaaaaaa"
    (root / f"{name}1").symlink_to(tmp_path / "precious")
    (root / f"{name}2").touch()
    os.mkfifo(root / f"{name}3")
    for other in ("imagecards-attach-00000000-aaaaaaaa", "imagecards-aaaaaaaa", f"{name}1.kept", "mine"):
        (root / other).mkdir()
    before = sorted(root.iterdir())
    with temporary_folder("attach"):
        pass
    assert sorted(root.iterdir()) == before
    assert (tmp_path / "precious" / "x").exists()
    (root / f"{name}4").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with temporary_folder("attach"):
        assert (root / f"{name}4").is_dir()


def test_links_in_what_was_left_are_not_followed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "x").touch()
    (root / f"imagecards-attach-{MACHINE}-aaaaaaaa").mkdir()
    (root / f"imagecards-attach-{MACHINE}-aaaaaaaa" / "link").symlink_to(tmp_path / "precious")
    with temporary_folder("attach") as folder:
        assert [*root.iterdir()] == [folder]
    assert (tmp_path / "precious" / "x").exists()


def test_who_sweeps_may_be_faster_than_the_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making a folder and holding it, it looks like one that was left."""
    names = iter("abcd")
    lock_it = fcntl.flock

    def late(lock: int, how: int) -> None:
        if (tmp_path / "c").exists():
            (tmp_path / "c").rmdir()
        lock_it(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)

    def make() -> Path:
        folder = tmp_path / next(names)
        folder.mkdir()
        if folder.name == "a":
            folderlock.remove_left(folder)
        elif folder.name == "b":
            hold(folder)
        return folder

    folder, lock = hold_new(make)
    assert folder.name == "d"
    assert lock is not None
    with pytest.raises(BlockingIOError):
        hold(folder)


def test_where_nothing_can_be_locked_folders_are_made_and_none_is_removed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(begin, signal.SIGKILL)
    (left,) = root.iterdir()

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with temporary_folder("test") as folder:
        assert {*root.iterdir()} == {left, folder}
    assert [*root.iterdir()] == [left]


def test_a_folder_that_was_to_appear_whole_goes_with_the_next_one_of_its_name(tmp_path: Path) -> None:
    def fetch(name: str = "out") -> None:
        with new_folder(tmp_path / name) as write:
            write("a", [b"1"])
            os.kill(os.getpid(), signal.SIGKILL)

    with new_folder(tmp_path / "out") as write:
        write("a", [b"1"])
        die(fetch, signal.SIGKILL)
        die(lambda: fetch("other"), signal.SIGKILL)
        with suppress(ZeroDivisionError), new_folder(tmp_path / "out"):
            assert len([*tmp_path.glob(".out.tmp-*")]) == 2
            raise ZeroDivisionError
    assert (tmp_path / "out" / "a").exists()
    assert sorted(path.name.partition(".tmp-")[0] for path in tmp_path.iterdir()) == [".other", "out"]
