"""Files that are put together and become visible together, for stores where each put by itself costs a lot."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Protocol


class Putting(Protocol):
    """What a batch needs of a store."""

    url: str

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `imagecards.storage.Store.put_if_absent`."""


class Batch(ABC):
    """Files under new keys, which nothing names yet; they need not be visible before `finish` returns.

    It can be used from many threads at once. Sent to another process, it puts each file by itself.

    Args:
        store: Where.
    """

    def __init__(self, store: Putting) -> None:
        self.store = store

    def __reduce__(self) -> "tuple[type[Batch], tuple[Putting]]":
        return OneByOne, (self.store,)

    @property
    def url(self) -> str:
        """Where."""
        return self.store.url

    @abstractmethod
    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """Take in a key; see `imagecards.storage.Store.put_if_absent` for what it raises.

        Returns:
            Whether the key is free, as far as is known; `finish` knows.
        """

    @abstractmethod
    def finish(self) -> None:
        """Make all that was taken in visible and durable.

        Raises:
            StorageError: The store failed, or a key exists; some of the keys may be there.
        """

    @abstractmethod
    def drop(self) -> None:
        """Forget what was taken in and isn't visible yet."""


class OneByOne(Batch):
    """The batch of a store in which each put costs what it must: all is visible at once."""

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `Batch.put_if_absent`."""
        return self.store.put_if_absent(key, body)

    def finish(self) -> None:
        """See `Batch.finish`."""

    def drop(self) -> None:
        """See `Batch.drop`."""
