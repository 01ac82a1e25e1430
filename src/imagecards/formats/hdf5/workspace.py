"""Where files are gathered that go elsewhere together, so that an interruption does not cost those that are whole."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from imagecards.cachefolder import cache_root
from imagecards.folderlock import hold, let_go, remove_left
from imagecards.temporary import temporary_folder

_KEPT = 14 * 86_400  # seconds, for somebody to go on


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
        with temporary_folder("hdf5") as own:
            yield own
        return
    try:
        _sweep(folder.parent)
        yield folder
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        let_go(lock)
        for unused in (folder, folder.parent):
            with suppress(OSError):
                unused.rmdir()  # where nothing is in it


def _locked(folder: Path) -> int | None:
    """The lock of a folder, which is made where it is missing; ``None`` where somebody else has it, or it can't be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return hold(folder)
    except OSError:
        return None


def _sweep(root: Path) -> None:
    """Remove what nobody came back to."""
    for folder in root.iterdir():
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime > _KEPT:
                remove_left(folder)
