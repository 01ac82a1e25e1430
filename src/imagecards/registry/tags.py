"""Tags: movable names for versions, kept as an append-only log."""

from collections.abc import Iterable, Sequence

from imagecards.cards import CardName, Tag, TagEntry, Version
from imagecards.errors import ImageCardsError, NotFoundError, StorageError, retold
from imagecards.registry import keys, lookup
from imagecards.registry.commit import commit
from imagecards.storage import Store

_TRIES = 100


def append_tags(
    store: Store, name: CardName, labels: Iterable[str], version: Version | None, *, done: str = ""
) -> None:
    """Let several tags stand for a version from now on, or for none; one that fails keeps no other from it.

    Args:
        store: The registry's store.
        name: Whose tags.
        labels: The tags.
        version: What they stand for; ``None`` takes them away.
        done: What was done before and stays so, for the message: ``"a/b@1.0.0 is registered"``.

    Raises:
        ImageCardsError: Tags could not be set; of the type of the first failure, and says which ones were.
    """
    failed: dict[str, ImageCardsError] = {}
    succeeded = []
    for label in labels:
        try:
            append_tag(store, name, label, version)
        except ImageCardsError as error:
            failed[label] = error
        else:
            succeeded.append(label)
    if not failed:
        return
    first = next(iter(failed.values()))
    if not done and len(failed) + len(succeeded) == 1:
        raise first
    what = "taken away" if version is None else "set"
    told = [done] if done else []
    told += [f"the tag {label} was {what}" for label in succeeded]
    told += [f"the tag {label} was not {what}, as far as is known ({error})" for label, error in failed.items()]
    raise retold(first, "; ".join([*told, _remedy(name, list(failed), version)])) from first


def _remedy(name: CardName, labels: Sequence[str], version: Version | None) -> str:
    listed = ", ".join(labels)
    again = f"take {listed} of {name} away" if version is None else f"tag {name}@{version} with {listed}"
    return f"{again} again once the cause is mended"


def append_tag(store: Store, name: CardName, label: str, version: Version | None) -> None:
    """Let a tag stand for a version from now on, or for none.

    Args:
        store: The registry's store.
        name: Whose tag.
        label: The tag.
        version: What it stands for; ``None`` takes the tag away.

    Raises:
        NotFoundError: The tag is to be taken away and is not there.
        StorageError: Others kept writing to the same tag.
        CommitUnknownError: The storage gave no clear answer: tag or untag it again.
    """
    for _ in range(_TRIES):
        last = lookup.tag_entry(store, name, label)
        current = last.version if last is not None else None
        if current == version:
            if version is None:
                raise NotFoundError(f"{name} has no tag {label}: nothing to take away")
            return
        number = last.number + 1 if last is not None else 1
        body = TagEntry(card=name, tag=Tag(label), version=version, number=number).to_json()
        # The same entry of another writer is as good: both wanted the same, and an entry is nobody's own.
        again = f"{'untag' if version is None else 'tag'} it again"
        if commit(store, keys.tag(name, label, number), body, ask=again) == body:
            return
    raise StorageError(f"others kept moving the tag {label} of {name} ({_TRIES} tries): try again")
