"""Tag logs: the moves of tags in one registry, taken over by another that has not moved them itself."""

from dataclasses import dataclass

from imagecards.cards import CardName, CardRef, Tag, TagEntry, Version
from imagecards.errors import IntegrityError, NotFoundError
from imagecards.registry import keys, lookup
from imagecards.registry.commit import commit
from imagecards.storage import Store


@dataclass(frozen=True)
class FollowedTag:
    """What became of a tag.

    Attributes:
        label: The tag.
        version: What it stands for in the other registry now.
        moved: Whether it stood for something else there before.
        conflict: Why it was not, where both registries moved it.
    """

    label: str
    version: Version | None
    moved: bool = False
    conflict: str = ""


def labels_of(store: Store, name: CardName) -> list[Tag]:
    """Every tag that a name has or had."""
    return keys.valid(Tag, store.children(keys.tags(name)))


def follow_tag(source: Store, target: Store, name: CardName, label: str) -> FollowedTag:
    """Append to a tag's log what it lacks, where it is the beginning of the other log.

    The last entry that both have decides: where it is the same, both stood at the same version, and the longer log
    goes on from there. Where it differs, each registry moved the tag by itself, and neither move is undone.

    Raises:
        IntegrityError: An entry of either is missing or damaged, or names a version that was not copied.
        CommitUnknownError: The storage gave no clear answer: do it again.
    """
    mine, theirs = _length(source, name, label), _length(target, name, label)
    shared = min(mine, theirs)
    if shared:
        here = lookup.read_tag(source, name, label, shared)
        there = lookup.read_tag(target, name, label, shared)
        if here != there:
            return _held(source, target, name, label, mine, theirs)
    if theirs > mine:
        return _held(source, target, name, label, mine, theirs)
    before = _version(target, name, label, theirs)
    for number in range(theirs + 1, mine + 1):
        entry = lookup.read_tag(source, name, label, number)
        _check_version(target, name, entry)
        body = entry.to_json()
        if commit(target, keys.tag(name, label, number), body, ask=f"set the tag {label} again") != body:
            return _held(source, target, name, label, mine, number)
    now = _version(source, name, label, mine)
    return FollowedTag(label, now, moved=now != before)


def _length(store: Store, name: CardName, label: str) -> int:
    numbers = sorted(lookup.tag_numbers(store, name, label))
    if numbers != list(range(1, len(numbers) + 1)):
        key = keys.tag(name, label, next(at for at, number in enumerate([*numbers, 0], 1) if at != number))
        message = f"{key} is missing from the log of the tag in {store.url}: restore it from a copy"
        raise IntegrityError(message, key, "", "missing")
    return len(numbers)


def _version(store: Store, name: CardName, label: str, number: int) -> Version | None:
    return lookup.read_tag(store, name, label, number).version if number else None


def _held(source: Store, target: Store, name: CardName, label: str, mine: int, theirs: int) -> FollowedTag:
    """The tag as it is in the target, and whether that is something else than in the source."""
    here, there = _version(source, name, label, mine), _version(target, name, label, theirs)
    if here == there:
        return FollowedTag(label, there)
    conflict = (
        f"the tag {label} was moved in {target.url} too: it stands for {there or 'nothing'} there and for "
        f"{here or 'nothing'} here, and was left so; tag the version that is meant in one of them"
    )
    return FollowedTag(label, there, conflict=conflict)


def _check_version(target: Store, name: CardName, entry: TagEntry) -> None:
    if entry.version is None:
        return
    key = keys.card(CardRef(name, entry.version))
    if target.stat(key) is None:
        message = f"the tag {entry.tag} names {name}@{entry.version}, which is not in {target.url}: it was not moved"
        raise NotFoundError(message)
