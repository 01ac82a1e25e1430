"""The boundary of a mask as closed rings, from its runs alone.

Every piece of a run within one column has two horizontal boundary edges, one pixel long: its top, walked to the
right, and its bottom, walked to the left, so that the mask lies on the right-hand side (y points down). On each
vertical line between two columns, the ends of these edges, sorted by y, belong together in pairs: between the two of
a pair the boundary goes along the line. So one sort links every edge to the next one of its ring.

Where two pixels of the mask touch at a corner only, the order of two ends at the same y decides whether the rings
part there (4-connected masks) or go through (8-connected ones).

A ring around a hole is joined to the ring outside of it by a bridge, there and back: from the top of the run that
lies above the hole's topmost pixel down to the run's bottom. That is within the mask, and needs no search.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from imagecards.geometry.runs import Ints, Runs, columns

TOP, BOTTOM, TOP_AGAIN, BOTTOM_AGAIN = 0, 1, 2, 3


class Rings(NamedTuple):
    """The nodes of all rings, one ring after the other, one ring for each connected part of the mask.

    Attributes:
        kind: Of each node: TOP or BOTTOM edge of its piece. After TOP, a bridge may lead down to the same piece's
            BOTTOM; on the way back, BOTTOM_AGAIN is followed by TOP_AGAIN.
        column: Of each node's piece.
        top: First row of each node's piece.
        bottom: The row behind the last of each node's piece.
        offsets: Where each ring starts, and the number of nodes.
    """

    kind: Ints
    column: Ints
    top: Ints
    bottom: Ints
    offsets: Ints


def trace(masks: Sequence[Runs], connectivity: int) -> tuple[Rings, Ints]:
    """Walk around every connected part of masks, holes included.

    Many masks are walked around at once, as one picture in which they stand beside each other: for masks of usual
    size, the calls of array operations cost more than the operations.

    Args:
        masks: The masks; their sizes may differ.
        connectivity: 4 or 8: whether pixels that touch at a corner only are connected.

    Returns:
        One ring for each part, ordered by the mask and the part's first pixel; and which mask each ring is of.

    Example:
        >>> rings, mask = trace([Runs((3, 3), np.array([0, 4, 1, 4])), Runs((1, 2), np.array([1, 1]))], 4)
        >>> rings.offsets.tolist(), mask.tolist()
        ([0, 10, 12], [0, 1])
    """
    cut = [columns(runs) for runs in masks]
    shifts = np.cumsum([0, *(runs.size[1] + 1 for runs in masks)])[:-1]
    owner = np.repeat(np.arange(len(masks)), [pieces[0].size for pieces in cut])
    column, top, bottom = (np.concatenate([np.zeros(0, np.int64), *part]) for part in zip(*cut, strict=True))
    successor, piece, kind = _linked((column + shifts[owner], top, bottom), connectivity)
    ring = leaders(successor)
    order, offsets = _ordered(successor, ring)
    node = piece[order]
    rings = Rings(kind[order], column[node], top[node], bottom[node], offsets)
    return rings, owner[node[offsets[:-1]]]


def parts(runs: Runs, connectivity: int) -> tuple[tuple[Ints, Ints, Ints], Ints]:
    """Tell which connected part each piece of a mask belongs to.

    Returns:
        The pieces as `columns` gives them, and a number for each that is the same for all pieces of one part.

    Example:
        >>> parts(Runs((3, 3), np.array([0, 1, 4, 1, 3])), 4)[1].tolist()
        [0, 1]
    """
    pieces = columns(runs)
    successor, _, _ = _linked(pieces, connectivity)
    return pieces, leaders(successor)[: pieces[0].size]


def leaders(successor: Ints) -> Ints:
    """Return the smallest number in each one's cycle, by looking ahead twice as far in every round.

    Example:
        >>> leaders(np.array([2, 1, 3, 0])).tolist()
        [0, 1, 0, 0]
    """
    least = np.arange(successor.size)
    ahead = successor
    while True:
        further = np.minimum(least, least[ahead])
        if np.array_equal(further, least):
            return least
        least, ahead = further, ahead[ahead]


def _linked(pieces: tuple[Ints, Ints, Ints], connectivity: int) -> tuple[Ints, Ints, Ints]:
    """Link the edges to rings and the rings of holes to those around them.

    Returns:
        For each node the next one, its piece, and its kind.
    """
    column, top, bottom = pieces
    count = column.size
    successor = _linked_edges(column, top, bottom, connectivity)
    piece = np.tile(np.arange(count), 2)
    kind = np.repeat([TOP, BOTTOM], count)
    above = _pieces_above_holes(successor, np.concatenate([top, bottom]), count)
    if not above.size:
        return successor, piece, kind
    holes = above.size
    # The way into a hole uses the edges themselves, the way back a second node for each of the two.
    leave, enter = np.arange(2 * count), np.arange(2 * count)
    top_again, bottom_again = 2 * count + np.arange(holes), 2 * count + holes + np.arange(holes)
    leave[above], enter[count + above] = top_again, bottom_again
    bridged = np.empty(2 * count + 2 * holes, np.int64)
    bridged[leave] = enter[successor]
    bridged[above], bridged[bottom_again] = count + above, top_again
    kinds = np.concatenate([kind, np.repeat([TOP_AGAIN, BOTTOM_AGAIN], holes)])
    return bridged, np.concatenate([piece, above, above]), kinds


def _linked_edges(column: Ints, top: Ints, bottom: Ints, connectivity: int) -> Ints:
    """Return the next edge of each: tops are numbered from 0, bottoms from the number of pieces."""
    count = column.size
    tops, bottoms = np.arange(count), np.arange(count, 2 * count)
    line = np.concatenate([column, column, column + 1, column + 1])
    y = np.concatenate([top, bottom, top, bottom])
    edge = np.concatenate([tops, bottoms, tops, bottoms])
    leaves = np.zeros(4 * count, np.bool_)
    leaves[count : 3 * count] = True  # bottoms end at the left, tops at the right
    tie = (edge < count) == (connectivity == 4)
    order = ((line * (int(bottom.max(initial=0)) + 1) + y) * 2 + tie).argsort(kind="stable")
    one, other = order[::2], order[1::2]
    first = leaves[one]
    successor = np.empty(2 * count, np.int64)
    successor[edge[np.where(first, one, other)]] = edge[np.where(first, other, one)]
    return successor


def _pieces_above_holes(successor: Ints, y: Ints, count: int) -> Ints:
    """Return the piece whose bottom is the topmost edge of a hole's ring, for each hole."""
    ring = leaders(successor)
    topmost = np.full(2 * count, np.iinfo(np.int64).max)
    np.minimum.at(topmost, ring, y * (2 * count) + np.arange(2 * count))
    edge: Ints = topmost[ring == np.arange(2 * count)] % (2 * count)
    above: Ints = edge[edge >= count] - count
    return above


def _ordered(successor: Ints, ring: Ints) -> tuple[Ints, Ints]:
    """Sort nodes by ring and by their place in it.

    Returns:
        The nodes, and where each ring starts.
    """
    numbers = np.arange(successor.size)
    last = ring[successor] == successor
    last &= ring == successor
    ahead = np.where(last, numbers, successor)
    left = (~last).astype(np.int64)  # steps until the ring's last node
    while True:
        more = left[ahead]
        if not more.any():
            break
        left += more
        ahead = ahead[ahead]
    is_leader = ring == numbers
    lengths = left[is_leader] + 1
    offsets = np.concatenate([[0], lengths.cumsum()])
    stops = np.zeros(successor.size, np.int64)
    stops[is_leader] = offsets[1:] - 1
    order = np.empty(successor.size, np.int64)
    order[stops[ring] - left] = numbers
    return order, offsets
