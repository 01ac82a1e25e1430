"""How large the chunks of an HDF5 dataset become: HDF5 inflates all that there is, whatever size it should have."""

import zlib
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
_GROWTH = {DEFLATE: 1032, LZF: 90}  # how many times as large what these filters wrote can become
_PIECE = 1 << 20


def never_larger(limit: int, dataset: Any) -> bool:
    """Whether what a dataset stores can't become larger than a limit, however it is packed."""
    return dataset.get_storage_size() * _growth(dataset) <= limit or _growth(dataset) == 1


def chunks_stay_within(limit: int, dataset: Any, index: int | None = None) -> bool:
    """Whether no chunk that is about to be read becomes larger than it may; large ones are inflated and counted.

    Args:
        limit: In bytes.
        dataset: h5py's ``DatasetID``, with known filters, each of them once.
        index: The place of the first axis that is to be read; all by default.
    """
    growth = _growth(dataset)
    for corner in _corners(dataset.shape, dataset.get_create_plist().get_chunk(), index):
        info = dataset.get_chunk_info_by_coord(corner)
        if info.size * growth <= limit:
            continue
        only_deflated = growth == _GROWTH[DEFLATE] and info.filter_mask == 0
        if not only_deflated or not _inflates_within(limit, dataset.read_direct_chunk(corner)[1]):
            return False
    return True


def _growth(dataset: Any) -> int:
    """How many times as large as what is stored the chunks may become; 1 where there are none."""
    from h5py import h5d

    made = dataset.get_create_plist()
    if made.get_layout() != h5d.CHUNKED:
        return 1
    return prod(_GROWTH.get(made.get_filter(place)[0], 1) for place in range(made.get_nfilters()))


def _corners(shape: tuple[int, ...], chunk: tuple[int, ...], index: int | None) -> Iterator[tuple[int, ...]]:
    """Where the chunks begin that are read."""
    axes = [range(0, side, step) for side, step in zip(shape, chunk, strict=True)]
    if index is not None:
        axes[0] = range(index - index % chunk[0], index + 1, chunk[0])
    for places in np.ndindex(*(len(axis) for axis in axes)):
        yield tuple(axis[place] for axis, place in zip(axes, places, strict=True))


def _inflates_within(limit: int, data: bytes) -> bool:
    """Whether a deflated stream has at most so many bytes; they are counted, and not kept."""
    stream, total = zlib.decompressobj(), 0
    while not stream.eof and total <= limit:
        piece = stream.decompress(data, _PIECE)
        total += len(piece)
        if not piece and not stream.unconsumed_tail:
            break  # cut short: HDF5 will say so
        data = stream.unconsumed_tail
    return total <= limit
