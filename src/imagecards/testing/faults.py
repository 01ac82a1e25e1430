"""Faults of the operating system, at any system call: for tests of what has to survive them.

Every function of `os` that touches files is seen (and counted) that is called as ``os.name(...)`` by Python
code, whatever thread does it; what C code does by itself is not: ``open()``, and files that Arrow writes.

    calls = count_calls(lambda: store.put_if_absent("a", [b"data"]))
    for number in range(1, calls + 1):
        with os_calls(fail_at(number, errno.ENOSPC)):
            ...
        run_killed(number, store.put_if_absent, "a", [b"data"])
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from types import TracebackType
from typing import Any

Hook = Callable[[int, str, tuple[object, ...]], None]
"""Called before each system call with its number (from 1), the function's name, and its arguments: those by
position, then those by keyword."""

MUTATING = frozenset(
    (
        *(
            "chmod",
            "chown",
            "copy_file_range",
            "fchmod",
            "fchown",
            "fdatasync",
            "fsync",
            "ftruncate",
            "lchown",
        ),
        *(
            "link",
            "mkdir",
            "mkfifo",
            "mknod",
            "posix_fallocate",
            "pwrite",
            "pwritev",
            "remove",
            "removexattr",
        ),
        *("rename", "replace", "rmdir", "sendfile", "setxattr", "splice", "symlink", "sync", "truncate"),
        *("unlink", "utime", "write", "writev"),
    )
)
"""Functions of `os` that change what is on disk or make it durable; ``open`` does too if it creates."""

READING = frozenset(
    (
        *("access", "close", "dup", "dup2", "fstat", "fstatvfs", "getxattr", "listdir", "listxattr", "lseek"),
        *("lstat", "open", "pread", "preadv", "read", "readlink", "readv", "scandir", "stat", "statvfs"),
    )
)
"""Functions of `os` that look at files."""

_SETS = ("supports_dir_fd", "supports_fd", "supports_follow_symlinks", "supports_effective_ids")

Around = Callable[[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


@contextmanager
def os_calls(hook: Hook, only: Collection[str] | None = None) -> Iterator[None]:
    """Call a hook before each system call of the block, in all threads of this process.

    Args:
        hook: Called before each call; an error that it raises is what the call raises. If that is an
            ``OSError`` of ``close``, the file is closed all the same, as the system does it.
        only: The functions that count; all of `MUTATING` and `READING` by default. Reading the entries of a
            ``scandir`` belongs to that call; an entry's own ``stat`` counts as ``stat``.

    Example:
        >>> seen = []
        >>> with os_calls(lambda number, name, arguments: seen.append(name)):
        ...     _ = os.listdir(".")
        >>> seen
        ['listdir']
    """
    numbers = count(1)

    def around(name: str, original: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        try:
            hook(next(numbers), name, (*arguments, *named.values()))
        except OSError:
            if name == "close":
                original(*arguments, **named)
            raise
        return original(*arguments, **named)

    with patched_os(around, only):
        yield


@contextmanager
def patched_os(around: Around, only: Collection[str] | None = None) -> Iterator[None]:
    """Put a function around each system call of the block; `os_calls` is what most tests need.

    Args:
        around: Gets the name, the real function and its arguments, and returns what the caller shall see.
        only: The functions that it is put around; all of `MUTATING` and `READING` by default.
    """
    names = sorted((MUTATING | READING) if only is None else only)
    originals = {name: getattr(os, name) for name in names if hasattr(os, name)}
    replacements = {name: _wrapped(name, original, around) for name, original in originals.items()}
    try:
        for name, original in originals.items():
            setattr(os, name, replacements[name])
            for functions in (getattr(os, each) for each in _SETS):
                if original in functions:  # what asks whether a function can do something gets the same answer
                    functions.add(replacements[name])
        yield
    finally:
        for name, original in originals.items():
            setattr(os, name, original)
            for functions in (getattr(os, each) for each in _SETS):
                functions.discard(replacements[name])


def _wrapped(name: str, original: Callable[..., Any], around: Around) -> Callable[..., Any]:
    @wraps(original)
    def call(*arguments: Any, **named: Any) -> Any:
        result = around(name, original, arguments, named)
        return _Entries(result, around) if name == "scandir" else result

    return call


class _Entries:
    """What ``scandir`` gives, whose entries' ``stat`` is seen as well."""

    def __init__(self, entries: Any, around: Around) -> None:
        self._entries = entries
        self._around = around

    def __iter__(self) -> Iterator["_Entry"]:
        return self

    def __next__(self) -> "_Entry":
        return _Entry(next(self._entries), self._around)

    def __enter__(self) -> "_Entries":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entries.close()

    def close(self) -> None:
        self._entries.close()


class _Entry:
    """An ``os.DirEntry`` whose ``stat`` is seen."""

    def __init__(self, entry: "os.DirEntry[Any]", around: Around) -> None:
        self._entry = entry
        self._around = around

    def __getattr__(self, name: str) -> Any:
        return getattr(self._entry, name)

    def __fspath__(self) -> Any:
        return self._entry.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        status: os.stat_result = self._around("stat", self._entry.stat, (), {"follow_symlinks": follow_symlinks})
        return status


def count_calls(action: Callable[[], object], only: Collection[str] | None = None) -> int:
    """Run an action and count its system calls.

    Example:
        >>> count_calls(lambda: os.stat("."))
        1
    """
    return len(record_calls(action, only))


def record_calls(
    action: Callable[[], object], only: Collection[str] | None = None
) -> list[tuple[str, tuple[object, ...]]]:
    """Run an action and return its system calls, each with its arguments, in order.

    Example:
        >>> record_calls(lambda: os.stat("."))
        [('stat', ('.',))]
    """
    calls: list[tuple[str, tuple[object, ...]]] = []
    with os_calls(lambda number, name, arguments: calls.append((name, arguments)), only):
        action()
    return calls


def fail_at(number: int, code: int, *, forever: bool = False) -> Hook:
    """Make a hook that lets one system call fail, or all from that one on.

    Args:
        number: Which call, from 1.
        code: The ``errno``.
        forever: Whether all later ones fail too, as on a disk that is full or broken.

    Example:
        >>> import errno
        >>> with os_calls(fail_at(1, errno.EIO)):
        ...     os.listdir(".")
        Traceback (most recent call last):
        OSError: [Errno 5] Input/output error
    """
    return raise_at(number, lambda: OSError(code, os.strerror(code)), forever=forever)


def raise_at(number: int, error: Callable[[], BaseException], *, forever: bool = False) -> Hook:
    """Make a hook that raises something at one system call, or at all from that one on.

    Args:
        number: Which call, from 1.
        error: Makes what is raised, for example ``KeyboardInterrupt``.
        forever: Whether it is raised at all later calls too.
    """

    def hook(at: int, name: str, arguments: tuple[object, ...]) -> None:
        if at == number or (forever and at > number):
            raise error()

    return hook


def kill_at(number: int) -> Hook:
    """Make a hook that kills this process, as nothing can prevent, before one of its system calls."""

    def hook(at: int, name: str, arguments: tuple[object, ...]) -> None:
        if at == number:
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()  # another thread must not get further before the signal arrives

    return hook


def run_killed(
    number: int, function: Callable[..., object], *arguments: object, only: Collection[str] | None = None
) -> bool:
    """Run a function in a process of its own, which is killed before one of its system calls.

    Args:
        number: Which call, from 1.
        function: A function that can be pickled (of a module, or a method of a store).
        arguments: Its arguments.
        only: The functions that count; all of `MUTATING` and `READING` by default. What is on disk after a kill differs
            only by what was done before it, so `MUTATING` alone gives every state.

    Returns:
        True if the process was killed, False if the function had finished before that call.

    Raises:
        RuntimeError: The function raised an error, which is printed.
    """
    process = _processes().Process(target=_run_killed, args=(number, function, arguments, only))
    process.start()
    process.join()
    code = process.exitcode
    process.close()
    if code not in (0, -signal.SIGKILL):
        raise RuntimeError(f"the process ended with code {code}: see what it printed")
    return code == -signal.SIGKILL


def _run_killed(
    number: int, function: Callable[..., object], arguments: tuple[object, ...], only: Collection[str] | None
) -> None:
    with os_calls(kill_at(number), only):
        function(*arguments)


def _processes() -> "multiprocessing.context.ForkServerContext":
    # A server without threads is forked, not this process: its threads may hold locks that nobody would free.
    context = multiprocessing.get_context("forkserver")
    # pyarrow imports pandas where it is installed, at the first list that it takes: once here, not in every process.
    context.set_forkserver_preload(["imagecards.testing.faults", "imagecards.registry.register", "pandas"])
    return context
