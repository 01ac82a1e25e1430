"""Syncing: all versions of a name in another registry, with what is said of them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from imagecards.cards import CardName, CardRef, Version
from imagecards.errors import AlreadyExistsError, ImageCardsError, StorageError, retold
from imagecards.registry import lookup
from imagecards.registry.copied import Copied
from imagecards.registry.copying import Copying, told_of
from imagecards.registry.tag_logs import follow_tag, labels_of

T = TypeVar("T")


@dataclass(frozen=True)
class Synced:
    """What became of a name that was synced.

    Attributes:
        name: The name.
        versions: What became of each version that is in the other registry now, withdrawn ones last.
        tags: The tags that were moved there, and what they stand for.
        conflicts: What the other registry says itself, and so was left as it is there.
    """

    name: CardName
    versions: tuple[Copied, ...]
    tags: dict[str, Version | None]
    conflicts: tuple[str, ...]

    @property
    def created(self) -> tuple[CardRef, ...]:
        """The versions that the other registry did not have before."""
        return tuple(copied.card.ref for copied in self.versions if copied.created)


def sync_name(copying: Copying, name: CardName, *, parents: bool = False) -> Synced:
    """Copy all versions of a name, the artifacts attached to them, withdrawals, and moves of tags.

    Nothing that the other registry says itself is replaced. One version that can't be copied keeps no other from it.

    Args:
        copying: From where, and where to.
        name: The name.
        parents: Whether to copy the parents of the versions, and theirs, too.

    Raises:
        NotFoundError: Nothing is registered under that name.
        ImageCardsError: Something could not be copied; of the type of the first failure, and says what was.
    """
    source = copying.source
    versions = lookup.all_versions(source, name)
    if not versions:
        raise lookup.nothing_there(source, name)
    gone = lookup.withdrawn_versions(source, name)
    attempt = _Attempts()
    copied: list[Copied] = []
    # Live ones first: what they share with a withdrawn one is needed by them before that one is withdrawn there.
    for version in sorted(versions, key=lambda version: version in gone):
        ref = CardRef(name, version)
        done = attempt(str(ref), partial(_copy, copying, ref, parents))
        if done is not None:
            copied.append(done)
            attempt(str(ref), done.raise_failed)
    tags: dict[str, Version | None] = {}
    for label in labels_of(source, name):
        followed = attempt(f"the tag {label}", partial(follow_tag, source, copying.target, name, label))
        if followed is not None and followed.moved:
            tags[label] = followed.version
        if followed is not None and followed.conflict:
            attempt.conflicts.append(followed.conflict)
    attempt.raise_first(f"{len(copied)} of {len(versions)} versions of {name} are in {copying.target.url}")
    return Synced(name, tuple(copied), tags, tuple(attempt.conflicts))


def _copy(copying: Copying, ref: CardRef, parents: bool) -> Copied:
    with told_of(copying.source):
        card = lookup.read_card(copying.source, ref)
    return copying.copy(card, parents=parents)


class _Attempts:
    """Does one thing after another, and remembers what can't be done.

    Attributes:
        conflicts: What was refused, because something else is there.
        failed: What failed, by what was to be done.
    """

    def __init__(self) -> None:
        self.conflicts: list[str] = []
        self.failed: dict[str, ImageCardsError] = {}

    def __call__(self, what: str, do: Callable[[], T]) -> T | None:
        """Do something; what it gave, or nothing where it could not be done.

        Raises:
            StorageError: A store failed, and would fail again.
        """
        try:
            return do()
        except StorageError:
            raise
        except AlreadyExistsError as error:
            self.conflicts.append(str(error))
        except ImageCardsError as error:
            self.failed[what] = error
        return None

    def raise_first(self, done: str) -> None:
        """Raise what failed first, if anything did, and tell of all that did."""
        if self.failed:
            first = next(iter(self.failed.values()))
            told = [done, *(f"{what} could not be copied ({error})" for what, error in self.failed.items())]
            raise retold(first, "; ".join([*told, *self.conflicts])) from first
