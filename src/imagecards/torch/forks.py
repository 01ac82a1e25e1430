"""Processes that are forked while something is in use: it goes on to be in use there."""

import itertools
import os
import threading
import weakref
from contextlib import suppress


class Fork:
    """A process that was forked from this one, with all that are forked from it.

    Each of them has one end of a pipe that nobody writes to. When they are gone, however they ended, so is that end.

    Args:
        file: The other end; nothing where no pipe could be made, so that nobody can tell.
    """

    def __init__(self, file: int | None) -> None:
        self._file = file
        if file is not None:
            os.set_blocking(file, False)
            weakref.finalize(self, os.close, file)

    def is_over(self) -> bool:
        """Whether they are all gone."""
        if self._file is None:
            return False
        try:
            return os.read(self._file, 1) == b""
        except BlockingIOError:
            return False


_numbers = itertools.count()
_uses: dict[int, list[Fork]] = {}
_pipes: list[tuple[int, int] | None] = []
_one_at_a_time = threading.RLock()


def begin_use() -> int:
    """Begin to use something; returns the number of this use."""
    number = next(_numbers)
    _uses[number] = []
    return number


def end_use(number: int) -> list[Fork] | None:
    """End a use.

    Returns:
        The processes in which it may go on; nothing where it was not begun in this process, but in one that this was
        forked from.
    """
    return _uses.pop(number, None)


def _before() -> None:
    _one_at_a_time.acquire()
    pipe = None
    if _uses:
        with suppress(OSError):
            pipe = os.pipe()
    _pipes.append(pipe)


def _here() -> None:
    pipe = _pipes.pop()
    if pipe is not None:
        os.close(pipe[1])
    fork = Fork(None if pipe is None else pipe[0])
    for forks in list(_uses.values()):
        forks[:] = [*(each for each in forks if not each.is_over()), fork]
    _one_at_a_time.release()


def _there() -> None:
    pipe = _pipes.pop()
    if pipe is not None:
        os.close(pipe[0])  # the other end stays open as long as this process lives
    _uses.clear()
    _one_at_a_time.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_here, after_in_child=_there)
