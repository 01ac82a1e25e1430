"""Named files: what the cards of a registry name, as far as that is known."""

from collections.abc import Iterable
from contextlib import suppress

from imagecards.cards import CardName, CardRef, StoredFile
from imagecards.errors import FormatError, IntegrityError
from imagecards.registry import lookup
from imagecards.storage import Store

_RECENT = 20


class NamedFiles:
    """The files that cards of a registry are known to name: they were complete and durable when the card was put.

    Args:
        store: The registry's store.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._named: dict[str, StoredFile] = {}
        self._looked: set[CardName] = set()

    def includes(self, stored: StoredFile) -> bool:
        """Whether a card names a file, as far as is known; the recent versions of its name are read.

        Those that are withdrawn don't count: they may have come without their data.

        Raises:
            IntegrityError: It does, with another digest.
        """
        if stored.key not in self._named:
            name = CardName(*stored.key.split("/")[1:3])
            if name not in self._looked:
                self._looked.add(name)
                for version in lookup.live_versions(self._store, name)[-_RECENT:]:
                    with suppress(IntegrityError, FormatError):
                        self.add(lookup.read_card(self._store, CardRef(name, version)).files())
        known = self._named.get(stored.key)
        if known is not None and known != stored:
            message = (
                f"{stored.key} is in {self._store.url} with other bytes ({known.digest}) than in the other registry "
                f"({stored.digest}): one of the two registries was tampered with; see what verify --deep says of each"
            )
            raise IntegrityError(message, stored.key, stored.digest, known.digest)
        return known is not None

    def add(self, files: Iterable[StoredFile]) -> None:
        """Remember files that a card names."""
        self._named.update((stored.key, stored) for stored in files)
