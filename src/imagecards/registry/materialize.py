"""Materializing: a version whose images are named where they lie becomes one that holds them."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from imagecards.cards import CardRef, DataCard, Parent
from imagecards.errors import InvalidInputError, VersionConflictError
from imagecards.registry import lookup
from imagecards.registry.attempt import Attempt, attempting
from imagecards.registry.dataset_survey import Survey
from imagecards.registry.files import lost_file
from imagecards.registry.image_content import ImageContent, pack_images
from imagecards.registry.opening import open_images
from imagecards.registry.publish import publish, read_unless_damaged
from imagecards.registry.request import Request, Viewer
from imagecards.registry.shelf import Shelf
from imagecards.registry.version_content import content_of
from imagecards.storage import Store

_TRIES = 10


@dataclass(frozen=True)
class _Materialized(ImageContent):
    """The images of a version, stored, with its metadata files as they are."""

    card: DataCard | None = None

    @property
    def lenders(self) -> tuple[DataCard, ...]:
        assert self.card is not None
        return (self.card, *super().lenders)

    def same_files(self, card: DataCard) -> bool:
        assert self.card is not None
        return not card.summary.linked and content_of(card) == content_of(self.card)

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        assert self.card is not None
        return {**super().put(attempt), "documents": self.card.documents}


def materialize(store: Store, card: DataCard, executor: Executor | None, *, viewer: Viewer = "sample") -> DataCard:
    """Register the version as `imagecards.CardRegistry.materialize` says.

    Raises:
        ImageCardsError: See there.
    """
    if card.kind != "images":
        raise InvalidInputError(f"{card.ref} is a table, which is always stored: there is nothing to materialize")
    if not card.summary.linked:
        return card
    for _ in range(_TRIES):
        version = card.version.bump("patch")
        taken = set(lookup.all_versions(store, card.name))
        while version in taken:
            there = read_unless_damaged(store, CardRef(card.name, version))
            if there is not None and _holds(store, there, card):
                return there
            version = version.bump("patch")
        request = Request(
            name=card.name,
            version=version,
            bump="patch",
            tags=(),
            said={"parents": (Parent(ref=card.ref, digest=card.digest),)},
            artifacts={},
            lenders=(card,),
            reason=f"patch: the images of {card.version}, stored in the registry",
            viewer=viewer,
        )
        try:
            with attempting(store, card.name) as attempt:
                survey = Survey.of(open_images(store, card), None)
                lenders = [each for each in (card, *_versions(store, card)) if each is not None]
                found = pack_images(attempt, survey, Shelf(store, lenders), executor)
                content = _Materialized(
                    **{name: getattr(found, name) for name in found.__dataclass_fields__}, card=card
                )
                return publish(attempt, content, request, card)
        except VersionConflictError:
            continue  # somebody took the number meanwhile, and what is stored is stored again
    raise VersionConflictError(f"others kept registering {card.name} ({_TRIES} versions): try again")


def _holds(store: Store, there: DataCard, card: DataCard) -> bool:
    """Whether a version is what is to be made: the same content, stored, whole and not withdrawn."""
    return (
        not there.summary.linked
        and content_of(there) == content_of(card)
        and lookup.tombstone(store, there.ref) is None
        and lost_file(store, there) is None
    )


def _versions(store: Store, card: DataCard) -> list[DataCard | None]:
    """The newest versions of the name, in whose shards images may be already."""
    newest = lookup.live_versions(store, card.name)[-2:]
    refs = [CardRef(card.name, version) for version in newest if version != card.version]
    return [read_unless_damaged(store, ref) for ref in refs]
