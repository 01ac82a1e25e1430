"""Attaching HDF5 goes on where it was interrupted; neither others at the same work nor old leftovers are in the way."""

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from tests.formats.hdf5.drawn import contents, labelled

from imagecards import CardRegistry
from imagecards.errors import FormatError
from imagecards.formats import write
from imagecards.formats.hdf5 import filing, writing
from imagecards.formats.hdf5.workspace import workspace

OPTIONS: dict[str, Any] = {"files": 4, "label": "binary"}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are made."""
    found: list[str] = []
    make = filing._make

    def noted(path: Path, task: Any, losses: Any) -> None:
        found.append(task.path.name)
        make(path, task, losses)

    monkeypatch.setattr(filing, "_make", noted)
    return found


def attach_and_be_killed(place: Path, after: int) -> None:
    make = filing._make
    left = [after]

    def deadly(path: Path, task: Any, losses: Any) -> None:
        if not left[0]:
            path.write_bytes(b"half of a file")
            os.kill(os.getpid(), signal.SIGKILL)
        left[0] -= 1
        make(path, task, losses)

    filing._make = deadly
    CardRegistry(place).attach("a/b@1.0.0", "hdf5", format="hdf5", options=OPTIONS)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_attaching_that_was_killed_goes_on(tmp_path: Path, cache: Path, made: list[str]) -> None:
    registry = CardRegistry(tmp_path / "cards")
    card = registry.register(labelled([f"{number}.png" for number in range(8)]), "a/b")
    for after in (2, 1):  # one more file each time
        child = multiprocessing.get_context("fork").Process(
            target=attach_and_be_killed, args=(tmp_path / "cards", after)
        )
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        with pytest.raises(LookupError):
            registry.artifact(card, "hdf5")
    registry.attach(card, "hdf5", format="hdf5", options=OPTIONS)
    assert made == ["preprocessed_data-3_p0.h5"]
    made.clear()
    assert registry.replay(card).ok
    assert len(made) == 4
    artifact = registry.artifact(card, "hdf5")
    assert artifact.files == ["data_params.json", "meta.dat", *(f"preprocessed_data-{n}_p0.h5" for n in range(4))]
    assert not (cache / "unfinished").exists()


def copy_and_be_killed(place: Path, how: signal.Signals, what: str) -> None:
    """Be killed when files are whole, and one of them is copied to where it goes."""
    pieces = writing._pieces
    left = [1]

    def deadly(path: Path) -> Iterator[bytes]:
        if not left[0]:
            os.kill(os.getpid(), how)
        left[0] -= 1
        return pieces(path)

    writing._pieces = deadly
    registry = CardRegistry(place / "cards")
    if what == "attach":
        registry.attach("a/b@1.0.0", "hdf5", format="hdf5", options=OPTIONS)
    else:
        write(labelled([f"{number}.png" for number in range(8)]), place / "out", "hdf5", **OPTIONS)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_no_folder_is_left_for_ever_where_files_were_copied(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, how: signal.Signals
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    registry = CardRegistry(tmp_path / "cards")
    registry.register(labelled([f"{number}.png" for number in range(8)]), "a/b")
    before = sorted(tmp_path.iterdir())
    for what in ("attach", "convert"):
        child = multiprocessing.get_context("fork").Process(target=copy_and_be_killed, args=(tmp_path, how, what))
        child.start()
        child.join()
        assert child.exitcode == -how
    left = [*tmp_path.glob("temporary/*/.hdf5.*/*.h5"), *tmp_path.glob(".out.*/*.h5")]
    assert [path.name for path in left] == ["preprocessed_data-0_p0.h5"] * 2
    registry.attach("a/b@1.0.0", "hdf5", format="hdf5", options=OPTIONS)
    write(labelled([f"{number}.png" for number in range(8)]), tmp_path / "out", "hdf5", **OPTIONS)
    assert [*(tmp_path / "temporary").iterdir()] == []
    assert sorted(tmp_path.iterdir()) == sorted([*before, cache, tmp_path / "out"])
    assert not (cache / "unfinished").exists()


def test_an_error_keeps_what_was_finished_and_success_nothing(tmp_path: Path, cache: Path, made: list[str]) -> None:
    broken = labelled([f"{number}.png" for number in range(8)])
    broken.source.files["5.png"] = b"no image"  # type: ignore[attr-defined]
    for _ in range(2):
        with pytest.raises(FormatError, match=r"5\.png"):
            write(broken, tmp_path / "out", "hdf5", **OPTIONS)
    assert made == [f"preprocessed_data-{number}_p0.h5" for number in (0, 1, 2, 2)]
    assert not (tmp_path / "out").exists()
    (kept,) = (cache / "unfinished").iterdir()
    assert len([*kept.iterdir()]) == 2
    write(labelled([f"{number}.png" for number in range(8)]), tmp_path / "out", "hdf5", **OPTIONS)
    write(labelled([f"{number}.png" for number in range(8)]), tmp_path / "again", "hdf5", **OPTIONS)
    assert contents(tmp_path / "out") == contents(tmp_path / "again")
    assert not (cache / "unfinished").exists()


def interrupted(mark: str) -> Path:
    """Where work was done that ended with an error."""
    with suppress(KeyboardInterrupt), workspace(mark) as folder:
        (folder / "x.h5").touch()
        raise KeyboardInterrupt
    return folder


def test_whoever_comes_second_works_elsewhere(cache: Path) -> None:
    with workspace("same") as first, workspace("same") as second, workspace("other") as third:
        assert first == cache / "unfinished" / "same"
        assert third == cache / "unfinished" / "other"
        assert second.is_dir()
        assert not second.is_relative_to(cache)
    assert not any(folder.exists() for folder in (first, second, third))


def work_on(pipe: Any) -> None:
    pipe.send(os.getpid())
    signal.pause()


def be_killed_with_a_worker_at_work(pipe: Any) -> None:
    with workspace("same") as folder:
        (folder / "x.h5").touch()
        worker = multiprocessing.get_context("fork").Process(target=work_on, args=(pipe,))
        worker.start()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_workers_that_outlive_who_was_killed_do_not_keep_the_work(cache: Path) -> None:
    mine, pipe = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=be_killed_with_a_worker_at_work, args=(pipe,))
    child.start()
    child.join()
    worker = mine.recv()
    try:
        with workspace("same") as folder:
            assert [path.name for path in folder.iterdir()] == ["x.h5"]
    finally:
        os.kill(worker, signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_leaves_the_lock_to_its_parent(cache: Path) -> None:
    with workspace("same") as first:
        child = multiprocessing.get_context("fork").Process(target=str)
        child.start()
        child.join()
        with workspace("same") as second:
            assert first != second


def test_without_a_cache_nothing_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in ("off", str(tmp_path / "file")):
        monkeypatch.setenv("IMAGECARDS_CACHE", cache)
        assert not interrupted("x").exists()


def test_what_nobody_came_back_to_is_removed(cache: Path) -> None:
    for name in ("old", "new", "mine"):
        assert interrupted(name).exists()
    os.utime(cache / "unfinished" / "old", (1, 1))
    os.utime(cache / "unfinished" / "mine", (1, 1))
    with workspace("mine") as folder:
        assert (folder / "x.h5").exists()
        assert sorted(path.name for path in (cache / "unfinished").iterdir()) == ["mine", "new"]


def test_what_is_left_is_not_believed(tmp_path: Path, cache: Path, made: list[str]) -> None:
    dataset = labelled([f"{number}.png" for number in range(8)])
    options = {**OPTIONS, "layout": "examples"}
    write(dataset, tmp_path / "right", "hdf5", **options)
    broken = labelled([f"{number}.png" for number in range(8)])
    broken.source.files["5.png"] = b"no image"  # type: ignore[attr-defined]
    with pytest.raises(FormatError, match=r"5\.png"):
        write(broken, tmp_path / "out", "hdf5", **options)
    (kept,) = (cache / "unfinished").iterdir()
    first, second = sorted(kept.iterdir())
    with h5py.File(first, "r+") as file:
        file["example_0"].attrs["image_digest"] = np.bytes_("sha256:none")
    second.unlink()
    second.symlink_to("/dev/null")
    made.clear()
    write(dataset, tmp_path / "out", "hdf5", **options)
    assert len(made) == 4
    assert contents(tmp_path / "out") == contents(tmp_path / "right")
