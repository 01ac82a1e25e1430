"""A store that lets a test do something before and after each of its operations."""

from collections.abc import Callable, Iterable, Iterator
from typing import Self, TypeVar

from imagecards.storage import Entry, MemoryStore, Store
from imagecards.storage.store import Names

T = TypeVar("T")

Hook = Callable[[int, str, bool], None]
"""Gets the number of the operation (from 1), its name, and whether it is over."""


class WatchedStore(Store):
    """Another store, whose operations are counted and can be made to fail.

    Attributes:
        calls: The names of the operations so far.
        hook: Called before and after each operation; what it raises is what the operation raises.
    """

    def __init__(self, store: Store, *, remote: bool = False) -> None:
        self.url = store.url
        self.remote = remote
        self.calls: list[str] = []
        self.hook: Hook = lambda number, name, over: None
        self._store = store

    @classmethod
    def from_url(cls, url: str) -> Self:
        return cls(MemoryStore.from_url(url))

    def _around(self, name: str, do: Callable[[], T]) -> T:
        self.calls.append(name)
        number = len(self.calls)
        self.hook(number, name, False)
        done = do()
        self.hook(number, name, True)
        return done

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        return self._around("put_if_absent", lambda: self._store.put_if_absent(key, body))

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        return self._around("get", lambda: self._store.get(key, start, length))

    def list(self, prefix: str) -> Iterator[Entry]:
        return self._around("list", lambda: iter([*self._store.list(prefix)]))

    def children(self, prefix: str) -> Names:
        return self._around("children", lambda: self._store.children(prefix))

    def stat(self, key: str) -> Entry | None:
        return self._around("stat", lambda: self._store.stat(key))

    def delete(self, keys: Iterable[str]) -> None:
        self._around("delete", lambda: self._store.delete(keys))
