"""Garbage collection: what no card names and no running registration can still need."""

import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from imagecards.cards import FORMAT, CardRef, Sweep, unseal
from imagecards.digests import JsonValue
from imagecards.errors import (
    CommitUnknownError,
    FormatError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from imagecards.registry import keys, lookup
from imagecards.registry.arriving import ARRIVAL_KEPT, LONGEST_SWEEP
from imagecards.registry.attempt import MAXIMUM_AGE, steady_time
from imagecards.registry.commit import commit
from imagecards.registry.survey import LOST, survey
from imagecards.storage import LEFTOVER, Entry, Store

GRACE = 24 * 3600.0
"""Seconds for which a file that no card names is left alone, and a withdrawn version's files are kept."""

SHORTEST_GRACE = MAXIMUM_AGE + 20 * 60.0
"""The least grace: a running attempt may be `MAXIMUM_AGE` old, and its last request may arrive 20 minutes late."""

_BATCH = 1000


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
    files older than the grace period count, so that a running registration keeps what it has not committed yet. What
    is being copied here may be older; `imagecards.registry.arriving` says how that is kept.

    Args:
        store: The registry's store.
        grace: Seconds, at least `SHORTEST_GRACE`, by which the store's times of change lie behind this machine's clock.
        delete: Whether to delete, or only to say what would be.

    Raises:
        InvalidInputError: The grace period is too short to be safe.
        IntegrityError: A card can't be read: nothing is deleted, since it can't be told what it needs.
        FormatError: A card is of a newer format: the same.
        StorageError: The store failed, or deleting took too long: some of the files may be gone.
    """
    if grace < SHORTEST_GRACE:
        message = (
            f"a grace period of {grace / 3600:.2f} h could delete files of a registration that is still running: "
            f"use at least {SHORTEST_GRACE / 3600:.2f} h"
        )
        raise InvalidInputError(message)
    now = time.time()
    candidates = sorted(entry for entry in _candidates(store, now) if entry.modified < now - grace)
    garbage = _without_needed(store, candidates, now, grace)
    if delete and garbage:
        _check_complete(store)
        garbage = _sweep(store, garbage, now, grace)
    return Garbage(tuple(entry.key for entry in garbage), sum(entry.size for entry in garbage), deleted=delete)


def _without_needed(store: Store, entries: list[Entry], now: float, grace: float) -> list[Entry]:
    needed = set(_needed(store, now, grace))
    return [entry for entry in entries if entry.key not in needed]


def _sweep(store: Store, garbage: list[Entry], now: float, grace: float) -> list[Entry]:
    """Say where files are about to be deleted, and delete those that no copy has announced until then."""
    began = steady_time()
    folders = {keys.attempt_folder(entry.key) for entry in garbage if entry.key.startswith(keys.DATA)}
    announced = sorted(folder for folder in folders if folder.count("/") == 3)
    key = f"{keys.SWEEPS}{secrets.token_hex(8)}.json"
    try:
        if announced:
            _announce(store, key, announced)
            garbage = _without_needed(store, garbage, now, grace)
        for start in range(0, len(garbage), _BATCH):
            if steady_time() - began > LONGEST_SWEEP:
                message = f"deleting took longer than {LONGEST_SWEEP / 60:.0f} minutes, some files are left: run again"
                raise StorageError(message)
            store.delete(entry.key for entry in garbage[start : start + _BATCH])
    finally:
        if announced and not store.remote:  # on a server, a last request may still be on its way
            store.delete([key])
    return garbage


def _announce(store: Store, key: str, folders: list[str]) -> None:
    try:
        commit(store, key, Sweep(folders=tuple(folders)).to_json(), ask="run it again")
    except CommitUnknownError as error:
        raise StorageError(f"nothing was deleted: {error}") from error


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
            if parent not in known and store.stat(keys.absence(parent)) is None:
                key = keys.card(parent)
                raise _lost(f"{ref} names the parent {parent}, {LOST}: restore {key} from a copy", key)


def _parents(store: Store, ref: CardRef) -> list[CardRef]:
    try:
        return [CardRef(parent.ref.name, parent.ref.version) for parent in lookup.read_card(store, ref).parents]
    except IntegrityError:  # it was withdrawn long ago: every card whose files count was read before
        return []


def _lost(what: str, key: str) -> IntegrityError:
    return IntegrityError(f"nothing was deleted, because data of a lost card can't be told from garbage: {what}", key)


def _candidates(store: Store, now: float) -> Iterator[Entry]:
    """Data files, leftovers of interrupted writes anywhere, and what copies and sweeps of long ago left.

    Only data are large enough to be sent in parts, so that some may be there which nobody put together.
    """
    yield from store.unfinished(keys.DATA)
    for entry in store.list(""):
        leftover = entry.key.rpartition("/")[2].startswith(LEFTOVER)
        void = entry.key.startswith(keys.ARRIVALS) and _is_void(entry, now)
        if leftover or void or entry.key.startswith((keys.DATA, keys.SWEEPS)):
            yield entry


def _is_void(arrival: Entry, now: float) -> bool:
    return arrival.modified < now - ARRIVAL_KEPT


def _needed(store: Store, now: float, grace: float) -> Iterator[str]:
    """What is named by arrivals, cards and attached artifacts, in any field: a newer minor format may have others.

    Arrivals come first: one that is gone was followed by cards.
    """
    for prefix in (keys.ARRIVALS, keys.CARDS, keys.ATTACHED):
        for entry in store.list(prefix):
            folder, _, file = entry.key.rpartition("/")
            if file.startswith(LEFTOVER) or not file.endswith(".json") or folder.count("/") < 2:
                continue  # what lies there by mistake; verify tells of it
            if prefix == keys.ARRIVALS:
                if _is_void(entry, now):
                    continue
            elif _withdrawn_before(store, entry.key, now - grace):
                continue
            try:
                body = unseal(store.get(entry.key), entry.key)
            except NotFoundError:
                if prefix != keys.ARRIVALS:
                    raise
                continue  # what it announced has arrived, and the cards that are read next say so
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
