"""Tombstones: what says that a version was withdrawn; its number is never used again."""

from typing import ClassVar

from imagecards.cards.model import Sealed, Text


class Tombstone(Sealed):
    """A withdrawn version.

    Attributes:
        reason: Why, in the words of whoever withdrew it; may be empty.
    """

    what: ClassVar[str] = "tombstone"

    reason: Text = ""
