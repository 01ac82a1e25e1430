"""The value that a mask is: run lengths in COCO's order, down the first column, then the next to its right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError

Ints = NDArray[np.int64]

LARGEST_AREA = 2**31 - 1  # pixels; the C code of pycocotools counts with 32 bits
LARGEST_SIDE = 2**20  # pixels; whole columns are listed one by one where masks are traced


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """A mask as run lengths, in canonical form: equal masks have equal runs.

    Attributes:
        size: Height and width in pixels.
        counts: int64, lengths of runs of 0s and 1s in turn, column after column. Only the first may be 0; they sum
            to height x width.

    Example:
        >>> Runs((2, 2), np.array([1, 2, 1])) == runs_from_flat(np.array([False, True, True, False]), 2, 2)
        True
    """

    size: tuple[int, int]
    counts: Ints

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        return self.size == other.size and np.array_equal(self.counts, other.counts)

    def __hash__(self) -> int:
        return hash((self.size, self.counts.tobytes()))


def check_size(height: object, width: object) -> tuple[int, int]:
    """Return height and width as ints after proving that a mask can have this size.

    Raises:
        FormatError: They aren't positive whole numbers, or are larger than any image that can be handled.

    Example:
        >>> check_size(1200, 1920)
        (1200, 1920)
    """
    sides = []
    for side in (height, width):
        if not isinstance(side, int | np.integer) or isinstance(side, bool) or not 0 < side <= LARGEST_SIDE:
            raise FormatError(
                f"a mask's height and width are whole numbers from 1 to {LARGEST_SIDE:,}, these are "
                f"{shorten(height)} and {shorten(width)}: correct the size"
            )
        sides.append(int(side))
    rows, columns = sides
    if rows * columns > LARGEST_AREA:
        raise FormatError(f"a mask of {rows} x {columns} pixels is too large: at most {LARGEST_AREA:,} can be handled")
    return rows, columns


def runs_from_flat(flat: NDArray[np.bool_], height: int, width: int) -> Runs:
    """Make runs of a mask's pixels that already are in column order.

    Args:
        flat: bool, shape (height x width,).
        height: Of the mask, in pixels.
        width: Of the mask, in pixels.

    Example:
        >>> runs_from_flat(np.array([False, True, True, False]), 2, 2).counts.tolist()
        [1, 2, 1]
    """
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    first = np.zeros(1 + bool(flat[0]), np.int64)  # a mask that begins with 1s has a run of no 0s before them
    return Runs((height, width), np.diff(np.concatenate([first, changes, [flat.size]])))


def runs_from_spans(starts: Ints, ends: Ints, height: int, width: int) -> Runs:
    """Make runs of the spans of 1s: the inverse of `spans`; spans may touch, but must ascend without overlap."""
    if starts.size > 1 and not (starts[1:] > ends[:-1]).all():
        apart = np.concatenate([[True], starts[1:] > ends[:-1]])
        starts, ends = starts[apart], ends[np.append(apart[1:], True)]
    edges = np.empty(2 * starts.size + 2, np.int64)
    edges[0], edges[-1] = 0, height * width
    edges[1:-1:2], edges[2:-1:2] = starts, ends
    counts = np.diff(edges)
    return Runs((height, width), counts[:-1] if counts.size > 1 and not counts[-1] else counts)


def spans(runs: Runs) -> tuple[Ints, Ints]:
    """Return where the runs of 1s start and end (exclusive), as positions in column order.

    Example:
        >>> [edges.tolist() for edges in spans(Runs((4, 4), np.array([5, 2, 2, 2, 5])))]
        [[5, 9], [7, 11]]
    """
    edges = runs.counts.cumsum()
    ends = edges[1::2]
    return edges[::2][: ends.size], ends


def columns(runs: Runs) -> tuple[Ints, Ints, Ints]:
    """Cut the runs of 1s at the ends of columns.

    Returns:
        The column of each piece, its first row, and the row behind its last; in order of columns, then rows.

    Example:
        >>> [part.tolist() for part in columns(Runs((3, 3), np.array([1, 4, 4])))]
        [[0, 1], [1, 0], [3, 2]]
    """
    height = runs.size[0]
    starts, ends = spans(runs)
    first = starts // height
    pieces = (ends - 1) // height - first + 1
    if not (pieces > 1).any():
        return first, starts - first * height, ends - first * height
    owner = np.repeat(np.arange(pieces.size), pieces)
    column = first[owner] + np.arange(owner.size) - (pieces.cumsum() - pieces)[owner]
    top = np.maximum(starts[owner] - column * height, 0)
    bottom = np.minimum(ends[owner] - column * height, height)
    return column, top, bottom


def shorten(value: Any) -> str:
    """Write a value as it may stand in a message, in at most 60 characters.

    Example:
        >>> shorten("a"), shorten(10**5000)
        ("'a'", 'a very large number')
    """
    if isinstance(value, int) and value.bit_length() > 200:  # Python refuses to write very long ones
        return "a very large number"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
