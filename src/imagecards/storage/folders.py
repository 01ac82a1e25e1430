"""Folders below a root, reached part by part through descriptors, so that no symbolic link is ever followed.

The root itself may be a link, that is its owner's choice. Below it a link can only have been planted: whoever
can write into a shared registry must not be able to make others read or write elsewhere.
"""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress

from imagecards.errors import IntegrityError

_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER = _ROOT | os.O_NOFOLLOW


def open_folder(root: str, parts: Sequence[str]) -> int:
    """Open a folder that exists.

    Args:
        root: The root's absolute path.
        parts: The names on the way from it.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        IntegrityError: There is a symbolic link on the way.
        OSError: As `os.open` raises it.
    """
    folder = os.open(root, _ROOT)
    for part in parts:
        try:
            child = open_child(folder, part)
        finally:
            close_folders([folder])
        folder = child
    return folder


def open_child(folder: int, name: str) -> int:
    """Open a folder directly below an open one.

    Returns:
        A descriptor, which the caller closes.

    Raises:
        IntegrityError: The name is a symbolic link.
        OSError: As `os.open` raises it.
    """
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            refuse_link(folder, name)
        raise


def refuse_link(folder: int, name: str) -> None:
    """Check that a name is not a symbolic link.

    Raises:
        IntegrityError: It is one.
        OSError: As `os.stat` raises it.
    """
    if stat.S_ISLNK(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
        message = f"{name!r} is a symbolic link, and none is ever followed: put the real one in its place"
        raise IntegrityError(message, name, "a file or folder", "a symbolic link")


def make_folders(root: str, parts: Sequence[str]) -> list[int]:
    """Open a folder and all those above it, each made if need be.

    None of them is durable yet: call `sync_folder` on each but the last, also on those that existed, because
    whoever made them may have died before that. (Do it once there is something in the last one: until then
    others may remove it as empty, and a sync is long enough for that to happen again and again.)

    Args:
        root: The root's absolute path; it is made too, durably.
        parts: The names on the way from it.

    Returns:
        Descriptors of the root and of what is below it, which the caller closes.

    Raises:
        IntegrityError: There is a symbolic link on the way.
        FileNotFoundError: A folder was removed while this went on: try again.
        OSError: As `os.mkdir`, `os.open` and `os.fsync` raise it.
    """
    folders = [_make_root(root)]
    try:
        for part in parts:
            folders.append(_make_child(folders[-1], part))
    except BaseException:
        close_folders(folders)
        raise
    return folders


def close_folders(folders: Sequence[int]) -> None:
    """Close descriptors of folders; that this fails means nothing, since nothing was written through them."""
    for folder in folders:
        with suppress(OSError):
            os.close(folder)


def sync_folder(folder: int) -> None:
    """Make the entries of an open folder durable.

    Raises:
        OSError: As `os.fsync` raises it. A second try would prove nothing: the system may have dropped what
            it couldn't write.
    """
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network file systems know no fsync of folders: all that can be done
            raise


def _make_child(folder: int, name: str) -> int:
    try:
        return open_child(folder, name)
    except FileNotFoundError:
        with suppress(FileExistsError):  # another writer was faster
            os.mkdir(name, dir_fd=folder)
        return open_child(folder, name)


def _make_root(root: str) -> int:
    try:
        folder = os.open(root, _ROOT)
    except FileNotFoundError:
        above, name = os.path.split(root)
        parent = _make_root(above)
        try:
            with suppress(FileExistsError):  # another writer was faster
                os.mkdir(name, dir_fd=parent)
            sync_folder(parent)
            return os.open(name, _ROOT, dir_fd=parent)
        finally:
            close_folders([parent])
    try:
        _sync_parent(folder)
    except BaseException:
        close_folders([folder])
        raise
    return folder


def _sync_parent(folder: int) -> None:
    try:
        parent = os.open("..", _ROOT, dir_fd=folder)
    except PermissionError:
        return  # not a folder in which this user could have made the root
    try:
        sync_folder(parent)
    finally:
        close_folders([parent])
