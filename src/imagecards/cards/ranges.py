"""What may stand behind the ``@`` of a reference: an exact version, ``latest``, a tag or a range.

The grammar, with X for one, two or three numbers (``1``, ``1.2``, ``1.2.3`` or ``1.2.3-rc.1``)::

    spec  = "latest" | tag | terms
    terms = term { "," term }       a version has to match every term; blanks around it are ignored
    term  = X | "*" | N.* | N.N.*   what begins with these numbers; three numbers mean that version alone
          | "^" X                   up to the next change of the first number that is not zero
          | "~" X                   up to the next minor version (~1: up to the next major one)
          | ">=" X | ">" X | "<=" X | "<" X | "=" X

One or two numbers stand for all versions that begin with them: ``>1.2`` begins after all of 1.2, ``<=1.2``
ends with all of it. Pre-releases match only where a term names a pre-release of the same three numbers;
``latest`` is the highest release.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from imagecards.cards.tag import check_tag, looks_like_tag
from imagecards.cards.version import Key, Version
from imagecards.errors import InvalidInputError

_EXACT = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+(?:[-+].*)?", re.DOTALL)
_TERM = re.compile(r"(\^|~|>=|<=|>|<|=|) *([0-9][^ ]*)")
_NUMBERS = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.(0|[1-9][0-9]{0,17}))?")
_LONGEST = 256
_FORMS = "write a version (1.2.0), latest, a tag, or a range such as ^1.2, ~1.2, 1.* or >=1,<2"

_START: Key = (0, 0, 0, 0, ())
_END: Key = (10**18, 0, 0, 0, ())


class _Term(NamedTuple):
    """The keys from ``low`` to before ``high``, and the pre-release that it was written with, if any."""

    low: Key = _START
    high: Key = _END
    named: Version | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """Which version of a name is meant.

    Attributes:
        text: As it was written.
        exact: The version, where exactly one is named.
        tag: The tag, where one is named; only a registry knows what it stands for.

    Example:
        >>> spec = Spec.parse("^1.2")
        >>> spec.matches(Version.parse("1.9.0")), spec.matches(Version.parse("2.0.0"))
        (True, False)
        >>> str(spec.best([Version(1, 2, 0), Version(1, 3, 0), Version(2, 0, 0)]))
        '1.3.0'
    """

    text: str
    exact: Version | None = None
    tag: str | None = None
    _terms: tuple[_Term, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Spec":
        """Read what stands behind the ``@``.

        Args:
            text: Such as ``1.2.0``, ``latest``, ``prod``, ``^1.2`` or ``>=1, <2``.

        Raises:
            InvalidInputError: It is none of these; says what is meant where that can be guessed.
        """
        if not isinstance(text, str):
            raise InvalidInputError(f"a version or range is text such as '^1.2', not {type(text).__name__}: {text!r}")
        if len(text) > _LONGEST:
            raise InvalidInputError(f"{text[:40]!r}... is no version or range: it is longer than {_LONGEST} characters")
        if text == "latest":
            return cls(text)
        if looks_like_tag(text):
            return cls(text, tag=check_tag(text))
        if _EXACT.fullmatch(text) and "," not in text:
            return cls(text, exact=Version.parse(text))
        terms = _parse_terms(text)
        if terms is None:
            raise InvalidInputError(_explain(text))
        return cls(text, _terms=terms)

    @staticmethod
    def guess(text: str) -> str | None:
        """What a text may have been meant for that is no version or range, where that can be guessed.

        Example:
            >>> Spec.guess("v1.x"), Spec.guess("newest")
            ('1.*', None)
        """
        mended = text[: _LONGEST + 1].lower()
        for pattern, replacement in _MENDS:
            mended = re.sub(pattern, replacement, mended)
        return mended if len(text) <= _LONGEST and _parse_terms(mended) is not None else None

    def matches(self, version: Version) -> bool:
        """Whether a version is one of those that are meant.

        Args:
            version: The version.

        Raises:
            InvalidInputError: A tag is meant, and only a registry knows what it stands for.
        """
        if self.exact is not None:
            return version == self.exact
        if self.tag is not None:
            raise InvalidInputError(f"{self.tag!r} is a tag: ask the registry which version it stands for")
        key = version.key
        is_release = key[3] == 1
        return (is_release or any(term.named and term.named.release == key[:3] for term in self._terms)) and all(
            term.low <= key < term.high for term in self._terms
        )

    def best(self, versions: Iterable[Version]) -> Version | None:
        """The highest of the versions that match, or ``None``.

        Args:
            versions: What there is, in any order.

        Raises:
            InvalidInputError: A tag is meant, as in `matches`.
        """
        descending = sorted(versions, key=attrgetter("key"), reverse=True)
        return next((version for version in descending if self.matches(version)), None)

    def __str__(self) -> str:
        return self.text


LATEST = Spec("latest")
"""The highest release: what a reference without an ``@`` means."""


def _parse_terms(text: str) -> tuple[_Term, ...] | None:
    if "," not in text and text != text.strip(" "):
        return None
    terms = [_parse_term(term.strip(" ")) for term in text.split(",")]
    return None if None in terms else tuple(term for term in terms if term is not None)


def _parse_term(text: str) -> _Term | None:
    if text == "*":
        return _Term()
    match = _TERM.fullmatch(text)
    if match is None:
        return None
    operator, operand = match.groups()
    if not operator:
        operand = operand.removesuffix(".*")
    numbers = _NUMBERS.fullmatch(operand)
    if numbers is not None:
        return _begin_with(operator, [int(number) for number in numbers.groups() if number is not None])
    try:
        return _compare(operator, Version.parse(operand)) if operand == match[2] else None
    except InvalidInputError:
        return None


def _begin_with(operator: str, numbers: list[int]) -> _Term:
    """A term with one or two numbers."""
    major, minor = numbers[0], numbers[1] if len(numbers) > 1 else 0
    first = _before(major, minor, 0)
    after = _before(major, minor + 1, 0) if len(numbers) > 1 else _before(major + 1, 0, 0)
    if operator == "^":
        return _Term(first, after if major == 0 else _before(major + 1, 0, 0))
    bounds = {">=": (first, _END), ">": (after, _END), "<=": (_START, after), "<": (_START, first)}
    return _Term(*bounds.get(operator, (first, after)))


def _compare(operator: str, version: Version) -> _Term:
    """A term with all three numbers."""
    major, minor, patch = version.release
    key, after = version.key, _after(version.key)
    if operator == "^":
        high = _before(major + 1, 0, 0) if major else _before(0, minor + 1, 0) if minor else _before(0, 0, patch + 1)
        bounds = (key, high)
    elif operator == "~":
        bounds = (key, _before(major, minor + 1, 0))
    else:
        ends = {">=": (key, _END), ">": (after, _END), "<=": (_START, after), "<": (_START, key)}
        bounds = ends.get(operator, (key, after))
    return _Term(*bounds, version if version.prerelease else None)


def _before(major: int, minor: int, patch: int) -> Key:
    """A key below every version with these numbers, pre-releases too, and above all with lower ones."""
    return major, minor, patch, 0, ()


def _after(key: Key) -> Key:
    """A key above that of a version, with no version's key between them."""
    major, minor, patch, is_release, identifiers = key
    if is_release:
        return major, minor, patch, 2, ()
    return major, minor, patch, 0, (*identifiers, (-1, 0, ""))


_MENDS = (
    (r"\.x\b", ".*"),  # npm: 1.x
    (r"(?<=\*)\.\*", ""),  # 1.*.*
    (r"(?<![a-z0-9.-])v(?=[0-9])", ""),  # git: v1.2
    (r"==", "="),  # pip
    (r"~=|~>", "~"),  # pip, ruby
    (r"\s*(?:&&|;)\s*|(?<=[0-9*])\s+(?=[<>=^~])", ","),  # npm: >=1 <2
    (r"(?<=[\^~<>=])(\s*[0-9.]+)\.\*", r"\1"),  # ^1.*
    (r"^\s+|[\s,]+$", ""),
)


def _explain(text: str) -> str:
    guess = Spec.guess(text)
    return f"{text!r} is no version, tag or range: {_FORMS if guess is None else f'did you mean {guess!r}?'}"
