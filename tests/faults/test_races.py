"""Many processes that register one name at the same time."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest
from tests import rounds

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import VersionConflictError

MakeFolder = Callable[..., Path]
PROCESSES = 16


def _register(registry: Path, folder: Path, version: str | None, barrier: Barrier) -> str:
    barrier.wait()
    try:
        options: dict[str, Any] = {"version": version} if version else {"bump": "minor"}
        card = CardRegistry(registry).register(ImageDataset(image_dir=folder), "a/b", tags=["newest"], **options)
    except VersionConflictError:
        return "conflict"
    return str(card.version)


def _run(
    number: int,
    registry: Path,
    folder: Path,
    version: str | None,
    barrier: Barrier,
    results: "multiprocessing.Queue[tuple[int, str]]",
) -> None:
    results.put((number, _register(registry, folder, version, barrier)))


def race(registry: Path, folders: list[Path], version: str | None) -> list[str]:
    """What each process got, in the order of ``folders``."""
    context = multiprocessing.get_context("forkserver")
    barrier = context.Barrier(len(folders))
    results: multiprocessing.Queue[tuple[int, str]] = context.Queue()
    processes = [
        context.Process(target=_run, args=(number, registry, folder, version, barrier, results))
        for number, folder in enumerate(folders)
    ]
    for process in processes:
        process.start()
    outcomes = dict(results.get(timeout=120) for _ in processes)
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return [outcomes[number] for number in range(len(folders))]


@pytest.fixture
def folders(make_folder: MakeFolder) -> list[Path]:
    return [make_folder(2, name=f"images-{number}", seed=number * 10) for number in range(PROCESSES)]


def check_versions(registry: CardRegistry, folders: list[Path], outcomes: list[str]) -> None:
    assert registry.verify(deep=True).ok
    for folder, version in zip(folders, outcomes, strict=True):
        if version != "conflict":
            opened = registry.open(f"a/b@{version}")
            assert isinstance(opened, ImageDataset)
            assert opened.read_bytes("000.png") == (folder / "000.png").read_bytes()


def test_with_the_next_number_every_process_gets_its_own_version(registry: CardRegistry, folders: list[Path]) -> None:
    outcomes = race(Path(registry.url), folders, None)
    assert len(set(outcomes)) == PROCESSES
    assert {str(version) for version in registry.versions("a/b")} == set(outcomes)
    assert set(outcomes) == {f"1.{minor}.0" for minor in range(PROCESSES)}
    check_versions(registry, folders, outcomes)
    assert len(registry.store.children("tags/a/b/newest/")) == PROCESSES, "every move of the tag is in its log"


@pytest.mark.campaign
def test_many_rounds_of_many_processes(registry: CardRegistry) -> None:
    rounds.race(registry.url, workers=32, rounds=20)


def test_with_one_number_exactly_one_wins(registry: CardRegistry, folders: list[Path]) -> None:
    outcomes = race(Path(registry.url), folders, "3.0.0")
    assert sorted(outcomes) == ["3.0.0"] + ["conflict"] * (PROCESSES - 1)
    check_versions(registry, folders, outcomes)


def test_the_same_data_from_many_processes_are_one_version(registry: CardRegistry, folders: list[Path]) -> None:
    outcomes = race(Path(registry.url), [folders[0]] * PROCESSES, None)
    assert set(outcomes) == {"1.0.0"}
    assert [str(version) for version in registry.versions("a/b")] == ["1.0.0"]
