"""Plain files on disk, found and read without following links or waiting for what is no file."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from imagecards.errors import InvalidInputError, StorageError
from imagecards.paths import MAX_PATH_BYTES, check_relative, collision_key
from imagecards.storage import LEFTOVER

MOST_BYTES = MAX_PATH_BYTES - 256
"""How long a path may be that ends a key: the names of card, attempt and artifact before it take 244 bytes at most."""

_STEP = 1 << 20
# NONBLOCK: a named pipe that was put in a file's place must not hold us up before we can see what it is
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
}


def kind_of(mode: int) -> str:
    """What a file mode stands for, in words.

    Example:
        >>> kind_of(stat.S_IFIFO | 0o644)
        'a named pipe'
    """
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def walk_files(root: Path, what: str) -> Iterator[tuple[str, Path]]:
    """Find the files below a folder; nothing is opened but folders.

    Args:
        root: The folder; it is no link itself.
        what: What can't be done where something else than files and folders is found, for the message.

    Yields:
        The path of each file relative to the folder, and its place.

    Raises:
        InvalidInputError: There is a link, a named pipe, a socket or a device.
        StorageError: A folder can't be read.
    """
    folders = [""]
    while folders:
        prefix = folders.pop()
        try:
            found = _list(root / prefix)
        except OSError as error:
            raise _unreadable(root / prefix, error) from error
        for name, mode in found:
            relative = prefix + name
            if stat.S_ISDIR(mode):
                folders.append(f"{relative}/")
            elif stat.S_ISREG(mode):
                yield relative, root / relative
            else:
                place = str(root / relative)
                message = f"{what}: {place!r} is {kind_of(mode)}; put a file itself there, or remove it"
                raise InvalidInputError(message)


def check_paths(paths: Sequence[str], what: str) -> None:
    """See that relative paths can be the ends of keys, and be files beside each other on any system.

    Args:
        paths: Distinct paths.
        what: What can't be done where they can't, for the message.

    Raises:
        InvalidInputError: They can't.

    Example:
        >>> check_paths(["a.h5", "A.h5"], "the artifact h5 can't be kept")
        Traceback (most recent call last):
        imagecards.errors.InvalidInputError: the artifact h5 can't be kept: 'a.h5' and 'A.h5' are one file on ...
    """
    folders: dict[str, str] = {}
    for path in paths:
        reason = check_relative(path) or _key_problem(path)
        if reason is not None:
            raise InvalidInputError(f"{what}: {path!r} {reason}; rename it")
        for end in (place for place, letter in enumerate(path) if letter == "/"):
            folders.setdefault(collision_key(path[:end]), path)
    files: dict[str, str] = {}
    for path in paths:
        key = collision_key(path)
        other = files.setdefault(key, path)
        if other != path:
            raise InvalidInputError(f"{what}: {other!r} and {path!r} are one file on some systems; rename one")
        if key in folders:
            message = f"{path!r} is on some systems the folder of {folders[key]!r}; rename one"
            raise InvalidInputError(f"{what}: {message}")


def read_pieces(path: Path) -> Iterator[bytes]:
    """The bytes of a file in pieces; what was put in its place since it was found is not followed or waited for.

    Raises:
        StorageError: It can't be read, or is no file any more.
    """
    try:
        file = os.open(path, _FILE)
        try:
            mode = os.fstat(file).st_mode
            if not stat.S_ISREG(mode):
                message = f"{path} was a file and is {kind_of(mode)} now: try again when nobody writes there"
                raise StorageError(message)
            while piece := os.read(file, _STEP):
                yield piece
        finally:
            os.close(file)
    except StorageError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from error


def _list(place: Path) -> list[tuple[str, int]]:
    """The names in a folder, each with its mode; that of a link itself, not of what it leads to."""
    folder = os.open(place, _FOLDER)
    try:
        with os.scandir(folder) as entries:
            return [(entry.name, entry.stat(follow_symlinks=False).st_mode) for entry in entries]
    finally:
        os.close(folder)


def _key_problem(path: str) -> str | None:
    if path.rpartition("/")[2].startswith(LEFTOVER):
        return f"has a name that begins with {LEFTOVER!r}, as those of the registry's own unfinished files do"
    if len(path.encode()) > MOST_BYTES:
        return f"is longer than {MOST_BYTES} bytes"
    return None


def _unreadable(place: Path, error: OSError) -> StorageError:
    return StorageError(f"{place} can't be read ({error.strerror}): nothing was stored")
