"""In which order the images of an epoch come: a function of the seed and the epoch, and of nothing else."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

_STRETCHES = 8  # that a buffer is filled from


def shuffled(count: int, seed: int, epoch: int, purpose: int = 0) -> Places:
    """A permutation of ``range(count)``.

    It is made of the raw output of a bit generator, which numpy promises to keep, so it is the same with every version.

    Args:
        count: How many there are.
        seed: A whole number from 0.
        epoch: Likewise.
        purpose: Permutations for other purposes have nothing to do with each other.

    Example:
        >>> shuffled(5, seed=7, epoch=0).tolist(), shuffled(5, seed=7, epoch=1).tolist()
        ([0, 3, 2, 1, 4], [3, 1, 2, 4, 0])
    """
    source = np.random.PCG64DXSM(np.random.SeedSequence([seed, epoch, purpose]))
    order: Places = source.random_raw(count).argsort(kind="stable")
    return order


def stream_order(shards: Sequence[int], seed: int, epoch: int, buffer: int) -> Places:
    """A shuffled order in which what is read within a short time lies together.

    Stretches of neighbours, none of which reaches from one shard into the next, come in a random order; then images
    change places within every ``buffer`` of them. Where the first buffer ends is random, too, so that its ends do not
    keep the same images apart in each epoch.

    Args:
        shards: How many images each shard has; images are numbered through all of them.
        seed: As in `shuffled`.
        epoch: Likewise.
        buffer: How many images change places among each other; a stretch is an eighth of it.

    Example:
        >>> stream_order([4, 4], seed=7, epoch=0, buffer=4).tolist()
        [3, 2, 0, 5, 7, 6, 1, 4]
    """
    stretch = max(1, buffer // _STRETCHES)
    ends = np.cumsum(shards, dtype=np.int64)
    begins = [np.arange(end - size, end, stretch) for end, size in zip(ends.tolist(), shards, strict=True)]
    starts = np.concatenate(begins) if begins else np.zeros(0, np.int64)
    count = int(ends[-1]) if ends.size else 0
    lengths = np.diff(starts, append=count)
    turn = shuffled(starts.size, seed, epoch)
    lengths = lengths[turn]
    shift = starts[turn] - (lengths.cumsum() - lengths)
    order: Places = np.arange(count) + np.repeat(shift, lengths)
    begin = _first_buffer(seed, epoch, buffer)
    window = (np.arange(count) + begin) // buffer
    drawn = shuffled(count, seed, epoch, purpose=1)
    return order[drawn[window[drawn].argsort(kind="stable")]]


def _first_buffer(seed: int, epoch: int, buffer: int) -> int:
    """How much shorter than the others the first buffer of an epoch is."""
    return int(np.random.SeedSequence([seed, epoch, 2]).generate_state(1, np.uint64)[0] % buffer)
