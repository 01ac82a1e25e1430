"""How large the chunks of an HDF5 dataset become: HDF5 inflates all that there is, whatever size it should have."""

import zlib
from collections.abc import Iterator
from importlib import import_module
from math import prod
from typing import Any

import numpy as np

DEFLATE, SHUFFLE, FLETCHER32, LZF = 1, 2, 3, 32000
_GROWTH = {DEFLATE: 1032, LZF: 90}  # how many times as large what these filters wrote can become
_PIECE = 1 << 20


def _inflater() -> Any:
    try:
        return import_module("isal.isal_zlib")  # twice as fast, and the same bytes
    except ImportError:  # there is no wheel of it for some machines
        return zlib


INFLATER = _inflater()


def never_larger(limit: int, dataset: Any) -> bool:
    """Whether what a dataset stores can't become larger than a limit, however it is packed."""
    return dataset.get_storage_size() * _growth(dataset) <= limit or _growth(dataset) == 1


def chunks_stay_within(limit: int, dataset: Any, most: int, index: int | None = None) -> bool:
    """Whether no chunk that is about to be read becomes larger than it may; large ones are inflated and counted.

    Args:
        limit: In bytes.
        dataset: h5py's ``DatasetID``, with known filters, each of them once.
        most: The bytes of its file.
        index: The place of the first axis that is to be read; all by default.

    Raises:
        ValueError: A chunk says that it has more bytes than the file.
    """
    growth = _growth(dataset)
    for corner in _corners(dataset.shape, dataset.get_create_plist().get_chunk(), index):
        info = dataset.get_chunk_info_by_coord(corner)
        if info.size > most:
            raise ValueError(f"a chunk has {info.size:,} bytes, and the file {most:,}")
        if info.size * growth <= limit:
            continue
        only_deflated = growth == _GROWTH[DEFLATE] and info.filter_mask == 0
        if not only_deflated or not _inflates_within(limit, dataset.read_direct_chunk(corner)[1]):
            return False
    return True


def is_row_deflated(dataset: Any, most: int) -> bool:
    """Whether each place of the first axis is one deflated chunk, as in ``packed`` files, and nothing but numbers.

    Args:
        dataset: h5py's ``DatasetID``.
        most: The bytes of its file; where chunks say that they have more, HDF5 is left to find out what is wrong.
    """
    from h5py import h5d, h5t

    made = dataset.get_create_plist()
    if made.get_layout() != h5d.CHUNKED or made.get_chunk() != (1, *dataset.shape[1:]):
        return False
    filters = [made.get_filter(place)[0] for place in range(made.get_nfilters())]
    there = dataset.get_space_status() == h5d.SPACE_STATUS_ALLOCATED and dataset.get_storage_size() <= most
    numbers = dataset.get_type().get_class() in (h5t.INTEGER, h5t.FLOAT)
    return there and numbers and filters in ([DEFLATE], [DEFLATE, FLETCHER32])


def inflated_row(dataset: Any, index: int, size: int) -> bytes | None:
    """Inflate one place of a dataset of which `is_row_deflated` holds, and no more of it than there may be.

    HDF5 would inflate into a buffer that it makes larger again and again. A deflated stream has a checksum of what
    was deflated, so that of what is stored is not looked at.

    Returns:
        The bytes; ``None`` where what is stored was not deflated.

    Raises:
        ValueError: They are damaged, or more or fewer than ``size``.
    """
    mask, stored = dataset.read_direct_chunk((index, *(0 for _ in dataset.shape[1:])))
    if mask:
        return None
    stream = INFLATER.decompressobj()
    try:
        found: bytes = stream.decompress(stored, size + 1)
    except INFLATER.error as error:
        raise ValueError(f"a chunk can't be inflated: {error}") from error
    if len(found) != size or not stream.eof:
        raise ValueError("a chunk has not the size that it should have")
    return found


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
