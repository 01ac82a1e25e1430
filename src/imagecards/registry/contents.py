"""What a version's files hold: records and splits as parquet, documents as zstd text."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imagecards.cards import StoredFile
from imagecards.errors import IntegrityError
from imagecards.registry.files import read_file
from imagecards.storage import Store

IMAGE_COLUMNS = pa.schema(
    [
        ("sha256", pa.binary(32)),
        ("size", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("mode", pa.string()),
        ("format", pa.string()),
    ]
)
"""What a records table says of the image file of each row, beside its annotations."""

PLACE_COLUMNS = pa.schema([("shard", pa.int32()), ("offset", pa.int64())])
"""Where the bytes are: an index into the card's shards, and the first byte of the image in that shard."""

DIGEST_SIZE = 16
"""Bytes of each record digest that a records table keeps: enough to compare by, and digests can't be compressed."""

_ANNOTATIONS = ("file_name", "caption", "categories", "objects", "extra")
_SPLITS = pa.schema([("split", pa.string()), ("file_name", pa.string())])
_INCOMPRESSIBLE = ("sha256", "digest")
_MOST_ROWS = 200_000_000


def encode_records(table: pa.Table) -> bytes:
    """A records table as the bytes of ``records.parquet``."""
    sink = io.BytesIO()
    compression = {name: "NONE" if name in _INCOMPRESSIBLE else "ZSTD" for name in _leaf_columns(table.schema)}
    repetitive = [name for name in _leaf_columns(table.schema) if name not in {*_INCOMPRESSIBLE, "file_name", "offset"}]
    pq.write_table(table, sink, compression=compression, use_dictionary=repetitive, row_group_size=131_072)
    return sink.getvalue()


def read_records(store: Store, stored: StoredFile, columns: Sequence[str] | None = None) -> pa.Table:
    """The records table of a version, its bytes checked against the card.

    Args:
        store: The registry's store.
        stored: The file, as the card names it.
        columns: Only these; all by default.

    Raises:
        IntegrityError: The file is missing, has other bytes, or does not hold what a records table holds.
    """
    required = {"file_name", "digest", *IMAGE_COLUMNS.names, *PLACE_COLUMNS.names}
    return _decode(read_file(store, stored), stored.key, required, columns)


def annotations(table: pa.Table) -> pa.Table:
    """The columns of a table that a record consists of, without those of its image file."""
    return table.select([name for name in _ANNOTATIONS if name in table.column_names])


def encode_splits(splits: Mapping[str, Sequence[str]]) -> bytes:
    """Splits as the bytes of ``splits.parquet``: one row for each image of each split."""
    rows = [(split, name) for split in sorted(splits) for name in splits[split]]
    table = pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], schema=_SPLITS)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="ZSTD")
    return sink.getvalue()


def read_splits(store: Store, stored: StoredFile | None) -> dict[str, tuple[str, ...]]:
    """The splits of a version, by name; none where the card names no splits file."""
    if stored is None:
        return {}
    table = _decode(read_file(store, stored), stored.key, set(_SPLITS.names), None)
    splits: dict[str, list[str]] = {}
    for split, name in zip(table["split"].to_pylist(), table["file_name"].to_pylist(), strict=True):
        splits.setdefault(split, []).append(name)
    return {split: tuple(names) for split, names in splits.items()}


def compress(text: bytes) -> bytes:
    """A document as one zstd frame."""
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(text)
    return bytes(sink.getvalue())


def decompress(data: bytes, size: int, place: str) -> bytes:
    """The text of a document that `compress` made.

    Raises:
        IntegrityError: It is damaged, or holds more or less than ``size`` bytes.
    """
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            text = bytes(stream.read(size + 1))
    except OSError as error:
        message = f"{place} is not a complete zstd frame ({error}): restore the file from a copy"
        raise IntegrityError(message, place) from error
    if len(text) != size:
        message = f"{place} holds {len(text)} bytes or more, and its card says {size}: restore the file from a copy"
        raise IntegrityError(message, place, str(size), str(len(text)))
    return text


def _decode(data: bytes, place: str, required: set[str], columns: Sequence[str] | None) -> Any:
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = set(file.schema_arrow.names)
        if not required <= names or file.metadata.num_rows > _MOST_ROWS:
            found = f"columns {sorted(names)} and {file.metadata.num_rows} rows"
            message = f"{place} has {found}: it is not a file of this format; restore it from a copy"
            raise IntegrityError(message, place)
        return file.read(columns=list(columns) if columns is not None else None)
    except pa.ArrowException as error:
        message = f"{place} can't be read as parquet ({error}): restore the file from a copy"
        raise IntegrityError(message, place) from error


def _leaf_columns(schema: pa.Schema) -> Iterable[str]:
    """Parquet names the leaves of nested columns by path; writer options are given by leaf."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema) as writer:
        writer.write_table(schema.empty_table())
    parquet = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [parquet.column(index).path for index in range(len(parquet))]
