"""What opsml keeps of a dataset, written into a folder and read from it again."""

import shutil
from pathlib import Path

import pyarrow as pa
from pydantic import ValidationError

from imagecards.credentials import hide_credentials
from imagecards.datasets import ImageDataset, Source
from imagecards.datasets.source import Origin
from imagecards.datasets.zips import UnpackedSource
from imagecards.errors import FormatError, ImageCardsError, IntegrityError, NotFoundError, StorageError
from imagecards.opsml.manifest import MANIFEST, RECORDS, Manifest
from imagecards.opsml.pinned import PinnedSource
from imagecards.opsml.shards import read_shards, write_shards
from imagecards.opsml.table import SPLITS, digest_of, read_table, splits_of, write_table
from imagecards.records import printable
from imagecards.registry import CardRegistry
from imagecards.temporary import TemporaryPlace


def write_packed(folder: Path, manifest: Manifest, table: pa.Table, source: Source | None) -> None:
    """Write the small card: the manifest, the records, and the images if they are to be in it.

    Args:
        folder: Where; it is empty.
        manifest: What the dataset is.
        table: Its records.
        source: Where its images are read from, if they are to be in the card.

    Raises:
        StorageError: An image was changed meanwhile.
        InvalidInputError: A name can't be packed.
    """
    if source is not None:
        manifest = manifest.model_copy(update={"shards": write_shards(folder, source, table)})
    write_table(folder / RECORDS, table)
    (folder / MANIFEST).write_bytes(manifest.to_json())


def read_manifest(folder: Path, place: str) -> Manifest:
    """The manifest in a folder.

    Raises:
        IntegrityError: It is missing or damaged.
    """
    try:
        data = (folder / MANIFEST).read_bytes()
    except OSError as error:
        message = f"the manifest of {place} is missing ({error.strerror}): it was not registered by imagecards"
        raise IntegrityError(message, place) from error
    return Manifest.from_json(data, place)


def open_packed(folder: Path, place: str, at: str | None = None, *, expected: str | None = None) -> ImageDataset:
    """Open the dataset that lies in a folder.

    Args:
        folder: The folder; nothing in it is needed afterwards.
        place: What is opened, for messages.
        at: Where its images or its registry are now, if not where they were.
        expected: The digest that the dataset must have.

    Raises:
        IntegrityError: It is not what was registered.
        NotFoundError: The folder or registry that it names is not there.
    """
    manifest = read_manifest(folder, place)
    if expected is not None and manifest.digest != expected:
        message = f"the manifest of {place} is of another dataset than its card: register the dataset again"
        raise IntegrityError(message, place, expected, manifest.digest)
    if manifest.card is not None and not manifest.shards:
        return _open_card(manifest, place, at)
    table = read_table(folder / RECORDS, place)
    splits = splits_of(table, manifest.splits)
    found = digest_of(table, splits, manifest.attributes)
    if found != manifest.digest:
        message = f"the records of {place} are not those of its manifest: register the dataset again"
        raise IntegrityError(message, place, manifest.digest, found)
    if manifest.shards:
        kept = TemporaryPlace("opsml")
        for shard in manifest.shards:
            if (folder / shard.file).is_file():
                shutil.move(folder / shard.file, kept.path / shard.file)
        try:
            inside = read_shards(kept.path, manifest.shards, place)
        except FormatError as error:
            raise IntegrityError(f"the images of {place} can't be read ({error})", place) from error
        source: Source = UnpackedSource(inside, kept, Origin(f"opsml:{place}"))
    else:
        source = _open_root(at or manifest.uri, place)
    pinned = PinnedSource(source, place, table)
    return ImageDataset.from_source(pinned, table.drop_columns([SPLITS]), splits, attributes=manifest.attributes)


def _open_card(manifest: Manifest, place: str, at: str | None) -> ImageDataset:
    where = at or manifest.uri
    try:
        card = CardRegistry(where).load(str(manifest.card))
        if card.dataset_digest != manifest.digest:
            message = f"{manifest.card} is not the dataset that {place} says it is: register it again"
            raise IntegrityError(message, place, manifest.digest, card.dataset_digest)
        dataset = CardRegistry(where).open(card)
    except (NotFoundError, StorageError) as error:
        message = f"{place} is {manifest.card} in {_shown(where)}, which can't be opened ({error}); {_AT}"
        raise type(error)(message) from error
    assert isinstance(dataset, ImageDataset)  # only those are registered
    return dataset


def _open_root(where: str, place: str) -> Source:
    try:
        root = ImageDataset(image_dir=where).root
    except (ValidationError, ImageCardsError) as error:
        raise NotFoundError(f"the images of {place} were in {_shown(where)}, which is not there; {_AT}") from error
    assert root is not None
    return root


def _shown(where: str) -> str:
    return printable(hide_credentials(where), 300)


_AT = "load(..., at=...) says where it is now"
