"""Whether a table of records leads to images of its card, and nowhere else."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import DataCard
from imagecards.datasets import unsafe_paths
from imagecards.errors import IntegrityError


def check_places(card: DataCard, records: pa.Table) -> None:
    """See that every row of a records table lies inside a shard of its card, as far as it names one.

    Raises:
        IntegrityError: A row points elsewhere.
    """
    records = records.filter(records["shard"].is_valid())
    if records.num_rows == 0:
        return
    shard, offset, size = (records[name].to_numpy() for name in ("shard", "offset", "size"))
    limits = np.array([stored.size for stored in card.shards] or [0], dtype=np.int64)
    inside = (shard >= 0) & (shard < len(card.shards)) & (offset >= 0) & (size >= 0)
    inside &= offset <= limits[np.where(inside, shard, 0)] - size
    if not inside.all():
        row = int(np.flatnonzero(~inside)[0])
        name = records["file_name"][row].as_py()
        place = card.records.key if card.records is not None else ""
        message = f"{place} says that {name!r} lies outside the shards of {card.ref}: restore the file from a copy"
        raise IntegrityError(message, place)


def check_paths(names: pa.ChunkedArray, place: str) -> None:
    """See that file names are safe relative paths, each there once.

    Args:
        names: The file names.
        place: Where they are from, for the message.

    Raises:
        IntegrityError: One of them is not.
    """
    unsafe = unsafe_paths(names)
    if unsafe or pc.count_distinct(names).as_py() != len(names):
        what = f"the file name {unsafe[0][0]!r}, which {unsafe[0][1]}" if unsafe else "one file name twice"
        message = (
            f"{place} has {what}: it was made or changed by hand; make it from a folder, or restore it from a copy"
        )
        raise IntegrityError(message, place)
