"""Whether files with true digests also hold what a version consists of: texts, records, images, tables."""

import hashlib
from collections.abc import Iterator

import pyarrow as pa

from imagecards.cards import DataCard, Document
from imagecards.digests import digest
from imagecards.errors import ImageCardsError
from imagecards.records import dataset_digest, record_digests
from imagecards.registry import contents
from imagecards.registry.attributes import read_attributes
from imagecards.registry.files import read_file
from imagecards.registry.place_check import check_paths, check_places
from imagecards.registry.problem import Problem, from_error, shorten
from imagecards.registry.tables import open_table
from imagecards.storage import Store

Images = dict[tuple[str, int, bytes], bool]
"""Whether the image at a place in a shard has the digest that a record states: key, offset, sha256."""

_STEP = 64 << 20

# What reading a file can raise whose digest is true and whose content is none that this package writes.
_STRANGE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, pa.ArrowException)


def text_problems(store: Store, document: Document) -> Iterator[Problem]:
    """Whether the file of a document holds the text that was registered."""
    key = document.stored.key
    try:
        found = digest(contents.decompress(read_file(store, document.stored), document.size, key))
    except ImageCardsError as error:
        yield from_error("", key, error)
        return
    except _STRANGE as error:
        yield _strange("", key, error)
        return
    if found != document.digest:
        message = (
            f"holds another text than {document.path} had (expected {document.digest}, found {found}): "
            "restore it from a copy"
        )
        yield Problem("", key, "", shorten(message), document.digest, found)


def content_problems(store: Store, card: DataCard, images: Images) -> Iterator[Problem]:
    """Whether what the files hold gives the digests that the card states."""
    main = card.table or card.records
    assert main is not None
    ref, place, known = str(card.ref), main.key, card.keys()
    try:
        for found in _table_content(store, card) if card.table is not None else _image_content(store, card, images):
            if isinstance(found, Problem):
                yield found
            elif found != card.dataset_digest:
                message = f"its content has the dataset digest {found}, and the card states {card.dataset_digest}"
                yield Problem(ref, place, "", shorten(message), card.dataset_digest, found)
    except ImageCardsError as error:
        named = getattr(error, "place", "")
        yield from_error(ref, named if named in known else place, error)
    except _STRANGE as error:
        yield _strange(ref, place, error)


def _strange(card: str, place: str, error: Exception) -> Problem:
    found = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    return Problem(card, place, "", f"has true digests and is not what imagecards writes ({found}): register it anew")


def _table_content(store: Store, card: DataCard) -> Iterator[Problem | str]:
    """The dataset digest of a table."""
    yield open_table(store, card).digest


def _image_content(store: Store, card: DataCard, images: Images) -> Iterator[Problem | str]:
    """Images and records that are not what was registered, and the dataset digest of what is there."""
    assert card.records is not None
    records = contents.read_records(store, card.records, rows=card.summary.images)
    check_places(card, records)
    check_paths(records["file_name"], card.records.key)
    yield from _image_problems(store, card, records, images)
    names = records["file_name"].to_pylist()
    digests = record_digests(contents.annotations(records), records["sha256"].to_pylist())
    for name, stated, found in zip(names, records["digest"].to_pylist(), digests, strict=True):
        if stated != found[: contents.DIGEST_SIZE]:
            message = "the record does not have the digest that is stated beside it"
            yield Problem(str(card.ref), card.records.key, name, message)
    splits = contents.read_splits(store, card.splits)
    yield dataset_digest(names, digests, splits, read_attributes(store, card.attributes))


def _image_problems(store: Store, card: DataCard, records: pa.Table, images: Images) -> Iterator[Problem]:
    """Images whose bytes in a shard are not those of their record; each place is read once for all versions."""
    records = records.filter(records["shard"].is_valid())
    columns = (records[name].to_pylist() for name in ("file_name", "shard", "offset", "size", "sha256"))
    for name, shard, offset, size, sha256 in sorted(zip(*columns, strict=True), key=lambda row: row[1:3]):
        place = (card.shards[shard].key, offset, sha256)
        if place not in images:
            try:
                sha = hashlib.sha256()
                for start in range(offset, offset + size, _STEP):
                    sha.update(store.get(place[0], start, min(_STEP, offset + size - start)))
                images[place] = sha.digest() == sha256
            except ImageCardsError:
                images[place] = False
        if not images[place]:
            message = "the image has other bytes than were registered, or can't be read: restore the shard from a copy"
            yield Problem(str(card.ref), place[0], name, message)
