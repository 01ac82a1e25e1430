"""The files in a zip, read one by one without unpacking the rest."""

import hashlib
import io
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile, ZipFile, ZipInfo

from imagecards.datasets.scan import FolderScan, FoundFile
from imagecards.datasets.source import Origin
from imagecards.datasets.zips.members import check_members
from imagecards.errors import FormatError, IntegrityError, NotFoundError, StorageError

_POINTER = b"version https://git-lfs"
_LARGEST_READ = 64 << 20  # bytes of a zip's directory, which is read at once: some 600,000 files
_PIECE = 8 << 20


class _Identity(NamedTuple):
    """What tells that a file is still the one that was opened."""

    device: int
    inode: int
    size: int
    mtime_ns: int


class _Bounded(io.FileIO):
    """A file of which nobody reads more at once than a zip's directory may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = os.fstat(self.fileno()).st_size - self.tell() if size is None or size < 0 else size
        if wanted > _LARGEST_READ:
            raise BadZipFile(f"its directory is larger than {_LARGEST_READ:,} bytes")
        return super().read(max(wanted, 0))

    def __del__(self) -> None:
        self.close()


class ZipSource:
    """The image files in a zip, and its metadata files.

    The directory of the zip is checked when it is opened; each member is held against its size and checksum there when
    it is read, and takes no more memory than the size that the directory states. It is safe to use from several
    threads, and can be pickled.

    Args:
        path: The zip, on disk.
        origin: Where it is from; by default it is a file of this machine, of which only the name is told.
        kept: What keeps the file there, where it is a temporary one.

    Raises:
        FormatError: It is no zip, or one of its members is not safe to read.
        StorageError: It can't be read.
    """

    def __init__(self, path: str | os.PathLike[str], origin: Origin | None = None, kept: object = None) -> None:
        self.path = str(Path(path).absolute())
        self._given = origin
        self._kept = kept
        self._opened: dict[int, tuple[ZipFile, Mapping[str, ZipInfo]]] = {}  # by process: a fork shares its position
        self._identity: _Identity | None = None
        self._members()

    def __repr__(self) -> str:
        return f"ZipSource({self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Without what is open; whoever gets it opens the same file, while this one keeps it there."""
        return {**self.__dict__, "_opened": {}, "_kept": None}

    @property
    def name(self) -> str:
        """What the zip is called: its URL, or its name on disk."""
        return self._given.url if self._given is not None else Path(self.path).name

    @cached_property
    def origin(self) -> Origin:
        """Where the images are from: the zip, its size and its digest; one on disk is read for it.

        Raises:
            StorageError: It can't be read, or was changed.
        """
        if self._given is not None:
            return self._given
        sha, size = hashlib.sha256(), 0
        try:
            with Path(self.path).open("rb") as file:
                self._check_same(file.fileno())
                while piece := file.read(_PIECE):
                    sha.update(piece)
                    size += len(piece)
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(f"{self.path} can't be read: {error.strerror}") from error
        return Origin(self.name, size, sha.digest())

    def scan(self) -> FolderScan:
        """The files, as the zip's directory lists them."""
        return FolderScan([FoundFile(name, info.file_size, 0, 0, 0) for name, info in self._members().items()], [], 0)

    def read(self, name: str, expected: FoundFile | None = None) -> bytes:
        """The bytes of one file.

        Args:
            name: Its path in the zip.
            expected: What a scan said of it, which is what the directory lists.

        Raises:
            NotFoundError: There is no file of that name.
            IntegrityError: It is damaged, or not what the directory says.
            StorageError: The zip can't be read, or was changed.
        """
        info = self._members().get(name)
        if info is None:
            raise NotFoundError(f"{name} is not in {self.name}: correct the name, or take it out of the metadata")
        try:
            with self._zip().open(info) as member:
                data = member.read(info.file_size)
                if len(data) == info.file_size and not member.read(1):  # which compares the checksum
                    return data
        # all of these zipfile raises for bytes that are not what they say
        except (BadZipFile, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError) as error:
            raise self._damaged(name, str(error)) from error
        except OSError as error:
            raise StorageError(f"{self.path} can't be read: {error.strerror}") from error
        raise self._damaged(name, "it has another size than the directory says")

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several files, in the order of ``names``."""
        return map(self.read, names)

    def close(self) -> None:
        """Close the zip; a later read opens it again."""
        for opened, _ in self._opened.values():
            opened.close()
        self._opened = {}

    def _damaged(self, name: str, why: str) -> IntegrityError:
        message = f"{name} in {self.name} is damaged ({why}): get the zip again, or pack it anew"
        return IntegrityError(message, f"{self.name}: {name}")

    def _zip(self) -> ZipFile:
        return self._open()[0]

    def _members(self) -> Mapping[str, ZipInfo]:
        return self._open()[1]

    def _open(self) -> tuple[ZipFile, Mapping[str, ZipInfo]]:
        process = os.getpid()
        if process not in self._opened:
            try:
                file = _Bounded(self.path)
            except OSError as error:
                raise StorageError(f"{self.path} can't be read: {error.strerror}") from error
            try:
                self._opened[process] = self._listed(file)
            except BaseException:
                file.close()
                raise
        return self._opened[process]

    def _listed(self, file: _Bounded) -> tuple[ZipFile, Mapping[str, ZipInfo]]:
        self._check_same(file.fileno())
        try:
            opened = ZipFile(file)
        # all of these zipfile raises for bytes that are not what they say
        except (BadZipFile, ValueError, NotImplementedError, OverflowError) as error:
            file.seek(0)
            raise self._no_zip(file.read(len(_POINTER)), error) from error
        return opened, check_members(opened.infolist(), os.fstat(file.fileno()).st_size, self.name)

    def _check_same(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        identity = _Identity(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)
        if self._identity not in (None, identity):
            raise StorageError(f"{self.path} was changed since it was opened: bind the dataset to it anew")
        self._identity = identity

    def _no_zip(self, head: bytes, error: Exception) -> FormatError:
        if head == _POINTER:
            return FormatError(
                f"{self.name} is a Git LFS pointer and not the zip, whose content was never downloaded, or never "
                "uploaded: run `git lfs pull` where it is, and upload the zip itself"
            )
        return FormatError(f"{self.name} is no zip that can be read ({error}): get it again, or pack it anew")
