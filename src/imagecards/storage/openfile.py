"""Files below a root, opened for reading without following links, closed when nobody reads them any more."""

import errno
import os
import stat
from contextlib import suppress

from imagecards.errors import IntegrityError, NotFoundError, StorageError
from imagecards.storage.failures import reading
from imagecards.storage.folders import close_folders, open_folder, refuse_link
from imagecards.storage.store import check_key

NOT_THERE = (errno.ENOENT, errno.ENOTDIR)
AT_ONCE = 1 << 26  # bytes; for more the file is asked first whether it has them, so that no lie costs memory

# O_NONBLOCK: a pipe that was planted under a key must not keep its reader waiting.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class OpenFile:
    """A descriptor that is closed when its last reader is done with it, in whatever thread that is."""

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        """Close it now; only for who knows to be its only reader."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            with suppress(OSError):
                os.close(descriptor)

    def __del__(self) -> None:
        self.close()


def open_file(root: str, key: str) -> OpenFile:
    """Open the file of a key.

    Args:
        root: The store's folder.
        key: The key.

    Raises:
        InvalidInputError: The key isn't a valid one.
        NotFoundError: There is no such file.
        IntegrityError: There is something else in its place.
        StorageError: It can't be opened.
    """
    *parts, name = check_key(key).split("/")
    place = f"{root}/{key}"
    try:
        with reading(place):
            folder = open_folder(root, parts)
            try:
                file = OpenFile(_open_in(folder, name))
            finally:
                close_folders([folder])
    except StorageError as error:
        if error.errno in NOT_THERE:
            raise NotFoundError(f"{place} doesn't exist: see what is there, or restore it from a copy") from None
        raise
    try:
        with reading(place):
            known = os.fstat(file.descriptor)
        if stat.S_ISDIR(known.st_mode):
            raise NotFoundError(f"{place} is a folder, not a key: ask for a key below it")
        check_regular(known, place)
    except BaseException:
        file.close()
        raise
    return file


def _open_in(folder: int, name: str) -> int:
    try:
        return os.open(name, _FILE, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            refuse_link(folder, name)
        raise


def check_regular(known: os.stat_result, place: str) -> None:
    """Check that what stands under a key is a plain file.

    Raises:
        IntegrityError: It is a link, a pipe or a device.
    """
    if not stat.S_ISREG(known.st_mode):
        message = f"{place} is a link, a pipe or a device: restore the file from a copy"
        raise IntegrityError(message, place, "a file", stat.filemode(known.st_mode))


def read_range(file: OpenFile, start: int, length: int | None, place: str) -> bytes:
    """Read a range in as many calls as it takes, after the file was asked whether it has it.

    Args:
        file: The open file.
        start: The first byte.
        length: How many bytes; up to the end if None.
        place: The file's path, for messages.

    Raises:
        IntegrityError: The file is too short.
        StorageError: It can't be read.
    """
    with reading(place):
        size = os.fstat(file.descriptor).st_size
        end = size if length is None else start + length
        pieces = []
        position = start
        while position < end <= size:
            piece = os.pread(file.descriptor, min(end - position, AT_ONCE), position)
            if not piece:
                size = position  # cut off this very moment
            pieces.append(piece)
            position += len(piece)
    needed = max(start, end)
    if size < needed:
        message = f"{place} is truncated: it has {size:,} bytes, {needed:,} are needed. Restore it from a copy"
        raise IntegrityError(message, place, f"{needed} bytes", f"{size} bytes")
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
