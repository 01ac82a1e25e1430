"""References: which version of which card is meant, as people write it and as cards keep it."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from imagecards.cards.name import CardName
from imagecards.cards.ranges import LATEST, Spec
from imagecards.cards.textual import text_schema
from imagecards.cards.version import Version
from imagecards.digests import is_digest
from imagecards.errors import InvalidInputError

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class CardRef:
    """One exact version of one card.

    Attributes:
        name: Which card.
        version: Which version.
        digest: The card's digest where the reference is pinned to it (``sha256:...``).

    Example:
        >>> ref = CardRef.parse("vision/flakes@1.2.0")
        >>> ref.version
        Version('1.2.0')
        >>> str(ref)
        'vision/flakes@1.2.0'
    """

    name: CardName
    version: Version
    digest: str | None = None

    def __post_init__(self) -> None:
        _check_digest(self.digest, str(self))

    @classmethod
    def parse(cls, text: str) -> "CardRef":
        """Read ``space/name@version`` or ``space/name@version#sha256:...``.

        Args:
            text: The text.

        Raises:
            InvalidInputError: It is not of that form, or names no exact version.
        """
        reference = parse_reference(text)
        if reference.spec.exact is None:
            message = f"{text!r} names no exact version: write one, such as {reference.name}@1.2.0"
            raise InvalidInputError(message)
        return cls(reference.name, reference.spec.exact, reference.digest)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" + (f"#{self.digest}" if self.digest else "")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> "CoreSchema":
        return text_schema(cls, cls.parse)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a person writes: a name, which of its versions, and optionally the digest that the card must have.

    Attributes:
        name: Which card.
        spec: Which version, or which range of versions.
        digest: The card's digest where the reference is pinned to it (``sha256:...``).
    """

    name: CardName
    spec: Spec = LATEST
    digest: str | None = None

    def __post_init__(self) -> None:
        _check_digest(self.digest, str(self))

    def __str__(self) -> str:
        spec = "" if self.spec == LATEST else f"@{self.spec}"
        return f"{self.name}{spec}" + (f"#{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Read ``space/name``, ``space/name@SPEC`` or either with ``#sha256:...`` behind it.

    Args:
        text: The text; without an ``@`` the latest release is meant. `Spec` has the grammar of SPEC.

    Raises:
        InvalidInputError: It is not of that form; says which form is meant where that can be guessed.

    Example:
        >>> reference = parse_reference("vision/flakes@^1.2")
        >>> reference.name, reference.spec.text, reference.digest
        (CardName(space='vision', name='flakes'), '^1.2', None)
        >>> parse_reference("Vision/Flakes:1.2")
        Traceback (most recent call last):
        imagecards.errors.InvalidInputError: 'Vision' is not ...; did you mean 'vision/flakes@1.2'?
    """
    if not isinstance(text, str):
        raise InvalidInputError(
            f"a reference is text such as 'vision/flakes@1.2.0', not {type(text).__name__}: {text!r}"
        )
    try:
        return _parse(text)
    except InvalidInputError as error:
        hint = _guess(text)
        if hint is None:
            raise
        fault = re.split("[:;] did you mean", str(error))[0]  # a part was mended; the whole reference is more help
        raise InvalidInputError(f"{fault}; did you mean {hint!r}?") from None


def _parse(text: str) -> Reference:
    body, hash_sign, digest = text.partition("#")
    name, at, spec = body.partition("@")
    return Reference(CardName.parse(name), Spec.parse(spec) if at else LATEST, digest if hash_sign else None)


def _guess(text: str) -> str | None:
    """The reference that is most likely meant, when it differs from what was written."""
    body, hash_sign, digest = text.strip().lower().replace("\\", "/").partition("#")
    body = re.sub(r"(?:/|@|:)?(sha256:[0-9a-f]{64})$", r"#\1", body)
    body, pinned, inner = re.sub(r" */ *", "/", body).partition("#")
    name, at, spec = body.partition("@")
    if not at:
        split = re.fullmatch(r"([^:=<>~^ ]*)[: ]*((?:==)?)(.*)", name)
        name, spec = (split[1], split[3]) if split else (name, "")
    name = name.strip().strip("/")
    spec = re.sub(r"^v(?=[0-9])", "", spec.strip())
    mended = name + (f"@{spec}" if spec else "") + (f"#{digest or inner}" if hash_sign or pinned else "")
    try:
        _parse(mended)
    except InvalidInputError:
        return None
    return mended if mended != text else None


def _check_digest(digest: str | None, text: str) -> None:
    if digest is not None and not is_digest(digest):
        message = f"{text!r} is not a reference: behind the # stands a digest, sha256: and 64 of 0-9 a-f"
        raise InvalidInputError(message)
