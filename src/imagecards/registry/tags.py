"""Tags: movable names for versions, kept as an append-only log."""

from imagecards.cards import CardName, TagEntry, Version
from imagecards.errors import NotFoundError, StorageError
from imagecards.registry import keys, lookup
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
    """
    for _ in range(_TRIES):
        last = lookup.tag_entry(store, name, label)
        current = last.version if last is not None else None
        if current == version:
            if version is None:
                raise NotFoundError(f"{name} has no tag {label}: nothing to take away")
            return
        entry = TagEntry(version=version, number=last.number + 1 if last is not None else 1)
        if store.put_if_absent(keys.tag(name, label, entry.number), [entry.to_json()]):
            return
    raise StorageError(f"others kept moving the tag {label} of {name} ({_TRIES} tries): try again")
