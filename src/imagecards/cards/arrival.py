"""Arrivals: what says that files of another registry are on their way into this one."""

from typing import Annotated, ClassVar

from pydantic import Field

from imagecards.cards.model import Sealed
from imagecards.cards.reference import CardRef
from imagecards.cards.stored import KeyText


class Arrival(Sealed):
    """A version that is being copied into a registry: garbage collection leaves its files alone.

    Attributes:
        card: The version, pinned to its digest.
        keys: Every file that its card, or an artifact attached to it, will name.
    """

    what: ClassVar[str] = "arrival"

    card: CardRef
    keys: Annotated[tuple[KeyText, ...], Field(min_length=1)]
