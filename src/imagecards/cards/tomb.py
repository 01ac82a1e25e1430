"""Tombstones: what says that a version was withdrawn; its number is never used again."""

from typing import ClassVar, Self

from pydantic import model_validator

from imagecards.cards.model import Sealed, Text
from imagecards.cards.reference import CardRef
from imagecards.errors import IntegrityError


class Tombstone(Sealed):
    """A withdrawn version.

    Attributes:
        card: Its name and exact version, without a digest: a damaged card, whose digest nobody knows, can be withdrawn.
        reason: Why, in the words of whoever withdrew it; may be empty.
    """

    what: ClassVar[str] = "tombstone"

    card: CardRef
    reason: Text = ""

    def check_place(self, card: CardRef, place: str) -> None:
        """See that this is the tombstone that lies at that place.

        Args:
            card: The version that is withdrawn by it there.
            place: Where this was read from, for messages.

        Raises:
            IntegrityError: It was made for another version.
        """
        if (self.card.name, self.card.version) != (card.name, card.version):
            here, there = f"{card.name}@{card.version}", str(self.card)
            message = (
                f"{place} is the place of the tombstone of {here}, and holds that of {there}: it was moved; "
                "restore the file from a copy"
            )
            raise IntegrityError(message, place, here, there)

    @model_validator(mode="after")
    def _check_ref(self) -> Self:
        if self.card.digest is not None:
            raise ValueError("a version is withdrawn by its number: give card without #sha256:...")
        return self
