"""From a reference to a card: versions, tags, withdrawals."""

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from operator import attrgetter

from imagecards.cards import (
    CardName,
    CardRef,
    DataCard,
    Reference,
    RegistryMarker,
    Tag,
    TagEntry,
    Tombstone,
    Version,
    check_label,
)
from imagecards.errors import FormatError, ImageCardsError, IntegrityError, NotFoundError, retold
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
        missing = store.missing() or f"{keys.MARKER} is not there"
        message = (
            f"there is no registry at {store.url} ({missing}): the first registration makes one; "
            "or name another with --registry, CardRegistry(url) or $IMAGECARDS_REGISTRY"
        )
        raise NotFoundError(message) from None
    RegistryMarker.from_json(marker, place=keys.MARKER)


def all_versions(store: Store, name: CardName) -> list[Version]:
    """Every version number that was ever registered, in ascending order, withdrawn ones included."""
    return sorted(keys.versions(store.children(keys.cards(name))), key=attrgetter("key"))


def withdrawn_versions(store: Store, name: CardName) -> set[Version]:
    """The versions of a name that were withdrawn."""
    return set(keys.versions(store.children(keys.tombs(name))))


def latest_version(versions: Iterable[Version]) -> Version | None:
    """The one rule for which version is the latest: the highest release, else the highest pre-release.

    Args:
        versions: What there is, in any order.

    Example:
        >>> latest_version([Version(1, 0, 0), Version(2, 0, 0, "rc.1")])
        Version('1.0.0')
    """
    return max(versions, key=lambda version: (not version.prerelease, version.key), default=None)


def live_versions(store: Store, name: CardName) -> list[Version]:
    """The versions of a name that can be looked up, in ascending order."""
    gone = withdrawn_versions(store, name)
    versions = all_versions(store, name)
    return [version for version in versions if version not in gone] if gone else versions


def card_names(store: Store) -> list[CardName]:
    """Every name that has a card, in order."""
    return [
        name
        for space in keys.valid(partial(check_label, what="space"), store.children(keys.CARDS))
        for name in keys.valid(partial(CardName, space), store.children(f"{keys.CARDS}{space}/"))
        if keys.versions(store.children(keys.cards(name)))
    ]


def tombstone(store: Store, ref: CardRef) -> Tombstone | None:
    """What was said when a version was withdrawn, or nothing where it was not.

    Raises:
        IntegrityError: The tombstone is damaged, or that of another version lies in its place.
    """
    key = keys.tomb(ref)
    try:
        tomb = Tombstone.from_json(store.get(key), place=key)
    except NotFoundError:
        return None
    tomb.check_place(ref, place=key)
    return tomb


def check_live(store: Store, ref: CardRef) -> None:
    """See that a version was not withdrawn.

    Raises:
        NotFoundError: It was; says why, and what there is.
    """
    tomb = tombstone(store, ref)
    if tomb is not None:
        message = f"{ref.name}@{ref.version} was withdrawn: {_reason(tomb)}"
        raise NotFoundError(_missing(store, ref.name, message, already_a_sentence=True))


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
        raise no_such_version(store, ref) from None
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
        check_live(store, ref)
        return ref
    if spec.tag is not None:
        entry = tag_entry(store, name, spec.tag)
        version = entry.version if entry is not None else None
        if version is not None:
            _check_tagged(store, spec.tag, CardRef(name=name, version=version))
    else:
        version = spec.best(live_versions(store, name))
    if version is None:
        raise NotFoundError(_missing(store, name, str(Reference(name, spec)), released=spec.tag is None))
    return CardRef(name=name, version=version, digest=reference.digest)


def tag_numbers(store: Store, name: CardName, label: str) -> list[int]:
    """The numbers of the entries in a tag's log, in ascending order."""
    return keys.valid(keys.parse_number, keys.document_names(store.children(keys.tag_log(name, label))))


def read_tag(store: Store, name: CardName, label: str, number: int) -> TagEntry:
    """One entry of a tag's log.

    Raises:
        NotFoundError: There is none of that number.
        IntegrityError: It is damaged, or another entry lies in its place.
    """
    key = keys.tag(name, label, number)
    entry = TagEntry.from_json(store.get(key), place=key)
    entry.check_place(name, label, number, place=key)
    return entry


def tag_entry(store: Store, name: CardName, label: str) -> TagEntry | None:
    """What holds for a tag now: the last entry of its log, or nothing where it never was.

    Raises:
        IntegrityError: The entry is damaged, or another one lies in its place.
    """
    numbers = tag_numbers(store, name, label)
    return read_tag(store, name, label, numbers[-1]) if numbers else None


def current_tags(store: Store, name: CardName) -> dict[str, Version]:
    """Which version each tag of a name stands for now.

    Raises:
        IntegrityError: A tag is damaged.
    """
    tags, damaged = readable_tags(store, name)
    for label, error in damaged.items():
        raise retold(error, f"the tag {label} of {name} is damaged: {error}")
    return tags


def readable_tags(store: Store, name: CardName) -> tuple[dict[str, Version], dict[str, ImageCardsError]]:
    """The tags of a name that can be read, and what is wrong with each of the others."""
    found, damaged = {}, {}
    for label in map(str, keys.valid(Tag, store.children(keys.tags(name)))):
        try:
            entry = tag_entry(store, name, label)
        except ImageCardsError as error:
            damaged[label] = error
            continue
        if entry is not None and entry.version is not None:
            found[label] = entry.version
    return found, damaged


def _check_tagged(store: Store, label: str, ref: CardRef) -> None:
    """See that the version that a tag names can be looked up.

    Raises:
        NotFoundError: It was withdrawn, or its card is missing.
    """
    tomb = tombstone(store, ref)
    what = f"the tag {label} of {ref.name} names {ref.version}"
    if tomb is not None:
        raise NotFoundError(f"{what}, which was withdrawn ({_reason(tomb)}): tag another version")
    if ref.version not in all_versions(store, ref.name):
        key = keys.card(ref)
        raise NotFoundError(f"{what}, and {key} is missing: restore the file from a copy, or tag another version")


def _reason(tomb: Tombstone) -> str:
    return tomb.reason or "no reason was given"


def _missing(
    store: Store, name: CardName, what: str, *, already_a_sentence: bool = False, released: bool = False
) -> str:
    sentence = what if already_a_sentence else f"{what} is not registered in {store.url}"
    versions = live_versions(store, name)
    if released and versions and all(version.prerelease for version in versions):
        # latest and ranges pass over them, and to say only that they are there would puzzle
        shown = ", ".join(str(version) for version in versions[-5:])
        return (
            f"{sentence}: there are only pre-releases, {'..., ' * (len(versions) > 5)}{shown}, which latest and ranges "
            f"pass over; name one, {name}@{versions[-1]}, or a range from one, {name}@>={versions[-1]}"
        )
    if versions:
        shown = ", ".join(str(version) for version in versions[-5:])
        tags = sorted(readable_tags(store, name)[0])
        there = "the latest are" if len(versions) > 5 else "there are" if len(versions) > 1 else "there is"
        tagged = f" and the tag{'s' if len(tags) > 1 else ''} {', '.join(tags)}" if tags else ""
        return f"{sentence}; {there} {shown}{tagged}"
    gone = all_versions(store, name)
    if gone:
        each = ", ".join(f"{version} ({_why(store, CardRef(name, version))})" for version in gone[-5:])
        every = f"every version of {name} was withdrawn"
        return f"{sentence}; {every}" if already_a_sentence else f"{every}: {'..., ' * (len(gone) > 5)}{each}"
    others = []
    with suppress(ImageCardsError):  # damage elsewhere is no reason to say nothing of what is asked for
        others = [str(other) for other in card_names(store) if other.name == name.name or other.space == name.space]
    return sentence + (
        f"; did you mean {' or '.join(others[:5])}?" if others else "; the command 'list' shows what there is"
    )


def _why(store: Store, ref: CardRef) -> str:
    try:
        tomb = tombstone(store, ref)
    except ImageCardsError:
        return "its tombstone can't be read"
    return _reason(tomb) if tomb is not None else "no reason was given"


def no_such_version(store: Store, ref: CardRef) -> NotFoundError:
    """The error for a version that has no card."""
    return NotFoundError(_missing(store, ref.name, f"version {ref.version} of {ref.name}"))


def nothing_there(store: Store, name: CardName) -> NotFoundError:
    """The error for a name that nothing is registered under, or nothing any more."""
    return NotFoundError(_missing(store, name, str(name)))


def find_attempt(store: Store, attempt: str) -> DataCard | None:
    """The card that an attempt committed, or nothing; cards that are damaged are passed over."""
    for name in card_names(store):
        for version in all_versions(store, name):
            with suppress(IntegrityError, FormatError):
                card = read_card(store, CardRef(name=name, version=version))
                if card.attempt == attempt:
                    return card
    return None
