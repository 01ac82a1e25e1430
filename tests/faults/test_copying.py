"""A copy from folder to folder that dies, or whose system calls fail: complete or not there, and it can be taken up."""

import errno
import shutil
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from itertools import product
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry
from imagecards.errors import CommitUnknownError, ImageCardsError
from imagecards.testing.faults import count_calls, fail_at, os_calls, run_killed

WAYS = [*product((errno.ENOSPC, errno.EIO, errno.EACCES), (False, True))]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    note = tmp_path / "note"
    note.write_text("a note")
    registry = CardRegistry(tmp_path / "source")
    parent = registry.register(pl.DataFrame({"x": [0]}), "a/parent")
    registry.register(pl.DataFrame({"x": [1]}), "a/t", parents=[parent], artifacts={"note": note})
    registry.store.close()
    return tmp_path / "source"


def copy(source: Path, target: Path) -> None:
    """What is killed and made to fail, in a form that another process can take."""
    CardRegistry(source).copy("a/t", to=target)


def is_there(target: Path) -> bool:
    """Whether the version is there; if so, it must be whole."""
    if not (target / "imagecards.json").exists():
        return False
    registry = CardRegistry(target)
    found = registry.verify(deep=True)
    assert found.ok, found.problems
    registry.store.close()
    return (target / "cards/a/t/1.0.0.json").exists()


def check_recovery(source: Path, target: Path) -> None:
    copy(source, target)
    assert is_there(target)
    assert not [path for path in (target / "arrivals").rglob("*") if path.suffix == ".json"]
    shutil.rmtree(target)


def fail_each(source: Path, target: Path, numbers: Iterable[int], ways: int) -> int:
    """Let system calls fail, each in some of the ways; how many copies failed."""
    failures = 0
    for at, number in enumerate(numbers):
        for way in range(ways):
            code, forever = WAYS[(at + way) % len(WAYS)]
            error: ImageCardsError | None = None
            with os_calls(fail_at(number, code, forever=forever)):
                try:
                    copy(source, target)
                except ImageCardsError as raised:
                    error = raised
            there = is_there(target)
            if error is None:
                assert there, f"a false success at call {number}"
            elif not isinstance(error, CommitUnknownError):
                assert not there, f"a false failure at call {number}: {error!r}"
            failures += error is not None
            check_recovery(source, target)
    return failures


def kill_at_each(source: Path, target: Path, numbers: Iterable[int]) -> None:
    for number in numbers:
        assert run_killed(number, partial(copy, source, target))
        is_there(target)
        check_recovery(source, target)


def calls(source: Path, target: Path) -> int:
    copy(source, target)  # so that nothing is imported below
    shutil.rmtree(target)
    made = count_calls(partial(copy, source, target))
    with suppress(FileNotFoundError):
        shutil.rmtree(target)
    return made


def test_system_calls_fail(source: Path, tmp_path: Path) -> None:
    last = calls(source, tmp_path / "target")
    assert fail_each(source, tmp_path / "target", range(1, last + 1, 5), ways=1) > 20


def test_killed_at_system_calls(source: Path, tmp_path: Path) -> None:
    last = calls(source, tmp_path / "target")
    kill_at_each(source, tmp_path / "target", range(7, last, last // 12))


@pytest.mark.campaign
def test_each_system_call_fails(source: Path, tmp_path: Path) -> None:
    last = calls(source, tmp_path / "target")
    fail_each(source, tmp_path / "target", range(1, last + 1), ways=len(WAYS))


@pytest.mark.campaign
def test_killed_at_each_system_call(source: Path, tmp_path: Path) -> None:
    last = calls(source, tmp_path / "target")
    kill_at_each(source, tmp_path / "target", range(1, last))
