"""What the registry knows of images before any is read: those that come out of it, by whatever way."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import CardRef
from imagecards.datasets import FILE_FACTS, Relay, Source
from imagecards.registry.reading import ShardSource
from imagecards.storage import Store


def known_facts(source: Source, names: pa.ChunkedArray) -> pa.Table:
    """What was registered of image files.

    Args:
        source: Where a dataset reads them from. What it hands on from a version is known, however often and under
            whatever names.
        names: The file names.

    Returns:
        The table of `imagecards.datasets.FILE_FACTS`, in the order of names; null where an image must be read first.
    """
    if isinstance(source, ShardSource):
        return source.facts(names)
    parts = []
    for origin, places in source.origins() if isinstance(source, Relay) else ():
        there = known_facts(origin, pa.chunked_array([pa.array(places.values(), pa.string())]))
        parts.append(there.set_column(0, "file_name", pa.array(places.keys(), pa.string())))
    if not parts:
        return unknown_facts(names)
    known = pa.concat_tables(parts)
    return known.take(pc.index_in(names, value_set=known["file_name"])).set_column(0, "file_name", names)


def unknown_facts(names: pa.ChunkedArray) -> pa.Table:
    """The table of `imagecards.datasets.FILE_FACTS` of images that must all be read first."""
    columns = [names if field.name == "file_name" else pa.nulls(len(names), field.type) for field in FILE_FACTS]
    return pa.table(columns, schema=FILE_FACTS)


def versions_behind(source: Source, store: Store) -> Iterator[CardRef]:
    """The versions in a registry that images are handed on from."""
    if isinstance(source, ShardSource):
        if source.url == store.url:
            yield CardRef.parse(source.name)
    elif isinstance(source, Relay):
        for origin, _ in source.origins():
            yield from versions_behind(origin, store)
