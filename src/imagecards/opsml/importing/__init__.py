"""Leaving opsml 1 and 2: their datasets of images, in a registry of ours. opsml itself is not needed for it.

- opsml 1 kept a folder as it was: images, and ``metadata.jsonl`` with ``file_name``, ``caption``, ``categories`` and
  ``objects``.
- opsml 2 kept the pixels of images in shards of Parquet, one folder a split, and in each a ``metadata.jsonl`` with
  ``filepath`` and ``size``. The files that it was given are lost; their pixels come back as PNG, every one as it was.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from imagecards.cards import DataCard
from imagecards.datasets import ImageDataset
from imagecards.errors import NotFoundError
from imagecards.opsml.importing.shards import METADATA, find_shards
from imagecards.opsml.importing.version2 import unpack
from imagecards.registry import CardRegistry
from imagecards.temporary import temporary_folder

__all__ = ["Import", "import_dataset", "read"]


@dataclass(frozen=True)
class Import:
    """A dataset of opsml 1 or 2.

    Attributes:
        dataset: Its images and what is said of them; there for as long as the block that it was read in.
        layout: The version of opsml that wrote it, ``1`` or ``2``.
        renamed: The names of images that have another ending now, old name to new name.
        notes: What could not be kept, in sentences.
    """

    dataset: ImageDataset
    layout: Literal[1, 2]
    renamed: dict[str, str]
    notes: tuple[str, ...]


def import_dataset(
    source: str | os.PathLike[str],
    registry: CardRegistry,
    name: str,
    *,
    metadata: str = METADATA,
    version: str | None = None,
    description: str | None = None,
) -> tuple[DataCard, Import]:
    """Register a dataset of opsml 1 or 2.

    Args:
        source: The folder, as opsml stored it; see `read`.
        registry: Where to register it.
        name: ``space/name``.
        metadata: The metadata file of a folder of opsml 1.
        version: An exact version; by default the next one.
        description: What it is, in a few words.

    Returns:
        The card, and what was found; its dataset is gone with what it was unpacked in, so open the card instead.

    Raises:
        InvalidMetadataError: The metadata break rules; ``.issues`` has all of it, with files and lines.
        FormatError: A shard is damaged, or has what can't be an image; says which row of which file.
        NotFoundError: There is no such folder, or nothing of opsml's in it.
        VersionConflictError: The version is registered with other content.
    """
    with read(source, metadata=metadata) as found:
        card = registry.register(found.dataset, name, version=version, description=description)
    return card, found


@contextmanager
def read(source: str | os.PathLike[str], *, metadata: str = METADATA) -> Iterator[Import]:
    """Read a dataset of opsml 1 or 2, for the time of a block.

    Args:
        source: A folder with images and their metadata, as opsml 1 kept it; or one with shards and metadata, or with
            one folder of those a split, as opsml 2 did; or the folder of a version in its storage.
        metadata: The metadata file of a folder of opsml 1.

    Yields:
        The dataset, and what became of names.

    Raises:
        InvalidMetadataError: The metadata break rules; ``.issues`` has all of it, with files and lines.
        FormatError: A shard is damaged, or has what can't be an image; says which row of which file.
        NotFoundError: There is no such folder, or nothing of opsml's in it.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from imagecards.testing.flakes import make_flakes
        >>> with read(make_flakes(Path(mkdtemp()), 2).images) as found:
        ...     len(found.dataset), found.layout
        (2, 1)
    """
    folder = Path(source).absolute()
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder}: give the one in which opsml stored the dataset")
    if (folder / "card.joblib").is_file():  # a pickle, which nobody opens here
        folder = folder / "data"
    splits = find_shards(folder) if folder.is_dir() else {}
    if splits:
        with temporary_folder("import") as place:
            yield Import(*unpack(folder, splits, place / "images"))
        return
    if not (folder / metadata).is_file():
        raise NotFoundError(
            f"{folder} has no {metadata}, as opsml 1 wrote it, and no shard-*.parquet, as opsml 2 did: "
            "give the folder in which opsml stored the dataset"
        )
    dataset = ImageDataset(image_dir=folder, metadata=metadata)
    dataset.validate().raise_errors()
    yield Import(dataset, 1, {}, ())
