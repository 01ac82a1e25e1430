"""Fetching a version: its files on disk again, as they were registered."""

import os
from collections.abc import Iterator

import pyarrow as pa

from imagecards.cards import DataCard
from imagecards.datasets import ImageDataset
from imagecards.datasets.documents import METADATA_NAME
from imagecards.destination import new_folder
from imagecards.paths import check_relative
from imagecards.progress import track
from imagecards.records import ImageMetadata
from imagecards.registry import contents
from imagecards.registry.files import read_chunks, read_file
from imagecards.registry.opening import open_images
from imagecards.storage import Store


def fetch_images(store: Store, card: DataCard, to: str | os.PathLike[str]) -> None:
    """Write a version's images and metadata files into a new folder, which appears whole or not at all.

    A version that was registered without metadata files gets new ones. Where its splits are the folders of their
    images there is one in each of these, so that the folder has the same splits; splits of any other kind can't be
    expressed by a folder, and all records are in one file at the top.

    Raises:
        AlreadyExistsError: Something is there already.
        InvalidInputError: The folder is the current one, or one that the current one lies in.
        IntegrityError: Stored bytes are not those that were registered.
        StorageError: The folder can't be written.
    """
    dataset = open_images(store, card)
    with new_folder(to) as write, track("fetching", total=len(dataset)) as advance:
        for name in dataset.names:
            write(name, [dataset.read_bytes(name)])
            advance(1)
        for document in card.documents:
            text = contents.decompress(read_file(store, document.stored), document.size, document.path)
            write(document.path, [text])
        if not card.documents:
            for path, text in _new_documents(dataset, annotated=card.summary.annotated > 0):
                write(path, [text])


def fetch_table(store: Store, card: DataCard, to: str | os.PathLike[str]) -> None:
    """Write a table's file into a new folder, which appears whole or not at all.

    Raises:
        AlreadyExistsError: Something is there already.
        InvalidInputError: The folder is the current one, or one that the current one lies in.
        IntegrityError: Stored bytes are not those that were registered.
        StorageError: The folder can't be written.
    """
    assert card.table is not None
    with new_folder(to) as write:
        write(card.table.key.rpartition("/")[2], read_chunks(store, card.table))


def _new_documents(dataset: ImageDataset, *, annotated: bool) -> Iterator[tuple[str, bytes]]:
    """The path and text of each metadata file of a dataset that has none.

    Args:
        dataset: The dataset.
        annotated: Whether anything is said of any image; without splits nothing is written where it isn't.
    """
    table = dataset.metadata.table
    names: list[str] = table["file_name"].to_pylist()
    rows: dict[str, list[int]] = {folder: [] for folder in ("", *(f"{split}/" for split in _split_folders(dataset)))}
    for row, name in enumerate(names):
        folder = name[: name.find("/") + 1]
        # some names are safe in a folder and not at the top ("~a.png"): those stay in the file at the top
        at_home = folder in rows and check_relative(name[len(folder) :]) is None
        rows[folder if at_home else ""].append(row)
    for folder, chosen in rows.items():
        if folder or (chosen and (annotated or len(rows) > 1)):
            relative = pa.array([names[row][len(folder) :] for row in chosen], pa.string())
            part = table.take(pa.array(chosen, pa.int64()))
            part = part.set_column(part.column_names.index("file_name"), "file_name", relative)
            yield f"{folder}{METADATA_NAME}", ImageMetadata.from_table(part).to_jsonl()


def _split_folders(dataset: ImageDataset) -> list[str]:
    """The splits of a dataset, if each consists of all images in the folder of its name; else none."""
    inside: dict[str, list[str]] = {}
    for name in dataset.names:
        folder, slash, _ = name.partition("/")
        if slash:
            inside.setdefault(folder, []).append(name)
    for split, members in dataset.splits.items():
        # a hidden folder is not part of a dataset, and only one at the top is a split
        is_name = check_relative(split) is None and "/" not in split and not split.startswith(".")
        if not is_name or sorted(inside.get(split, [])) != sorted(members):
            return []
    return list(dataset.splits)
