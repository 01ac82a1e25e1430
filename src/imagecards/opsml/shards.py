"""Image files in the card itself: zips, since opsml loses small files whose names differ only in what follows the dot.

What is stored has its digest in the manifest; the same images give the same zips.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pyarrow as pa

from imagecards.datasets import JoinedSource, Source
from imagecards.datasets.largefile import MAX_WHOLE_BYTES
from imagecards.datasets.zips import ZipSource
from imagecards.errors import IntegrityError, InvalidInputError, StorageError
from imagecards.opsml.manifest import Shard

_LARGEST = 256 << 20  # bytes of images in one zip, unless a single image is larger
_EPOCH = (1980, 1, 1, 0, 0, 0)
_PIECE = 1 << 20


def write_shards(folder: Path, source: Source, table: pa.Table, most: int = _LARGEST) -> tuple[Shard, ...]:
    """Write the images of a dataset as zips.

    Args:
        folder: Where.
        source: Where the images are read from.
        table: What they are: ``file_name``, ``size`` and ``sha256``.
        most: How many bytes of images in one zip.

    Raises:
        StorageError: An image was changed meanwhile.
        InvalidInputError: A name can't be in a zip, or an image is too large to be read from one.
    """
    shards: list[Shard] = []
    expected = dict(zip(table["file_name"].to_pylist(), table["sha256"].to_pylist(), strict=True))
    for number, names in enumerate(_groups(table, most)):
        place = folder / f"images-{number:05d}.zip"
        with ZipFile(place, "x", ZIP_STORED) as written:
            for name, data in zip(names, source.read_many(names), strict=True):
                if hashlib.sha256(data).digest() != expected[name]:
                    raise StorageError(f"{name} was changed while it was being registered: register it again")
                written.writestr(ZipInfo(name, _EPOCH), data)
        if [file.name for file in ZipSource(place).scan().files] != sorted(names):
            message = f"hidden files can't be packed, and one of {names[0]!r} to {names[-1]!r} is: rename it"
            raise InvalidInputError(message)
        shards.append(Shard(file=place.name, sha256=_digest(place)))
    return tuple(shards)


def read_shards(folder: Path, shards: tuple[Shard, ...], place: str) -> Source:
    """The images in zips.

    Args:
        folder: Where the zips are.
        shards: Which ones.
        place: What they belong to, for messages.

    Raises:
        IntegrityError: One is missing or has other bytes.
        FormatError: One is no zip that can be read safely.
    """
    parts = []
    for shard in shards:
        path = folder / shard.file
        found = _digest(path) if path.is_file() else "missing"
        if found != shard.sha256:
            message = f"{shard.file} of {place} is not what was registered: register the dataset again"
            raise IntegrityError(message, shard.file, shard.sha256, found)
        source = ZipSource(path)
        parts.append((source, {file.name: file.name for file in source.scan().files}))
    return JoinedSource(parts)


def _groups(table: pa.Table, most: int) -> Iterator[list[str]]:
    group: list[str] = []
    room = most
    for name, size in zip(table["file_name"].to_pylist(), table["size"].to_pylist(), strict=True):
        if size > MAX_WHOLE_BYTES:
            message = f"{name} has {size:,} bytes, and images of at most {MAX_WHOLE_BYTES:,} are embedded"
            raise InvalidInputError(f"{message}: register the dataset without embed=True")
        if group and size > room:
            yield group
            group, room = [], most
        group.append(name)
        room -= size
    if group:
        yield group


def _digest(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            sha.update(piece)
    return f"sha256:{sha.hexdigest()}"
