"""Reading the files of a folder without ever leaving it."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from imagecards.datasets.largefile import LARGE_BYTES, LargeFile
from imagecards.datasets.scan import INODE_BITS, OPEN_FOLDER, FolderScan, FoundFile, close_read, scan_folder
from imagecards.errors import FormatError, InvalidInputError, NotFoundError, StorageError

# NONBLOCK: a named pipe that poses as an image must not hold us up before we can see what it is.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAX_OPEN = 64
_PIECE = 64 << 20  # bytes


class _OpenFolder:
    """A folder's descriptor, closed when its last user lets go of it."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def __del__(self) -> None:
        close_read(self.fd)


class FolderSource:
    """The image files of a folder.

    Files are opened part by part from the folder down, and a link on the way is an error, so nothing outside
    the folder is ever read, whatever happens to it meanwhile. It is safe to use from several threads, and can
    be pickled.

    Args:
        root: The folder; it may itself be reached through a link.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.abspath(root)
        self._open: dict[str, _OpenFolder] = {}

    def __repr__(self) -> str:
        return f"FolderSource({self.root!r})"

    def __reduce__(self) -> tuple[type["FolderSource"], tuple[str]]:
        return FolderSource, (self.root,)

    def scan(self) -> FolderScan:
        """List the files; nothing is opened.

        Raises:
            StorageError: The folder can't be read.
        """
        return scan_folder(self.root)

    def read(self, name: str, expected: FoundFile | None = None) -> bytes:
        """The bytes of one file.

        Args:
            name: Path relative to the folder.
            expected: What a scan said of the file; it must still be so.

        Raises:
            NotFoundError: The file is not there.
            FormatError: It, or a folder on the way, is a link or a special file.
            StorageError: It can't be read, or was changed meanwhile.
            InvalidInputError: The name leads out of the folder.
        """
        file, size = self._open_file(name, expected)
        try:
            data = _read_all(file, size)
        except OSError as error:
            raise self._explain(name, error) from error
        finally:
            close_read(file)
        if len(data) != size:
            raise self.changed(name)
        return data

    def large(self, name: str, expected: FoundFile | None = None) -> LargeFile | None:
        """A file that is too large to be read as a whole; ``None`` where it is not.

        Raises:
            ImageCardsError: As `read`.
        """
        file, size = self._open_file(name, expected)
        close_read(file)
        return LargeFile(self, name, size, expected) if size >= LARGE_BYTES else None

    @contextmanager
    def opened(self, name: str, expected: FoundFile | None = None) -> Iterator[int]:
        """The descriptor of a file, to read from in the block.

        Raises:
            ImageCardsError: As `read`.
        """
        file, _ = self._open_file(name, expected)
        try:
            yield file
        except StorageError:
            raise
        except OSError as error:
            raise self._explain(name, error) from error
        finally:
            close_read(file)

    def changed(self, name: str) -> StorageError:
        """The error for a file that is not what it was when it was begun."""
        return StorageError(
            f"{name} in {self.root} was changed while it was being read: try again when nobody writes there"
        )

    def _open_file(self, name: str, expected: FoundFile | None) -> tuple[int, int]:
        """A file's descriptor, which the caller closes, and its size."""
        parent, _, base = name.rpartition("/")
        if base in ("", ".", "..") or name[0] == "/" or "\0" in name:
            raise InvalidInputError(f"{name!r} is not the path of a file inside a folder")
        try:
            folder = self._folder(parent)
            file = os.open(base, _FILE, dir_fd=folder.fd)
        except OSError as error:
            raise self._explain(name, error) from error
        try:
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise FormatError(f"{name} in {self.root} is not a regular file: replace it by one")
            size = status.st_size
            if expected is not None:
                now = (size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino & INODE_BITS)
                if now != expected[1:]:
                    raise self.changed(name)
        except BaseException as error:
            close_read(file)
            if isinstance(error, OSError) and not isinstance(error, StorageError):
                raise self._explain(name, error) from error
            raise
        return file, size

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several files, in the order of ``names``."""
        return map(self.read, names)

    def close(self) -> None:
        """Close the folders that are kept open; a later read opens them again."""
        self._open = {}

    def _folder(self, path: str) -> _OpenFolder:
        folder = self._open.get(path)
        if folder is not None:
            return folder
        if path:
            parent, _, base = path.rpartition("/")
            if base in ("", ".", ".."):
                raise InvalidInputError(f"{path!r} is not the path of a folder inside a folder")
            above = self._folder(parent)  # held by name: another thread may drop it from the cache meanwhile
            folder = _OpenFolder(os.open(base, OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=above.fd))
        else:
            folder = _OpenFolder(os.open(self.root, OPEN_FOLDER))
        if len(self._open) >= _MAX_OPEN:
            self._open = {}  # those in use by other threads stay open until they are done
        self._open[path] = folder
        return folder

    def _explain(self, name: str, error: OSError) -> Exception:
        if error.errno == errno.ENOENT:
            return NotFoundError(f"{name} is not in {self.root}: restore the file or take it out of the metadata")
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            return FormatError(
                f"{name} in {self.root} is a symbolic link, or lies behind one, and links are not followed: "
                "put the file itself there"
            )
        return StorageError(f"{name} in {self.root} can't be read: {error.strerror}")


def _read_all(file: int, size: int) -> bytes:
    # One byte more than there should be, so that a single call tells that the file has not grown.
    data = os.read(file, size + 1)
    if len(data) >= size:
        return data
    whole = bytearray(data)  # a system call moves at most 2 GiB
    del data
    while len(whole) <= size and (piece := os.read(file, min(size + 1 - len(whole), _PIECE))):
        whole += piece
    return bytes(whole)
