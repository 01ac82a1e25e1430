"""Arrow tables as parquet files that give back the very same table.

Parquet alone forgets the levels and the order of categories and the width of some types. So the file's own
metadata holds the table without its rows, as an Arrow stream: its schema and its dictionaries. Any parquet
reader can read the file; categories are plain values in it.
"""

import base64
import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from imagecards.errors import IntegrityError, InvalidInputError

SKELETON = b"imagecards.skeleton"
_MOST_ROWS = 2_000_000_000
_MOST_COLUMNS = 100_000
_LARGEST_SKELETON = 64 * 1024 * 1024


def encode_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a parquet file, compressed with zstd.

    Args:
        table: The table.

    Raises:
        InvalidInputError: Parquet can't hold a column, or the levels of its categories are too many.
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
    return sink.getvalue()


def decode_parquet(data: bytes, place: str = "this table") -> pa.Table:
    """The table that `encode_parquet` was given.

    Args:
        data: The bytes of the file.
        place: Where they are from, for messages.

    Raises:
        IntegrityError: It is not such a file, or is damaged.
    """
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        if file.metadata.num_rows > _MOST_ROWS or file.metadata.num_columns > _MOST_COLUMNS:
            found = f"{file.metadata.num_rows:,} rows and {file.metadata.num_columns:,} columns"
            raise IntegrityError(f"{place} states {found}, more than a table has: restore the file from a copy", place)
        skeleton = (file.metadata.metadata or {}).get(SKELETON)
        if skeleton is None:
            message = f"{place} lacks the schema that imagecards writes: restore the file from a copy"
            raise IntegrityError(message, place)
        empty = pa.ipc.open_stream(base64.b64decode(skeleton, validate=True)).read_all()
        plain = file.read()
        for part in (empty, plain):
            part.validate(full=True)  # offsets that point outside of their buffers would crash the interpreter
        if plain.column_names != empty.column_names:
            message = f"{place} has other columns than its own schema says: restore the file from a copy"
            raise IntegrityError(message, place)
        columns = [_restore(*pair) for pair in zip(plain.columns, empty.columns, strict=True)]
        return pa.table(columns, schema=empty.schema)
    except (pa.ArrowException, OSError, ValueError) as error:
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
