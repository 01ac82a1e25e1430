"""Shards of opsml 2: Parquet files with one row an image, its pixels as they are in memory."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from imagecards.errors import FormatError, StorageError
from imagecards.paths import check_relative
from imagecards.records import printable
from imagecards.records.issues import shown

METADATA = "metadata.jsonl"

_ROWS_AT_ONCE = 8  # an image may have 100 million pixels
_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "path": ("string", "large_string"),
    "height": ("int32", "int64"),
    "width": ("int32", "int64"),
    "bytes": ("binary", "large_binary"),
    "mode": ("string", "large_string"),
}


@dataclass(frozen=True)
class ShardRow:
    """An image in a shard.

    Attributes:
        place: The file and the row, for messages.
        path: The path of the file that the pixels were read from, relative to the dataset's folder.
        height: Rows of pixels.
        width: Columns of pixels.
        mode: Their type, as Pillow calls it.
        data: The pixels.
    """

    place: str
    path: str
    height: int
    width: int
    mode: str
    data: bytes


def find_shards(folder: Path) -> dict[str | None, list[Path]]:
    """The shards of each split, by name; those that lie in the folder itself are of no split.

    A split that has metadata and no shards is among them, where others have shards: its images are missing.

    Raises:
        FormatError: A shard, a split or its metadata is a symbolic link.
        StorageError: The folder can't be read.
    """
    try:
        below = sorted(each for each in folder.iterdir() if each.is_dir())
        places = {None: folder} | {each.name: each for each in below}
        shards = {split: sorted(place.glob("shard-*.parquet")) for split, place in places.items()}
        if not any(shards.values()):
            return {}
        found = {split: files for split, files in shards.items() if files or (places[split] / METADATA).exists()}
        for split, files in found.items():
            for each in (places[split], places[split] / METADATA, *files):
                if each.is_symlink() and each != folder:
                    raise FormatError(f"{each} is a symbolic link, which is not followed: put there what it leads to")
    except OSError as error:
        raise StorageError(f"{folder} can't be read ({error.strerror}): see its permissions") from error
    return found


def read_rows(shard: Path, called: str, *, pixels: bool = True) -> Iterator[ShardRow]:
    """The images of a shard, a few in memory at a time.

    Args:
        shard: The file.
        called: What it is called in messages.
        pixels: Whether to read the pixels; without, ``data`` is empty, and that takes no time.

    Raises:
        FormatError: It is no shard of opsml 2, a value is missing, or a path is not safe.
    """
    columns = [name for name in _COLUMNS if pixels or name != "bytes"]
    for number, row in enumerate(_rows(shard, called, columns, _ROWS_AT_ONCE if pixels else 4096), start=1):
        place = f"{called}, row {number:,}"
        missing = [name for name, value in row.items() if value is None]
        if missing:
            raise FormatError(f"{place}: there is no {' and no '.join(missing)}: the shard is damaged")
        reason = check_relative(row["path"])
        if reason is not None:
            raise FormatError(f"{place}: the path {shown(row['path'])} {reason}: opsml wrote no such shard")
        yield ShardRow(place, row["path"], row["height"], row["width"], row["mode"], row.get("bytes", b""))


def _rows(shard: Path, called: str, columns: list[str], at_once: int) -> Iterator[dict[str, Any]]:
    try:
        with pq.ParquetFile(shard) as file:
            _check_columns(file.schema_arrow, called)
            for batch in file.iter_batches(at_once, columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:  # text that is no UTF-8 among them
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"{called} can't be read as Parquet: {printable(str(error), 300)}") from error


def _check_columns(schema: pa.Schema, called: str) -> None:
    for name, kinds in _COLUMNS.items():
        if name not in schema.names:
            raise FormatError(f"{called} has no column {name}: opsml 2 wrote {', '.join(_COLUMNS)}")
        kind = str(schema.field(name).type)
        if kind not in kinds:
            raise FormatError(f"the column {name} of {called} is {printable(kind, 100)}, not {kinds[0]}")
