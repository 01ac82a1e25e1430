"""Python's cyclic garbage collector, at rest while many objects are built that all stay."""

import gc
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.RLock()  # a thread that holds it may be interrupted by a handler that rests, too
_resting: set[object] = set()
_was_enabled = False


@contextmanager
def collector_at_rest() -> Iterator[None]:
    """Let no collection begin while the block runs; the last block of all threads to end wakes the collector.

    It looks at all objects again and again while their number grows, which takes longer than parsing a file of
    annotations. What is in no cycle is freed as always. Whoever had it disabled finds it disabled.

    Example:
        >>> with collector_at_rest():
        ...     gc.isenabled()
        False
    """
    block = object()
    try:
        _rest(block)
        yield
    finally:
        _wake(block)


def _rest(block: object) -> None:
    global _was_enabled
    with _lock:
        if not _resting:
            _was_enabled = gc.isenabled()
        _resting.add(block)
        gc.disable()


def _wake(block: object) -> None:
    with _lock:
        if block in _resting:  # not so in a forked process, or where an interrupt was faster than the rest
            _resting.remove(block)
            if not _resting and _was_enabled:
                gc.enable()


def _wake_in_child() -> None:
    """A forked process has one of the threads, and a worker never comes back to the block that it was forked in."""
    global _lock
    _lock = threading.RLock()
    if _resting:
        _resting.clear()
        if _was_enabled:
            gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_wake_in_child)
