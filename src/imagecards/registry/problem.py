"""Problems: what verification found, each with the file that it is about."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from imagecards.cards import Sealed
from imagecards.errors import ImageCardsError

T = TypeVar("T", bound=Sealed | None)


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was registered.

    Attributes:
        card: The version that is concerned, as text; empty where it concerns the registry itself.
        place: The file in the registry.
        image: The image in it, or empty.
        message: What was found, and what to do; digests are cut to their first 12 digits.
        expected: What was registered, where it can be named in a word: a whole digest, for example.
        actual: What was found in its place.
    """

    card: str
    place: str
    image: str
    message: str
    expected: str = ""
    actual: str = ""

    def __str__(self) -> str:
        where = " ".join(part for part in (self.card, self.place, self.image) if part)
        return f"{where}: {self.message}"


def from_error(card: str, place: str, error: ImageCardsError) -> Problem:
    """The problem that an error tells of.

    Args:
        card: The version that is concerned, or empty.
        place: The file in the registry; the error may name it otherwise.
        error: What was raised when it was read.
    """
    expected, actual = getattr(error, "expected", ""), getattr(error, "actual", "")
    return Problem(card, place, "", shorten(str(error)), expected, actual)


def shorten(message: str) -> str:
    """A message with the digests in it cut to their first 12 digits, which are enough to compare by eye."""
    return re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1...", message)


def read_or_tell(problems: list[Problem], card: str, place: str, read: Callable[[], T]) -> T | None:
    """Read a sealed document; where that fails, or part of it is not understood, a problem tells of it.

    Args:
        problems: Where to add the problem.
        card: The version that is concerned, or empty.
        place: The key of the document.
        read: Reads it.

    Returns:
        The document, or ``None`` where it can't be read.
    """
    try:
        document = read()
    except ImageCardsError as error:
        problems.append(from_error(card, place, error))
        return None
    if document is not None and (names := sorted({name for name, _ in document.unknown_fields()})):
        fields = f"its field{'s' if len(names) > 1 else ''} {', '.join(names)}"
        message = f"is of format {document.format}; {fields} were not checked: upgrade imagecards to check all of it"
        problems.append(Problem(card, place, "", message))
    return document
