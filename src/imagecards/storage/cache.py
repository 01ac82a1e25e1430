"""Bytes that came from a server, kept on this machine under their SHA-256.

Nothing in the folder is believed: what is read there is hashed each time, and what is not what it should be is
removed and fetched again. So it needs neither locks nor durability, and whoever damages it costs time. Nothing that
goes wrong with it is ever told: a full disk or a folder that can't be written only means that nothing is remembered.
"""

import hashlib
import os
import re
import secrets
import stat
import time
from contextlib import suppress
from typing import Any

from imagecards.cachefolder import cache_root
from imagecards.errors import IntegrityError, InvalidInputError
from imagecards.storage.eviction import FOLDER, note
from imagecards.storage.folders import close_folders, open_child, open_folder
from imagecards.storage.store import LEFTOVER, Store

DEFAULT_SIZE = 10 << 30
"""Bytes that the cache may take where ``$IMAGECARDS_CACHE_SIZE`` says nothing."""

_LARGEST_SHARE = 4  # an entry that would take more than this part of the cache would push out too much
_RECENT = 60.0  # seconds within which a second use is not noted
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,3})?) *(?:([KMGT])(I?))?B?", re.IGNORECASE | re.ASCII)


class ByteCache:
    """Bytes by their SHA-256, in a folder that any number of threads and processes share.

    Args:
        root: The folder of all caches; it is made when there is something to keep.
        limit: How many bytes to keep. What was used longest ago goes first.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> cache = ByteCache(folder.name, limit=1000)
        >>> digest = hashlib.sha256(b"image").digest()
        >>> cache.put(digest, b"image")
        >>> cache.get(digest, 5)
        b'image'
        >>> folder.cleanup()
        >>> cache.get(digest, 5)
    """

    def __init__(self, root: str, limit: int) -> None:
        self.root = root
        self.limit = limit

    def __repr__(self) -> str:
        return f"ByteCache({self.root!r}, limit={self.limit})"

    def __reduce__(self) -> tuple[Any, ...]:
        return open_cache, ()  # another machine has another folder

    def get(self, digest: bytes, size: int) -> bytes | None:
        """The bytes of a digest, hashed again; None where they are not kept.

        Args:
            digest: The SHA-256.
            size: How many bytes there must be; no others are even read.
        """
        name = digest.hex()
        try:
            folder = open_folder(self.root, (FOLDER, name[:2]))
        except (OSError, IntegrityError):
            return None
        try:
            data = _read(folder, name, size)
            if data is not None and hashlib.sha256(data).digest() != digest:
                data = None
            if data is None:
                os.unlink(name, dir_fd=folder)  # damaged, or never ours
        except OSError:  # it isn't there, or is a folder
            return None
        finally:
            close_folders([folder])
        return data

    def put(self, digest: bytes, data: bytes) -> None:
        """Keep bytes, as far as that is possible; they replace what is there, which was found to be wrong.

        Args:
            digest: The SHA-256 of ``data``, which the caller has checked.
            data: The bytes.
        """
        if len(data) > self.limit // _LARGEST_SHARE:
            return
        name = digest.hex()
        with suppress(OSError, IntegrityError):
            folder = _make_folder(self.root, name[:2])
            try:
                _write(folder, name, data)
            finally:
                close_folders([folder])
            note(self.root, self.limit, len(data), chance=int.from_bytes(digest[-4:]) / 2**32)


def open_cache() -> ByteCache | None:
    """The cache of this process's user; None where there is none.

    Raises:
        InvalidInputError: ``$IMAGECARDS_CACHE_SIZE`` is not a size.
    """
    root, limit = cache_root(), _limit()
    return ByteCache(root, limit) if root and limit else None


def cache_for(store: Store) -> ByteCache | None:
    """The cache for reading from a store; None where that takes no request."""
    return open_cache() if store.remote else None


def _limit() -> int:
    text = os.environ.get("IMAGECARDS_CACHE_SIZE", "").strip()
    if not text:
        return DEFAULT_SIZE
    found = _SIZE.fullmatch(text)
    if found is None:
        message = f"IMAGECARDS_CACHE_SIZE is {text!r}: give a number of bytes such as 500MB or 20GiB, or 0 for no cache"
        raise InvalidInputError(message)
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** " KMGT".index(unit.upper() if unit else " "))


def _read(folder: int, name: str, size: int) -> bytes | None:
    """As many bytes as there must be; None where what is there has more or less, or can't be read."""
    try:
        file = os.open(name, _READ, dir_fd=folder)
    except FileNotFoundError:
        raise
    except OSError:  # a link, or a file that isn't ours
        return None
    try:
        known = os.fstat(file)
        if not stat.S_ISREG(known.st_mode) or known.st_size != size:
            return None
        pieces = []
        while piece := os.read(file, size):
            pieces.append(piece)
        if abs(time.time() - known.st_mtime) > _RECENT:
            with suppress(OSError):
                os.utime(file)  # what is used stays longest
    except OSError:
        return None
    finally:
        os.close(file)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _make_folder(root: str, name: str) -> int:
    try:
        return open_folder(root, (FOLDER, name))
    except FileNotFoundError:
        os.makedirs(root, mode=0o700, exist_ok=True)
    folders = [os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)]
    try:
        for part in (FOLDER, name):
            with suppress(FileExistsError):
                os.mkdir(part, mode=0o700, dir_fd=folders[-1])
            folders.append(open_child(folders[-1], part))
        return folders.pop()
    finally:
        close_folders(folders)


def _write(folder: int, name: str, data: bytes) -> None:
    """Write a file that appears whole, in place of what is there."""
    temporary = LEFTOVER + secrets.token_hex(8)
    file = os.open(temporary, _NEW, 0o600, dir_fd=folder)
    try:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(file, rest) :]
        finally:
            os.close(file)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
