"""Folders and files on disk that appear whole or not at all."""

import errno
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imagecards.errors import AlreadyExistsError, IntegrityError, InvalidInputError, StorageError
from imagecards.folderlock import MACHINE, hold_new, let_go, sweep
from imagecards.paths import check_relative

Write = Callable[[str, Iterable[bytes]], None]
"""Takes the path of a file, relative to the folder, and its bytes in pieces."""

_log = logging.getLogger("imagecards")

_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


@contextmanager
def new_folder(to: str | os.PathLike[str]) -> Iterator[Write]:
    """Make a folder from files that are written one by one.

    The files are gathered in a hidden folder beside it, which takes the name when the block ends without an error,
    and is removed when there is one; where the process is killed, the next one that makes this folder removes it.
    Folders above it that were missing are made, and stay.

    Args:
        to: The folder; it must not exist, or be empty.

    Yields:
        A function that writes one file. What its pieces raise ends the block, so a check that comes with the last
        piece is in time.

    Raises:
        AlreadyExistsError: There is something already.
        InvalidInputError: The folder is the current one, or one that the current one lies in.
        StorageError: The folder can't be written.
    """
    with _explained(to):
        target = _free_target(to)
    made: set[str] = set()  # as text: thousands of small files would spend their time on joining paths

    def write(path: str, chunks: Iterable[bytes]) -> None:
        reason = check_relative(path)
        if reason is not None:
            raise IntegrityError(f"the path {path!r} {reason}: a registry that names it was tampered with", path)
        folder = path.rpartition("/")[0]
        with _explained(target):
            if folder not in made:
                (gathering / folder).mkdir(parents=True, exist_ok=True)
                made.add(folder)
            _write_new(f"{gathering}/{path}", chunks)

    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        sweep(target.parent, re.compile(re.escape(_hidden(target)) + "[0-9a-f]{12}"))
    tried: list[Path] = []  # known before they are there, so that an interruption leaves none
    lock = None
    try:
        with _explained(target):
            gathering, lock = hold_new(lambda: _gathering(target, tried))
        yield write
        with _explained(target):
            _rename(gathering, target)
    finally:
        for folder in filter(os.path.lexists, tried):
            shutil.rmtree(folder, ignore_errors=True)
        let_go(lock)


@contextmanager
def resumed_folder(to: str | os.PathLike[str], mark: str) -> Iterator[Path]:
    """Make a folder by work that can go on where it was interrupted.

    Args:
        to: The folder; it must not exist, or be empty.
        mark: Says what is made: the same work has the same, and other work another.

    Yields:
        A hidden folder beside it, which takes the name when the block ends without an error. When there is one, it
        stays for the next time, unless no file is in it; a warning says where.

    Raises:
        AlreadyExistsError: There is something already.
        InvalidInputError: The folder is the current one, or one that the current one lies in.
        StorageError: The folder can't be written.
    """
    with _explained(to):
        target = _free_target(to)
        gathering = target.parent / f".{target.name[:40]}.{mark}.unfinished"
        gathering.mkdir(parents=True, exist_ok=True)
    try:
        with _explained(target):
            yield gathering
            _rename(gathering, target)
    except BaseException:
        if any(files for _, _, files in os.walk(gathering)):
            _log.warning("%s has what was finished: the same call goes on from there", gathering)
        else:
            shutil.rmtree(gathering, ignore_errors=True)
        raise


def replace_file(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file beside ``path`` and put it in its place; devices and pipes are written to as they are.

    Args:
        path: The file; where it is a link, what it leads to is replaced.
        data: Its bytes.

    Raises:
        OSError: It can't be written; a file that is there is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file() and not target.is_dir():
        target.write_bytes(data)
        return
    written = target.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with written.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            written.chmod(target.stat().st_mode & 0o7777)
        written.replace(target)
    except BaseException:
        written.unlink(missing_ok=True)
        raise


def _gathering(target: Path, tried: list[Path]) -> Path:
    """Make a hidden folder beside another one, and note it."""
    tried.append(target.parent / f"{_hidden(target)}{secrets.token_hex(6)}")
    tried[-1].mkdir()
    return tried[-1]


def _hidden(target: Path) -> str:
    """What the names of hidden folders begin with; cut, so that a long name doesn't become one that is too long."""
    return f".{target.name[:40]}.tmp-{MACHINE}"


def _free_target(to: str | os.PathLike[str]) -> Path:
    """The absolute path of a folder that may be put in place of what is there."""
    target = Path(to).absolute()
    if target.name == "..":
        target = Path(os.path.realpath(target))  # what is written takes this name, and ".." isn't one
    _check_not_current(target)
    if not _is_free(target):
        raise _taken(target)
    return target


def _check_not_current(target: Path) -> None:
    try:
        current = Path.cwd()
    except FileNotFoundError:
        return  # the current folder was deleted: nobody can lose it
    # an empty folder is replaced, and whoever works in it would be left in one that doesn't exist any more
    if Path(os.path.realpath(target)) in (current, *current.parents):
        message = f"{target} is the current folder, or the current folder lies in it: fetch into a new folder"
        raise InvalidInputError(message)


def _is_free(target: Path) -> bool:
    try:
        mode = os.lstat(target).st_mode
    except FileNotFoundError:
        return True
    if not stat.S_ISDIR(mode):
        return False
    with os.scandir(target) as entries:
        return next(entries, None) is None


def _taken(target: Path) -> AlreadyExistsError:
    return AlreadyExistsError(f"{target} exists already: choose another folder, or remove it first")


def _write_new(place: str, chunks: Iterable[bytes]) -> None:
    file = os.open(place, _NEW_FILE, 0o666)
    try:
        for chunk in chunks:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


def _rename(gathering: Path, target: Path) -> None:
    try:
        gathering.rename(target)
    except OSError as error:
        if error.errno in _TAKEN:  # somebody was faster
            raise _taken(target) from error
        raise


@contextmanager
def _explained(target: str | os.PathLike[str]) -> Iterator[None]:
    """Turn errors of the operating system into one that says which folder can't be written."""
    try:
        yield
    except StorageError:
        raise  # it says already what failed: the registry, from which the pieces come
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"{os.fspath(target)} can't be written ({reason}): free space or choose another folder"
        raise StorageError(message) from error
