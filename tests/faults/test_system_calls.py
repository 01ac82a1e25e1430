"""Every system call of a put fails, is interrupted or is the last one: what is told is always true."""

import errno
import gc
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imagecards.errors import CommitUnknownError, NotFoundError, StorageError
from imagecards.storage import LEFTOVER, LocalStore
from imagecards.testing.faults import count_calls, fail_at, os_calls, raise_at, record_calls, run_killed

CODES = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EDQUOT, errno.EROFS)
KEY = "data/a/b/shard-00000.tar"
BODY = [b"first ", b"second"]
WHOLE = b"first second"


def put(root: Path) -> bool:
    return LocalStore(root).put_if_absent(KEY, BODY)


def fresh(root: Path) -> None:
    """There is no registry yet."""


def with_folder(root: Path) -> None:
    """Another key is there already, in the same folder."""
    LocalStore(root).put_if_absent("data/a/b/records.parquet", [b"other"])


def with_key(root: Path) -> None:
    """The key is taken."""
    LocalStore(root).put_if_absent(KEY, [b"older"])


SITUATIONS = (fresh, with_folder, with_key)


def descriptors() -> int:
    gc.collect()  # the traceback of an error may keep a store, and with it the files that it has open
    return len(os.listdir("/proc/self/fd"))


def visible(root: Path) -> bytes | None:
    try:
        return LocalStore(root).get(KEY)
    except NotFoundError:
        return None


def leftovers(root: Path) -> list[str]:
    return [entry.key for entry in LocalStore(root).list("") if LEFTOVER in entry.key]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory where there is such a place: a disk takes its time for every sync."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def roots(place: Path) -> Iterator[Path]:
    return (place / str(number) for number in range(10**9))


@pytest.mark.parametrize("forever", [False, True], ids=["once", "forever"])
@pytest.mark.parametrize("code", CODES, ids=lambda code: errno.errorcode[code])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_any_call_fails(roots: Iterator[Path], situation: Callable[[Path], None], code: int, forever: bool) -> None:
    situation(measured := next(roots))
    calls = record_calls(lambda: put(measured))
    before = descriptors()
    for number, (name, _) in enumerate(calls, start=1):
        situation(root := next(roots))
        outcome: bool | type[StorageError]
        with os_calls(fail_at(number, code, forever=forever)):
            try:
                outcome = put(root)
            except CommitUnknownError:
                outcome = CommitUnknownError
            except StorageError as error:
                outcome = StorageError
                told = str(error)
        where = f"{name}, call {number} of {len(calls)}"
        there = visible(root)
        if situation is with_key:
            assert there == b"older", where
            assert outcome is not True, where
        elif outcome is True:
            assert there == WHOLE, where
        elif outcome is StorageError:
            assert there is None, where
            assert str(root) in told, where
        else:
            assert outcome is CommitUnknownError, where
            assert there in (None, WHOLE), where
        if outcome is CommitUnknownError and not forever:
            # The last sync; and the look at what has the name already, which may be our own link (on NFS).
            assert name == "fsync" or (name == "stat" and situation is with_key), where
            assert all(later != "fsync" for later, _ in calls[number:] if name == "fsync"), where
        if not forever and name != "unlink":
            assert leftovers(root) == [], where
        if situation is not with_key:
            assert put(root) is (there is None), f"{where}: the next put mends it"
            assert visible(root) == WHOLE, where
    assert descriptors() == before, "no descriptor may leak"


@pytest.mark.parametrize("situation", SITUATIONS)
def test_ctrl_c_at_any_call(roots: Iterator[Path], situation: Callable[[Path], None]) -> None:
    situation(measured := next(roots))
    for number in range(1, count_calls(lambda: put(measured)) + 1):
        situation(root := next(roots))
        with os_calls(raise_at(number, KeyboardInterrupt)), pytest.raises(KeyboardInterrupt):
            put(root)
        assert visible(root) in ((b"older",) if situation is with_key else (None, WHOLE))
        assert put(root) in (True, False)
        assert visible(root) == (b"older" if situation is with_key else WHOLE)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_killed_at_any_call(roots: Iterator[Path], situation: Callable[[Path], None]) -> None:
    situation(measured := next(roots))
    calls = count_calls(lambda: put(measured))
    for number in range(1, calls + 1):
        situation(root := next(roots))
        assert run_killed(number, LocalStore(root).put_if_absent, KEY, BODY)
        there = visible(root)
        assert there in ((b"older",) if situation is with_key else (None, WHOLE)), number
        assert put(root) is (there is None)
        assert visible(root) == (b"older" if situation is with_key else WHOLE)
    situation(root := next(roots))
    assert not run_killed(calls + 1, LocalStore(root).put_if_absent, KEY, BODY), "the count was complete"


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.EMFILE, errno.ESTALE], ids=errno.errorcode.get)
@pytest.mark.parametrize("forever", [False, True], ids=["once", "forever"])
def test_a_read_that_fails_is_never_an_absent_key(tmp_path: Path, code: int, forever: bool) -> None:
    LocalStore(tmp_path).put_if_absent(KEY, BODY)
    readers: dict[str, Callable[[LocalStore], object]] = {
        "get": lambda store: store.get(KEY),
        "range": lambda store: store.get(KEY, 2, 5),
        "stat": lambda store: store.stat(KEY),
        "children": lambda store: store.children("data/a/"),
        "list": lambda store: list(store.list("")),
    }
    before = descriptors()
    for what, read in readers.items():
        right = read(LocalStore(tmp_path))
        calls = record_calls(lambda read=read: read(LocalStore(tmp_path)))  # type: ignore[misc]
        for number, (name, _) in enumerate(calls, start=1):
            with os_calls(fail_at(number, code, forever=forever)):
                try:
                    assert read(LocalStore(tmp_path)) == right, f"{what}: {name}, call {number}"
                except StorageError as error:
                    assert str(tmp_path) in str(error)  # noqa: PT017 - both outcomes are right, on conditions
    assert descriptors() == before, "no descriptor may leak"


@pytest.mark.parametrize("forever", [False, True], ids=["once", "forever"])
def test_a_delete_that_fails_says_so(roots: Iterator[Path], forever: bool) -> None:
    put(measured := next(roots))
    for number in range(1, count_calls(lambda: LocalStore(measured).delete([KEY])) + 1):
        put(root := next(roots))
        told = None
        with os_calls(fail_at(number, errno.EIO, forever=forever)):
            try:
                LocalStore(root).delete([KEY])
            except StorageError as error:
                told = str(error)
        assert visible(root) in (None, WHOLE)
        assert (told is None and visible(root) is None) or str(root) in str(told)
        LocalStore(root).delete([KEY])
        assert visible(root) is None
