"""Opening a version: its records are read, its images when they are asked for."""

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import DataCard
from imagecards.datasets import ImageDataset
from imagecards.registry import contents
from imagecards.registry.attributes import read_attributes
from imagecards.registry.linked_source import LinkedSource
from imagecards.registry.links import check_urls
from imagecards.registry.place_check import check_paths, check_places
from imagecards.registry.reading import ShardSource
from imagecards.storage import Store


def open_images(store: Store, card: DataCard) -> ImageDataset:
    """The dataset of a card; its records are read now, its images when they are asked for.

    Raises:
        IntegrityError: The records are missing, damaged or do not fit the card.
    """
    assert card.records is not None
    records = contents.read_records(store, card.records, rows=card.summary.images)
    check_places(card, records)
    check_paths(records["file_name"], card.records.key)
    splits = contents.read_splits(store, card.splits)
    source = _source(store, card, records)
    places = {*contents.PLACE_COLUMNS.names, *contents.LINK_COLUMNS.names, "digest"}
    table = records.drop_columns([name for name in records.column_names if name in places])
    return ImageDataset.from_source(source, table, splits, attributes=read_attributes(store, card.attributes))


def _source(store: Store, card: DataCard, records: pa.Table) -> ShardSource:
    if "url" not in records.column_names:
        return ShardSource(store, str(card.ref), card.shards, records)
    assert card.records is not None
    check_urls(records["url"], card.records.key)
    for field in contents.PLACE_COLUMNS:
        column = pc.fill_null(records[field.name], 0)
        records = records.set_column(records.column_names.index(field.name), field, column)
    return LinkedSource(store, str(card.ref), card.shards, records)
