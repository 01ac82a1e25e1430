"""Verification: are the bytes still those that were registered?"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import pyarrow as pa

from imagecards.cards import (
    AttachedArtifact,
    CardRef,
    DataCard,
    RegistryMarker,
    StoredFile,
    TagEntry,
    Tombstone,
)
from imagecards.errors import ImageCardsError, IntegrityError
from imagecards.progress import track
from imagecards.records import dataset_digest, record_digests
from imagecards.registry import artifacts, contents, keys, lookup
from imagecards.registry.files import read_chunks
from imagecards.registry.reading import check_places
from imagecards.registry.tables import open_table
from imagecards.storage import LEFTOVER, Store
from imagecards.storage.shards import check_shard


@dataclass(frozen=True)
class Problem:
    """Something that is not as it was registered.

    Attributes:
        card: The version that is concerned, as text; empty where it concerns the registry itself.
        place: The file in the registry.
        image: The image in it, or empty.
        message: What was found, and what to do.
    """

    card: str
    place: str
    image: str
    message: str

    def __str__(self) -> str:
        where = " ".join(part for part in (self.card, self.place, self.image) if part)
        return f"{where}: {self.message}"


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Attributes:
        problems: Everything that is not as it was registered.
        cards: How many versions were looked at.
        files: How many files.
        size: Their bytes.
        deep: Whether every byte was read, or only presence and sizes were compared.
    """

    problems: tuple[Problem, ...]
    cards: int
    files: int
    size: int
    deep: bool

    @property
    def ok(self) -> bool:
        """Whether everything is as it was registered."""
        return not self.problems


@dataclass
class _Inspection:
    """What is gathered on the way; each stored file is looked at once, however many versions name it."""

    store: Store
    deep: bool
    cards: int = 0
    size: int = 0
    seen: dict[StoredFile, list[Problem]] = field(default_factory=dict)
    images: dict[tuple[str, int, bytes], bool] = field(default_factory=dict)


def verify_cards(store: Store, refs: list[CardRef], *, deep: bool) -> Verification:
    """Verify some versions: their cards and every file that they name."""
    inspection = _Inspection(store, deep)
    problems: list[Problem] = []
    with track("verifying", total=len(refs), unit="versions") as advance:
        for ref in refs:
            problems.extend(_card_problems(inspection, ref))
            advance(1)
    return Verification(tuple(problems), inspection.cards, len(inspection.seen), inspection.size, deep)


def verify_registry(store: Store, *, deep: bool) -> Verification:
    """Verify the whole registry: every live version, and every document that is not a card.

    Raises:
        NotFoundError: There is no registry.
    """
    if store.stat(keys.MARKER) is None:
        lookup.check_registry(store)
    problems = list(_document_problems(store))
    refs: list[CardRef] = []
    for name in lookup.card_names(store):
        try:
            gone = lookup.withdrawn_versions(store, name)
            versions = lookup.all_versions(store, name)
        except ImageCardsError as error:
            problems.append(Problem(str(name), keys.cards(name), "", str(error)))
            continue
        refs += [CardRef(name=name, version=version) for version in versions if version not in gone]
        problems += _withdrawn_problems(store, [CardRef(name=name, version=version) for version in gone])
    found = verify_cards(store, refs, deep=deep)
    return Verification((*problems, *found.problems), found.cards, found.files, found.size, deep)


def _document_problems(store: Store) -> Iterator[Problem]:
    """Damage in the small sealed documents: marker, tags, tombs, withdrawn cards."""
    readers: list[tuple[str, Callable[..., object]]] = [
        (keys.MARKER, RegistryMarker.from_json),
        (keys.TAGS, TagEntry.from_json),
        (keys.TOMBS, Tombstone.from_json),
        (keys.ATTACHED, AttachedArtifact.from_json),
    ]
    for prefix, read in readers:
        entries = [entry.key for entry in store.list(prefix)] if prefix.endswith("/") else [prefix]
        for key in entries:
            if key.rpartition("/")[2].startswith(LEFTOVER):
                continue
            try:
                read(store.get(key), place=key)
            except ImageCardsError as error:
                yield Problem("", key, "", str(error))


def _card_problems(inspection: _Inspection, ref: CardRef) -> Iterator[Problem]:
    inspection.cards += 1
    try:
        card = lookup.read_card(inspection.store, ref)
        kept = artifacts.all_artifacts(inspection.store, card)
    except ImageCardsError as error:
        yield Problem(str(ref), getattr(error, "place", "") or keys.card(ref), "", str(error))
        return
    whole = True
    for stored in (*card.files(), *(file.stored for artifact in kept.values() for file in artifact.files)):
        for problem in _file_problems(inspection, stored):
            whole = whole and stored not in (card.records, card.splits, card.table)
            yield Problem(str(ref), problem.place, problem.image, problem.message)
    if inspection.deep and whole:
        yield from _content_problems(inspection, card)


def _file_problems(inspection: _Inspection, stored: StoredFile) -> list[Problem]:
    if stored not in inspection.seen:
        inspection.size += stored.size
        inspection.seen[stored] = list(_find_file_problems(inspection, stored))
    return inspection.seen[stored]


def _find_file_problems(inspection: _Inspection, stored: StoredFile) -> Iterator[Problem]:
    """What is wrong with one stored file as such."""
    entry = inspection.store.stat(stored.key)
    if entry is None:
        yield Problem("", stored.key, "", "is missing: restore it from a copy")
    elif entry.size != stored.size:
        message = f"has {entry.size} bytes and was stored with {stored.size}: restore it from a copy"
        yield Problem("", stored.key, "", message)
    elif inspection.deep:
        try:
            for _ in read_chunks(inspection.store, stored):
                pass
        except IntegrityError as error:
            detail = _frame_detail(inspection.store, stored) if stored.key.endswith(".tar") else ""
            found = f"has other bytes than were stored (expected {error.expected}, found {error.actual}){detail}"
            yield Problem("", stored.key, "", f"{found}: restore it from a copy")


def _frame_detail(store: Store, stored: StoredFile) -> str:
    """Where a damaged shard is damaged outside of its images."""
    try:
        for _ in check_shard(partial(store.get, stored.key), stored.size):
            pass
    except ImageCardsError as error:
        return f"; {error}"
    return ""


def _content_problems(inspection: _Inspection, card: DataCard) -> Iterator[Problem]:
    """Whether what the files hold gives the digests that the card states."""
    ref = str(card.ref)
    try:
        if card.table is not None:
            digest = open_table(inspection.store, card).digest
            place = card.table.key
        else:
            assert card.records is not None
            place = card.records.key
            records = contents.read_records(inspection.store, card.records)
            check_places(card, records)
            yield from _image_problems(inspection, card, records)
            digests = record_digests(contents.annotations(records), records["sha256"].to_pylist())
            for name, stated, found in zip(
                records["file_name"].to_pylist(), records["digest"].to_pylist(), digests, strict=True
            ):
                if stated != found[: contents.DIGEST_SIZE]:
                    yield Problem(ref, place, name, "the record does not have the digest that is stated beside it")
            splits = contents.read_splits(inspection.store, card.splits)
            digest = dataset_digest(records["file_name"].to_pylist(), digests, splits)
    except ImageCardsError as error:
        yield Problem(ref, getattr(error, "place", ""), "", str(error))
        return
    if digest != card.dataset_digest:
        message = f"its content has the dataset digest {digest}, and the card states {card.dataset_digest}"
        yield Problem(ref, place, "", message)


def _image_problems(inspection: _Inspection, card: DataCard, records: pa.Table) -> Iterator[Problem]:
    """Images whose bytes in a shard are not those of their record; each place is read once for all versions."""
    columns = (records[name].to_pylist() for name in ("file_name", "shard", "offset", "size", "sha256"))
    for name, shard, offset, size, sha256 in sorted(zip(*columns, strict=True), key=lambda row: row[1:3]):
        place = (card.shards[shard].key, offset, sha256)
        if place not in inspection.images:
            try:
                data = inspection.store.get(place[0], offset, size)
                inspection.images[place] = hashlib.sha256(data).digest() == sha256
            except ImageCardsError:
                inspection.images[place] = False
        if not inspection.images[place]:
            message = "the image has other bytes than were registered, or can't be read: restore the shard from a copy"
            yield Problem(str(card.ref), place[0], name, message)


def _withdrawn_problems(store: Store, refs: list[CardRef]) -> Iterator[Problem]:
    """Damage in the cards of withdrawn versions; their data may be gone already."""
    for ref in refs:
        try:
            lookup.read_card(store, ref)
        except ImageCardsError as error:
            yield Problem(str(ref), keys.card(ref), "", str(error))
