"""One attempt to register: a folder of its own that nobody else writes to, and garbage until a card names it."""

import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from imagecards.cards import CardName, StoredFile, new_attempt
from imagecards.errors import CommitUnknownError, ImageCardsError, StorageError
from imagecards.registry import keys
from imagecards.registry.commit import commit
from imagecards.registry.files import put_file
from imagecards.storage import Store
from imagecards.storage.pages import Pages

MAXIMUM_AGE = 6 * 3600.0
"""Seconds after which an attempt gives up; garbage collection relies on it (`imagecards.registry.gc`)."""


def steady_time() -> float:
    """Seconds by a clock that never jumps, and goes on while the machine is suspended where there is such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Attempt:
    """The data folder of one call of ``register`` or ``attach``."""

    def __init__(self, store: Store, name: CardName) -> None:
        self.store = store
        self.id = new_attempt(datetime.now(UTC), secrets.token_hex(8))
        self.prefix = f"{keys.attempts(name)}{self.id}/"
        self.batch = store.batch()
        self._began = steady_time()
        self._written: list[str] = []
        self._exposed = False  # whether a document that names the files may be visible

    def put(self, path: str, chunks: Iterable[bytes]) -> StoredFile:
        """Store a file of this attempt; it is there for certain after `settle`.

        Args:
            path: Where, relative to the attempt's folder.
            chunks: Its bytes; hashed on the way.

        Returns:
            The file as a card names it.

        Raises:
            StorageError: The store failed, or the key exists already.
        """
        key = self.prefix + path
        self.claim(key)
        return put_file(self.batch, key, chunks)

    def settle(self) -> None:
        """See that all files of this attempt are in the store.

        Raises:
            StorageError: The store failed.
        """
        self.batch.finish()

    def claim(self, key: str) -> None:
        """Remember a key of this attempt that is about to be written, so that giving up removes it."""
        self._written.append(key)

    def commit(self, key: str, body: bytes, ask: str | None = None, pages: Pages | None = None) -> bytes:
        """Commit a document that names this attempt's files; says which document is at the key now.

        Args:
            key: The commit point.
            body: The document.
            ask: How to find out what became of it; by default, that ``resolve`` knows.
            pages: What the store shows with it.

        Raises:
            StorageError: The attempt is too old, or the store failed before anything became visible.
            CommitUnknownError: Whether it was committed is not known.
        """
        # a card, by which resolve finds the attempt, or a document of which the caller says how to ask for it
        attempt, ask = (self.id, f"ask registry.resolve({self.id!r})") if ask is None else ("", ask)
        self.settle()
        self._exposed = True
        try:
            there = commit(self.store, key, body, ask=ask, attempt=attempt, before_each=self.check_age, pages=pages)
        except CommitUnknownError:
            raise
        except ImageCardsError:
            self._exposed = False
            raise
        self._exposed = there == body
        return there

    def check_age(self) -> None:
        """Give up when the attempt took so long that garbage collection may have begun to take its files.

        Raises:
            StorageError: The attempt is older than `MAXIMUM_AGE`.
        """
        age = steady_time() - self._began
        if age > MAXIMUM_AGE:
            message = (
                f"this registration has taken {age / 3600:.1f} h, and after {MAXIMUM_AGE / 3600:.0f} h its files may "
                "be collected as garbage; nothing was registered: split the dataset or use executor="
            )
            raise StorageError(message)

    def abandon(self) -> None:
        """Remove what this attempt stored, unless a card may name it; what can't be removed is left as garbage."""
        self.batch.drop()
        if not self._exposed:
            with suppress(ImageCardsError):
                self.store.delete(self._written)


@contextmanager
def attempting(store: Store, name: CardName) -> Iterator[Attempt]:
    """An attempt whose files are removed when the block fails, unless its commit may have landed."""
    attempt = Attempt(store, name)
    try:
        yield attempt
    except BaseException:
        attempt.abandon()
        raise
