"""Garbage collection: what no card names and no running registration can still need."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from imagecards.cards import AttachedArtifact, CardName, CardRef, DataCard, Version
from imagecards.errors import InvalidInputError
from imagecards.registry import keys, lookup
from imagecards.registry.attempt import MAXIMUM_AGE
from imagecards.storage import LEFTOVER, Entry, Store

GRACE = 24 * 3600.0
"""Seconds for which a file that no card names is left alone, and a withdrawn version's files are kept."""

SHORTEST_GRACE = MAXIMUM_AGE + 20 * 60.0
"""The least grace: a running attempt may be `MAXIMUM_AGE` old, and its last request may arrive 20 minutes late."""


@dataclass(frozen=True)
class Garbage:
    """What garbage collection found.

    Attributes:
        keys: The files that nothing needs, in order.
        size: Their bytes.
        deleted: Whether they were deleted, or only listed.
    """

    keys: tuple[str, ...]
    size: int
    deleted: bool


def collect_garbage(store: Store, *, grace: float, delete: bool) -> Garbage:
    """Find, and delete on request, the files that no card names.

    Objects are listed before cards, so that a card which appears in between is still seen to need its files; and only
    files older than the grace period count, so that a running registration keeps what it has not committed yet.

    Args:
        store: The registry's store.
        grace: Seconds, at least `SHORTEST_GRACE`, by which the store's times of change lie behind this machine's clock.
        delete: Whether to delete, or only to say what would be.

    Raises:
        InvalidInputError: The grace period is too short to be safe.
        IntegrityError: A card can't be read: nothing is deleted, since it can't be told what it needs.
    """
    if grace < SHORTEST_GRACE:
        message = (
            f"a grace period of {grace / 3600:.2f} h could delete files of a registration that is still running: "
            f"use at least {SHORTEST_GRACE / 3600:.2f} h"
        )
        raise InvalidInputError(message)
    oldest = time.time() - grace
    candidates = [entry for entry in _candidates(store) if entry.modified < oldest]
    needed = set(_needed(store, oldest))
    garbage = [entry for entry in candidates if entry.key not in needed]
    if delete:
        store.delete(entry.key for entry in garbage)
    return Garbage(tuple(entry.key for entry in garbage), sum(entry.size for entry in garbage), deleted=delete)


def _candidates(store: Store) -> Iterator[Entry]:
    """Data files, and leftovers of interrupted writes anywhere."""
    for entry in store.list(""):
        if entry.key.startswith(keys.DATA) or entry.key.rpartition("/")[2].startswith(LEFTOVER):
            yield entry


def _needed(store: Store, oldest: float) -> Iterator[str]:
    for name in lookup.card_names(store):
        versions = lookup.all_versions(store, name)
        gone = {version for version in versions if _withdrawn_before(store, name, version, oldest)}
        for version in versions:
            if version in gone:
                continue
            card = lookup.read_card(store, CardRef(name=name, version=version))
            yield from card.keys()
            yield from _attached_keys(store, card)


def _withdrawn_before(store: Store, name: CardName, version: Version, oldest: float) -> bool:
    tomb = store.stat(keys.tomb(CardRef(name=name, version=version)))
    return tomb is not None and tomb.modified < oldest


def _attached_keys(store: Store, card: DataCard) -> Iterator[str]:
    folder = keys.attached(card.ref)
    for stem in keys.document_names(store.children(folder)):
        key = f"{folder}{stem}.json"
        attached = AttachedArtifact.from_json(store.get(key), place=key)
        yield from (file.stored.key for file in attached.artifact.files)
