"""Tags: names such as ``prod`` that move from version to version; an append-only log remembers each move."""

import re
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, Strict

from imagecards.cards.model import Sealed
from imagecards.cards.name import CardName
from imagecards.cards.textual import text_schema
from imagecards.cards.version import Version
from imagecards.errors import IntegrityError, InvalidInputError
from imagecards.paths import check_relative

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_TAG = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_NUMBER = re.compile(r"v[0-9]+(\.[0-9]+)*")
_RULE = "1 to 64 of the characters a-z 0-9 . _ -, the first one a letter"


def looks_like_tag(text: str) -> bool:
    """Whether a text begins as a tag does: with a letter."""
    return text[:1].isascii() and text[:1].isalpha()


def check_tag(text: str) -> str:
    """See that a text can be a tag, and return it.

    Args:
        text: The text.

    Raises:
        InvalidInputError: It breaks the rule, is the reserved ``latest``, or looks like a version (``v1.2``).

    Example:
        >>> check_tag("prod")
        'prod'
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"a tag is text such as 'prod', not {type(text).__name__}: {text!r}")
    lower = text.lower()
    if lower == "latest":
        hint = "it always means the highest release" if text == lower else "did you mean 'latest', the highest release?"
        raise InvalidInputError(f"{text!r} can't be a tag: {hint}")
    if _NUMBER.fullmatch(lower):
        message = f"{text!r} can't be a tag, because it looks like a version: did you mean {lower[1:]!r}?"
        raise InvalidInputError(message)
    if _TAG.fullmatch(text) is None:
        mended = re.sub(r"[^a-z0-9._-]+", "-", lower).strip("-._")[:64]
        hint = f"; did you mean {mended!r}?" if _TAG.fullmatch(mended) else ""
        raise InvalidInputError(f"{text!r} is not a tag: {_RULE}{hint}")
    reason = check_relative(text)  # a tag is a folder of the registry
    if reason is not None:
        raise InvalidInputError(f"{text!r} is not a tag that every file system can hold: it {reason}; choose another")
    return text


class Tag(str):
    """A text that is known to be a tag.

    Raises:
        InvalidInputError: It is not, as `check_tag` says.

    Example:
        >>> Tag("prod")
        'prod'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> "Tag":  # noqa: D102  # the docstring of the class describes it
        return super().__new__(cls, check_tag(text))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return text_schema(cls, cls)


class TagEntry(Sealed):
    """One move of a tag.

    Attributes:
        card: Whose tag; it and the tag bind an entry to its place, so that it can't be moved or copied elsewhere.
        tag: Which tag.
        version: What the tag stands for since then; ``None`` when it was taken away.
        number: Its place in the log, from 1; the highest one holds.
    """

    what: ClassVar[str] = "tag"

    card: CardName
    tag: Tag
    version: Version | None = None
    number: Annotated[int, Strict(), Field(ge=1, le=99_999_999)]

    def check_place(self, card: CardName, tag: str, number: int, place: str) -> None:
        """See that this is the entry that lies at that place.

        Args:
            card: Whose tag it is there.
            tag: Which tag it is there.
            number: The number that the file is named by.
            place: Where this was read from, for messages.

        Raises:
            IntegrityError: It was made for another card, tag or number.
        """
        if (self.card, self.tag, self.number) != (card, tag, number):
            here, there = f"{card}@{tag}, entry {number}", f"{self.card}@{self.tag}, entry {self.number}"
            message = f"{place} is the place of {here}, and holds {there}: it was moved; restore the file from a copy"
            raise IntegrityError(message, place, here, there)
