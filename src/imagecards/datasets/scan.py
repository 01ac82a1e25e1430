"""What files there are below a folder."""

import errno
import os
import time
from dataclasses import dataclass
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.errors import StorageError
from imagecards.images import EXTENSIONS
from imagecards.records.issues import Issue

OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FORMATS = dict(EXTENSIONS)
_IMAGE_NAME = rf"[^/]\.(?i:{'|'.join(suffix[1:] for suffix in EXTENSIONS)})$"
_MAX_PATH = 1024
INODE_BITS = (1 << 63) - 1


class FoundFile(NamedTuple):
    """A regular file below a folder, and what the file system says of it.

    Attributes:
        name: Path relative to the folder, with ``/`` between its parts.
        size: Bytes.
        mtime_ns: When the content was changed, in nanoseconds since 1970.
        ctime_ns: When content or attributes were changed, in nanoseconds since 1970.
        inode: The file's number in its file system.
    """

    name: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


FILE_STATS: pa.Schema = pa.schema(
    [
        ("file_name", pa.string()),
        ("size", pa.int64()),
        ("mtime_ns", pa.int64()),
        ("ctime_ns", pa.int64()),
        ("inode", pa.int64()),
    ]
)
"""What `FoundFile` says of a file, as columns."""


@dataclass(frozen=True)
class FolderScan:
    """What a scan of a folder found.

    Attributes:
        files: The regular files, sorted by name.
        issues: What can't be part of a dataset: links, special files, names that are not text.
        began_ns: When the scan began, in nanoseconds since 1970.
    """

    files: list[FoundFile]
    issues: list[Issue]
    began_ns: int

    @cached_property
    def stats(self) -> pa.Table:
        """The table of `FILE_STATS`, one row for each of ``files`` in their order."""
        columns = list(zip(*self.files, strict=True)) or [()] * len(FILE_STATS)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, FILE_STATS, strict=True)]
        return pa.table(arrays, schema=FILE_STATS)


def are_image_names(names: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Tell of each of many file names what `is_image_name` tells of one."""
    return pc.match_substring_regex(names, _IMAGE_NAME)


def is_image_name(name: str) -> bool:
    """Whether a file name has the extension of a format that imagecards knows.

    Example:
        >>> is_image_name("train/0001.JPG"), is_image_name("notes.txt")
        (True, False)
    """
    return promised_format(name) is not None


def promised_format(name: str) -> str | None:
    """The format that a file name's extension promises, if it is one that imagecards knows."""
    dot = name.rfind(".")
    return _FORMATS.get(name[dot:].lower()) if dot > 0 and name[dot - 1] != "/" else None


def close_read(descriptor: int) -> None:
    """Close what was only read from; that this fails means nothing."""
    try:  # noqa: SIM105 - once for every image, where suppress() takes as long as closing
        os.close(descriptor)
    except OSError:
        pass


def scan_folder(root: str | os.PathLike[str]) -> FolderScan:
    """List the files below a folder; hidden files and folders are left out.

    Links are never followed (the folder itself may be one): each folder is opened from its parent, so that
    one which is exchanged for a link meanwhile is not followed either.

    Args:
        root: The folder.

    Raises:
        StorageError: The folder can't be read; that one in it can't is an issue.
    """
    scan = FolderScan([], [], time.time_ns())
    path = os.fspath(root)
    try:
        folder = os.open(path, OPEN_FOLDER)
    except OSError as error:
        raise StorageError(f"the folder {path} can't be read: {error.strerror}") from error
    try:
        _walk(folder, "", path, scan)
    finally:
        close_read(folder)
    scan.files.sort(key=itemgetter(0))
    scan.issues.sort(key=lambda issue: issue.file)
    return scan


def _walk(folder: int, prefix: str, root: str, scan: FolderScan) -> None:
    folders = []
    found = scan.files.append
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                if name[0] == ".":
                    continue
                if not (name.isascii() or _is_text(name)):
                    scan.issues.append(_odd(prefix + name, "unreadable-name"))
                elif entry.is_file(follow_symlinks=False):
                    try:
                        s = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # deleted since: then it is not there
                    inode = s.st_ino & INODE_BITS
                    found(FoundFile(prefix + name, s.st_size, s.st_mtime_ns, s.st_ctime_ns, inode))
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                else:
                    rule = "symlink" if entry.is_symlink() else "not-a-file"
                    scan.issues.append(_odd(prefix + name, rule))
    except OSError as error:
        if not prefix:
            raise StorageError(f"the folder {root} can't be read: {error.strerror}") from error
        scan.issues.append(_unreadable(prefix, error))
    for name in folders:
        path = f"{prefix}{name}/"
        if len(path) > _MAX_PATH:
            scan.issues.append(_odd(path, "path-too-long"))
            continue
        try:
            child = os.open(name, OPEN_FOLDER | os.O_NOFOLLOW, dir_fd=folder)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                scan.issues.append(_odd(prefix + name, "symlink"))
                continue
            scan.issues.append(_unreadable(path, error))
            continue
        try:
            _walk(child, path, root, scan)
        finally:
            close_read(child)


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


_ODD = {
    "symlink": ("this is a symbolic link, and links are not followed", "put the file or folder itself there"),
    "not-a-file": ("this is neither a regular file nor a folder", "remove it"),
    "unreadable-name": ("the name is not UTF-8 text", "rename it"),
    "path-too-long": (
        f"this is a folder whose path is longer than {_MAX_PATH} characters",
        "use a shorter path",
    ),
}


def _unreadable(folder: str, error: OSError) -> Issue:
    message = f"the folder can't be read: {error.strerror}"
    return Issue(folder, None, "", "", "unreadable", message, suggestion="see that you may read it")


def _odd(name: str, rule: str) -> Issue:
    message, suggestion = _ODD[rule]
    # A link may lead to a folder of images, so only one that has another kind of file's name is harmless.
    harmless = rule in ("symlink", "not-a-file") and "." in name.rpartition("/")[2] and not is_image_name(name)
    return Issue(
        file=name.encode(errors="backslashreplace").decode(),
        line=None,
        field="",
        value="",
        rule=rule,
        message=message,
        severity="warning" if harmless else "error",
        suggestion=suggestion,
    )
