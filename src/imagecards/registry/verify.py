"""Verification: are the bytes still those that were registered?"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from imagecards.cards import AttachedArtifact, CardRef, DataCard, Document, Reference, StoredFile, check_label
from imagecards.errors import ImageCardsError, IntegrityError, NotFoundError
from imagecards.progress import track
from imagecards.registry import keys, lookup
from imagecards.registry.content_check import Images, content_problems, text_problems
from imagecards.registry.files import read_chunks
from imagecards.registry.link_check import Found, link_problems
from imagecards.registry.parents import HARMLESS, find_parent
from imagecards.registry.problem import Problem, from_error, read_or_tell, shorten
from imagecards.registry.survey import survey
from imagecards.storage import Store
from imagecards.storage.shards import check_shard

__all__ = ["Problem", "Verification", "verify_cards", "verify_reference", "verify_registry"]


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Attributes:
        problems: Everything that is not as it was registered.
        notes: What is worth knowing and no damage: a parent that was withdrawn, or that was not copied.
        cards: How many versions were looked at.
        files: How many files, those among them that are linked where they lie.
        size: Their bytes.
        deep: Whether every byte was read, or only presence and sizes were compared.
    """

    problems: tuple[Problem, ...]
    cards: int
    files: int
    size: int
    deep: bool
    notes: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything is as it was registered."""
        return not self.problems


@dataclass
class _Inspection:
    """What is gathered on the way; each stored file is looked at once, however many versions name it."""

    store: Store
    deep: bool
    files: dict[StoredFile, list[Problem]] = field(default_factory=dict)
    texts: dict[Document, list[Problem]] = field(default_factory=dict)
    images: Images = field(default_factory=dict)
    links: Found = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)


def verify_reference(store: Store, reference: Reference, *, deep: bool) -> Verification:
    """Verify the version that a reference means.

    Raises:
        NotFoundError: There is no registry, or nothing matches.
    """
    _check_there(store)
    try:
        ref = lookup.resolve_reference(store, reference)
    except NotFoundError:
        raise
    except ImageCardsError as error:
        place = getattr(error, "place", "") or keys.cards(reference.name)
        return Verification((from_error(str(reference), place, error),), 0, 0, 0, deep)
    return verify_cards(store, [ref], deep=deep)


def verify_cards(store: Store, refs: list[CardRef], *, deep: bool) -> Verification:
    """Verify some versions: their cards and every file that they name."""
    inspection = _Inspection(store, deep)
    return _verification(inspection, refs, _live_problems(inspection, refs))


def verify_registry(store: Store, *, deep: bool) -> Verification:
    """Verify the whole registry: every version, and every document that is not a card.

    Of a withdrawn version, data that are gone are no problem: garbage collection may have taken them.

    Raises:
        NotFoundError: There is no registry.
    """
    _check_there(store)
    found = survey(store)
    gone = set(found.withdrawn)
    live = [ref for ref in found.cards if ref not in gone]
    inspection = _Inspection(store, deep)
    of_live = _live_problems(inspection, live)
    problems = [problem for ref in found.withdrawn for problem in _withdrawn_problems(inspection, ref)]
    told = {(problem.place, problem.message) for problem in (*problems, *of_live)}
    problems += [problem for problem in found.problems if (problem.place, problem.message) not in told]
    return _verification(inspection, live, [*problems, *of_live])


def _live_problems(inspection: _Inspection, refs: list[CardRef]) -> list[Problem]:
    problems: list[Problem] = []
    with track("verifying", total=len(refs), unit="versions") as advance:
        for ref in refs:
            problems.extend(_card_problems(inspection, ref))
            advance(1)
    return problems


def _verification(inspection: _Inspection, refs: list[CardRef], problems: list[Problem]) -> Verification:
    files = inspection.files
    looked_at = [stored.size for stored in files] + [link.size for link in inspection.links]
    notes = tuple(inspection.notes)
    return Verification(tuple(problems), len(refs), len(looked_at), sum(looked_at), inspection.deep, notes)


def _check_there(store: Store) -> None:
    """See that there is a registry, in whatever state."""
    try:
        missing = store.stat(keys.MARKER) is None and not store.children(keys.CARDS)
    except ImageCardsError:
        return  # something is there, and verification tells what is wrong with it
    if missing:
        lookup.check_registry(store)


def _card_problems(inspection: _Inspection, ref: CardRef) -> Iterator[Problem]:
    name = f"{ref.name}@{ref.version}"
    problems: list[Problem] = []
    card = read_or_tell(problems, name, keys.card(ref), lambda: lookup.read_card(inspection.store, ref))
    attached = list(_attached_files(inspection.store, ref, card, problems))
    yield from problems
    for stored in dict.fromkeys((*(card.files() if card is not None else ()), *attached)):
        yield from (_for_card(name, problem) for problem in _file_problems(inspection, stored))
    if card is None:
        return
    yield from _parent_problems(inspection, card)
    if card.summary.linked and card.records is not None and not inspection.files[card.records]:
        yield from link_problems(inspection.store, card, inspection.links, deep=inspection.deep)
    if inspection.deep:
        yield from _content_problems(inspection, card)


def _content_problems(inspection: _Inspection, card: DataCard) -> Iterator[Problem]:
    """Whether the files of a card that are what was stored also hold what was registered."""
    for document in card.documents:
        yield from (_for_card(str(card.ref), problem) for problem in _text_problems(inspection, document))
    main = (card.records, card.splits, card.table)
    if not any(inspection.files[stored] for stored in main if stored is not None):
        yield from content_problems(inspection.store, card, inspection.images)


def _for_card(card: str, problem: Problem) -> Problem:
    return Problem(card, problem.place, problem.image, problem.message, problem.expected, problem.actual)


def _attached_files(store: Store, ref: CardRef, card: DataCard | None, problems: list[Problem]) -> Iterator[StoredFile]:
    """The files of what was attached to a version; each document is read alone, so that damage hides no other."""
    folder = keys.attached(ref)
    name = f"{ref.name}@{ref.version}"

    def read(key: str, label: str) -> AttachedArtifact:
        attached = AttachedArtifact.from_json(store.get(key), place=key)
        if card is not None:
            attached.check_pin(card.digest, label, place=key)
        return attached

    try:
        labels = keys.document_names(store.children(folder))
    except ImageCardsError as error:
        problems.append(from_error(name, folder[:-1], error))
        return
    for label in keys.valid(partial(check_label, what="artifact name"), labels):
        key = f"{folder}{label}.json"
        attached = read_or_tell(problems, name, key, partial(read, key, label))
        if attached is not None:
            yield from (file.stored for file in attached.artifact.files)


def _parent_problems(inspection: _Inspection, card: DataCard) -> Iterator[Problem]:
    """Parents whose cards are gone, or are not those that the version was made from; one withdrawn is a note."""
    for parent in card.parents:
        found = find_parent(inspection.store, parent)
        if found.state in HARMLESS:
            inspection.notes.append(Problem(str(card.ref), found.place, "", found.message))
        elif found.state != "ok":
            yield Problem(str(card.ref), found.place, "", shorten(found.message), found.expected, found.actual)


def _file_problems(inspection: _Inspection, stored: StoredFile) -> list[Problem]:
    if stored not in inspection.files:
        inspection.files[stored] = list(_find_file_problems(inspection, stored))
    return inspection.files[stored]


def _find_file_problems(inspection: _Inspection, stored: StoredFile) -> Iterator[Problem]:
    """What is wrong with one stored file as such."""
    key = stored.key
    try:
        entry = inspection.store.stat(key)
        if entry is None:
            yield Problem("", key, "", "is missing: restore it from a copy", stored.digest, "missing")
        elif entry.size != stored.size:
            message = f"has {entry.size} bytes and was stored with {stored.size}: restore it from a copy"
            yield Problem("", key, "", message, f"{stored.size} bytes", f"{entry.size} bytes")
        elif inspection.deep:
            for _ in read_chunks(inspection.store, stored):
                pass
    except IntegrityError as error:
        if error.expected != stored.digest:  # something else than a file lies there, or it shrinks at this moment
            yield from_error("", key, error)
            return
        detail = _frame_detail(inspection.store, stored) if key.endswith(".tar") else ""
        found = f"has other bytes than were stored (expected {error.expected}, found {error.actual}){detail}"
        yield Problem("", key, "", shorten(f"{found}: restore it from a copy"), error.expected, error.actual)
    except ImageCardsError as error:
        yield from_error("", key, error)


def _frame_detail(store: Store, stored: StoredFile) -> str:
    """Where a damaged shard is damaged outside of its images."""
    try:
        for _ in check_shard(partial(store.get, stored.key), stored.size):
            pass
    except ImageCardsError as error:
        return f"; {error}"
    return ""


def _text_problems(inspection: _Inspection, document: Document) -> list[Problem]:
    """Whether a document's file, when it is what was stored, also holds the text that was registered."""
    if _file_problems(inspection, document.stored):
        return []
    if document not in inspection.texts:
        inspection.texts[document] = list(text_problems(inspection.store, document))
    return inspection.texts[document]


def _withdrawn_problems(inspection: _Inspection, ref: CardRef) -> Iterator[Problem]:
    """Damage in a withdrawn version, whose data may be gone, and may be what other versions point into."""
    problems: list[Problem] = []
    store, name = inspection.store, str(ref)
    card = read_or_tell(problems, name, keys.card(ref), lambda: lookup.read_card(store, ref))
    attached = list(_attached_files(store, ref, card, problems))
    yield from problems
    gone = False
    for stored in dict.fromkeys((*(card.files() if card is not None else ()), *attached)):
        if stored not in inspection.files and _is_gone(store, stored):
            gone = True
            continue
        found = _file_problems(inspection, stored)
        if any(problem.actual == "missing" for problem in found):
            gone = True  # where a live version needs it, that one tells of it
            continue
        yield from (_for_card(name, problem) for problem in found)
    if inspection.deep and card is not None and not gone:
        yield from _content_problems(inspection, card)


def _is_gone(store: Store, stored: StoredFile) -> bool:
    try:
        return store.stat(stored.key) is None
    except ImageCardsError:
        return False
