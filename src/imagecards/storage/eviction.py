"""Keeping a cache's folder small: what was used longest ago goes, without a lock or an index of what is there.

How much was added since anybody last looked is told by the length of a file to which every process appends marks, one
for each thousandth of the limit. Whoever appends the last one that fits empties it and looks. That two do so at once,
or that one is killed on the way, does no harm: they remove the same files.
"""

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import groupby
from typing import NamedTuple

from imagecards.errors import IntegrityError
from imagecards.storage.folders import close_folders, open_child, open_folder
from imagecards.storage.store import LEFTOVER

FOLDER = "bytes"
"""The folder in that of all caches; in it are folders by the first two digits of each SHA-256."""

_MARKS = "added"
_UNITS = 1024  # of the limit; one mark is for so much
_ROOM = _UNITS // 16  # marks until somebody looks
_KEPT = 7 / 8  # of the limit is left then: together with what is added until the next time that is less than all
_ABANDONED = 3600.0  # seconds after which a file that is being written was given up
_FOLDERS = re.compile("[0-9a-f]{2}")
_OURS = re.compile(rf"[0-9a-f]{{64}}|{re.escape(LEFTOVER)}[0-9a-f]{{16}}")
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Usage(NamedTuple):
    """What is in a cache.

    Attributes:
        entries: How many files.
        size: Their bytes.
    """

    entries: int
    size: int


class _File(NamedTuple):
    used: float
    size: int
    folder: str
    name: str


def note(root: str, limit: int, size: int, *, chance: float) -> None:
    """Note that a file was added, and make room when it is time.

    Args:
        root: The folder of all caches.
        limit: The most bytes to keep.
        size: Those of the file.
        chance: From 0 to 1, drawn evenly: most files are too small for a mark, so some of them make one for all.

    Raises:
        OSError: As `os.open` and `os.write` raise it.
        IntegrityError: The folder is a symbolic link.
    """
    marks = int(size * _UNITS / limit + chance)
    if marks and _append(root, marks) >= _ROOM:
        shrink(root, int(limit * _KEPT))


def shrink(root: str, limit: int) -> Usage:
    """Remove what was used longest ago until what is left is small enough.

    Args:
        root: The folder of all caches.
        limit: The most bytes to leave.

    Returns:
        What was removed.
    """
    files = sorted(_files(root))
    total = sum(file.size for file in files)
    given_up = time.time() - _ABANDONED
    doomed = []
    for file in files:
        if total > limit or (file.name.startswith(LEFTOVER) and file.used < given_up):
            doomed.append(file)
            total -= file.size
    for folder, group in groupby(sorted(doomed, key=_folder_of), key=_folder_of):
        _remove(root, folder, group)
    return _usage(doomed)


def clear(root: str) -> Usage:
    """Remove everything that was put into the cache, and nothing else that lies there; says what it was."""
    return shrink(root, -1)


def usage(root: str) -> Usage:
    """What is in the cache now."""
    return _usage(list(_files(root)))


def _usage(files: list[_File]) -> Usage:
    return Usage(len(files), sum(file.size for file in files))


def _append(root: str, marks: int) -> int:
    """Append marks; says how many there were with them, and begins anew when they are enough."""
    folder = open_folder(root, (FOLDER,))
    try:
        file = os.open(_MARKS, _APPEND, 0o600, dir_fd=folder)
        try:
            known = os.fstat(file)
            if not stat.S_ISREG(known.st_mode) or known.st_nlink != 1:
                return 0  # planted, and perhaps somebody's file under another name
            os.write(file, b"." * marks)
            there = os.fstat(file).st_size
            if there >= _ROOM:
                os.truncate(file, 0)
            return there
        finally:
            os.close(file)
    finally:
        close_folders([folder])


def _files(root: str) -> Iterator[_File]:
    """All files that were put into the cache; what can't be read is passed over."""
    with suppress(OSError, IntegrityError):
        top = open_folder(root, (FOLDER,))
        try:
            for name in os.listdir(top):
                if _FOLDERS.fullmatch(name):
                    yield from _files_in(top, name)
        finally:
            close_folders([top])


def _files_in(top: int, name: str) -> Iterator[_File]:
    with suppress(OSError, IntegrityError):
        folder = open_child(top, name)
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if _OURS.fullmatch(entry.name) and not entry.is_dir(follow_symlinks=False):
                        with suppress(FileNotFoundError):  # somebody else made room
                            known = entry.stat(follow_symlinks=False)
                            yield _File(known.st_mtime, known.st_size, name, entry.name)
        finally:
            close_folders([folder])


def _remove(root: str, name: str, files: Iterable[_File]) -> None:
    with suppress(OSError, IntegrityError):
        folder = open_folder(root, (FOLDER, name))
        try:
            for file in files:
                with suppress(OSError):
                    os.unlink(file.name, dir_fd=folder)
        finally:
            close_folders([folder])


def _folder_of(file: _File) -> str:
    return file.folder
