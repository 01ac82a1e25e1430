"""Arrow tables as parquet files that give back the very same table.

Parquet alone forgets the levels and the order of categories and the width of some types. So the file's own
metadata holds the table without its rows, as an Arrow stream: its schema and its dictionaries. Any parquet
reader can read the file; categories are plain values in it.
"""

import base64
import io
import struct
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from imagecards.datasets.buffers import own_buffer
from imagecards.errors import IntegrityError, InvalidInputError

SKELETON = b"imagecards.skeleton"
_MOST_ROWS = 2_000_000_000
_MOST_COLUMNS = 100_000
_LARGEST_SKELETON = 64 * 1024 * 1024
# What a file may become in memory. Compression and repetition make gigabytes of few bytes; zlib reaches 1032 to 1,
# and tables of values reach less. Small files, whose ratio means little, may become what any machine has.
_MOST_GROWTH = 1100
_ALWAYS_DECOMPRESSED = 64 * 1024 * 1024
_ALWAYS_DECODED = 256 * 1024 * 1024
_BATCH = 65_536


def encode_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a parquet file, compressed with zstd.

    Args:
        table: The table.

    Raises:
        InvalidInputError: Parquet can't hold a column, the levels of its categories are too many, or its values
            repeat so much that `decode_parquet` would take its file for a bomb.
    """
    table = table.unify_dictionaries().combine_chunks()
    skeleton = _write_skeleton(table)
    if len(skeleton) > _LARGEST_SKELETON:
        message = f"the levels of the categories take {len(skeleton):,} bytes, of {_LARGEST_SKELETON:,} allowed"
        raise InvalidInputError(f"{message}: make the columns with the most levels plain text")
    plain = pa.table(
        [_plain(column) for column in table.columns],
        schema=pa.schema(
            [pa.field(field.name, _plain_type(field.type), field.nullable) for field in table.schema],
            metadata={**(table.schema.metadata or {}), SKELETON: base64.b64encode(skeleton)},
        ),
    )
    sink = io.BytesIO()
    pq.write_table(plain, sink, compression="zstd")
    encoded = sink.getvalue()
    fault = _bomb(pq.ParquetFile(pa.BufferReader(encoded)), len(encoded), table.schema)
    if fault is not None:
        raise InvalidInputError(f"the table repeats few values so often that {fault}: give it in several tables")
    return encoded


def decode_parquet(data: bytes, place: str = "this table") -> pa.Table:
    """The table that `encode_parquet` was given.

    Args:
        data: The bytes of the file.
        place: Where they are from, for messages.

    Raises:
        IntegrityError: It is not such a file, or is damaged.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(own_buffer(data)))
        if file.metadata.num_rows > _MOST_ROWS or file.metadata.num_columns > _MOST_COLUMNS:
            found = f"{file.metadata.num_rows:,} rows and {file.metadata.num_columns:,} columns"
            raise IntegrityError(f"{place} states {found}, more than a table has: restore the file from a copy", place)
        skeleton = (file.metadata.metadata or {}).get(SKELETON)
        if skeleton is None:
            message = f"{place} lacks the schema that imagecards writes: restore the file from a copy"
            raise IntegrityError(message, place)
        empty = _read_skeleton(skeleton)
        fault = _bomb(file, len(data), empty.schema)
        if fault is not None:
            raise IntegrityError(
                f"{place} is no table that was written here ({fault}): restore the file from a copy", place
            )
        if any(pa.types.is_dictionary(field.type) for field in file.schema_arrow):
            # they are written as plain values; as categories they would be counted as less than they become
            raise ValueError("its columns hold categories, which imagecards writes as plain values")
        plain = _read(file, len(data))
        for part in (empty, plain):
            part.validate(full=True)  # offsets that point outside of their buffers would crash the interpreter
        if plain.column_names != empty.column_names:
            message = f"{place} has other columns than its own schema says: restore the file from a copy"
            raise IntegrityError(message, place)
        columns = [_restore(*pair) for pair in zip(plain.columns, empty.columns, strict=True)]
        return pa.table(columns, schema=empty.schema)
    except (pa.ArrowException, OSError, TypeError, ValueError) as error:
        message = f"{place} can't be read as a table ({error}): restore the file from a copy"
        raise IntegrityError(message, place) from error


def _write_skeleton(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        columns = [
            column.chunk(0).slice(0, 0) if column.num_chunks else _no_rows(column.type) for column in table.columns
        ]
        writer.write_batch(pa.record_batch(columns, schema=table.schema))
    return sink.getvalue()


def _read_skeleton(encoded: bytes) -> pa.Table:
    """The table without rows. What its bytes state is checked before memory is taken for it."""
    if len(encoded) > _LARGEST_SKELETON * 4 // 3 + 4:
        raise ValueError(f"its schema takes {len(encoded):,} bytes")
    skeleton = base64.b64decode(encoded, validate=True)
    messages = pa.ipc.MessageReader.open_stream(pa.BufferReader(skeleton))
    for message in messages:
        if _is_compressed(message.metadata.to_pybytes()):
            raise ValueError("its schema is compressed, which imagecards never does")
    empty = pa.ipc.open_stream(skeleton).read_all()
    if empty.num_rows:
        raise ValueError("its schema has rows")
    for column in empty.columns:
        for chunk in column.chunks:
            # levels without bytes (nulls) can be stated in any number; a boolean takes one bit
            if pa.types.is_dictionary(chunk.type) and len(chunk.dictionary) > 8 * len(skeleton):
                raise ValueError(f"its schema states {len(chunk.dictionary):,} levels")
    return empty


def _is_compressed(message: bytes) -> bool:
    """Whether the body of an IPC message is compressed. Pyarrow verifies the flatbuffer but does not show this."""

    def slot(table: int, index: int) -> int:
        """Where field ``index`` of the table stands, or 0 where it is left out."""
        vtable = table - int(struct.unpack_from("<i", message, table)[0])
        if 4 + 2 * index >= struct.unpack_from("<H", message, vtable)[0]:
            return 0
        offset = int(struct.unpack_from("<H", message, vtable + 4 + 2 * index)[0])
        return table + offset if offset else 0

    def follow(place: int) -> int:
        return place + int(struct.unpack_from("<I", message, place)[0])

    try:
        root = follow(0)
        kind, header = slot(root, 1), slot(root, 2)  # Message: version, header_type, header, ...
        if not kind or not header or message[kind] not in (2, 3):  # 2 is DictionaryBatch, 3 RecordBatch
            return False
        batch = follow(header)
        if message[kind] == 2:
            data = slot(batch, 1)  # DictionaryBatch: id, data, isDelta
            if not data:
                return False
            batch = follow(data)
        return slot(batch, 3) != 0  # RecordBatch: length, nodes, buffers, compression
    except (struct.error, IndexError) as error:
        raise ValueError("its schema is damaged") from error


def _bomb(file: pq.ParquetFile, size: int, schema: pa.Schema) -> str | None:
    """What is wrong with a file of ``size`` bytes that would become too much in memory; ``None`` if nothing is.

    Args:
        file: The file, of which only the metadata are read.
        size: How many bytes it has.
        schema: The types that its columns are made into.
    """
    metadata = file.metadata
    stated = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    if not 0 <= stated <= size * _MOST_GROWTH + _ALWAYS_DECOMPRESSED:
        return f"{size:,} bytes would be decompressed to {stated:,}"
    # a column of one value has next to no bytes in the file, and as many as any other in memory
    most = size * _MOST_GROWTH + _ALWAYS_DECODED
    for kinds in (file.schema_arrow, schema):
        decoded = metadata.num_rows * sum(_width(field.type) for field in kinds)
        if decoded > most:
            return f"{size:,} bytes would become {decoded:,}"
    # Damaged statistics end the process when Python asks for a column's metadata, or when threads read it; a scan
    # on this thread reports them as an error, and takes little memory.
    file.scan_contents(batch_size=_BATCH)
    elements = sum(
        # what repeats stands in lists, of which the number of rows says nothing
        metadata.row_group(group).column(index).num_values * _physical_width(metadata.schema.column(index))
        for index in range(metadata.num_columns)
        if metadata.schema.column(index).max_repetition_level
        for group in range(metadata.num_row_groups)
    )
    return f"{size:,} bytes would become {elements:,}" if elements > most else None


def _width(kind: pa.DataType) -> int:
    """The least bytes that a row takes, null or not; for every column the digest takes at least one."""
    if isinstance(kind, pa.BaseExtensionType):
        return _width(kind.storage_type)
    if pa.types.is_dictionary(kind):
        return _width(kind.index_type)
    if pa.types.is_fixed_size_list(kind):
        return int(kind.list_size) * _width(kind.value_type) + 1
    if pa.types.is_struct(kind):
        return sum(_width(kind.field(index).type) for index in range(kind.num_fields)) + 1
    try:
        return max(1, int(kind.bit_width) // 8)
    except ValueError:  # it has none: texts and lists, of which a row may be empty
        return 4


def _physical_width(column: pq.ColumnSchema) -> int:
    widths = {"BOOLEAN": 1, "INT32": 4, "FLOAT": 4, "INT96": 12, "FIXED_LEN_BYTE_ARRAY": column.length}
    return max(1, int(widths.get(column.physical_type, 8)))


def _read(file: pq.ParquetFile, size: int) -> pa.Table:
    """All rows of a file whose metadata `_bomb` found no fault with."""
    most = size * _MOST_GROWTH + _ALWAYS_DECODED
    largest, unbounded = 0, 0
    for group in range(file.metadata.num_row_groups):
        for index in range(file.metadata.num_columns):
            column = file.metadata.row_group(group).column(index)
            if column.physical_type == "BYTE_ARRAY":
                largest = max(largest, column.total_uncompressed_size)
                unbounded += column.num_values * column.total_uncompressed_size
    if unbounded <= most:
        return file.read(use_threads=False)
    # every row may repeat one long text that the file has once: how much that is shows only as it is read
    rows = min(_BATCH, max(1, most // largest))
    table = pa.Table.from_batches(
        _counted(file.iter_batches(batch_size=rows, use_threads=False), size, most), file.schema_arrow
    )
    return pa.table([_one_chunk(table.select([index])) for index in range(table.num_columns)], table.schema)


def _decoded(array: pa.Array) -> int:
    """How many bytes the values take, categories inside of lists and structs written out, as the digest does it."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        try:
            lengths = pc.binary_length(array.dictionary).take(array.indices)
        except pa.ArrowException:  # levels other than texts are as small as their type
            return int(array.nbytes)
        return int(array.nbytes) + int(pc.sum(lengths.cast(pa.int64())).as_py() or 0)
    if isinstance(array, pa.StructArray):
        return sum(map(_decoded, array.flatten())) + len(array)
    if isinstance(array, pa.MapArray):
        return _decoded(array.keys) + _decoded(array.items) + int(array.nbytes)
    if isinstance(array, (pa.ListArray, pa.LargeListArray, pa.FixedSizeListArray)):
        return max(int(array.nbytes), _decoded(array.flatten()))
    return int(array.nbytes)


def _one_chunk(column: pa.Table) -> pa.ChunkedArray:
    try:
        return column.combine_chunks().column(0)
    except pa.ArrowException:  # lists of categories, each batch with levels of its own
        return column.column(0)


def _counted(batches: Iterator[pa.RecordBatch], size: int, most: int) -> Iterator[pa.RecordBatch]:
    decoded = 0
    for batch in batches:
        decoded += sum(map(_decoded, batch.columns))
        if decoded > most:
            raise ValueError(f"{size:,} bytes become more than {most:,}")
        yield batch


def _no_rows(kind: pa.DataType) -> pa.Array:
    return pa.nulls(0, kind)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _restore(column: pa.ChunkedArray, empty: pa.ChunkedArray) -> pa.ChunkedArray:
    """A stored column with the type and the categories of the column without rows that was kept."""
    kind = empty.type
    if pa.types.is_dictionary(kind):
        levels = empty.chunk(0).dictionary if empty.num_chunks else pa.array([], kind.value_type)
        if len(column) == 0:  # a table of all levels, only to look up nothing, costs much
            return pa.chunked_array(
                [pa.DictionaryArray.from_arrays(pa.array([], kind.index_type), levels, ordered=kind.ordered)], kind
            )
        column = column.cast(kind.value_type)
        chunks = [
            pa.DictionaryArray.from_arrays(
                pc.index_in(chunk, value_set=levels, skip_nulls=True).cast(kind.index_type),
                levels,
                ordered=kind.ordered,
            )
            for chunk in column.chunks
        ]
        return pa.chunked_array(chunks, kind)
    # types that differ in the names of list items only are equal to pyarrow
    return column if str(column.type) == str(kind) else column.cast(kind)
