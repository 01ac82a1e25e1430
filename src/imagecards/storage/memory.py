"""A registry in memory, gone with the process: for tests, examples and trying things out."""

import threading
import time
from collections.abc import Iterable, Iterator
from typing import NoReturn, Self

from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError
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

_named: dict[str, "MemoryStore"] = {}
_naming = threading.Lock()


class MemoryStore(Store):
    """Keys in a dict.

    Args:
        name: What the URL ``memory://name`` shall say; it is only shown, use `from_url` to share one store.

    Example:
        >>> store = MemoryStore()
        >>> store.put_if_absent("a/b", [b"one ", b"two"]), store.put_if_absent("a/b", [b"three"])
        (True, False)
        >>> store.get("a/b"), store.children("a/")
        (b'one two', ['b'])
    """

    def __init__(self, name: str = "") -> None:
        self.url = f"memory://{name}"
        self._bodies: dict[str, tuple[bytes, float]] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryStore {self.url} of {len(self._bodies):,} keys>"

    def __reduce__(self) -> NoReturn:
        raise InvalidInputError(f"{self.url} lives in one process and can't be sent to another: use a folder")

    @classmethod
    def from_url(cls, url: str) -> Self:
        """Open the store of that URL, the same one each time in this process."""
        with _naming:
            store = _named.setdefault(url, cls(url.removeprefix("memory://")))
        if not isinstance(store, cls):
            raise InvalidInputError(f"{url} is another kind of store in this process: choose another name")
        return store

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        """See `Store.put_if_absent`; durable means as long as the process."""
        check_new_key(key)
        check_body(key, body)
        data = b"".join(body)
        with self._lock:
            if key in self._bodies:
                return False
            self._bodies[key] = (data, time.time())
            return True

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """See `Store.get`."""
        check_range(key, start, length)
        held = self._bodies.get(check_key(key))
        if held is None:
            raise NotFoundError(f"{key} doesn't exist in {self.url}: see what is there")
        data = held[0]
        needed = start if length is None else start + length
        if needed > len(data):
            message = f"{key} in {self.url} is truncated: it has {len(data):,} bytes, {needed:,} are needed"
            raise IntegrityError(message, key, f"{needed} bytes", f"{len(data)} bytes")
        return data[start:] if length is None else data[start:needed]

    def list(self, prefix: str) -> Iterator[Entry]:
        """See `Store.list`."""
        check_prefix(prefix)
        with self._lock:
            held = sorted(item for item in self._bodies.items() if item[0].startswith(prefix))
        return iter([Entry(key, len(data), modified) for key, (data, modified) in held])

    def children(self, prefix: str) -> Names:
        """See `Store.children`."""
        check_prefix(prefix)
        with self._lock:
            below = {key[len(prefix) :].partition("/") for key in self._bodies if key.startswith(prefix)}
        return sorted({name for name, slash, _ in below if slash or not name.startswith(LEFTOVER)})

    def stat(self, key: str) -> Entry | None:
        """See `Store.stat`."""
        held = self._bodies.get(check_key(key))
        return None if held is None else Entry(key, len(held[0]), held[1])

    def delete(self, keys: Iterable[str]) -> None:
        """See `Store.delete`."""
        wanted = [check_key(key) for key in keys]
        with self._lock:
            for key in wanted:
                self._bodies.pop(key, None)
