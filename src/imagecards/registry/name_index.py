"""From a file name to its row, without an object for each name."""

from array import array
from bisect import bisect_left
from zlib import crc32

import numpy as np
import pyarrow as pa


class NameIndex:
    """Finds names by their checksums, which are sorted.

    A dictionary of a million names takes 150 MB, and each worker process that was forked copies the pages of what it
    looks up, since looking up counts references. Arrays stay shared, and a pickle is as small as they are.

    Args:
        names: Each there once.

    Example:
        >>> index = NameIndex(pa.chunked_array([["b.png", "a.png"]]))
        >>> index.get("a.png"), index.get("c.png")
        (1, None)
    """

    def __init__(self, names: pa.ChunkedArray) -> None:
        texts: list[str] = names.to_pylist()
        encoded = [text.encode() for text in texts]
        sums = np.fromiter(map(crc32, encoded), np.uint32, len(encoded))
        order = sums.argsort(kind="stable")
        self._sums = array("I", sums[order].tobytes())
        self._rows = array("i", order.astype(np.int32).tobytes())
        self._ends = array("q", np.cumsum([0, *map(len, encoded)], dtype=np.int64).tobytes())
        self._text = b"".join(encoded)

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, name: str) -> int | None:
        """The row of a name, if it is there."""
        try:
            wanted = name.encode()
        except UnicodeEncodeError:
            return None
        found = crc32(wanted)
        place = bisect_left(self._sums, found)
        while place < len(self._sums) and self._sums[place] == found:
            row = self._rows[place]
            if self._text[self._ends[row] : self._ends[row + 1]] == wanted:
                return row
            place += 1
        return None
