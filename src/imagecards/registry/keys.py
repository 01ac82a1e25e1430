"""Which key holds what in a registry (format 1): the only place that spells a path below its root."""

import re
from collections.abc import Callable, Iterable
from typing import TypeVar

from imagecards.cards import CardName, CardRef, Version
from imagecards.errors import InvalidInputError

T = TypeVar("T")

MARKER = "imagecards.json"
CARDS = "cards/"
DATA = "data/"
TAGS = "tags/"
TOMBS = "tombs/"
ATTACHED = "artifacts/"
USES = "uses/"
ARRIVALS = "arrivals/"
SWEEPS = "sweeps/"
ABSENT = "absent/"


def cards(name: CardName) -> str:
    """The folder of a name's cards, one file a version."""
    return f"{CARDS}{name.space}/{name.name}/"


def card(ref: CardRef) -> str:
    """The card of one version: the commit point."""
    return f"{cards(ref.name)}{ref.version}.json"


def attempts(name: CardName) -> str:
    """The folder of all attempts to register a name."""
    return f"{DATA}{name.space}/{name.name}/"


def tombs(name: CardName) -> str:
    """The folder of a name's withdrawn versions."""
    return f"{TOMBS}{name.space}/{name.name}/"


def tomb(ref: CardRef) -> str:
    """What says that a version is withdrawn."""
    return f"{tombs(ref.name)}{ref.version}.json"


def tags(name: CardName) -> str:
    """The folder of a name's tags, one folder a tag."""
    return f"{TAGS}{name.space}/{name.name}/"


def tag_log(name: CardName, label: str) -> str:
    """The folder of a tag's log, one file an entry."""
    return f"{tags(name)}{label}/"


def tag(name: CardName, label: str, number: int) -> str:
    """One entry in the append-only log of a tag; the highest number holds."""
    return f"{tag_log(name, label)}{number:08d}.json"


def attached(ref: CardRef) -> str:
    """The folder of what was attached to a version after its registration."""
    return f"{ATTACHED}{ref.name.space}/{ref.name.name}/{ref.version}/"


def uses(ref: CardRef) -> str:
    """The folder of a version's uses, one file each."""
    return f"{USES}{ref.name.space}/{ref.name.name}/{ref.version}/"


def use(ref: CardRef, number: int) -> str:
    """One use of a version."""
    return f"{uses(ref)}{number:08d}.json"


def arrivals(ref: CardRef) -> str:
    """The folder of what is being copied into the registry of a version, one file a run."""
    return f"{ARRIVALS}{ref.name.space}/{ref.name.name}/{ref.version}/"


def absence(ref: CardRef) -> str:
    """What says that a version was left out on purpose when others made from it were copied."""
    return f"{ABSENT}{ref.name.space}/{ref.name.name}/{ref.version}.json"


def attempt_folder(key: str) -> str:
    """The folder of the attempt that a data file belongs to: ``data/<space>/<name>/<attempt>``."""
    return "/".join(key.split("/")[:4])


def document_names(children: list[str]) -> list[str]:
    """The stems of the sealed documents in a folder listing."""
    return [child[:-5] for child in children if child.endswith(".json")]


def valid(parse: Callable[[str], T], names: Iterable[str]) -> list[T]:
    """What those names of files and folders stand for; a name that stands for nothing is passed over.

    What people leave in a registry's folders (a copy, a note) must not keep others from their data; `verify` tells
    of it.

    Args:
        parse: From a name to what it stands for; raises `InvalidInputError` for a name that stands for nothing.
        names: The names, as the store lists them.
    """
    found = []
    for name in names:
        try:
            found.append(parse(name))
        except InvalidInputError:
            continue
    return found


def versions(children: list[str]) -> list[Version]:
    """The versions that have a document in a folder listing, in the order of the listing."""
    return valid(Version.parse, document_names(children))


def parse_number(stem: str) -> int:
    """The number of an entry in a log, of a tag or of uses, from the name of its file without the suffix.

    Raises:
        InvalidInputError: It is not the name of an entry.
    """
    if re.fullmatch(r"[0-9]{8}", stem) is None or int(stem) == 0:
        raise InvalidInputError(f"{stem!r} is not the number of an entry: eight digits, from 00000001")
    return int(stem)
