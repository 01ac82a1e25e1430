# ruff: noqa: PTH116, PTH118, PTH120
# Descriptors, links and names as the system sees them: pathlib has no words for half of it.
"""Every state that a power cut can leave on disk, worked out from the system calls of a recorded run.

POSIX promises little: after a crash each change of a folder that wasn't followed by an ``fsync`` of that
folder may have happened or not, in any combination, and a file that wasn't synced may hold its bytes, some
of them, none, or zeros. Real file systems do less harm; a protocol that survives all of this survives them
all.

    with recording(base) as steps:
        store.put_if_absent("a/b", [b"data"])
        steps.append(Step("mark", "a/b"))
    for done in range(len(steps) + 1):
        for state in crash_states(steps[:done], limit=400, choose=random.Random(7)):
            ...  # a dict of the files and their bytes
"""

import itertools
import os
import random
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imagecards.testing.faults import MUTATING, patched_os

_FOLDER = -1
_SEEN = frozenset(("open", "close", "dup", *MUTATING))


@dataclass(frozen=True)
class Step:
    """One change, as the disk sees it; or a mark that a test puts between them.

    Attributes:
        kind: ``exists`` (on disk before the run), ``mkdir``, ``create``, ``write``, ``truncate``, ``sync``
        (a file),
            ``sync_folder``, ``link``, ``rename``, ``unlink``, ``rmdir`` or ``mark``.
        path: What is changed, relative to the base of the recording.
        other: The new name of ``link`` and ``rename``.
        node: Which file it is, whatever its name.
        data: What is written.
        position: Where in the file.
    """

    kind: str
    path: str
    other: str = ""
    node: int = _FOLDER
    data: bytes = b""
    position: int = 0


@contextmanager
def recording(base: str | os.PathLike[str]) -> Iterator[list[Step]]:
    """Record what the block changes below a folder; what is there already counts as durable.

    Args:
        base: The folder; nothing else may be changed by the block.

    Yields:
        The steps, which grow while the block runs.
    """
    recorder = _Recorder(os.path.realpath(base))
    with patched_os(recorder.around, _SEEN):
        yield recorder.steps


def crash_states(steps: Sequence[Step], limit: int, choose: random.Random) -> Iterator[dict[str, bytes]]:
    """Make the states in which a power cut after the last of these steps can leave the disk.

    Args:
        steps: What was done until then.
        limit: How many states at most; if there are more, the extreme ones and a random choice of the rest.
        choose: Makes that choice.

    Yields:
        The files that can be reached, by path, with their bytes.
    """
    disk = _Disk(steps)
    nodes = [node for node, data in disk.cached.items() if disk.durable.get(node) != data]
    contents = [list(dict.fromkeys(disk.possible(node))) for node in nodes]
    happened = len(disk.pending)
    total = 2**happened
    for options in contents:
        total *= len(options)
    if total <= limit:
        for chosen in itertools.product((False, True), repeat=happened):
            for data in itertools.product(*contents):
                yield disk.files(chosen, dict(zip(nodes, data, strict=True)))
        return
    for number in range(limit):
        every = {0: False, 1: True}.get(number % 4)
        chosen = tuple(choose.random() < 0.5 if every is None else every for _ in range(happened))
        picked = [options[-1] if number < 4 else choose.choice(options) for options in contents]
        yield disk.files(chosen, dict(zip(nodes, picked, strict=True)))


def write_state(state: Mapping[str, bytes], folder: str | os.PathLike[str]) -> None:
    """Put the files of a state on disk, to see what the real code makes of them.

    Args:
        state: One of those that `crash_states` yields.
        folder: Where; it stands for the base of the recording.
    """
    for path, data in state.items():
        file = Path(folder, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


class _Recorder:
    """Follows descriptors and names through the system calls of a run."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.steps: list[Step] = []
        self._open: dict[int, tuple[str, int]] = {}  # descriptor: path, node
        self._positions: dict[int, int] = {}
        self._numbers = itertools.count(1)
        self._nodes: dict[int, int] = {}  # inode: node; an inode's number is used again, a node's isn't
        for folder, folders, files in os.walk(base):
            here = self._relative(folder)
            self.steps += (Step("exists", os.path.join(here, name)) for name in folders)
            for name in files:
                path = os.path.join(folder, name)
                data = Path(path).read_bytes()
                node = self._node(os.stat(path))
                self.steps.append(Step("exists", os.path.join(here, name), node=node, data=data))

    def around(self, name: str, original: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        if name == "open":
            return self._opened(original, arguments, named)
        result = original(*arguments, **named)
        match name:
            case "close":
                self._open.pop(arguments[0], None)
                self._positions.pop(arguments[0], None)
            case "write":
                self._written(arguments[0], bytes(arguments[1])[:result])
            case "fsync" | "fdatasync":
                path, node = self._open[arguments[0]]
                self.steps.append(Step("sync_folder" if node == _FOLDER else "sync", path, node=node))
            case "mkdir" | "rmdir" | "unlink" | "remove":
                kind = "unlink" if name == "remove" else name
                self.steps.append(Step(kind, self._path(arguments[0], named.get("dir_fd"))))
            case "link" | "rename" | "replace":
                old = self._path(arguments[0], named.get("src_dir_fd"))
                new = self._path(arguments[1], named.get("dst_dir_fd"))
                self.steps.append(Step("link" if name == "link" else "rename", old, new))
            case _:
                raise NotImplementedError(f"os.{name} isn't modelled: add it before you trust the states")
        return result

    def _opened(self, original: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> int:
        folder = named.get("dir_fd")
        path = self._path(arguments[0], folder)
        new = False
        if arguments[1] & os.O_CREAT:
            try:
                os.lstat(arguments[0], dir_fd=folder)
            except FileNotFoundError:
                new = True
        descriptor: int = original(*arguments, **named)
        status = os.fstat(descriptor)
        if new:
            self._nodes.pop(status.st_ino, None)
        node = _FOLDER if stat.S_ISDIR(status.st_mode) else self._node(status)
        self._open[descriptor] = path, node
        self._positions[descriptor] = 0
        if new:
            self.steps.append(Step("create", path, node=node))
        elif arguments[1] & os.O_TRUNC:
            self.steps.append(Step("truncate", path, node=node))
        return descriptor

    def _written(self, descriptor: int, data: bytes) -> None:
        if descriptor not in self._open:
            return  # a pipe or a terminal, open since before
        path, node = self._open[descriptor]
        position = self._positions[descriptor]
        self._positions[descriptor] = position + len(data)
        self.steps.append(Step("write", path, node=node, data=data, position=position))

    def _node(self, status: os.stat_result) -> int:
        if status.st_ino not in self._nodes:
            self._nodes[status.st_ino] = next(self._numbers)
        return self._nodes[status.st_ino]

    def _path(self, path: Any, folder: int | None) -> str:
        start = "" if folder is None else os.path.join(self.base, self._open[folder][0])
        return self._relative(os.path.join(start, os.fspath(path)))

    def _relative(self, path: str) -> str:
        relative = os.path.relpath(path, self.base)
        return "" if relative == "." else relative


class _Disk:
    """What is certainly on disk after some steps, and what may be.

    Attributes:
        entries: Names that are durable, with their nodes.
        pending: Changes of names that may or may not be: the folder whose sync settles it, and what to do.
        cached: Every file's bytes as programs see them.
        durable: Every file's bytes as of its last sync.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.entries: dict[str, int] = {}
        self.pending: list[tuple[str, list[tuple[str, int | None]]]] = []
        self.cached: dict[int, bytes] = {}
        self.durable: dict[int, bytes] = {}
        self._names: dict[str, int] = {}
        for step in steps:
            self._do(step)

    def possible(self, node: int) -> Iterator[bytes]:
        """Make what a file that isn't synced may hold."""
        data = self.cached[node]
        if node in self.durable:
            yield self.durable[node]
        yield from (b"", data[: len(data) // 2], bytes(len(data)), data)

    def files(self, chosen: Sequence[bool], contents: Mapping[int, bytes]) -> dict[str, bytes]:
        """Make one state: which pending changes happened, and what the unsynced files hold."""
        entries = dict(self.entries)
        for happened, (_, changes) in zip(chosen, self.pending, strict=True):
            if happened:
                _apply(entries, changes)
        return {
            path: contents[node] if node in contents else self.durable[node]
            for path, node in entries.items()
            if node != _FOLDER and all(entries.get(above) == _FOLDER for above in _above(path))
        }

    def _do(self, step: Step) -> None:
        match step.kind:
            case "exists":
                self.entries[step.path] = self._names[step.path] = step.node
                if step.node != _FOLDER:
                    self.cached[step.node] = self.durable[step.node] = step.data
            case "mkdir":
                self._change(step.path, [(step.path, _FOLDER)])
            case "create":
                self.cached[step.node] = b""
                self._change(step.path, [(step.path, step.node)])
            case "write":
                data = self.cached[step.node]
                before = data[: step.position].ljust(step.position, b"\0")
                self.cached[step.node] = before + step.data + data[step.position + len(step.data) :]
            case "truncate":
                self.cached[step.node] = b""
            case "sync":
                self.durable[step.node] = self.cached[step.node]
            case "sync_folder":
                for _, changes in (each for each in self.pending if each[0] == step.path):
                    _apply(self.entries, changes)
                self.pending = [each for each in self.pending if each[0] != step.path]
            case "link":
                self._change(step.other, [(step.other, self._names[step.path])])
            case "rename":
                self._change(step.other, [(step.path, None), (step.other, self._names[step.path])])
            case "unlink" | "rmdir":
                self._change(step.path, [(step.path, None)])

    def _change(self, path: str, changes: list[tuple[str, int | None]]) -> None:
        _apply(self._names, changes)
        self.pending.append((os.path.dirname(path), changes))


def _apply(entries: dict[str, int], changes: Sequence[tuple[str, int | None]]) -> None:
    for path, node in changes:
        if node is None:
            entries.pop(path, None)
        else:
            entries[path] = node


def _above(path: str) -> Iterator[str]:
    while path := os.path.dirname(path):
        yield path
