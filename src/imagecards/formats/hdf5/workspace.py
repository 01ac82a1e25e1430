"""Where files are gathered that go elsewhere together, so that an interruption does not cost those that are whole."""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from imagecards.cachefolder import cache_root

_KEPT = 14 * 86_400  # seconds, for somebody to go on
_held: set[int] = set()  # locks, as open folders


@contextmanager
def workspace(mark: str) -> Iterator[Path]:
    """A folder for work that can go on where it was interrupted.

    Args:
        mark: Says what is made: the same work has the same, and other work another.

    Yields:
        A folder in the cache. It is removed when the block ends without an error; else, or when the process is killed,
        what is in it is there the next time. While somebody else is at the same work, and where nothing is cached, it
        is one of its own, which is always removed.
    """
    root = cache_root()
    folder = Path(root, "unfinished", mark)
    lock = _locked(folder) if root else None
    if lock is None:
        with TemporaryDirectory(prefix="imagecards-hdf5-") as own:
            yield Path(own)
        return
    try:
        _sweep(folder.parent)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        _let_go(lock)
        for unused in (folder, folder.parent):
            with suppress(OSError):
                unused.rmdir()  # where nothing is in it


def _locked(folder: Path) -> int | None:
    """The folder, open, made where it is missing, and nobody else's until it is closed; ``None`` where it is not."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if folder.stat().st_ino == os.fstat(lock).st_ino:  # whoever had it before may have removed it
            _held.add(lock)
            return lock
    except OSError:
        pass
    os.close(lock)
    return None


def _let_go(lock: int) -> None:
    if lock in _held:
        _held.remove(lock)
        os.close(lock)


def _after_fork() -> None:
    """Leave locks to the parent alone: its workers may outlive it when it is killed, and would keep them."""
    for lock in [*_held]:
        _let_go(lock)


os.register_at_fork(after_in_child=_after_fork)


def _sweep(root: Path) -> None:
    """Remove what nobody came back to."""
    for folder in root.iterdir():
        with suppress(OSError):
            old = time.time() - folder.stat().st_mtime > _KEPT
            if old and (lock := _locked(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                _let_go(lock)
