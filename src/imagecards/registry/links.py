"""Linked images: named where they lie, not stored. Which they are, and what is known of them beforehand."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import DataCard
from imagecards.datasets import FILE_FACTS, Relay, Source
from imagecards.datasets.examine import gather
from imagecards.datasets.remote import RemoteObject, RemoteSource, check_url
from imagecards.datasets.remote.examine import learn_objects
from imagecards.datasets.remote.hub import has_commit
from imagecards.errors import IntegrityError, InvalidInputError
from imagecards.records.issues import Issue
from imagecards.registry import contents
from imagecards.storage import Store

Links = list[RemoteObject | None]
"""Of each image the object that it is, where it is linked."""


NO_PLACE = (
    "{} can't be registered with copy=False, which names images where they lie: others who read the card must find the "
    "same bytes there, so it takes images behind URLs (s3://bucket/images, hf://datasets/owner/repo/images). Leave "
    "copy=False out"
)


@runtime_checkable
class Linking(Protocol):
    """A source some of whose images are objects elsewhere."""

    def link(self, name: str) -> RemoteObject | None:
        """The object that an image is; ``None`` for one that is stored."""
        ...


def links_in(source: Source, names: Sequence[str]) -> Links:
    """The objects that images are, as far as their source says so.

    Args:
        source: Where a dataset reads them from. What it hands on from other sources counts as theirs.
        names: The file names.
    """
    if isinstance(source, RemoteSource):
        return [source.objects.get(name) for name in names]
    if isinstance(source, Linking):
        return [source.link(name) for name in names]
    found: dict[str, RemoteObject | None] = {}
    for origin, places in source.origins() if isinstance(source, Relay) else ():
        found.update(zip(places, links_in(origin, list(places.values())), strict=True))
    return [found.get(name) for name in names]


def check_linked(facts: pa.Table, stored: pa.Array, links: Links) -> None:
    """See that no image would have to be stored.

    Args:
        facts: The table of `imagecards.datasets.FILE_FACTS`, null where nothing is known.
        stored: The SHA-256 of images that are stored already.
        links: The objects that images are, in the order of facts.

    Raises:
        InvalidInputError: One lies where a card can't name it.
    """
    there = pc.is_in(facts["sha256"], value_set=stored).to_pylist()
    for name, is_stored, link in zip(facts["file_name"].to_pylist(), there, links, strict=True):
        if link is None and not is_stored:
            raise InvalidInputError(NO_PLACE.format(f"the image {name}"))


def read_links(card: DataCard, records: pa.Table) -> Links:
    """The objects that the rows of a records table name.

    Raises:
        IntegrityError: One is not named in the way that this package writes.
    """
    if "url" not in records.column_names:
        return [None] * records.num_rows
    assert card.records is not None
    check_urls(records["url"], card.records.key)
    columns = (records[name].to_pylist() for name in (*contents.LINK_COLUMNS.names, "size", "sha256"))
    return [
        None if url is None else RemoteObject(url, size, etag, version, sha256)
        for url, etag, version, size, sha256 in zip(*columns, strict=True)
    ]


def check_urls(urls: pa.ChunkedArray, place: str) -> None:
    """See that URLs are such as this package writes; those that are null count as right.

    Args:
        urls: The URLs.
        place: Where they are from, for the message.

    Raises:
        IntegrityError: One of them is not.
    """
    for chunk in urls.chunks:  # so that there is never an object for each of all of them
        for url in chunk.drop_null().to_pylist():
            if not _is_sound(url):
                message = f"{place} names an image by a URL that is not read: restore the file from a copy"
                raise IntegrityError(message, place)


def append_links(table: pa.Table, links: Links) -> pa.Table:
    """Add the columns of links to a records table, null for images that are stored."""
    rows = [(link.url, link.etag, link.version) if link is not None else (None, None, None) for link in links]
    for number, field in enumerate(contents.LINK_COLUMNS):
        table = table.append_column(field, pa.array([row[number] for row in rows], field.type))
    return table


def same_links(store: Store, card: DataCard, names: Sequence[str], links: Links) -> bool:
    """Whether every image that a version links is linked in the same place here, and as the same object."""
    assert card.records is not None
    records = contents.read_records(store, card.records, rows=card.summary.images)
    here = dict(zip(names, links, strict=True))
    for name, there in zip(records["file_name"].to_pylist(), read_links(card, records), strict=True):
        link = here.get(name)
        if there is not None and (link is None or link._replace(sha256=None) != there._replace(sha256=None)):
            return False
    return True


def recall(store: Store, cards: Iterable[DataCard], links: Links) -> tuple[pa.Table, Links]:
    """What earlier versions know of objects that are still the same ones.

    An object is the same when its URL, size and ETag are, or when its URL has a commit in it.

    Args:
        store: The registry's store.
        cards: The versions.
        links: The objects, as they are listed now.

    Returns:
        The table of `imagecards.datasets.FILE_FACTS` in the order of links, null where nothing is known, with names
        that mean nothing; and the links, with the version of each that was read then.
    """
    known: dict[tuple[str, int, str | None], tuple[RemoteObject, int]] = {}
    tables: list[pa.Table] = []
    rows = 0
    for card in cards:
        if not card.summary.linked:
            continue
        with suppress(IntegrityError):  # then its images are read again
            assert card.records is not None
            records = contents.read_records(store, card.records, rows=card.summary.images)
            for row, link in enumerate(read_links(card, records)):
                if link is not None and (link.etag is not None or link.url.startswith("hf://")):
                    known.setdefault(link[:3], (link, rows + row))
            tables.append(records.select(FILE_FACTS.names))
            rows += records.num_rows
    found = [known.get(link[:3]) if link is not None else None for link in links]
    facts = pa.concat_tables([FILE_FACTS.empty_table(), *tables])
    facts = facts.take(pa.array([each and each[1] for each in found], pa.int64()))
    return facts, [each[0] if each else link for each, link in zip(found, links, strict=True)]


def learn_links(facts: pa.Table, links: Links, executor: Executor | None) -> tuple[pa.Table, Links, list[Issue]]:
    """Read the linked images of which nothing is known yet.

    Args:
        facts: The table of `imagecards.datasets.FILE_FACTS`, null where nothing is known.
        links: The objects that images are, in the same order.
        executor: Where to read them.

    Returns:
        The facts and the links, with what was learnt; and what is wrong with the images that were read.

    Raises:
        StorageError: One can't be read, or was replaced since it was listed.
    """
    if not any(links):
        return facts, links, []
    known = facts["sha256"].is_valid().to_pylist()
    rows = [row for row, link in enumerate(links) if link is not None and not known[row]]
    if not rows:
        return facts, links, []
    names = facts["file_name"].to_pylist()
    wanted = {names[row]: link for row in rows if (link := links[row]) is not None}
    learnt = learn_objects(RemoteSource("", wanted), list(wanted), executor=executor)
    read, issues = gather(list(wanted), [each.found for each in learnt])
    order = np.arange(facts.num_rows)
    order[rows] = facts.num_rows + np.arange(len(rows))
    links = list(links)
    for row, each in zip(rows, learnt, strict=True):
        link = links[row]
        links[row] = link and link._replace(version=link.version or each.version)
    return pa.concat_tables([facts, read]).take(pa.array(order)), links, issues


def _is_sound(url: str) -> bool:
    try:
        return check_url(url) == url and (not url.startswith("hf://") or has_commit(url))
    except InvalidInputError:
        return False
