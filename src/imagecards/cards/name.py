"""Names of cards: ``space/name``, without a version."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagecards.cards.textual import text_schema
from imagecards.errors import InvalidInputError
from imagecards.paths import check_relative

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_LABEL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_RULE = "1 to 64 of the characters a-z 0-9 . _ -, the first one a letter or a digit"


def check_label(text: str, what: str) -> str:
    """See that a text obeys the rule that spaces, names and the names of artifacts share, and return it.

    Args:
        text: The text.
        what: What it is to be, for the message: ``"space"``.

    Raises:
        InvalidInputError: It does not; says which one is meant where that can be guessed.

    Example:
        >>> check_label("hdf5-256", "artifact name")
        'hdf5-256'
    """
    if not isinstance(text, str):
        raise InvalidInputError(f"a {what} is text such as 'flakes', not {type(text).__name__}: {text!r}")
    if _LABEL.fullmatch(text) is None:
        mended = re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64]
        hint = f"; did you mean {mended!r}?" if _LABEL.fullmatch(mended) else ""
        raise InvalidInputError(f"{text!r} is not a valid {what}: {_RULE}{hint}")
    reason = check_relative(text)  # what some file systems can't hold (con, a trailing dot) is refused on all of them
    if reason is not None:
        raise InvalidInputError(f"{text!r} is not a valid {what}, because as a path it {reason}: choose another")
    return text


@dataclass(frozen=True, slots=True, order=True)
class CardName:
    """A card's name without a version: every version of one dataset shares it.

    Attributes:
        space: The shelf that it stands on: a project, a team, an instrument.
        name: Its own name there.

    Raises:
        InvalidInputError: A part is not 1 to 64 of ``a-z 0-9 . _ -``, beginning with a letter or a digit.

    Example:
        >>> CardName.parse("vision/flakes")
        CardName(space='vision', name='flakes')
        >>> str(CardName("vision", "flakes"))
        'vision/flakes'
    """

    space: str
    name: str

    def __post_init__(self) -> None:
        check_label(self.space, "space")
        check_label(self.name, "name")

    @classmethod
    def parse(cls, text: str) -> "CardName":
        """Read ``space/name``.

        Args:
            text: The text.

        Raises:
            InvalidInputError: It is not of that form; says which form is meant where that can be guessed.
        """
        if not isinstance(text, str):
            raise InvalidInputError(
                f"a card's name is text such as 'vision/flakes', not {type(text).__name__}: {text!r}"
            )
        space, slash, name = text.partition("/")
        if not slash:
            message = f"{text!r} is not a card's name: it has no space; write space/name, such as 'vision/flakes'"
            raise InvalidInputError(message)
        if "@" in name:
            message = f"{text!r} has more than a name is made of: write {text.partition('@')[0]!r}"
            raise InvalidInputError(message)
        if "/" in name:
            message = f"{text!r} is not a card's name: it has {text.count('/') + 1} parts; write two, space/name"
            raise InvalidInputError(message)
        return cls(space, name)

    def __str__(self) -> str:
        return f"{self.space}/{self.name}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return text_schema(cls, cls.parse)
