"""Whether linked images are still there, and still what was registered."""

import hashlib
from collections.abc import Iterator, Sequence

from imagecards.cards import DataCard
from imagecards.datasets.in_order import in_order
from imagecards.datasets.remote import ObjectChangedError, RemoteObject, present, read_pieces
from imagecards.errors import ImageCardsError, IntegrityError, NotFoundError
from imagecards.registry import contents
from imagecards.registry.linked_source import describe
from imagecards.registry.links import read_links
from imagecards.registry.problem import Problem, from_error, shorten
from imagecards.storage import Store

_CHANGED = "was changed since it was registered: restore the object, or register the images anew"
_GONE = "is gone: restore the object, or register the images anew"
_STEP = 8 << 20

Found = dict[RemoteObject, Problem | None]
"""What is wrong with an object; each is looked at once, however many versions link it."""


def link_problems(store: Store, card: DataCard, found: Found, *, deep: bool) -> Iterator[Problem]:
    """Linked images of a version that are gone or changed.

    Args:
        store: The registry's store.
        card: The version.
        found: What is known of objects, from versions before; learns more.
        deep: Read every object, rather than ask for size, ETag and version.
    """
    assert card.records is not None
    try:
        records = contents.read_records(store, card.records, rows=card.summary.images)
        links = read_links(card, records)
    except IntegrityError as error:
        yield from_error(str(card.ref), card.records.key, error)
        return
    linked = [(name, link) for name, link in zip(records["file_name"].to_pylist(), links, strict=True) if link]
    if len(linked) != card.summary.linked:
        message = f"links {len(linked)} images, and the card says {card.summary.linked}: restore it from a copy"
        yield Problem(str(card.ref), card.records.key, "", message)
    new = list(dict.fromkeys(link for _, link in linked if link not in found))
    try:
        found.update(zip(new, _read(new) if deep else _look(new), strict=True))
    except ImageCardsError as error:
        yield from_error(str(card.ref), card.records.key, error)
        return
    for name, link in linked:
        problem = found[link]
        if problem is not None:
            yield Problem(str(card.ref), problem.place, name, problem.message, problem.expected, problem.actual)


def _look(links: Sequence[RemoteObject]) -> Iterator[Problem | None]:
    for link, there in zip(links, present(links), strict=True):
        if there is None:
            yield _problem(link, _GONE, "missing")
        elif there.size != link.size:
            yield _problem(link, _CHANGED, f"{there.size} bytes")
        elif None not in (link.etag, there.etag) and link.etag != there.etag:
            yield _problem(link, _CHANGED, describe(there))
        elif there.sha256 not in (None, link.sha256):
            yield _problem(link, _CHANGED, f"sha256:{there.sha256.hex() if there.sha256 else ''}")
        else:
            yield None


def _read(links: Sequence[RemoteObject]) -> Iterator[Problem | None]:
    return in_order(_compare, links, [min(link.size, _STEP) for link in links])


def _compare(link: RemoteObject) -> Problem | None:
    """Read an object, a piece at a time."""
    sha = hashlib.sha256()
    try:
        for piece in read_pieces(link):
            sha.update(piece)
    except NotFoundError:
        return _problem(link, _GONE, "missing")
    except ObjectChangedError:
        return _problem(link, _CHANGED, "another object")
    except ImageCardsError as error:
        return from_error("", link.url, error)
    if sha.digest() == link.sha256:
        return None
    assert link.sha256 is not None
    expected, actual = f"sha256:{link.sha256.hex()}", f"sha256:{sha.hexdigest()}"
    message = f"has other bytes than were registered (expected {expected}, found {actual}): restore the object"
    return Problem("", link.url, "", shorten(message), expected, actual)


def _problem(link: RemoteObject, message: str, actual: str) -> Problem:
    return Problem("", link.url, "", message, describe(link), actual)
