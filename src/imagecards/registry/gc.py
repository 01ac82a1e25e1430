"""Garbage collection: what no card names and no running registration can still need."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from imagecards.cards import FORMAT, CardRef, unseal
from imagecards.digests import JsonValue
from imagecards.errors import FormatError, IntegrityError, InvalidInputError
from imagecards.registry import keys, lookup
from imagecards.registry.attempt import MAXIMUM_AGE
from imagecards.registry.survey import LOST, survey
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
        FormatError: A card is of a newer format: the same.
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
    garbage = sorted(entry for entry in candidates if entry.key not in needed)
    if delete and garbage:
        _check_complete(store)
        store.delete(entry.key for entry in garbage)
    return Garbage(tuple(entry.key for entry in garbage), sum(entry.size for entry in garbage), deleted=delete)


def _check_complete(store: Store) -> None:
    """See that no card is lost which other documents still name: its data would look like garbage.

    Raises:
        IntegrityError: One is.
    """
    found = survey(store)
    for problem in found.problems:
        if LOST in problem.message or problem.place == keys.CARDS.rstrip("/"):
            raise _lost(str(problem), problem.place)
    known = set(found.cards)
    for ref in found.cards:
        for parent in _parents(store, ref):
            if parent not in known:
                key = keys.card(parent)
                raise _lost(f"{ref} names the parent {parent}, {LOST}: restore {key} from a copy", key)


def _parents(store: Store, ref: CardRef) -> list[CardRef]:
    try:
        return [CardRef(parent.ref.name, parent.ref.version) for parent in lookup.read_card(store, ref).parents]
    except IntegrityError:  # it was withdrawn long ago: every card whose files count was read before
        return []


def _lost(what: str, key: str) -> IntegrityError:
    return IntegrityError(f"nothing was deleted, because data of a lost card can't be told from garbage: {what}", key)


def _candidates(store: Store) -> Iterator[Entry]:
    """Data files, and leftovers of interrupted writes anywhere; only data are large enough to be sent in parts."""
    yield from store.unfinished(keys.DATA)
    for entry in store.list(""):
        if entry.key.startswith(keys.DATA) or entry.key.rpartition("/")[2].startswith(LEFTOVER):
            yield entry


def _needed(store: Store, oldest: float) -> Iterator[str]:
    """What cards and attached artifacts name, in any field: a newer minor format may have fields of its own."""
    for prefix in (keys.CARDS, keys.ATTACHED):
        for entry in store.list(prefix):
            folder, _, file = entry.key.rpartition("/")
            if file.startswith(LEFTOVER) or not file.endswith(".json") or folder.count("/") < 2:
                continue  # what lies there by mistake; verify tells of it
            if _withdrawn_before(store, entry.key, oldest):
                continue
            body = unseal(store.get(entry.key), entry.key)
            if str(body.get("format")).partition(".")[0] != FORMAT.partition(".")[0]:
                message = f"{entry.key} is of format {body.get('format')}: upgrade imagecards to collect garbage here"
                raise FormatError(message)
            yield from _data_keys(body)


def _withdrawn_before(store: Store, key: str, oldest: float) -> bool:
    """Whether the version that a card or an attached artifact belongs to was withdrawn long enough ago."""
    space, name, version = key.removesuffix(".json").split("/")[1:4]
    tomb = store.stat(f"{keys.TOMBS}{space}/{name}/{version}.json")
    return tomb is not None and tomb.modified < oldest


def _data_keys(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str):
        if value.startswith(keys.DATA):
            yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _data_keys(item)
