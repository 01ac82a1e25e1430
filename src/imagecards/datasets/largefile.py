"""Files that are too large to be held in memory: looked at place by place, and read piece by piece."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from imagecards.datasets.scan import FoundFile
from imagecards.errors import StorageError

MAX_FILE_BYTES = 64 << 30
"""The largest image file that can be registered, in bytes: 64 GiB, more than any stack of pages of a microscope."""

MAX_WHOLE_BYTES = 1 << 30
"""The largest file of a format that is read as a whole, in bytes: 100 million pixels of 8 bytes fit into it."""

LARGE_BYTES = 256 << 20
"""From how many bytes on a file is read in pieces."""

_PIECE = 8 << 20


class Folder(Protocol):
    """What a file needs of the folder that it is in."""

    def opened(self, name: str, expected: FoundFile | None = None) -> AbstractContextManager[int]:
        """Open a file, if it is what was expected."""

    def changed(self, name: str) -> StorageError:
        """The error for a file that was changed meanwhile."""


class LargeFile:
    """A file in a folder, as far as it is looked at: its length, and what lies between two places.

    Args:
        source: The folder.
        name: Path of the file, relative to the folder.
        size: Its length in bytes; pieces that do not add up to it are an error.
        expected: What a scan said of it; it must still be so.

    Attributes:
        sha256: The digest of its bytes, once it is known; from then on other bytes are an error.
    """

    def __init__(self, source: Folder, name: str, size: int, expected: FoundFile | None = None) -> None:
        self.name = name
        self._source = source
        self._size = size
        self._expected = expected
        self.sha256: bytes | None = None

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: slice) -> bytes:
        start, stop, _ = place.indices(self._size)
        if stop <= start:
            return b""
        with self._source.opened(self.name, self._expected) as file:
            return os.pread(file, stop - start, start)

    def pieces(self) -> Iterator[bytes]:
        """Its bytes in pieces of 8 MiB.

        Raises:
            StorageError: It can't be read, or was changed meanwhile.
        """
        sha, count = hashlib.sha256(), 0
        with self._source.opened(self.name, self._expected) as file:
            while piece := os.read(file, min(_PIECE, self._size - count + 1)):
                sha.update(piece)
                count += len(piece)
                if count > self._size:
                    break
                yield piece
        if count != self._size or (self.sha256 is not None and sha.digest() != self.sha256):
            raise self._source.changed(self.name)


def find_large(source: object, name: str) -> LargeFile | None:
    """A file that is too large to be read as a whole; ``None`` where it is not, or its source has no such files.

    Args:
        source: Where the file is: a `imagecards.datasets.Source`.
        name: Its name.

    Raises:
        ImageCardsError: It can't be looked at.
    """
    find = getattr(source, "large", None)
    found: LargeFile | None = find(name) if find is not None else None
    return found
