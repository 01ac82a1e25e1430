"""A registry in a folder."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import groupby
from typing import Self
from urllib.parse import unquote

from imagecards.errors import IntegrityError, InvalidInputError, StorageError
from imagecards.paths import check_relative
from imagecards.storage.exclusive import create, reserve
from imagecards.storage.failures import reading, writing
from imagecards.storage.folders import close_folders, make_folders, open_child, open_folder
from imagecards.storage.openfile import AT_ONCE, NOT_THERE, check_regular, open_file, read_range
from imagecards.storage.store import (
    LEFTOVER,
    Entry,
    Names,
    Store,
    check_body,
    check_key,
    check_new_key,
    check_prefix,
    check_range,
)

_KEPT_OPEN = 64  # files: as many shards as are read in turn by one job, and far from the usual limit of 1,024
_TRIES = 100  # somebody would have to remove the empty folder that often, between two system calls


class LocalStore(Store):
    """Keys are files below a root folder, which is made by the first put.

    Files are created with mode 0644 and folders with 0777, both less the umask. No symbolic link below the
    root is ever followed. Files that are read in ranges stay open, 64 of them at most, until `close`: a file
    that was removed or replaced behind the store's back, which nothing here does, may be read as it was
    until then.

    Example:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> store = LocalStore(folder.name)
        >>> store.put_if_absent("cards/a.json", [b"one"]), store.put_if_absent("cards/a.json", [b"two"])
        (True, False)
        >>> store.get("cards/a.json"), store.get("cards/a.json", 1, 2)
        (b'one', b'ne')
        >>> store.close()
        >>> folder.cleanup()
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        path = os.fspath(root)
        if not path or "\0" in path:
            raise InvalidInputError(f"{path!r} can't be the folder of a registry: give a path")
        self.root = os.path.abspath(path)
        self.url = self.root
        # It knows the root and not the store: so the store lets go of its files as soon as it goes itself.
        self._opened = lru_cache(maxsize=_KEPT_OPEN)(partial(open_file, self.root))

    def __repr__(self) -> str:
        return f"LocalStore({self.root!r})"

    def __reduce__(self) -> tuple[type["LocalStore"], tuple[str]]:
        return LocalStore, (self.root,)

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Open the store that a ``file://`` URL names."""
        host, slash, path = url.removeprefix("file://").partition("/")
        if host not in ("", "localhost"):
            machine = host.rpartition("@")[2]  # without a password
            raise InvalidInputError(
                f"a file URL names no other machine, this one names {machine!r}: write file:///path"
            )
        return cls(unquote(slash + path))

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `Store.put_if_absent`; the commit is one system call, ``link``."""
        check_new_key(key)
        check_body(key, body)
        *parts, name = key.split("/")
        place = self._place(key)
        try:
            with writing(place):
                folders, reserved = _reserve(self.root, parts)
        except IntegrityError as error:  # what is there wasn't asked for
            raise StorageError(f"{place} can't be written: {error}") from error
        try:
            return create(folders, reserved, name, body, place)
        finally:
            close_folders(folders)

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.get`; a range takes one system call once the file is open."""
        check_range(key, start, length)
        if start == 0 and length is None:
            whole = open_file(self.root, key)
            try:
                return read_range(whole, 0, None, self._place(key))
            finally:
                whole.close()
        file = self._opened(key)
        if length is not None and 0 < length <= AT_ONCE:
            try:
                data = os.pread(file.descriptor, length, start)
            except (OSError, OverflowError):
                pass  # what is wrong is found out below
            else:
                if len(data) == length:
                    return data
        return read_range(file, start, length, self._place(key))

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Store.list`; what is neither file nor folder is listed too."""
        folder = check_prefix(prefix)
        return self._list(folder.split("/") if folder else (), prefix)

    def _list(self, parts: Sequence[str], prefix: str) -> Iterator[Entry]:
        try:
            with reading(self._place(prefix)):
                folder = open_folder(self.root, parts)
        except StorageError as error:
            if error.errno in NOT_THERE:
                return
            raise
        try:
            yield from self._list_folder(folder, prefix)
        finally:
            close_folders([folder])

    def _list_folder(self, folder: int, prefix: str) -> Iterator[Entry]:
        with reading(self._place(prefix)), os.scandir(folder) as entries:
            # A folder sorts as its name and a "/": then the keys below it come at their place among the rest.
            found = sorted(
                (entry.name + "/" * entry.is_dir(follow_symlinks=False), entry.name)
                for entry in entries
                if check_relative(entry.name) is None  # nothing that a store made has such a name
            )
        for sorted_name, name in found:
            key = prefix + sorted_name
            try:
                with reading(self._place(key)):
                    if sorted_name == name:
                        known = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    else:
                        child = open_child(folder, name)
            except StorageError as error:
                if error.errno == errno.ENOENT:  # deleted meanwhile
                    continue
                raise
            if sorted_name == name:
                yield Entry(key, known.st_size, known.st_mtime)
                continue
            try:
                yield from self._list_folder(child, key)
            finally:
                close_folders([child])

    def children(self, prefix: str) -> Names:
        """See `Store.children`."""
        path = check_prefix(prefix)
        try:
            with reading(self._place(prefix)):
                folder = open_folder(self.root, path.split("/") if path else ())
                try:
                    names = os.listdir(folder)
                finally:
                    close_folders([folder])
        except StorageError as error:
            if error.errno in NOT_THERE:
                return []
            raise
        return sorted(name for name in names if not name.startswith(LEFTOVER))

    def stat(self, key: str) -> Entry | None:
        """See `Store.stat`."""
        *parts, name = check_key(key).split("/")
        try:
            with reading(self._place(key)):
                folder = open_folder(self.root, parts)
                try:
                    known = os.stat(name, dir_fd=folder, follow_symlinks=False)
                finally:
                    close_folders([folder])
        except StorageError as error:
            if error.errno in NOT_THERE:
                return None
            raise
        if stat.S_ISDIR(known.st_mode):
            return None
        check_regular(known, self._place(key))
        return Entry(key, known.st_size, known.st_mtime)

    def delete(self, keys: Iterable[str]) -> None:
        """See `Store.delete`; folders that become empty go too."""
        wanted = sorted({check_key(key) for key in keys}, key=_folder_of)
        try:
            for path, group in groupby(wanted, key=_folder_of):
                self._delete_in(path.split("/") if path else [], group)
        finally:
            self.close()

    def _delete_in(self, parts: Names, keys: Iterable[str]) -> None:
        try:
            with writing(self._place("/".join(parts))):
                folder = open_folder(self.root, parts)
        except StorageError as error:
            if error.errno in NOT_THERE:
                return
            raise
        try:
            for key in keys:
                with writing(self._place(key)):
                    _unlink(folder, key.rpartition("/")[2])
        finally:
            close_folders([folder])
        for depth in range(len(parts), 0, -1):
            with writing(self._place("/".join(parts[:depth]))):
                if not _remove_empty(self.root, parts[:depth]):
                    return

    def close(self) -> None:
        """Close the files that are kept open; reads that are under way are finished first."""
        self._opened.cache_clear()

    def _place(self, key: str) -> str:
        return os.path.join(self.root, key)


def _reserve(root: str, parts: Sequence[str]) -> tuple[Sequence[int], tuple[str, int]]:
    """Make the folders, and the file for the bytes in the last one."""
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):  # a folder was empty until now, and somebody removed it
            folders = make_folders(root, parts)
            try:
                return folders, reserve(folders[-1])
            except BaseException:
                close_folders(folders)
                raise
    raise FileNotFoundError(errno.ENOENT, "its folder is removed again and again")


def _folder_of(key: str) -> str:
    return key.rpartition("/")[0]


def _unlink(folder: int, name: str) -> None:
    with suppress(FileNotFoundError, IsADirectoryError):  # there is no such key: nothing to delete
        os.unlink(name, dir_fd=folder)


def _remove_empty(root: str, parts: Sequence[str]) -> bool:
    """Remove a folder if nothing is in it; False if something is."""
    try:
        folder = open_folder(root, parts[:-1])
        try:
            os.rmdir(parts[-1], dir_fd=folder)
        finally:
            close_folders([folder])
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        if error.errno not in NOT_THERE:  # gone already: somebody else was faster
            raise
    return True
