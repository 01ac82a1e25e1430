"""Create a file whole, durable and only if its name is free: the one primitive that everything rests on.

The bytes go into a file of their own in the same folder, are made durable, and only then get the final name
by ``link``, which fails if the name is taken. The obvious ways are each wrong:

- opening the final name exclusively shows half files, and leaves one when the writer dies;
- ``rename`` replaces what is there, without a word;
- "is it there?" and then ``rename``, with or without a lock, lets two writers win as soon as they don't share
  the lock: file systems without ``link`` are network and object-store mounts, where locks often hold on one
  machine only, or FAT, which keeps no promise after a power cut. So there is no second way for those: they
  are refused, and told why.
"""

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress

from imagecards.errors import CommitUnknownError, StorageError
from imagecards.storage.failures import writing
from imagecards.storage.folders import sync_folder
from imagecards.storage.store import LEFTOVER
from imagecards.storage.writing import BodyWriter

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}
_TRIES = 3


def reserve(folder: int) -> tuple[str, int]:
    """Make the file that the bytes go into first; nothing can remove its folder from then on.

    Args:
        folder: The folder's descriptor.

    Returns:
        The file's name and its descriptor, for `create`.

    Raises:
        OSError: As `os.open` raises it.
    """
    while True:
        name = LEFTOVER + os.urandom(8).hex()
        with suppress(FileExistsError):  # a link or file that somebody put there on purpose: another name
            return name, os.open(name, _NEW, 0o644, dir_fd=folder)


def create(folders: Sequence[int], reserved: tuple[str, int], name: str, body: Iterable[bytes], place: str) -> bool:
    """Create a file in an open folder unless its name is taken.

    Args:
        folders: The descriptors of the folder and of those above it, from the root downwards.
        reserved: What `reserve` gave; it is gone afterwards.
        name: The file's name.
        body: The bytes in pieces; an error that it raises passes through.
        place: The file's path, for messages.

    Returns:
        True if this call made the file, False if there was one. Either way it is durable.

    Raises:
        ReadOnlyError: Writing isn't allowed there.
        StorageError: It failed, and nothing of it is visible.
        CommitUnknownError: It can't be known whether the file was made, or whether it is durable.
    """
    temporary, descriptor = reserved
    folder = folders[-1]
    try:
        made = _fill(descriptor, body, place)
        with writing(place):
            for above in folders[:-1]:
                sync_folder(above)
        created = _link(folder, temporary, name, made, place)
        try:
            sync_folder(folder)
        except OSError as error:
            raise _unknown(
                place, "it is there, but the system can't say whether it is durable", error, visible=True
            ) from error
        return created
    finally:
        # One that stays behind harms nobody. After a failed link this also ensures that it can't land later.
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)


def _fill(descriptor: int, body: Iterable[bytes], place: str) -> os.stat_result:
    """Write a body, make it durable, close the file, and say which file it is."""
    try:
        writer = BodyWriter(descriptor)
        for piece in body:
            with writing(place):
                writer.write(piece)
        with writing(place):
            writer.finish()
            os.fsync(descriptor)  # never a second time: the system may have dropped the bytes that it couldn't write
            made = os.fstat(descriptor)
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise
    with writing(place):
        os.close(descriptor)  # network file systems report here what they couldn't write
    return made


def _link(folder: int, temporary: str, name: str, made: os.stat_result, place: str) -> bool:
    """Give the file its final name: True if this call did, False if the name was taken."""
    for _ in range(_TRIES):
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
            return True
        except OSError as error:
            problem = error
        # On a network file system the answer to a link that worked can get lost; its second try says
        # "exists".
        found = _look(folder, name, place)
        if found is not None and (found.st_dev, found.st_ino) == (made.st_dev, made.st_ino):
            return True
        if problem.errno != errno.EEXIST:
            break
        if found is not None:
            if not stat.S_ISREG(found.st_mode):
                raise StorageError(f"{place} is a folder or a link where a file should be: move it away") from problem
            return False
        # It existed and was deleted at once: the name is free again.
    if problem.errno in _NO_LINKS:
        raise StorageError(
            f"{place} can't be created: this file system has no hard links ({problem.strerror}), "
            "and without them no file appears whole and only once. Keep the registry on another one "
            "(ext4, xfs, btrfs, zfs, tmpfs and NFS have them; FAT and most mounts of object stores don't)"
        ) from problem
    with writing(place):
        raise problem


def _look(folder: int, name: str, place: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unknown(place, "the system can't say whether it was created", error) from error


def _unknown(place: str, what: str, error: OSError, *, visible: bool = False) -> CommitUnknownError:
    message = f"{place}: {what} ({error.strerror or error}). Read it back once the disk answers"
    unknown = CommitUnknownError(message, "", visible)
    unknown.errno = error.errno
    return unknown
