"""Versions of cards: semantic versioning 2.0.0, without build metadata."""

import re
from functools import lru_cache, total_ordering
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from imagecards.cards.textual import text_schema
from imagecards.errors import InvalidInputError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

Bump = Literal["major", "minor", "patch"]

_NUMBER = r"0|[1-9][0-9]{0,17}"
_TEXT = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-([0-9a-z.-]{{1,64}}))?")
_IDENTIFIER = re.compile(rf"(?:{_NUMBER}|[0-9]*[a-z-][0-9a-z-]*)")

# Pre-release identifiers as the specification orders them: numbers by value, then words by their characters.
Identifiers = tuple[tuple[int, int, str], ...]
Key = tuple[int, int, int, int, Identifiers]


@total_ordering
class Version:
    """A version number: ``major.minor.patch``, optionally with a pre-release such as ``-rc.1``.

    Immutable, hashable, in the order of semantic versioning (``1.0.0-rc.2 < 1.0.0-rc.10 < 1.0.0 < 1.0.1``).
    Two rules are stricter than the specification, because a version is also a file name: letters are lower
    case (some file systems do not tell cases apart), and there is no build metadata (two versions that differ
    only there would be equal in order and different in name).

    Args:
        major: Raised when images or annotations changed or went away.
        minor: Raised when some were added.
        patch: Raised when the same data are described or stored anew.
        prerelease: Identifiers with dots between them; empty for a release.

    Raises:
        InvalidInputError: A part is not a number from 0 to 10^18-1, or the pre-release breaks the rules.

    Example:
        >>> Version.parse("1.2.0").bump("minor")
        Version('1.3.0')
        >>> max(Version(1, 0, 0, "rc.2"), Version(1, 0, 0))
        Version('1.0.0')
    """

    __slots__ = ("key",)
    key: Key
    """What orders versions: the numbers, 1 for a release and 0 before it, the pre-release identifiers."""

    def __init__(self, major: int, minor: int, patch: int, prerelease: str = "") -> None:
        text = f"{major}.{minor}.{patch}" + (f"-{prerelease}" if prerelease else "")
        object.__setattr__(self, "key", _parse_key(text))

    @classmethod
    def parse(cls, text: str) -> "Version":
        """Read a version.

        Args:
            text: Such as ``1.2.0`` or ``2.0.0-rc.1``.

        Raises:
            InvalidInputError: It is not a version; says which one is meant where that can be guessed.
        """
        version = object.__new__(cls)
        object.__setattr__(version, "key", _parse_key(text))
        return version

    @property
    def major(self) -> int:
        """The first number."""
        return self.key[0]

    @property
    def minor(self) -> int:
        """The second number."""
        return self.key[1]

    @property
    def patch(self) -> int:
        """The third number."""
        return self.key[2]

    @property
    def release(self) -> tuple[int, int, int]:
        """The three numbers."""
        return self.key[:3]

    @property
    def prerelease(self) -> str:
        """What stands after the hyphen, or an empty text for a release."""
        return ".".join(word or str(number) for _, number, word in self.key[4])

    def bump(self, part: Bump) -> "Version":
        """The next release: that number raised by one and those after it zero.

        A pre-release is followed by its own release when that is already a step of the kind that is asked for
        (``2.0.0-rc.1`` by ``2.0.0`` whichever part is named, ``1.2.0-rc.1`` by ``1.2.0`` unless it is major).

        Args:
            part: Which number.

        Raises:
            InvalidInputError: ``part`` is none of the three.
        """
        major, minor, patch = self.release
        zeros = {"major": (minor, patch) == (0, 0), "minor": patch == 0, "patch": True}
        if part not in zeros:
            message = f"{part!r} is not a part of a version: choose 'major', 'minor' or 'patch'"
            raise InvalidInputError(message)
        if self.key[4] and zeros[part]:
            return Version(major, minor, patch)
        if part == "major":
            return Version(major + 1, 0, 0)
        return Version(major, minor + 1, 0) if part == "minor" else Version(major, minor, patch + 1)

    def __eq__(self, other: object) -> bool:
        return self.key == other.key if isinstance(other, Version) else NotImplemented

    def __lt__(self, other: object) -> bool:
        return self.key < other.key if isinstance(other, Version) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        major, minor, patch, is_release, _ = self.key
        return f"{major}.{minor}.{patch}" if is_release else f"{major}.{minor}.{patch}-{self.prerelease}"

    def __repr__(self) -> str:
        return f"Version({str(self)!r})"

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"a version can't be changed: {name!r} was to be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a version can't be changed: {name!r} was to be deleted")

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return Version.parse, (str(self),)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return text_schema(cls, cls.parse)


def _parse_key(text: object) -> Key:
    if not isinstance(text, str):  # a list could not even be looked up in the cache
        raise InvalidInputError(_explain(text))
    return _cached_key(text)


@lru_cache(maxsize=1 << 16)  # a name may have thousands of versions, which every look-up parses
def _cached_key(text: str) -> Key:
    if (match := _TEXT.fullmatch(text)) is None:
        raise InvalidInputError(_explain(text))
    major, minor, patch, prerelease = match.groups()
    if prerelease is None:
        return int(major), int(minor), int(patch), 1, ()
    return int(major), int(minor), int(patch), 0, _identifiers(text, prerelease)


def _identifiers(text: str, prerelease: str) -> Identifiers:
    parts = prerelease.split(".")
    for part in parts:
        if _IDENTIFIER.fullmatch(part) is None:
            fault = f"{part!r} begins with a zero or is too large" if part else "one of its identifiers is empty"
            raise InvalidInputError(f"{text!r} is not a version: in its pre-release, {fault}; write it as '1.0.0-rc.1'")
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _explain(text: object) -> str:
    if not isinstance(text, str):
        return f"a version is text such as '1.2.0', not {type(text).__name__}: {text!r}"
    if "+" in text:
        return f"{text!r} has build metadata, which says nothing about order: write {text.partition('+')[0]!r}"
    for mended in (text.strip().lower().removeprefix("v"), f"{text}.0", f"{text}.0.0"):
        if _TEXT.fullmatch(mended):
            return f"{text!r} is not a version: did you mean {mended!r}?"
    return f"{text!r} is not a version: write three numbers, such as '1.2.0', or '1.2.0-rc.1' before a release"


FIRST = Version(1, 0, 0)
"""What the first version of a dataset is called unless another is asked for."""
