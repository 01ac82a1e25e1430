"""From a reference to a card: versions, tags, withdrawals."""

from operator import attrgetter

from imagecards.cards import (
    CardName,
    CardRef,
    DataCard,
    Reference,
    RegistryMarker,
    TagEntry,
    Tombstone,
    Version,
)
from imagecards.errors import IntegrityError, NotFoundError
from imagecards.registry import keys
from imagecards.storage import Store


def check_registry(store: Store) -> None:
    """See that there is a registry of a format that this version reads.

    Raises:
        NotFoundError: There is none.
        FormatError: It is of a newer format.
        IntegrityError: Its marker is damaged.
    """
    try:
        marker = store.get(keys.MARKER)
    except NotFoundError:
        message = (
            f"there is no registry at {store.url} ({keys.MARKER} is not there): the first registration makes one; "
            "or name another with --registry, CardRegistry(url) or $IMAGECARDS_REGISTRY"
        )
        raise NotFoundError(message) from None
    RegistryMarker.from_json(marker, place=keys.MARKER)


def all_versions(store: Store, name: CardName) -> list[Version]:
    """Every version number that was ever registered, in ascending order, withdrawn ones included."""
    stems = keys.document_names(store.children(keys.cards(name)))
    return sorted(map(Version.parse, stems), key=attrgetter("key"))


def withdrawn_versions(store: Store, name: CardName) -> set[Version]:
    """The versions of a name that were withdrawn."""
    return {Version.parse(stem) for stem in keys.document_names(store.children(keys.tombs(name)))}


def live_versions(store: Store, name: CardName) -> list[Version]:
    """The versions of a name that can be looked up, in ascending order."""
    gone = withdrawn_versions(store, name)
    versions = all_versions(store, name)
    return [version for version in versions if version not in gone] if gone else versions


def card_names(store: Store) -> list[CardName]:
    """Every name that has a card, in order."""
    return [
        CardName(space=space, name=name)
        for space in store.children(keys.CARDS)
        for name in store.children(f"{keys.CARDS}{space}/")
        if store.children(f"{keys.CARDS}{space}/{name}/")
    ]


def tombstone(store: Store, ref: CardRef) -> Tombstone | None:
    """What was said when a version was withdrawn, or nothing where it was not."""
    key = keys.tomb(ref)
    try:
        return Tombstone.from_json(store.get(key), place=key)
    except NotFoundError:
        return None


def read_card(store: Store, ref: CardRef) -> DataCard:
    """The card at an exact version, withdrawn or not.

    Raises:
        NotFoundError: There is no such version.
        IntegrityError: The card is damaged, or another version's card lies in its place.
    """
    key = keys.card(ref)
    try:
        data = store.get(key)
    except NotFoundError:
        raise NotFoundError(_missing(store, ref.name, f"version {ref.version} of {ref.name}")) from None
    card = DataCard.from_json(data, place=key)
    if (card.name, card.version) != (ref.name, ref.version):
        message = f"{key} in {store.url} holds the card of {card.ref}: the registry was tampered with; restore the file"
        raise IntegrityError(message, key, str(ref), str(card.ref))
    if ref.digest is not None and card.digest != ref.digest:
        message = (
            f"{key} in {store.url} has the digest {card.digest}, and the reference pins {ref.digest}: "
            "the card was replaced, or the pin belongs to another registry"
        )
        raise IntegrityError(message, key, ref.digest, card.digest)
    return card


def resolve_reference(store: Store, reference: Reference) -> CardRef:
    """The exact version that a reference means now.

    Raises:
        NotFoundError: Nothing matches, or the version was withdrawn; says what there is.
    """
    name, spec = reference.name, reference.spec
    if spec.exact is not None:
        ref = CardRef(name=name, version=spec.exact, digest=reference.digest)
        tomb = tombstone(store, ref)
        if tomb is not None:
            message = f"{name}@{ref.version} was withdrawn: {tomb.reason or 'no reason was given'}"
            raise NotFoundError(_missing(store, name, message, already_a_sentence=True))
        return ref
    versions = live_versions(store, name)
    if spec.tag is not None:
        entry = tag_entry(store, name, spec.tag)
        version = entry.version if entry is not None else None
        if version is not None and version not in versions:
            message = f"the tag {spec.tag} of {name} names {version}, which was withdrawn: tag another version"
            raise NotFoundError(message)
    else:
        version = spec.best(versions)
    if version is None:
        raise NotFoundError(_missing(store, name, str(Reference(name, spec))))
    return CardRef(name=name, version=version, digest=reference.digest)


def tag_entry(store: Store, name: CardName, label: str) -> TagEntry | None:
    """What holds for a tag now: the last entry of its log, or nothing where it never was."""
    folder = f"{keys.tags(name)}{label}/"
    stems = keys.document_names(store.children(folder))
    if not stems:
        return None
    key = f"{folder}{max(stems)}.json"
    return TagEntry.from_json(store.get(key), place=key)


def current_tags(store: Store, name: CardName) -> dict[str, Version]:
    """Which version each tag of a name stands for now."""
    entries = {label: tag_entry(store, name, label) for label in store.children(keys.tags(name))}
    return {label: entry.version for label, entry in entries.items() if entry is not None and entry.version is not None}


def _missing(store: Store, name: CardName, what: str, *, already_a_sentence: bool = False) -> str:
    sentence = what if already_a_sentence else f"{what} is not registered in {store.url}"
    versions = live_versions(store, name)
    if versions:
        shown = ", ".join(str(version) for version in versions[-5:])
        tags = sorted(current_tags(store, name))
        there = "the latest are" if len(versions) > 5 else "there are" if len(versions) > 1 else "there is"
        tagged = f" and the tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}" if tags else ""
        return f"{sentence}; {there} {shown}{tagged}"
    others = [str(other) for other in card_names(store) if other.name == name.name or other.space == name.space][:5]
    return sentence + (
        f"; did you mean {' or '.join(others)}?" if others else "; the command 'list' shows what there is"
    )


def nothing_there(store: Store, name: CardName) -> NotFoundError:
    """The error for a name that nothing is registered under."""
    return NotFoundError(_missing(store, name, str(name)))


def find_attempt(store: Store, attempt: str) -> DataCard | None:
    """The card that an attempt committed, or nothing."""
    for name in card_names(store):
        for version in all_versions(store, name):
            card = read_card(store, CardRef(name=name, version=version))
            if card.attempt == attempt:
                return card
    return None
