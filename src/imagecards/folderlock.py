"""Whether somebody still works in a folder: whoever does holds a lock on it, which ends with the process."""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

MACHINE = hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]
"""Part of the names of folders that may be removed: some file systems tell one machine nothing of another's locks."""

_held: set[int] = set()  # locks, as open folders


def hold(folder: Path) -> int:
    """Make a folder that is there nobody else's, until it is let go or the process ends, in whichever way.

    Raises:
        BlockingIOError: Somebody else holds it.
        OSError: It is gone, a link, no folder or another user's, or it can't be locked where it lies.
    """
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(lock)
        if found.st_uid != os.geteuid():
            raise PermissionError(f"{folder} belongs to another user")
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            same = os.path.samestat(found, os.lstat(folder))
        except FileNotFoundError:
            same = False
        if not same:  # whoever had it before has removed it
            raise BlockingIOError(f"{folder} was removed")
    except BaseException:
        os.close(lock)
        raise
    _held.add(lock)
    return lock


def hold_new(make: Callable[[], Path]) -> tuple[Path, int | None]:
    """Make a folder, and hold it; without a lock where there are none, so that nobody removes it, either.

    Args:
        make: Makes one, of another name each time: whoever looks for what was left may be faster than its owner.
    """
    while True:
        folder = make()
        try:
            return folder, hold(folder)
        except (BlockingIOError, FileNotFoundError):
            continue
        except OSError:
            return folder, None


def let_go(lock: int | None) -> None:
    """End what `hold` began; nothing in a process that was forked since."""
    if lock in _held:
        _held.remove(lock)
        with suppress(OSError):  # it is closed all the same
            os.close(lock)


def remove_left(folder: Path) -> None:
    """Remove a folder with all that is in it, unless somebody holds it, or it is not this user's."""
    with suppress(OSError):
        lock = hold(folder)
        try:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            let_go(lock)


def sweep(root: Path, name: re.Pattern[str]) -> None:
    """Remove what processes left that were killed: the folders of a name that nobody holds."""
    with suppress(OSError), os.scandir(root) as entries:
        for left in [entry.path for entry in entries if name.fullmatch(entry.name)]:
            remove_left(Path(left))


def _after_fork() -> None:
    """Leave locks to the parent alone: its workers may outlive it when it is killed, and would keep them."""
    for lock in [*_held]:
        let_go(lock)


os.register_at_fork(after_in_child=_after_fork)
