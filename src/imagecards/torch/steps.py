"""How an epoch is dealt to ranks and workers, so that every image comes once, whoever reads it.

The order of an epoch is one for all. It is cut into steps, one after the other; in each step every rank takes its part
of the step as one batch. After any number of steps, what was taken is a beginning of the order, however many ranks took
part; so an epoch can be gone on with by another number of them.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import InvalidInputError

Tail = Literal["share", "pad", "drop"]
"""What becomes of the end of an epoch, where what is left does not fill a batch for each rank.

- ``share``: every image comes once. The last batches are smaller; those of two ranks differ by at most one image. Fewer
  images than there are ranks join the step before, so that all ranks have equally many batches.
- ``pad``: all ranks get equally many images: the first of the epoch come again at its end, fewer than there are ranks.
- ``drop``: all batches are full: what does not fill one for each rank is left out.
"""

Bounds = NDArray[np.int64]


def step_bounds(begin: int, count: int, batch_size: int, ranks: int, tail: Tail = "share") -> Bounds:
    """Cut what is left of an epoch into steps.

    Args:
        begin: How many images of the epoch were taken already.
        count: How many it has.
        batch_size: Images that a rank takes in a step.
        ranks: How many ranks there are.
        tail: What becomes of the end.

    Returns:
        Where each step begins, and where the last one ends: one more than there are steps. With ``pad`` the end may
        lie beyond ``count``.

    Example:
        >>> step_bounds(0, 10, 2, 2).tolist(), step_bounds(0, 9, 2, 2).tolist()
        ([0, 4, 8, 10], [0, 4, 9])
        >>> step_bounds(0, 9, 2, 2, "pad").tolist(), step_bounds(0, 9, 2, 2, "drop").tolist()
        ([0, 4, 8, 10], [0, 4, 8])
    """
    size = batch_size * ranks
    whole, rest = divmod(max(count - begin, 0), size)
    bounds: Bounds = begin + size * np.arange(whole + 1)
    if not rest or tail == "drop":
        return bounds
    if tail == "pad":
        return np.append(bounds, bounds[-1] + -(-rest // ranks) * ranks)
    if rest < ranks and whole:
        bounds[-1] += rest
        return bounds
    return np.append(bounds, count)


def rank_part(begin: int, end: int, rank: int, ranks: int) -> slice:
    """The part of a step that is a rank's: neighbours, and at most one more than any other's.

    Example:
        >>> [rank_part(0, 5, rank, 2) for rank in (0, 1)]
        [slice(0, 3, None), slice(3, 5, None)]
    """
    share, more = divmod(end - begin, ranks)
    first = begin + rank * share + min(rank, more)
    return slice(first, first + share + (rank < more))


def rank_batches(bounds: Bounds, rank: int, ranks: int) -> list[slice]:
    """The batches of a rank, one for each step; where the only step has fewer images than ranks, some have none.

    Example:
        >>> rank_batches(step_bounds(0, 9, 2, 2), 1, 2)
        [slice(2, 4, None), slice(7, 9, None)]
    """
    return list(worker_batches(bounds, rank, ranks, 0, 1))


def worker_batches(bounds: Bounds, rank: int, ranks: int, worker: int, workers: int) -> Iterator[slice]:
    """The batches of a rank that one of its worker processes makes: taken in turn from all, they are in order again.

    They are made one by one: a list of those of a million images takes each worker megabytes.

    Example:
        >>> list(worker_batches(step_bounds(0, 5, 2, 1), 0, 1, 0, 2))
        [slice(0, 2, None), slice(4, 5, None)]
    """
    for step in range(worker, len(bounds) - 1, workers):
        part = rank_part(int(bounds[step]), int(bounds[step + 1]), rank, ranks)
        if part.start < part.stop:
            yield part


def positions(part: slice, count: int) -> NDArray[np.int64]:
    """The places of a batch in an epoch's order; what lies beyond its end is its beginning."""
    places: NDArray[np.int64] = np.arange(part.start, part.stop) % max(count, 1)
    return places


def check_rank(rank: int, ranks: int, count: int, tail: Tail) -> None:
    """See that a rank is one of so many, and that an epoch has something for each of them.

    Raises:
        InvalidInputError: It is not, or there are more ranks than images.
    """
    if not 0 <= rank < ranks:
        raise InvalidInputError(f"there is no rank {rank} of {ranks}: ranks count from 0 to {ranks - 1}")
    if tail not in ("share", "pad", "drop"):
        raise InvalidInputError(f"tail is 'share', 'pad' or 'drop', not {tail!r}")
    if 0 < count < ranks and tail == "share":
        raise InvalidInputError(
            f"{count} images can't be shared among {ranks} ranks: start fewer, or let images come twice with tail='pad'"
        )
