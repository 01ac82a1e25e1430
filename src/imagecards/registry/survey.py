"""A look into every folder of a registry: what lies where it belongs, and what is wrong with the small documents."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from imagecards.cards import CardName, CardRef, RegistryMarker, Version, check_label, check_tag
from imagecards.errors import ImageCardsError, InvalidInputError
from imagecards.registry import keys, lookup
from imagecards.registry.problem import Problem, from_error, read_or_tell
from imagecards.registry.uses import read_use
from imagecards.storage import Store


class _Level(NamedTuple):
    """What the names at one depth of a folder are, and what refuses a name that is none."""

    what: str
    parse: Callable[[str], object]


_NAME = (_Level("a space", partial(check_label, what="space")), _Level("a name", partial(check_label, what="name")))
_CARDS = (*_NAME, _Level("the card of a version", Version.parse))
_TOMBS = (*_NAME, _Level("the tombstone of a version", Version.parse))
_TAGS = (*_NAME, _Level("a tag", check_tag), _Level("an entry of a tag", keys.parse_number))
_ATTACHED = (
    *_NAME,
    _Level("a version", Version.parse),
    _Level("an attached artifact", partial(check_label, what="artifact name")),
)
_USES = (*_NAME, _Level("a version", Version.parse), _Level("a use", keys.parse_number))
LOST = "whose card is missing"
"""What the problem of a document says whose version has no card."""


@dataclass
class Survey:
    """What is in a registry's folders.

    Attributes:
        cards: Every version that has a card, readable or not.
        withdrawn: Those among them that have a tombstone.
        problems: What is out of place; marker, tags, tombstones and uses that are damaged or name what is not there.
    """

    cards: list[CardRef] = field(default_factory=list)
    withdrawn: list[CardRef] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def survey(store: Store) -> Survey:
    """Look into every folder; cards themselves are not read, nor what was attached to them."""
    found = Survey()
    read_or_tell(found.problems, "", keys.MARKER, lambda: RegistryMarker.from_json(store.get(keys.MARKER), keys.MARKER))
    found.cards = [_ref(*parts) for parts in _walk(store, keys.CARDS, _CARDS, found.problems)]
    known = set(found.cards)
    for space, name, version in _walk(store, keys.TOMBS, _TOMBS, found.problems):
        ref = _ref(space, name, version)
        _check_tomb(store, ref, known, found.problems)
        if ref in known:
            found.withdrawn.append(ref)
    logs: dict[tuple[CardName, str], list[int]] = {}
    for space, name, label, number in _walk(store, keys.TAGS, _TAGS, found.problems):
        logs.setdefault((CardName(space, name), label), []).append(int(number))
    for (card, label), numbers in logs.items():
        _check_log(store, card, label, numbers, known, found.problems)
    for space, name, version, artifact in _walk(store, keys.ATTACHED, _ATTACHED, found.problems):
        ref = _ref(space, name, version)
        if _is_missing(store, ref, known):
            message = f"was attached to a version {LOST}: restore {keys.card(ref)} from a copy"
            found.problems.append(Problem(str(ref), f"{keys.attached(ref)}{artifact}.json", "", message))
    for space, name, version, number in _walk(store, keys.USES, _USES, found.problems):
        ref = _ref(space, name, version)
        key = keys.use(ref, int(number))
        read_or_tell(found.problems, str(ref), key, partial(read_use, store, ref, int(number)))
        if _is_missing(store, ref, known):
            message = f"is a use of a version {LOST}: restore {keys.card(ref)} from a copy"
            found.problems.append(Problem(str(ref), key, "", message))
    return found


def _ref(space: str, name: str, version: str) -> CardRef:
    return CardRef(CardName(space, name), Version.parse(version))


def _walk(store: Store, folder: str, levels: tuple[_Level, ...], problems: list[Problem]) -> Iterator[tuple[str, ...]]:
    """The names on the way to every document that lies where one belongs, the last one without its suffix."""
    level, *deeper = levels
    for child in _children(store, folder, problems):
        stem = child if deeper else child.removesuffix(".json")
        try:
            if not deeper and stem == child:
                raise InvalidInputError(child)
            level.parse(stem)
        except InvalidInputError:
            shown = child if child.isprintable() else ascii(child)[1:-1]  # it may be meant to confuse a terminal
            problems.append(Problem("", folder + shown, "", f"is not {level.what}: remove it"))
            continue
        if deeper:
            yield from ((stem, *rest) for rest in _walk(store, f"{folder}{child}/", tuple(deeper), problems))
        else:
            yield (stem,)


def _children(store: Store, folder: str, problems: list[Problem]) -> list[str]:
    """What is in a folder; tells of one that can't be listed, and of a file in its place."""
    try:
        children = store.children(folder)
        if not children and store.stat(folder[:-1]) is not None:
            problems.append(Problem("", folder[:-1], "", "is not a folder: remove it"))
    except ImageCardsError as error:
        problems.append(from_error("", folder[:-1], error))
        return []
    return children


def _check_tomb(store: Store, ref: CardRef, known: set[CardRef], problems: list[Problem]) -> None:
    key = keys.tomb(ref)
    read_or_tell(problems, str(ref), key, lambda: lookup.tombstone(store, ref))
    if _is_missing(store, ref, known):
        message = f"is the tombstone of a version {LOST}: restore {keys.card(ref)} from a copy"
        problems.append(Problem(str(ref), key, "", message))


def _check_log(
    store: Store, name: CardName, label: str, numbers: list[int], known: set[CardRef], problems: list[Problem]
) -> None:
    """Tell of entries of a tag that are missing, damaged, or name a version that is not there."""
    last = 0
    for number in sorted(numbers):
        key = keys.tag(name, label, number)
        if number != last + 1:
            lost = keys.tag(name, label, last + 1)
            more = f" and {number - last - 2:,} more" if number > last + 2 else ""
            problems.append(Problem("", lost, "", f"is missing{more} from the log of the tag: restore it from a copy"))
        last = number
        entry = read_or_tell(problems, "", key, partial(lookup.read_tag, store, name, label, number))
        if entry is None or entry.version is None:
            continue
        ref = CardRef(name, entry.version)
        if _is_missing(store, ref, known):
            message = f"the tag {label} names {ref}, {LOST}: restore {keys.card(ref)} from a copy"
            problems.append(Problem(str(ref), key, "", message))


def _is_missing(store: Store, ref: CardRef, known: set[CardRef]) -> bool:
    """Whether a version has no card; where that can't be told, another problem says why."""
    if ref in known:
        return False
    try:
        return store.stat(keys.card(ref)) is None
    except ImageCardsError:
        return False
