"""What a version's files hold: records and splits as parquet, documents as zstd text."""

import io
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from imagecards.cards import StoredFile
from imagecards.datasets import FILE_FACTS
from imagecards.datasets.buffers import own_buffer
from imagecards.errors import IntegrityError
from imagecards.records.schema import KNOWN_FIELDS
from imagecards.registry.files import read_file
from imagecards.storage import Store

IMAGE_COLUMNS = pa.schema([field for field in FILE_FACTS if field.name != "file_name"])
"""What a records table says of the image file of each row, beside its annotations."""

PLACE_COLUMNS = pa.schema([("shard", pa.int32()), ("offset", pa.int64())])
"""Where the bytes are: an index into the card's shards, and the first byte of the image in that shard."""

LINK_COLUMNS = pa.schema([("url", pa.string()), ("etag", pa.string()), ("version", pa.string())])
"""Where an image lies that is not in a shard, and what tells it from others in that place; absent where none is."""

DIGEST_SIZE = 16
"""Bytes of each record digest that a records table keeps: enough to compare by, and digests can't be compressed."""

_FIXED = pa.schema([("file_name", pa.string()), *IMAGE_COLUMNS, *PLACE_COLUMNS, ("digest", pa.binary(DIGEST_SIZE))])
_SPLITS = pa.schema([("split", pa.string()), ("file_name", pa.string())])
_INCOMPRESSIBLE = ("sha256", "digest")
_LARGEST_DOCUMENT = 8 << 30
_STEP = 16 << 20


def encode_records(table: pa.Table) -> bytes:
    """A records table as the bytes of ``records.parquet``."""
    sink = io.BytesIO()
    leaves = _leaf_columns(table.schema)
    compression = {name: "NONE" if name in _INCOMPRESSIBLE else "ZSTD" for name in leaves}
    distinct = {*_INCOMPRESSIBLE, "file_name", "offset", *LINK_COLUMNS.names}
    repetitive = [name for name in leaves if name not in distinct]
    pq.write_table(table, sink, compression=compression, use_dictionary=repetitive, row_group_size=131_072)
    return sink.getvalue()


def read_records(
    store: Store, stored: StoredFile, columns: Sequence[str] | None = None, *, rows: int | None = None
) -> pa.Table:
    """The records table of a version, its bytes checked against the card.

    Args:
        store: The registry's store.
        stored: The file, as the card names it.
        columns: Only these; all by default.
        rows: How many images the card says there are; more are not even read.

    Raises:
        IntegrityError: The file is missing, has other bytes, or does not hold what a records table holds.
    """
    file = _open(read_file(store, stored), stored.key)
    found = file.schema_arrow
    linked = "url" in found.names
    fixed = [*_FIXED, *(LINK_COLUMNS if linked else ())]
    wrong = [field.name for field in fixed if found.names.count(field.name) != 1 or found.field(field.name) != field]
    others = set(found.names) - {field.name for field in fixed}
    wrong += [name for name in others if not _is_annotation(found.field(name))]
    if wrong or (rows is not None and file.metadata.num_rows != rows):
        what = f"columns {sorted(wrong)}" if wrong else f"{file.metadata.num_rows} rows for {rows} images"
        raise IntegrityError(f"{stored.key} has {what}: it is no records table; restore it from a copy", stored.key)
    table = _read(file, stored.key, columns)
    holes = [name for name in table.column_names if name in _FIXED.names and table[name].null_count]
    if linked:
        places = _read(file, stored.key, [*PLACE_COLUMNS.names, "url"])
        elsewhere = places["url"].is_valid()
        two_or_none = [name for name in PLACE_COLUMNS.names if not places[name].is_null().equals(elsewhere)]
        holes = [name for name in holes if name not in PLACE_COLUMNS.names] + two_or_none
    if holes:
        raise IntegrityError(f"{stored.key} has nulls in {holes}: restore it from a copy", stored.key)
    return table


def annotations(table: pa.Table) -> pa.Table:
    """The columns of a table that a record consists of, without those of its image file."""
    return table.select([name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names])


def encode_splits(splits: Mapping[str, Sequence[str]]) -> bytes:
    """Splits as the bytes of ``splits.parquet``: one row for each image of each split; a null name in an empty one."""
    rows = [(split, name) for split in sorted(splits) for name in splits[split] or (None,)]
    columns = [[row[index] for row in rows] for index in range(2)]
    table = pa.table([pa.array(column, pa.string()) for column in columns], schema=_SPLITS)
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="ZSTD")
    return sink.getvalue()


def read_splits(store: Store, stored: StoredFile | None) -> dict[str, tuple[str, ...]]:
    """The splits of a version, by name; none where the card names no splits file."""
    if stored is None:
        return {}
    file = _open(read_file(store, stored), stored.key)
    if file.schema_arrow.remove_metadata() != _SPLITS:
        raise IntegrityError(f"{stored.key} is no splits table: restore it from a copy", stored.key)
    table = _read(file, stored.key, None)
    splits: dict[str, list[str]] = {}
    for split, name in zip(table["split"].to_pylist(), table["file_name"].to_pylist(), strict=True):
        splits.setdefault(split, []).extend([name] if name is not None else [])
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
    text = bytearray()
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            while len(text) <= min(size, _LARGEST_DOCUMENT) and (piece := stream.read(_STEP)):
                text += piece
    except OSError as error:
        message = f"{place} is not a complete zstd frame ({error}): restore the file from a copy"
        raise IntegrityError(message, place) from error
    if len(text) != size:
        message = f"{place} holds {len(text)} bytes or more, and its card says {size}: restore the file from a copy"
        raise IntegrityError(message, place, str(size), str(len(text)))
    return bytes(text)


def _open(data: bytes, place: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(own_buffer(data)))
    except (pa.ArrowException, OSError) as error:
        message = f"{place} can't be read as parquet ({error}): restore the file from a copy"
        raise IntegrityError(message, place) from error


def _read(file: pq.ParquetFile, place: str, columns: Sequence[str] | None) -> pa.Table:
    try:
        table = file.read(columns=list(columns) if columns is not None else None)
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        message = f"{place} can't be read as parquet ({error}): restore the file from a copy"
        raise IntegrityError(message, place) from error
    return table


def _is_annotation(field: pa.Field) -> bool:
    """Whether a column is one of those that a record may have, of the type that it has there."""
    kind = field.type
    if field.name == "caption":
        return bool(pa.types.is_string(kind))
    if field.name == "categories":
        return bool(pa.types.is_list(kind) and kind.value_type in (pa.int64(), pa.string()))
    if field.name == "objects":
        return bool(pa.types.is_list(kind) and pa.types.is_struct(kind.value_type))
    return field.name == "extra" and bool(pa.types.is_struct(kind))


def _leaf_columns(schema: pa.Schema) -> list[str]:
    """Parquet names the leaves of nested columns by path; writer options are given by leaf."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema) as writer:
        writer.write_table(schema.empty_table())
    parquet = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return [parquet.column(index).path for index in range(len(parquet))]
