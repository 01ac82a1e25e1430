r"""The text of metadata.jsonl as blocks of lines: only ``\n`` ends a line, and each keeps its number."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 4 * 2**20

BLANK = b" \t\r"
"""What a line may consist of and still count for nothing."""

_BOM = b"\xef\xbb\xbf"
_UNUSUAL = (rb"\u0000", b'"counts"')  # escaped NUL, and run lengths: the exact path looks at lines with them


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Block:
    r"""Some consecutive lines of a file.

    Attributes:
        text: The whole file.
        starts: Where each line starts in ``text``.
        ends: Where it ends, without ``\n`` or ``\r\n``.
        first: The number of the first line, counted from 1.
        plain: Which lines a parser of many may see: those that start with ``{`` and end with ``}``, are not
            too long and have no escaped NUL and no run-length encoding, which columns of polygons can't hold.
    """

    text: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    first: int
    plain: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int) -> bytes:
        """Return one line without its line end."""
        return self.text[self.starts[index] : self.ends[index]]

    def joined(self, indices: NDArray[np.int64]) -> Any:
        """Return some lines, in order, as the text for a parser: without a copy where they are neighbours."""
        if len(indices) == indices[-1] - indices[0] + 1:
            return memoryview(self.text)[self.starts[indices[0]] : self.ends[indices[-1]]]
        return b"\n".join([self.line(index) for index in indices])


def split_blocks(text: bytes, max_line_bytes: int, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Split a file into blocks of about ``block_bytes`` that end with a line."""
    start, first = len(_BOM) if text.startswith(_BOM) else 0, 1
    while start < len(text):
        line_end = text.find(b"\n", start + block_bytes - 1)
        end = len(text) if line_end < 0 else line_end + 1
        block = _block(text, start, end, first, max_line_bytes)
        yield block
        start, first = end, first + len(block)


def _block(text: bytes, start: int, end: int, first: int, max_line_bytes: int) -> Block:
    codes = np.frombuffer(text, dtype=np.uint8, count=end - start, offset=start)
    ends = np.flatnonzero(codes == ord("\n"))
    if not len(ends) or ends[-1] != len(codes) - 1:
        ends = np.append(ends, len(codes))
    starts = np.concatenate(([0], ends[:-1] + 1))
    ends = ends - ((ends > starts) & (codes[ends - 1] == ord("\r")))
    lengths = ends - starts
    first_code, last_code = codes[np.minimum(starts, len(codes) - 1)], codes[ends - 1]
    plain = (lengths >= 2) & (lengths <= max_line_bytes) & (first_code == ord("{")) & (last_code == ord("}"))
    for unusual in _UNUSUAL:
        place = text.find(unusual, start, end)
        while place >= 0:
            line = int(np.searchsorted(starts, place - start, side="right")) - 1
            plain[line] = False
            place = text.find(unusual, start + int(ends[line]), end)
    return Block(text, starts + start, ends + start, first, plain)
