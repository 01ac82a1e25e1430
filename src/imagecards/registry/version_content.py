"""What a version consists of, apart from what is said of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from imagecards.cards import DataCard, Summary
from imagecards.datasets import Derived
from imagecards.errors import FormatError
from imagecards.registry.attempt import Attempt
from imagecards.registry.difference import bump_cards
from imagecards.storage import Store

_CONTENT_FIELDS = ("records", "splits", "attributes", "documents", "shards", "table")


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

    def same_files(self, card: DataCard) -> bool:
        """Whether a version holds the same content, its metadata files included."""
        ...

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """Store what is not stored yet, and return the card's fields that name the files."""
        ...

    def bump_since(self, store: Store, card: DataCard) -> Derived:
        """Which part of the version it raises, compared with an earlier one."""
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

    def same_files(self, card: DataCard) -> bool:
        """Whether another version holds the same."""
        return content_of(card) == content_of(self.card)

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """The card's fields that name its files."""
        unknown = self.card.unknown_fields()
        if unknown:
            message = (
                f"{self.card.ref} has {unknown[0][0]!r}, which a newer imagecards wrote: upgrade to describe it anew"
            )
            raise FormatError(message)
        return {name: getattr(self.card, name) for name in _CONTENT_FIELDS}

    def bump_since(self, store: Store, card: DataCard) -> Derived:
        """Which part of the version it raises, compared with an earlier one."""
        return bump_cards(store, card, self.card)


def content_of(card: DataCard) -> tuple[str, ...]:
    """What a version holds, as texts to compare: the dataset digest, then path and digest of each metadata file."""
    return (card.dataset_digest, *(f"{document.path} {document.digest}" for document in card.documents))
