"""Absences: what says that a version was left out of a registry on purpose, and not lost."""

from typing import ClassVar

from imagecards.cards.model import Sealed
from imagecards.cards.reference import CardRef
from imagecards.errors import IntegrityError


class Absence(Sealed):
    """A parent of a copied version that was not copied with it.

    Attributes:
        card: Its name and exact version; what its digest was, those say that were made from it.
    """

    what: ClassVar[str] = "absence"

    card: CardRef

    def check_place(self, card: CardRef, place: str) -> None:
        """See that this is the absence that lies at that place.

        Args:
            card: The version that is absent by it there.
            place: Where this was read from, for messages.

        Raises:
            IntegrityError: It was made for another version.
        """
        if self.card != CardRef(card.name, card.version):
            here, there = f"{card.name}@{card.version}", str(self.card)
            message = (
                f"{place} is the place of the absence of {here}, and holds that of {there}: it was moved; "
                "restore the file from a copy"
            )
            raise IntegrityError(message, place, here, there)
