"""Uses: what says that a training job, or anything else, used a version."""

from datetime import UTC, datetime
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, Strict

from imagecards.cards.frozen import FrozenDict
from imagecards.cards.making import JsonObject
from imagecards.cards.model import Sealed, Text
from imagecards.cards.reference import CardRef
from imagecards.errors import IntegrityError

LONGEST_USER = 512
"""How many characters the name of a user may have."""

_TIME = "%Y-%m-%dT%H:%M:%SZ"


def _check_time(text: str) -> str:
    if datetime.strptime(text, _TIME).strftime(_TIME) != text:  # noqa: DTZ007  # the Z is part of the form
        raise ValueError(f"{text!r} is not a time such as 2026-11-20T12:35:26Z")
    return text


class Use(Sealed):
    """One use of a version.

    Attributes:
        card: Which version, pinned to its digest.
        by: Who or what used it: ``"model/unet@3"``, the address of a run.
        at: When this was recorded, in UTC, to the second: ``2026-11-20T12:35:26Z``.
        metadata: Anything else that the user wants to keep: JSON.
        number: Its place among the uses of the version, from 1.
    """

    what: ClassVar[str] = "use"

    card: CardRef
    by: Annotated[Text, Field(min_length=1, max_length=LONGEST_USER)]
    at: Annotated[str, Strict(), AfterValidator(_check_time)]
    metadata: JsonObject = FrozenDict()
    number: Annotated[int, Strict(), Field(ge=1, le=99_999_999)]

    @property
    def time(self) -> datetime:
        """When it was recorded."""
        return datetime.strptime(self.at, _TIME).replace(tzinfo=UTC)

    def check_place(self, card: CardRef, number: int, place: str) -> None:
        """See that this is the use that lies at that place.

        Args:
            card: The version whose uses lie there.
            number: The number that the file is named by.
            place: Where this was read from, for messages.

        Raises:
            IntegrityError: It was made for another version or number.
        """
        if (self.card.name, self.card.version, self.number) != (card.name, card.version, number):
            here, there = f"{card}, use {number}", f"{self.card}, use {self.number}"
            message = f"{place} is the place of {here}, and holds {there}: it was moved; restore the file from a copy"
            raise IntegrityError(message, place, here, there)


def use_time(now: datetime) -> str:
    """A time as a use has it.

    Args:
        now: The time, with its zone.

    Example:
        >>> use_time(datetime(2026, 11, 20, 12, 35, 26, tzinfo=UTC))
        '2026-11-20T12:35:26Z'
    """
    return now.astimezone(UTC).strftime(_TIME)
