"""What a place for cards and bytes has to promise: the seam under which every backend fits.

A store knows keys and bytes, and nothing of cards. A few methods are enough, because everything is built on
one of them: `Store.put_if_absent` creates, whole and durable or not at all, and nothing is ever overwritten.
`imagecards.testing.StoreContract` holds every promise made here as a test that a new store can run.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from imagecards.errors import InvalidInputError
from imagecards.paths import check_relative
from imagecards.storage.batch import Batch, OneByOne
from imagecards.storage.pages import Pages

LEFTOVER = ".tmp-"  # how the last part of a key begins that an interrupted put may have left behind


Names = list[str]  # the class below has a method of that name
Bodies = list[bytes]


class Entry(NamedTuple):
    """One stored key.

    Attributes:
        key: The key.
        size: Its length in bytes.
        modified: When its bytes were written, in seconds since 1970, by the store's own clock.
    """

    key: str
    size: int
    modified: float


class Store(ABC):
    """Keys and bytes, each key written once.

    A store can be used from many threads at once, and sent to other processes (picklable) unless it says so.
    Keys are relative paths by the rules of `imagecards.paths.check_relative`; a key isn't also a folder.

    Attributes:
        url: What `imagecards.storage.open_store` takes to open this store again; it contains no secrets.
        remote: Whether a server keeps what is in it: a call is a request that takes time, what can be seen is durable,
            and whether the server keeps its promises must be tried before anybody relies on it.
        batch_size: How many files of a batch become visible at once; 0 where each does by itself.
        shows: Whether people look at the place in a browser, so that pages can be shown there.
    """

    url: str
    remote: bool = False
    shows: bool = False
    batch_size: int = 0

    @classmethod
    @abstractmethod
    def from_url(cls, url: str) -> Self:
        """Open the store that a URL of this store's scheme names."""

    @abstractmethod
    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """Create a key, unless it exists.

        Until this returns, nobody sees anything under the key, or everything.

        Args:
            key: The key; its last part doesn't begin with ``.tmp-``.
            body: The bytes in pieces, ``[data]`` if they are in one. If it raises, nothing is stored, and the
                error passes through.

        Returns:
            True: this call created the key; it is complete and durable. False: the key existed, is durable,
            and was left as it was.

        Raises:
            InvalidInputError: The key isn't a valid one.
            ReadOnlyError: The store can't be written; nothing is visible under the key.
            StorageError: The store failed; nothing of this call is visible under the key, nor ever will be.
            CommitUnknownError: It can't be known whether the key was created and is durable: read it back.
        """

    @abstractmethod
    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Read a key, or a range of it.

        Args:
            key: The key.
            start: The first byte.
            length: How many bytes; up to the end if it isn't given.

        Raises:
            NotFoundError: There is no such key.
            IntegrityError: There are fewer bytes than were asked for, or what is there was never put there.
            InvalidInputError: The key isn't a valid one, or the range is negative.
            StorageError: The store failed.
        """

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Bodies:
        """Read several ranges of a key, in less time than one after another where the store knows how.

        Args:
            key: The key.
            ranges: The first byte of each, and its length.

        Returns:
            Of each range what `get` gives; the errors are those of `get`, too.
        """
        return [self.get(key, start, length) for start, length in ranges]

    @abstractmethod
    def list(self, prefix: str) -> Iterator[Entry]:
        """List all keys below a folder, however deep, in the order of their names.

        What interrupted puts left behind (the last part of the key begins with ``.tmp-``) is listed too, and
        may be deleted once it is older than any put takes.

        Args:
            prefix: The folder with a ``/`` at its end, or ``""`` for everything.
        """

    @abstractmethod
    def children(self, prefix: str) -> Names:
        """List the names directly below a folder, of keys and of folders alike, without leftovers.

        A folder in which nothing was put in the end may be among them.

        Args:
            prefix: The folder with a ``/`` at its end, or ``""`` for the top.

        Returns:
            Names in order; none if there is no such folder.
        """

    def unfinished(self, prefix: str) -> Iterator[Entry]:
        """What puts below a folder left behind and `list` doesn't show, since no key holds it.

        Args:
            prefix: As that of `list`.

        Returns:
            An entry for each, under a key whose last part begins with ``.tmp-`` and that `delete` takes. Few stores
            have anything of that kind.
        """
        return iter(())

    @abstractmethod
    def stat(self, key: str) -> Entry | None:
        """Say what is known of a key without reading it: None if there is no such key."""

    @abstractmethod
    def delete(self, keys: Iterable[str]) -> None:
        """Delete keys; those that don't exist are passed over.

        Raises:
            StorageError: The store failed; some of the keys may be gone.
        """

    def batch(self) -> Batch:
        """Begin to put files that nothing names yet, together where that costs less."""
        return OneByOne(self)

    def limits(self, files: int, folder: int) -> tuple[str, ...]:
        """Which limits a version comes near to, each with what to do.

        Args:
            files: How many files it has.
            folder: How many of them are in one folder at most.
        """
        return ()

    def make(self, *, private: bool = True) -> None:  # noqa: B027 - most are made by what is put there first
        """See that there is a place to put keys in, such as a repo.

        Args:
            private: Whether only its owners may see it, if it is made.

        Raises:
            StorageError: It can't be made.
        """

    def put_and_show(self, key: str, body: bytes, pages: Pages) -> bool:
        """Create a key as `put_if_absent` does, and show pages with it where the store shows any."""
        return self.put_if_absent(key, [body])

    def page(self, path: str) -> bytes | None:
        """A page that is shown now, by its path from the top of the place; None if there is none.

        Raises:
            StorageError: The store failed.
        """
        return None

    def locate(self, key: str) -> str:
        """The path of a key from the top of the place that people look at."""
        return key

    def wins_once(self, key: str) -> bool:
        """Put a new key as two writers would that know nothing of each other; says whether only the first one won.

        Raises:
            StorageError: The store failed.
        """
        self.put_if_absent(key, [b"first"])
        return not self.put_if_absent(key, [b"second"]) and self.get(key) == b"first"

    def missing(self) -> str | None:
        """What to do about the place itself if it isn't there; None if it is, or can't be told from an empty one."""
        return None

    def label(self, name: str) -> None:  # noqa: B027 - most have no such labels
        """Give what is there now a name by which people find it in the store's own tools.

        Raises:
            StorageError: The store failed.
        """

    def close(self) -> None:  # noqa: B027 - most stores hold nothing between two calls
        """Let go of what the store holds open; it stays usable."""


def check_key(key: str) -> str:
    """Return the key if it is a valid one.

    Raises:
        InvalidInputError: It isn't; the message says why.

    Example:
        >>> check_key("cards/vision/flakes/1.0.0.json")
        'cards/vision/flakes/1.0.0.json'
    """
    if not isinstance(key, str):
        raise InvalidInputError(f"a key is text, {key!r} is {type(key).__name__}: give a relative path with '/'")
    reason = check_relative(key)
    if reason is not None:
        raise InvalidInputError(f"the key {key!r} {reason}: keys are relative paths with '/' between their parts")
    return key


def check_new_key(key: str) -> str:
    """Return the key if it is one under which something may be put.

    Raises:
        InvalidInputError: It isn't a valid key, or it is named like a leftover.
    """
    check_key(key)
    if key.rpartition("/")[2].startswith(LEFTOVER):
        raise InvalidInputError(f"the key {key!r} has a name for leftovers ({LEFTOVER}...): choose another name")
    return key


def check_prefix(prefix: str) -> str:
    """Return the prefix without its last ``/`` if it names a folder.

    Raises:
        InvalidInputError: It doesn't.

    Example:
        >>> check_prefix("cards/vision/"), check_prefix("")
        ('cards/vision', '')
    """
    if prefix and not prefix.endswith("/"):
        raise InvalidInputError(f"the prefix {prefix!r} doesn't end with '/': add it, or give '' for everything")
    folder = prefix[:-1]
    if prefix:
        check_key(folder)
    return folder


def check_range(key: str, start: int, length: int | None) -> None:
    """Check that a range of bytes begins and ends somewhere.

    Raises:
        InvalidInputError: ``start`` or ``length`` is negative.
    """
    if start < 0 or (length is not None and length < 0):
        raise InvalidInputError(f"the range of {key!r} is negative (start {start}, length {length}): count from 0")


def check_body(key: str, body: Iterable[bytes]) -> None:
    """Check that a body is a series of pieces: bytes would be taken for a series of numbers.

    Raises:
        InvalidInputError: It is bytes or text.
    """
    if isinstance(body, (bytes, bytearray, memoryview, str)):
        raise InvalidInputError(f"the body of {key!r} is {type(body).__name__}, not pieces of bytes: give [data]")
