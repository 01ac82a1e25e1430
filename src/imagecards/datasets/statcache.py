"""What was learnt of the files of a folder, remembered until they change."""

import os
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.cachefile import folder_cache, read_cache, write_cache
from imagecards.datasets.facts import FILE_FACTS
from imagecards.datasets.scan import FILE_STATS
from imagecards.images import MAX_PIXELS

_MAGIC = b"imagecards stat cache 1\n"
_LEARNT = pa.schema([field for field in FILE_FACTS if field.name not in FILE_STATS.names])
_SCHEMA = pa.schema([*FILE_STATS, *_LEARNT])

# A file that is written twice within one tick of its file system's clock shows the same time both times. The
# coarsest clock in use ticks every two seconds, so what was that young when a scan began is not remembered.
RACY_NS = 2_000_000_000
"""Nanoseconds before the start of a scan within which a change might not show in a later scan."""


class StatCache:
    """Digests and headers of the files of one folder, kept outside of it.

    An entry counts only while name, size, times of change and inode of the file are what they were. A cache
    that is damaged, belongs to another user or can't be written is as good as none: it costs time, never an
    error.

    Args:
        root: The folder that is remembered.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.path = folder_cache(root, ".arrow")

    def lookup(self, stats: pa.Table, *, max_pixels: int = MAX_PIXELS) -> tuple[pa.Table, npt.NDArray[np.bool_]]:
        """What is remembered of files.

        Args:
            stats: What a scan found of them: the table of `FILE_STATS`.
            max_pixels: Images that are larger are not told of, so that they are looked at again.

        Returns:
            The table of `FILE_FACTS`, one row for each of ``stats`` in their order, null where nothing is
            remembered; and for each of them, whether it is.
        """
        stored = self._load()
        names = stats["file_name"].combine_chunks()
        rows = pc.index_in(names, stored["file_name"])
        known: npt.NDArray[np.bool_] = rows.is_valid().to_numpy(zero_copy_only=False).copy()
        places = rows.fill_null(0).to_numpy()
        if stored.num_rows == 0:
            places = places[:0]
        else:
            for name in FILE_STATS.names[1:]:
                known &= stored[name].to_numpy()[places] == stats[name].to_numpy()
            width, height = (stored[side].to_numpy().astype(np.int64) for side in ("width", "height"))
            known &= (width * height)[places] <= max_pixels
            rows = pc.if_else(known, rows, None)
        facts = [names if field.name == "file_name" else stored[field.name].take(rows) for field in FILE_FACTS]
        return pa.table(facts, schema=FILE_FACTS), known

    def remember(self, stats: pa.Table, facts: pa.Table, began_ns: int) -> None:
        """Remember what was learnt of files, in place of what was remembered of the folder before.

        Args:
            stats: What the scan found of them before they were read: the table of `FILE_STATS`.
            facts: The table of `FILE_FACTS`, one row for each of ``stats`` in their order; rows with nulls
                are left out.
            began_ns: When the scan began.
        """
        table = pa.table([*stats.columns, *(facts[name] for name in _LEARNT.names)], schema=_SCHEMA)
        oldest = pa.scalar(began_ns - RACY_NS, pa.int64())
        settled = pc.and_(pc.less(table["mtime_ns"], oldest), pc.less(table["ctime_ns"], oldest))
        for name in _LEARNT.names:
            settled = pc.and_(settled, table[name].is_valid())
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, _SCHEMA) as writer:
            writer.write_table(table.filter(settled).combine_chunks())
        write_cache(self.path, _MAGIC, memoryview(sink.getvalue()))

    def _load(self) -> pa.Table:
        body = read_cache(self.path, _MAGIC)
        if body is not None:
            with suppress(pa.ArrowException):
                table = pa.ipc.open_file(pa.py_buffer(body)).read_all()
                if table.schema == _SCHEMA:
                    return table.combine_chunks()
        return _SCHEMA.empty_table()
