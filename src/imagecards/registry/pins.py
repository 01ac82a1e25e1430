"""Pins: ``imagecards.lock``, which holds references to the cards that they meant when it was written."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from imagecards.cards import CardRef, Reference, parse_reference
from imagecards.destination import replace_file
from imagecards.errors import FormatError, IntegrityError, InvalidInputError, NotFoundError, StorageError
from imagecards.registry import lookup
from imagecards.storage import Store

LOCK_NAME = "imagecards.lock"

_LARGEST = 16 << 20
_QUOTED = re.compile(r"""(["'])([a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*@[^"'\s]+)\1""")


@dataclass(frozen=True)
class Lock:
    """References, each with the card that it meant.

    Attributes:
        pins: The card of each reference, name, version and digest, by the reference's text.
    """

    pins: dict[str, CardRef]

    @classmethod
    def make(cls, store: Store, references: Iterable[str]) -> "Lock":
        """Look up references as of now.

        Raises:
            NotFoundError: One matches nothing.
            InvalidInputError: One is none.
        """
        parsed = [parse_reference(reference) for reference in references]
        cards = {str(each): lookup.read_card(store, lookup.resolve_reference(store, each)) for each in parsed}
        return cls({reference: cards[reference].pin for reference in sorted(cards)})

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Lock":
        """Read a lock file.

        Raises:
            NotFoundError: There is none.
            FormatError: It is not a lock file.
            StorageError: It can't be read.
        """
        shown = os.fspath(path)
        try:
            with Path(path).open("rb") as file:
                data = file.read(_LARGEST + 1)
        except FileNotFoundError as error:
            raise NotFoundError(f"there is no {shown}: write it with `imagecards lock`") from error
        except OSError as error:
            raise StorageError(f"{shown} can't be read ({error.strerror})") from error
        try:
            if len(data) > _LARGEST:
                raise ValueError("it is larger than 16 MiB")
            return cls(_parse(json.loads(data)))
        except (ValueError, RecursionError) as error:
            message = f"{shown} is not a lock file of format 1 ({error}): write it anew with `imagecards lock`"
            raise FormatError(message) from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write a lock file; one that is there is replaced in one step.

        Raises:
            StorageError: It can't be written.
        """
        try:
            replace_file(path, self.to_json().encode())
        except OSError as error:
            raise StorageError(f"{os.fspath(path)} can't be written ({error.strerror}): choose another --to") from error

    def to_json(self) -> str:
        """The text of the lock file: the same for the same pins."""
        cards = [
            {"reference": text, "name": str(ref.name), "version": str(ref.version), "digest": ref.digest}
            for text, ref in sorted(self.pins.items())
        ]
        return json.dumps({"format": 1, "cards": cards}, indent=2) + "\n"

    def find(self, reference: Reference) -> CardRef:
        """The card that a reference is pinned to.

        Raises:
            NotFoundError: The reference is not in the lock, or it is a version that the lock pins to another.
            IntegrityError: The reference is pinned to another digest itself.
        """
        unpinned = str(Reference(reference.name, reference.spec))
        ref = self.pins.get(unpinned) or self.pins.get(str(reference))
        if ref is None and reference.spec.exact is not None:
            exact = (reference.name, reference.spec.exact)
            ref = next((pin for pin in self.pins.values() if (pin.name, pin.version) == exact), None)
        if ref is None:
            same = [f"{text} = {pin.version}" for text, pin in self.pins.items() if pin.name == reference.name]
            there = f"it has {', '.join(same)}" if same else "it has no pin of that name"
            raise NotFoundError(f"the lock does not hold {unpinned}; {there}: run `imagecards lock` to pin it")
        if reference.digest is not None and reference.digest != ref.digest:
            message = f"{reference} contradicts the lock, which has {ref}: correct one of the two"
            raise IntegrityError(message, LOCK_NAME, ref.digest or "", reference.digest)
        return ref


def find_references(text: str) -> list[str]:
    """The references in the text of a job: what stands in quotes and has the form ``space/name@SPEC``.

    Example:
        >>> find_references('data = registry.open("vision/flakes@^1").split("train")')
        ['vision/flakes@^1']
    """
    found = []
    for match in _QUOTED.finditer(text):
        try:
            found.append(str(parse_reference(match[2])))
        except InvalidInputError:
            continue  # an address or a decorator that looks like one
    return list(dict.fromkeys(found))


def _parse(body: object) -> dict[str, CardRef]:
    if not isinstance(body, dict) or body.get("format") != 1 or not isinstance(body.get("cards"), Sequence):
        raise ValueError("it has no format 1 and cards")
    pins: dict[str, CardRef] = {}
    for entry in body["cards"]:
        if not isinstance(entry, dict) or set(entry) != {"reference", "name", "version", "digest"}:
            raise ValueError(f"{entry!r:.80} is no pin")
        reference = parse_reference(entry["reference"])
        ref = CardRef.parse(f"{entry['name']}@{entry['version']}#{entry['digest']}")
        if ref.name != reference.name or not (reference.spec.tag or reference.spec.best([ref.version])):
            raise ValueError(f"{entry['reference']} can't mean {ref}")
        if pins.setdefault(str(reference), ref) != ref:
            raise ValueError(f"{reference} is pinned twice")
    return pins
