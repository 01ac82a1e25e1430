"""What a call of ``register`` asks for, checked before anything is stored."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from imagecards.cards import Bump, CardName, DataCard, Parent, Version, check_tag
from imagecards.cards.frozen import freeze_json
from imagecards.cards.model import CardModel
from imagecards.credentials import has_credentials
from imagecards.errors import InvalidInputError
from imagecards.registry.artifacts import FoundArtifact, find_artifacts

T = TypeVar("T")
Viewer = Literal["sample", "full", "none"]


@dataclass(frozen=True)
class Request:
    """What is to be registered beside the data themselves.

    Attributes:
        name: The card's name.
        version: The exact version that is asked for, or ``None`` for the next one.
        bump: Which part of the version to raise, or ``"auto"`` to let the change decide.
        tags: Tags for the version.
        said: The card's fields that were given: description, license, source, metadata, parents, transform.
        artifacts: Files and folders to keep beside the card.
        lenders: Cards in the same registry that the data were made from, whose bytes need not be stored again.
        circumstances: The card's fields ``code``, ``env`` and ``origins``, where they are known; where nothing else
            changed, they alone make no version.
        reason: Why the version is the one it is, where the caller knows better than what the change comes to.
        viewer: How much of the data people can look at in a browser, where the store shows any.
    """

    name: CardName
    version: Version | None
    bump: Bump | Literal["auto"]
    tags: tuple[str, ...]
    said: Mapping[str, Any]
    artifacts: Mapping[str, FoundArtifact]
    lenders: tuple[DataCard, ...]
    circumstances: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    viewer: Viewer = "sample"

    def describes(self, card: DataCard) -> bool:
        """Whether a card says all that was asked for, so that a new version would say nothing new."""
        return all(getattr(card, name) == value for name, value in self.said.items())


def make_request(
    name: str | CardName,
    *,
    version: str | Version | None = None,
    bump: Bump | Literal["auto"] = "auto",
    tags: Sequence[str] = (),
    description: str | None = None,
    license: str | None = None,
    source: str | None = None,
    parents: Sequence[DataCard] | None = None,
    metadata: Mapping[str, Any] | None = None,
    artifacts: Mapping[str, str | os.PathLike[str]] | None = None,
    viewer: Viewer = "sample",
) -> Request:
    """Check every argument of ``register``.

    Raises:
        InvalidInputError: One of them is not valid.
    """
    if version is not None and bump != "auto":
        raise InvalidInputError(f"version={str(version)!r} and bump={bump!r} contradict each other: give one of them")
    if bump not in ("auto", "major", "minor", "patch"):
        raise InvalidInputError(f"bump={bump!r} is not one of 'auto', 'major', 'minor' and 'patch'")
    texts = {"description": description, "license": license, "source": source}
    for argument, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise InvalidInputError(f"{argument}= takes text, not {type(value).__name__}")
    said: dict[str, Any] = {argument: _json(value, argument) for argument, value in texts.items() if value is not None}
    if metadata is not None:
        said["metadata"] = _json(dict(_check_mapping(metadata, "metadata")), "metadata")
    for argument, value in said.items():
        refuse_credentials(value, f"{argument}=")
    if parents is not None:
        said["parents"] = _pinned(parents)
    return Request(
        name=name if isinstance(name, CardName) else CardName.parse(name),
        version=version if version is None or isinstance(version, Version) else Version.parse(version),
        bump=bump,
        tags=tuple(check_tag(tag) for tag in check_list(tags, "tags")),
        said=said,
        artifacts=find_artifacts(_check_mapping(artifacts or {}, "artifacts")),
        lenders=tuple(parents or ()),
        viewer=viewer,
    )


def check_list(values: Iterable[T], argument: str) -> list[T]:
    """See that several values were given, and not one: a text, for example, is a sequence of letters.

    Raises:
        InvalidInputError: It is one value.
    """
    if isinstance(values, str | bytes | CardModel | Mapping) or not isinstance(values, Iterable):
        shown = f"{values!r:.60}"
        raise InvalidInputError(f"{argument}={shown} is one value: give a list, {argument}=[{shown}]")
    return list(values)


def refuse_credentials(value: object, what: str) -> None:
    """See that no address with a password, a token or a signature is kept for ever, for all to read.

    Raises:
        InvalidInputError: There is one; the message does not show it.
    """
    if has_credentials(value):
        message = f"{what} has an address with a password, a token or a signature in it: give it without them"
        raise InvalidInputError(f"{message}, since it is kept for ever and read by all who can read the registry")


def _pinned(parents: Sequence[DataCard]) -> tuple[Parent, ...]:
    pinned = tuple(Parent(ref=card.ref, digest=card.digest) for card in parents)
    refs = [parent.ref for parent in pinned]
    twice = next((ref for ref in refs if refs.count(ref) > 1), None)
    if twice is not None:
        raise InvalidInputError(f"the parent {twice} is named twice: name it once")
    return pinned


def _check_mapping(value: Mapping[str, T], argument: str) -> Mapping[str, T]:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{argument}= takes a dict, not {type(value).__name__}: write {argument}={{name: ...}}")
    return value


def _json(value: object, argument: str) -> Any:
    try:
        return freeze_json(value)
    except (TypeError, ValueError, ValidationError) as error:
        raise InvalidInputError(f"{argument}= takes what JSON can hold: {error}") from error
