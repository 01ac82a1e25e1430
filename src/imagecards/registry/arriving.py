"""Arriving: how files of another registry come in under their old keys, past garbage collection.

A registration has a folder of its own, where nothing can be old. A copied card names the folders that it always had,
where files may lie that an earlier copy left or that a withdrawn version needed, and which garbage collection may be
about to delete. So a copy first puts an *arrival*, which names all its files: garbage collection that looks for cards
after that spares them. Then it looks for *sweeps*, in which garbage collection says where it is about to delete, before
it looks for arrivals a second time. So of a copy and a collection at the same time one sees the other, whoever comes
first.
"""

import secrets
from collections.abc import Iterable
from contextlib import suppress

from imagecards.cards import Arrival, CardRef, Sweep
from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError, StorageError
from imagecards.registry import keys
from imagecards.registry.attempt import steady_time
from imagecards.registry.commit import commit
from imagecards.storage import Store

LONGEST_COPY = 7 * 24 * 3600.0
"""Seconds after which a copy gives up."""

ARRIVAL_KEPT = LONGEST_COPY + 24 * 3600.0
"""Seconds for which garbage collection heeds an arrival: what an interrupted copy sent is kept as long."""

LONGEST_SWEEP = 3600.0
"""Seconds after which a sweep deletes nothing more."""

SWEEP_KEPT = LONGEST_SWEEP + 20 * 60.0
"""Seconds for which a copy heeds a sweep: its last request may arrive 20 minutes late."""


def clear_arrivals(store: Store, pin: CardRef, files: Iterable[str]) -> None:
    """Take away what runs of a copy announced, once cards name all of it; one that stays keeps garbage for a week.

    Args:
        store: Where the files arrived.
        pin: The version that was copied, with the digest of its card.
        files: The keys of all that its card and its artifacts name.
    """
    named = frozenset(files)
    folder = keys.arrivals(pin)
    with suppress(ImageCardsError):
        over = []
        for stem in keys.document_names(store.children(folder)):
            key = f"{folder}{stem}.json"
            with suppress(ImageCardsError):
                arrival = Arrival.from_json(store.get(key), place=key)
                over += [key] if arrival.card == pin and named.issuperset(arrival.keys) else []
        if over:
            store.delete(over)


class Announcement:
    """An arrival that was put, and what follows from it.

    Args:
        store: Where the files arrive.
        pin: The version that is copied, with the digest of its card.
        files: The keys of all that its card and its artifacts name.

    Raises:
        StorageError: Garbage collection is deleting files in the same folders, or the store failed.
    """

    def __init__(self, store: Store, pin: CardRef, files: Iterable[str]) -> None:
        self._store = store
        self._began = steady_time()
        self._keys = frozenset(files)
        self._pin = pin
        self._folder = keys.arrivals(pin)
        self._key = f"{self._folder}{secrets.token_hex(8)}.json"
        try:
            self._put()
            self._check_sweeps()
        except ImageCardsError:
            self.revoke()  # nothing was sent that it could protect
            raise

    def check_age(self) -> None:
        """Give up when the copy took so long that garbage collection may soon heed its arrival no more.

        Raises:
            StorageError: It is older than `LONGEST_COPY`.
        """
        age = steady_time() - self._began
        if age > LONGEST_COPY:
            message = (
                f"copying {self._pin.name}@{self._pin.version} has taken {age / 86400:.1f} days, and after "
                f"{LONGEST_COPY / 86400:.0f} its files may be collected as garbage: copy it again, only what is "
                "missing is sent"
            )
            raise StorageError(message)

    def finish(self) -> None:
        """Take the arrival away once cards name all its files."""
        clear_arrivals(self._store, self._pin, self._keys)

    def revoke(self) -> None:
        """Take the arrival away where what was sent is of no use."""
        with suppress(ImageCardsError):
            self._store.delete([self._key])

    def _put(self) -> None:
        body = Arrival(card=self._pin, keys=tuple(sorted(self._keys))).to_json()
        try:
            commit(self._store, self._key, body, ask="copy again")
        except CommitUnknownError as error:  # nothing was copied yet, so nothing is in doubt
            raise StorageError(f"nothing was copied: {error}") from error

    def _check_sweeps(self) -> None:
        mine = self._store.stat(self._key)
        if mine is None:  # another copy of the version is complete, and took it away: cards name all these files
            return
        folders = {keys.attempt_folder(key) for key in self._keys}
        for stem in keys.document_names(self._store.children(keys.SWEEPS)):
            key = f"{keys.SWEEPS}{stem}.json"
            entry = self._store.stat(key)
            if entry is None or entry.modified < mine.modified - SWEEP_KEPT:
                continue
            try:
                sweep = Sweep.from_json(self._store.get(key), place=key)
            except NotFoundError:  # it is over: all that it deletes is gone
                continue
            shared = folders.intersection(sweep.folders)
            if shared:
                left = (entry.modified + SWEEP_KEPT - mine.modified) / 60
                message = (
                    f"nothing was copied: garbage collection is deleting files in {self._store.url} that this copy "
                    f"would use or send again ({min(shared)}): copy again when it is over, at the latest in "
                    f"{max(left, 1):.0f} minutes"
                )
                raise StorageError(message)
