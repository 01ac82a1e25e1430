"""Publishing: the last steps of a registration, from stored bytes to a committed card."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from imagecards import __version__
from imagecards.cards import FIRST, Artifact, CardRef, DataCard, Summary, Version
from imagecards.errors import StorageError, VersionConflictError
from imagecards.registry import keys, lookup
from imagecards.registry.artifacts import all_artifacts, put_artifact, same_content
from imagecards.registry.attempt import Attempt
from imagecards.registry.commit import commit
from imagecards.registry.request import Request
from imagecards.storage import Store

_TRIES = 1000
_CONTENT_FIELDS = ("records", "splits", "documents", "shards", "table")


class LenderWithdrawnError(StorageError):
    """A version that this one points into was withdrawn meanwhile: its bytes must be stored again."""


class Content(Protocol):
    """What a version consists of, apart from what is said of it."""

    @property
    def kind(self) -> str:
        """``"images"`` or ``"table"``."""
        ...

    @property
    def dataset_digest(self) -> str:
        """The digest of the content."""
        ...

    @property
    def summary(self) -> Summary:
        """Its counts."""
        ...

    @property
    def lenders(self) -> tuple[DataCard, ...]:
        """The cards whose files it points into."""
        ...

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """Store what is not stored yet, and return the card's fields that name the files."""
        ...


@dataclass(frozen=True)
class SameContent:
    """The content of a version that is registered already: nothing of it is stored again."""

    card: DataCard

    @property
    def kind(self) -> str:
        """As the card says."""
        return self.card.kind

    @property
    def dataset_digest(self) -> str:
        """As the card says."""
        return self.card.dataset_digest

    @property
    def summary(self) -> Summary:
        """As the card says."""
        return self.card.summary

    @property
    def lenders(self) -> tuple[DataCard, ...]:
        """The card."""
        return (self.card,)

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """The card's fields that name its files."""
        return {name: getattr(self.card, name) for name in _CONTENT_FIELDS}


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
    if previous is not None and _says_the_same(store, previous, content, request, kept):
        attempt.abandon()
        commit(store, keys.card(previous.ref), previous.to_json(), previous.attempt)  # sees that it is durable
        return previous
    unchanged = previous is not None and previous.dataset_digest == content.dataset_digest
    if previous is not None and unchanged:
        content = SameContent(previous)
    fields = content.put(attempt)
    bump = request.bump or ("patch" if unchanged else "minor")
    reason = "the first version" if previous is None else _reason(request, bump, unchanged=unchanged)
    for _ in range(_TRIES):
        card = DataCard(
            kind=content.kind,
            name=request.name,
            version=request.version or _next_version(store, request, bump),
            attempt=attempt.id,
            dataset_digest=content.dataset_digest,
            bump_reason=reason,
            summary=content.summary,
            parents=request.parents,
            artifacts=kept,
            code={"imagecards": __version__},
            **request.said,
            **fields,
        )
        _check_ready(store, card, content.lenders)
        key = keys.card(card.ref)
        body = card.to_json()
        there = attempt.commit(key, body)
        if there == body:
            return card
        other = DataCard.from_json(there, place=key)
        if _says_the_same(store, other, content, request, kept):
            attempt.abandon()
            return other
        if request.version is not None:
            message = (
                f"{card.ref} is registered already, with other content (dataset {other.dataset_digest}): versions are "
                "immutable; choose another number, or name none to get the next"
            )
            raise VersionConflictError(message)
    message = f"others kept registering {request.name} ({_TRIES} versions): try again"
    raise VersionConflictError(message)


def _says_the_same(
    store: Store, card: DataCard, content: Content, request: Request, kept: Mapping[str, Artifact]
) -> bool:
    if card.dataset_digest != content.dataset_digest or card.kind != content.kind or not request.describes(card):
        return False
    if request.version not in (None, card.version) or lookup.tombstone(store, card.ref) is not None:
        return False
    if not kept:
        return True
    there = all_artifacts(store, card)
    return all(name in there and same_content(there[name], artifact) for name, artifact in kept.items())


def _next_version(store: Store, request: Request, bump: Any) -> Version:
    versions = lookup.all_versions(store, request.name)
    return versions[-1].bump(bump) if versions else FIRST


def _reason(request: Request, bump: str, *, unchanged: bool) -> str:
    if request.version is not None:
        return "asked for by number"
    if request.bump is not None:
        return f"{bump}: asked for"
    return f"{bump}: the same data, described anew" if unchanged else f"{bump}: the data changed"


def _check_ready(store: Store, card: DataCard, lenders: Iterable[DataCard]) -> None:
    """See that all that a card names is there, and that nothing it leans on was withdrawn.

    Raises:
        StorageError: A file is missing or has another size.
        LenderWithdrawnError: A version whose bytes it points into was withdrawn.
    """
    for lender in lenders:
        if lookup.tombstone(store, lender.ref) is not None:
            raise LenderWithdrawnError(f"{lender.ref} was withdrawn while {card.name} was being registered: try again")
    for parent in card.parents:
        tomb = lookup.tombstone(store, CardRef(parent.ref.name, parent.ref.version))
        if tomb is not None:
            raise StorageError(f"the parent {parent.ref} was withdrawn meanwhile ({tomb.reason}): name another")
    for stored in card.files():
        entry = store.stat(stored.key)
        if entry is None or entry.size != stored.size:
            found = "missing" if entry is None else f"there with {entry.size} bytes"
            message = f"{stored.key} is {found}, and was stored with {stored.size}: nothing was registered; try again"
            raise StorageError(message)
