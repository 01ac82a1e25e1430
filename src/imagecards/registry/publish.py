"""Publishing: the last steps of a registration, from stored bytes to a committed card."""

import logging
import random
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from imagecards.cards import Artifact, CardRef, DataCard, Parent
from imagecards.datasets import Derived
from imagecards.errors import FormatError, IntegrityError, ReadOnlyError, StorageError, VersionConflictError
from imagecards.registry import keys, lookup
from imagecards.registry.artifacts import find_artifact, put_artifact, same_content
from imagecards.registry.attempt import Attempt
from imagecards.registry.commit import commit
from imagecards.registry.files import is_whole, lost_file, stored_sizes
from imagecards.registry.numbering import find_bump, next_version, tell_reason
from imagecards.registry.request import Request
from imagecards.registry.showing import showing
from imagecards.registry.version_content import Content, SameContent
from imagecards.release import VERSION
from imagecards.storage import Store

_log = logging.getLogger("imagecards")
_TRIES = 1000
_PAUSE, _LONGEST_PAUSE = 0.1, 1.0  # seconds


class LenderWithdrawnError(StorageError):
    """A version that this one points into was withdrawn meanwhile: its bytes must be stored again."""


def read_unless_damaged(store: Store, ref: CardRef) -> DataCard | None:
    """A card that a new version may be compared with, but does not need."""
    try:
        return lookup.read_card(store, ref)
    except IntegrityError as error:
        _log.warning("%s can't be read, and is passed over: %s", ref, error)
        return None


def publish(attempt: Attempt, content: Content, request: Request, previous: DataCard | None) -> DataCard:
    """Store what remains and commit the card, or return the card that says the same already.

    Args:
        attempt: The attempt whose folder has the bytes.
        content: What to publish.
        request: What is to be said of it.
        previous: The version that it is compared with.

    Raises:
        VersionConflictError: The version that was asked for is registered with other content.
        LenderWithdrawnError: A version whose bytes are pointed into was withdrawn meanwhile.
        CommitUnknownError: The storage gave no clear answer.
    """
    store = attempt.store
    kept = {name: put_artifact(attempt, name, found) for name, found in request.artifacts.items()}
    whole = previous if previous is not None and lost_file(store, previous) is None else None
    if whole is not None and _says_the_same(store, whole, content, request, kept):
        attempt.abandon()
        _confirm(store, whole)
        return whole
    unchanged = previous is not None and previous.dataset_digest == content.dataset_digest
    newest = previous
    if whole is not None and content.same_files(whole):
        content = SameContent(whole)
    fields = {
        "code": {"imagecards": VERSION},
        **_inherited(previous, request, unchanged=unchanged),
        **request.said,
        **request.circumstances,
        **content.put(attempt),
        "kind": content.kind,
        "dataset_digest": content.dataset_digest,
        "summary": content.summary,
    }
    if previous is not None and unchanged:
        kept = {**_whole_artifacts(store, previous), **kept}
    attempt.settle()
    bump: Derived | None = None
    for times in range(_TRIES):
        if times and store.remote:
            _step_aside(times)
        versions = lookup.all_versions(store, request.name)
        gone = lookup.withdrawn_versions(store, request.name)
        latest = lookup.latest_version(version for version in versions if version not in gone)
        if latest is not None and request.version is None and (newest is None or latest > newest.version):
            meanwhile = read_unless_damaged(store, CardRef(request.name, latest))
            if meanwhile is not None and _says_the_same(store, meanwhile, content, request, kept):
                attempt.abandon()
                return meanwhile
            newest, bump = meanwhile or newest, None
        bump = bump or find_bump(store, content, request, newest, latest)
        card = DataCard(
            name=request.name,
            version=request.version or next_version(versions, bump.part),
            attempt=attempt.id,
            bump_reason=tell_reason(request, bump, first=not versions),
            artifacts=kept,
            **fields,
        )
        _check_ready(store, card, content.lenders, request.said.get("parents", ()))
        key = keys.card(card.ref)
        body = card.to_json()
        with showing(store, card, request.viewer) as pages:
            there = attempt.commit(key, body, pages=pages)
        if there == body:
            return card
        other = DataCard.from_json(there, place=key)
        if _says_the_same(store, other, content, request, kept):
            lost = lost_file(store, other)
            if lost is None:
                attempt.abandon()
                return other
            message = (
                f"{other.ref} is registered with these data, and {lost.key} is missing or has another size: restore "
                "the file from a copy, or ask for no number, to store the data anew"
            )
            raise IntegrityError(message, lost.key, f"{lost.size} bytes")
        if request.version is not None:
            message = (
                f"{card.ref} is registered already, with other content (dataset {other.dataset_digest}): versions are "
                "immutable; choose another number, or name none to get the next"
            )
            raise VersionConflictError(message)
    message = f"others kept registering {request.name} ({_TRIES} versions): try again"
    raise VersionConflictError(message)


def _step_aside(times: int) -> None:
    """Wait a moment after others were first, the longer the more often: each try takes several requests."""
    longest = min(_PAUSE * 2**times, _LONGEST_PAUSE)
    time.sleep(random.uniform(0, longest))  # noqa: S311 - many who wait equally long meet again


def _confirm(store: Store, card: DataCard) -> None:
    """See that a card which is there is durable: whoever put it may have died before it was."""
    if store.remote:
        return
    with suppress(ReadOnlyError):  # then whoever can write there has seen to it
        commit(store, keys.card(card.ref), card.to_json(), ask=f"load {card.ref}", attempt=card.attempt)


def _inherited(previous: DataCard | None, request: Request, *, unchanged: bool) -> dict[str, Any]:
    """What goes on being said of a dataset until something else is said: of the same data, everything."""
    if previous is None:
        return {}
    fields = ["description", "license", "source"]
    if unchanged:
        fields += ("metadata", "origins")
        if "parents" not in request.said:
            fields.append("parents")
            fields += ("transform", "code", "env") if previous.transform else ()
    return {field: getattr(previous, field) for field in fields}


def _says_the_same(
    store: Store, card: DataCard, content: Content, request: Request, kept: Mapping[str, Artifact]
) -> bool:
    if card.kind != content.kind or not content.same_files(card) or not request.describes(card):
        return False
    if request.version not in (None, card.version) or lookup.tombstone(store, card.ref) is not None:
        return False
    return all(_has_artifact(store, card, name, artifact) for name, artifact in kept.items())


def _has_artifact(store: Store, card: DataCard, name: str, artifact: Artifact) -> bool:
    try:
        there = find_artifact(store, card, name)
    except (IntegrityError, FormatError):
        return False  # what is damaged is not what is to be kept
    return there is not None and same_content(there, artifact)


def _whole_artifacts(store: Store, card: DataCard) -> dict[str, Artifact]:
    """The artifacts of a card that a new version can take over: those whose files are there."""
    whole = {}
    for name, artifact in card.artifacts.items():
        if all(is_whole(store, file.stored) for file in artifact.files):
            whole[name] = artifact
        else:
            _log.warning("the artifact %s of %s is not taken over: files of it are missing", name, card.ref)
    return whole


def _check_ready(store: Store, card: DataCard, lenders: Iterable[DataCard], parents: Iterable[Parent]) -> None:
    """See that all that a card names is there, and that nothing it leans on was withdrawn.

    Raises:
        StorageError: A file is missing or has another size.
        LenderWithdrawnError: A version whose bytes it points into was withdrawn.
    """
    for parent in parents:  # those that were taken over are history, and stay true
        tomb = lookup.tombstone(store, CardRef(parent.ref.name, parent.ref.version))
        if tomb is not None:
            raise StorageError(f"the parent {parent.ref} was withdrawn meanwhile ({tomb.reason}): name another")
    for lender in lenders:
        if lookup.tombstone(store, lender.ref) is not None:
            raise LenderWithdrawnError(f"{lender.ref} was withdrawn while {card.name} was being registered: try again")
    sizes = stored_sizes(store, card.files())
    for stored in card.files():
        size = sizes[stored.key]
        if size != stored.size:
            found = "missing" if size is None else f"there with {size} bytes"
            message = f"{stored.key} is {found}, and was stored with {stored.size}: nothing was registered; try again"
            raise StorageError(message)
