"""Reading a version some of whose images lie elsewhere."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import pyarrow as pa

from imagecards.cards import StoredFile
from imagecards.datasets.in_order import in_order
from imagecards.datasets.largefile import LARGE_BYTES, LargeFile
from imagecards.datasets.remote import ObjectChangedError, RemoteObject, read_object
from imagecards.datasets.remote.largeobject import LargeObject
from imagecards.errors import IntegrityError, NotFoundError
from imagecards.registry.link_table import LinkTable
from imagecards.registry.reading import ShardSource
from imagecards.storage import Store


class LinkedSource(ShardSource):
    """Images inside shards, and images that are named where they lie.

    A linked image is held against its size, its ETag or version and its digest every time: it may have been replaced
    since the last one.

    Attributes:
        remote: That a read takes time, so that several at a time are faster.
    """

    remote = True

    def __init__(self, store: Store, name: str, shards: Sequence[StoredFile], records: pa.Table) -> None:
        super().__init__(store, name, shards, records)
        self._links = LinkTable(records)

    def link(self, name: str) -> RemoteObject | None:
        """The object that an image is; ``None`` for one that is stored, or not there."""
        row = self._rows.get(name)
        return None if row is None else self._link(row)

    def read(self, name: str) -> bytes:
        """The bytes of one image.

        Raises:
            NotFoundError: The version has no image of that name.
            IntegrityError: The stored bytes are not those that were registered, or the object is gone or changed.
        """
        row = self._row(name)
        link = self._link(row)
        if link is None:
            return super().read(name)
        data = fetch_linked(link, f"{name} of {self.name}")
        self._check(name, link.url, row, data)
        return data

    def large(self, name: str) -> LargeFile | None:
        """A linked image that is too large to be read as a whole; ``None`` where it is not, or is stored."""
        link = self.link(name)
        if link is None or link.size < LARGE_BYTES:
            return None
        file = LargeObject(name, link)
        file.sha256 = link.sha256  # other bytes are an error
        return file

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several images, in the order of ``names``; several requests are on their way at a time."""
        for linked, run in groupby(names, self._is_linked):
            together = list(run)
            if linked:
                yield from in_order(self.read, together, [self._size[self._row(name)] for name in together])
            else:
                yield from super().read_many(together)

    def _is_linked(self, name: str) -> bool:
        row = self._rows.get(name)
        return row is not None and row in self._links

    def _link(self, row: int) -> RemoteObject | None:
        place = self._links.get(row)
        if place is None:
            return None
        url, etag, version = place
        return RemoteObject(url, self._size[row], etag, version, self._digest(row))


def fetch_linked(link: RemoteObject, what: str) -> bytes:
    """The bytes of a linked image, which still have to be held against their digest.

    Args:
        link: The object.
        what: What it is, for messages.

    Raises:
        IntegrityError: It is gone, or another one now.
        StorageError: It can't be read.
    """
    try:
        return read_object(link)
    except (NotFoundError, ObjectChangedError) as error:
        raise lost_link(link, what, error) from error


def lost_link(link: RemoteObject, what: str, error: Exception) -> IntegrityError:
    """The error for a linked image that is gone or changed."""
    gone = isinstance(error, NotFoundError)
    state = "is gone" if gone else "was changed since it was registered"
    message = (
        f"{what} {state}: {link.url} is not in this registry, only named by it; restore the object, or register the "
        "images anew"
    )
    return IntegrityError(message, link.url, describe(link), "missing" if gone else "another object")


def describe(link: RemoteObject) -> str:
    """What was registered of an object, in a word."""
    version = f" version {link.version}" if link.version is not None else ""
    return f"{link.size} bytes" + version + (f" ETag {link.etag}" if link.etag is not None else "")
