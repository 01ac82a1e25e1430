"""Calling opsml: what it does by the way is kept from whoever calls.

Those are lines on standard output, files that it leaves in the folder for temporary ones, panics that are no
``Exception``, the race of processes that make a database at once, and processes that were forked while its threads ran,
in which every call waits for ever.
"""

import os
import random
import re
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from imagecards.errors import ImageCardsError, StorageError
from imagecards.temporary import temporary_folder

T = TypeVar("T")

_OWN_LINE = re.compile(rb"\x1b\[38;2;[0-9;]+m[A-Z][a-z]+ card\x1b\[39m[^\n]*\n")  # and not others' colours
_PATIENCE = 20.0  # seconds; opsml itself tries an address for half a minute that nobody listens at
_PAUSE = 0.05

_one_at_a_time = threading.RLock()
_depth = 0
_forked = False
_was_running = False


@contextmanager
def calling(doing: str) -> Iterator[None]:
    """What calls opsml does so in here: one thread at a time, quiet, and leaving nothing behind.

    Args:
        doing: What is being done, for messages: ``"list cards"``.

    Raises:
        StorageError: opsml failed or panicked, or this process was forked while opsml ran.
    """
    global _depth
    if _forked:
        message = (
            f"opsml can't {doing} here: this process was forked while opsml ran, and would wait for ever. Load "
            "datasets before, or start processes by 'spawn' or 'forkserver'"
        )
        raise StorageError(message)
    with _one_at_a_time:
        _depth += 1
        try:
            if _depth > 1:  # opsml calls our `save`, which may call opsml
                yield
            else:
                with _quiet(), _own_temporary_folder():
                    yield
        except ImageCardsError:
            raise
        except BaseException as error:
            # a panic is a BaseException of a type that nobody can import
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                raise StorageError(f"opsml can't {doing}: {error}") from error
            raise
        finally:
            _depth -= 1


def is_busy(error: BaseException) -> bool:
    """Whether SQLite refused a call for others that write, or that make the tables of a new database."""
    return "database is locked" in str(error) or "Failed to create sql client" in str(error)


def patiently(call: Callable[[], T]) -> T:
    """Call what changes nothing when it fails, until the database is not busy any more.

    Args:
        call: What to call.

    Raises:
        StorageError: It failed for another reason, or for too long.
    """
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            return call()
        except StorageError as error:
            if not is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(_PAUSE * (0.5 + random.random()))  # noqa: S311  # so that they don't meet again


@contextmanager
def _quiet() -> Iterator[None]:
    """Take opsml's lines out of standard output; what others print meanwhile appears afterwards."""
    with tempfile.TemporaryFile() as caught:
        try:
            kept = os.dup(1)
        except OSError:  # there is no standard output
            yield
            return
        os.dup2(caught.fileno(), 1)
        try:
            yield
        finally:
            if sys.stdout is not None and not sys.stdout.closed:
                with suppress(OSError):  # the disk is full: it is written later
                    sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)
            caught.seek(0)
            rest = memoryview(_OWN_LINE.sub(b"", caught.read()))
            with suppress(OSError):  # whoever read it is gone
                while rest:
                    rest = rest[os.write(1, rest) :]


@contextmanager
def _own_temporary_folder() -> Iterator[None]:
    """A folder for temporary files that goes with its content: opsml leaves a copy of all that it reads and writes."""
    before = os.environ.get("TMPDIR")
    with temporary_folder("opsml") as folder:
        os.environ["TMPDIR"] = str(folder)
        try:
            yield
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before


def _before_fork() -> None:
    global _was_running
    _was_running = "opsml" in sys.modules and _runs_threads()


def _after_fork() -> None:
    global _forked, _one_at_a_time, _depth
    _forked = _forked or _was_running
    _one_at_a_time, _depth = threading.RLock(), 0


def _runs_threads() -> bool:
    """Whether opsml has started its threads: it does with the first registry, not when it is imported."""
    tasks = Path("/proc/self/task")
    try:
        return any((task / "comm").read_text().startswith("tokio") for task in tasks.iterdir())
    except OSError:
        return True  # nobody can tell


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)
