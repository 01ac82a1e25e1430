"""Parquet as Hugging Face has it: ``data/<split>-00000-of-00002.parquet``, the images in it.

Columns: ``image`` (bytes and path, decoded by ``datasets``), ``file_name``, ``width``, ``height``, and where the
dataset has them ``caption``, ``categories``, ``objects`` and each further field. ``objects`` has parallel lists:
``bbox`` (x, y, width, height in pixels), ``category``, ``segmentation``, ``area``, ``iscrowd``, ``id`` and further
fields. Categories that are text, or that the dataset has a list of, are class labels: numbers from 0 in the order of
their ids, with names in the features. Segmentations are lists of polygons where the dataset has no others, else text,
the JSON of each; so is a further field that has parts without a type.

What ``datasets`` has no place for, ids of categories and all else that is said of the dataset as a whole, is in the
schema's metadata under ``imagecards``, as JSON.
"""

import re
from collections.abc import Iterator, Sequence
from io import RawIOBase
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imagecards.errors import InvalidInputError
from imagecards.formats.format import Format
from imagecards.formats.parquet.features import Features, features_of
from imagecards.formats.scene import Part, Scene, Write

SHARD_BYTES = 500 * 10**6
ROW_GROUP_BYTES = 32 * 10**6

_ROW_GROUP_ROWS = 100  # what a reader of a stream has to fetch before it sees the first image
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9_]+")
_UNSPLIT = "train"  # as Hugging Face calls files that say nothing of a split


class _Sink(RawIOBase):
    """Takes what the writer of a file writes until it is taken away."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.written = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self.pieces.append(piece)
        self.written += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self.written

    def taken(self) -> list[bytes]:
        pieces, self.pieces = self.pieces, []
        return pieces


def write_parquet(scene: Scene, write: Write, *, images: bool = True, shard_bytes: int = SHARD_BYTES) -> None:
    """Write one Parquet file a split, or several.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the images; without there is no column of them.
        shard_bytes: How many bytes of images one file has, about.

    Raises:
        InvalidInputError: A file can't be that small.
    """
    if type(shard_bytes) is not int or shard_bytes < 1:
        raise InvalidInputError(f"a file has one byte or more, not {shard_bytes!r:.60}")
    features = features_of(scene, images=images)
    for part, name in zip(scene.parts, _split_names(scene), strict=True):
        shards = _shards(scene, part, shard_bytes) if images else [(list(part.rows), [0] * len(part.rows))]
        for number, (rows, sizes) in enumerate(shards):
            path = f"data/{name}-{number:05d}-of-{len(shards):05d}.parquet"
            write(path, _file(scene, part, features, rows, sizes))


def _split_names(scene: Scene) -> list[str]:
    """What the splits are called in the names of files, where only letters, digits and underscores may be."""
    names: list[str] = []
    for part in scene.parts:
        name = _NOT_PLAIN.sub("_", part.split).strip("_") if part.split is not None else _UNSPLIT
        if part.split is None:
            if part.rows:
                message = "images that are in no split are in one here, since every file is of one"
                scene.losses.add("split-given", message, scene.dataset.names[part.rows[0]], len(part.rows))
        elif name != part.split:
            message = "names of splits keep letters, digits and underscores only"
            scene.losses.add("splits-renamed", message, part.split)
        name, number = name or "split", 1
        unique = name
        while unique in names:
            number += 1
            unique = f"{name}_{number}"
        names.append(unique)
    return names


def _shards(scene: Scene, part: Part, most: int) -> list[tuple[list[int], list[int]]]:
    """The rows of each file of a split, and how many bytes their images have."""
    table = scene.dataset.table
    known = table["size"].to_pylist() if "size" in table.column_names else []
    shards: list[tuple[list[int], list[int]]] = [([], [])]
    filled = 0
    for row in part.rows:
        size = known[row] if known and known[row] is not None else len(_bytes(scene, row))
        if filled + size > most and shards[-1][0]:
            shards.append(([], []))
            filled = 0
        shards[-1][0].append(row)
        shards[-1][1].append(size)
        filled += size
    return shards


def _file(scene: Scene, part: Part, features: Features, rows: Sequence[int], sizes: Sequence[int]) -> Iterator[bytes]:
    """The bytes of one file, a row group in memory at a time."""
    sink = _Sink()
    schema = features.schema
    plain = [path for path in _leaves(schema) if not path.startswith("image.")]
    writer = pq.ParquetWriter(
        pa.PythonFile(sink, mode="w"),
        schema,
        compression={path: "zstd" if path in plain else "none" for path in _leaves(schema)},
        use_dictionary=[path for path in plain if path != "file_name"],
        write_statistics=plain,
        data_page_size=2**20,
    )
    with writer:
        for start, stop in _groups(sizes):
            group = rows[start:stop]
            files = [_bytes(scene, row) for row in group] if features.images else None
            writer.write_table(features.table(part, group, files))
            yield from sink.taken()
    yield from sink.taken()


def _groups(sizes: Sequence[int]) -> Iterator[tuple[int, int]]:
    start, filled = 0, 0
    for number, size in enumerate(sizes):
        if number > start and (number - start >= _ROW_GROUP_ROWS or filled + size > ROW_GROUP_BYTES):
            yield start, number
            start, filled = number, 0
        filled += size
    if start < len(sizes):
        yield start, len(sizes)


def _leaves(schema: pa.Schema) -> list[str]:
    """The paths of the columns as Parquet has them."""
    return [column.path for column in map(pq.ParquetSchema.column, *_columns(schema))]


def _columns(schema: pa.Schema) -> tuple[list[Any], list[int]]:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema):
        pass
    parquet = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [parquet] * len(parquet), list(range(len(parquet)))


def _bytes(scene: Scene, row: int) -> bytes:
    return scene.dataset.read_bytes(scene.dataset.names[row])


FORMAT = Format(
    name="parquet",
    title="Parquet with the images in it (Hugging Face)",
    extensions=(".parquet",),
    holds=frozenset(
        {"boxes", "polygons", "masks", "image categories", "captions", "crowds", "splits", "fields", "supercategories"}
    ),
    write=write_parquet,
)
