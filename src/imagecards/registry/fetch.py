"""Fetching a version: its files on disk again, as they were registered."""

import os

from imagecards.cards import DataCard
from imagecards.progress import track
from imagecards.registry import contents
from imagecards.registry.destination import new_folder
from imagecards.registry.files import read_file
from imagecards.registry.reading import open_images
from imagecards.storage import Store


def fetch_images(store: Store, card: DataCard, to: str | os.PathLike[str]) -> None:
    """Write a version's images and metadata files into a new folder, which appears whole or not at all.

    Raises:
        AlreadyExistsError: Something is there already.
        IntegrityError: Stored bytes are not those that were registered.
    """
    dataset = open_images(store, card)
    with new_folder(to) as write, track("fetching", total=len(dataset)) as advance:
        for name in dataset.names:
            write(name, dataset.read(name))
            advance(1)
        for document in card.documents:
            write(
                document.path,
                contents.decompress(read_file(store, document.stored), document.size, document.path),
            )
        if not card.documents and card.summary.annotated:
            write("metadata.jsonl", dataset.metadata.to_jsonl())


def fetch_table(store: Store, card: DataCard, to: str | os.PathLike[str]) -> None:
    """Write a table's file into a new folder, which appears whole or not at all.

    Raises:
        AlreadyExistsError: Something is there already.
        IntegrityError: Stored bytes are not those that were registered.
    """
    assert card.table is not None
    with new_folder(to) as write:
        write(card.table.key.rpartition("/")[2], read_file(store, card.table))
