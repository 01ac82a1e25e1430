"""Tags: movable names for versions, kept as an append-only log."""

from imagecards.cards import CardName, Tag, TagEntry, Version
from imagecards.errors import NotFoundError, StorageError
from imagecards.registry import keys, lookup
from imagecards.registry.commit import commit
from imagecards.storage import Store

_TRIES = 100


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
