"""Whether the parents of a version are still those that it was made from, and what it means where they are not."""

from dataclasses import dataclass
from typing import Literal

from imagecards.cards import Absence, CardRef, DataCard, Parent
from imagecards.errors import ImageCardsError, NotFoundError
from imagecards.registry import keys, lookup
from imagecards.storage import Store

State = Literal["ok", "withdrawn", "elsewhere", "missing", "replaced", "damaged"]

HARMLESS: tuple[State, ...] = ("withdrawn", "elsewhere")
"""What is worth knowing of a parent, and breaks nothing in this registry."""


@dataclass(frozen=True)
class FoundParent:
    """A parent of a version, as it is now.

    Attributes:
        parent: What the version says of it.
        state: ``"ok"``; ``"withdrawn"``, or left ``"elsewhere"`` when the version was copied, which break nothing; or
            what is broken.
        message: What was found, what it means for the versions made from it, and what to do; empty where all is well.
        card: Its card, where it is the one that the version was made from.
        place: The file that the message is about.
        expected: What should be there, where it can be named in a word: a whole digest.
        actual: What was found in its place.
    """

    parent: Parent
    state: State
    message: str = ""
    card: DataCard | None = None
    place: str = ""
    expected: str = ""
    actual: str = ""


def find_parent(store: Store, parent: Parent) -> FoundParent:
    """Look at a parent; whatever is wrong with it is told, not raised."""
    ref = parent.ref
    key = keys.card(ref)
    try:
        card = lookup.read_card(store, CardRef(ref.name, ref.version))
        tomb = lookup.tombstone(store, ref)
    except NotFoundError:
        if _is_elsewhere(store, ref):
            message = (
                f"its parent {ref} was not copied into this registry with it: it can be read, and not be replayed "
                "here; copy it again with its parents to change that"
            )
            return FoundParent(parent, "elsewhere", message, None, keys.absence(ref))
        message = (
            f"its parent {ref} is missing: what was made from it can still be read, and not be replayed; restore "
            "the file from a copy"
        )
        return FoundParent(parent, "missing", message, None, key, parent.digest, "missing")
    except ImageCardsError as error:
        message = f"its parent {ref} can't be read, so what was made from it can't be replayed: {error}"
        expected, actual = getattr(error, "expected", ""), getattr(error, "actual", "")
        return FoundParent(parent, "damaged", message, None, getattr(error, "place", "") or key, expected, actual)
    if card.digest != parent.digest:
        message = (
            f"its parent {ref} has the digest {card.digest}, and had {parent.digest}: one of the two cards was "
            "replaced, so what was made from it can't be replayed; restore it from a copy"
        )
        return FoundParent(parent, "replaced", message, None, key, parent.digest, card.digest)
    if tomb is not None:
        reason = tomb.reason or "no reason was given"
        message = (
            f"its parent {ref} was withdrawn ({reason}): it can still be read and replayed as long as its data are "
            "there; see whether the reason holds for this version too"
        )
        return FoundParent(parent, "withdrawn", message, card, keys.tomb(ref))
    return FoundParent(parent, "ok", card=card)


def _is_elsewhere(store: Store, ref: CardRef) -> bool:
    key = keys.absence(ref)
    try:
        Absence.from_json(store.get(key), place=key).check_place(ref, place=key)
    except ImageCardsError:  # whatever is wrong with it, the parent is missing
        return False
    return True
