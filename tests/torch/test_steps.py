"""Every image of an epoch comes once, for any number of ranks and workers, also where they change on the way."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagecards.errors import InvalidInputError
from imagecards.torch.order import shuffled, stream_order
from imagecards.torch.steps import Bounds, Tail, check_rank, positions, rank_batches, step_bounds, worker_batches

RANKS, WORKERS, EPOCHS = range(1, 5), range(4), range(3)
MANY = {"count": st.integers(0, 60), "size": st.integers(1, 7), "ranks": st.integers(1, 5)}


def as_loaded(bounds: Bounds, rank: int, ranks: int, workers: int) -> list[slice]:
    """What a loader hands out that asks its workers in turn; none works in the process itself."""
    asked = max(workers, 1)
    queues = [worker_batches(bounds, rank, ranks, worker, asked) for worker in range(asked)]
    merged: list[slice] = []
    while queues:
        for queue in list(queues):
            batch = next(queue, None)
            if batch is None:
                queues.remove(queue)
            else:
                merged.append(batch)
    return merged


def run(order: NDArray[np.int64], begin: int, size: int, ranks: int, workers: int, most: int) -> tuple[list[int], int]:
    """The images that all ranks take in at most so many steps, and how many of the epoch are taken then."""
    bounds = step_bounds(begin, len(order), size, ranks)
    taken = []
    for rank in range(ranks):
        for batch in as_loaded(bounds, rank, ranks, workers)[:most]:
            taken += order[positions(batch, len(order))].tolist()
    return taken, int(bounds[min(most, len(bounds) - 1)])


def test_each_comes_once_for_all_ranks_and_workers_in_each_epoch() -> None:
    for epoch, ranks, workers in product(EPOCHS, RANKS, WORKERS):
        order = shuffled(23, seed=1, epoch=epoch)
        taken, end = run(order, 0, 3, ranks, workers, most=99)
        assert (sorted(taken), end) == (list(range(23)), 23), (epoch, ranks, workers)


def test_stopped_after_any_batch_and_gone_on_with_by_others() -> None:
    """All of it: two numbers of ranks, two of workers, each batch, three epochs."""
    for epoch in EPOCHS:
        order = stream_order([9, 0, 14], seed=1, epoch=epoch, buffer=8)
        for before, after, workers, others in product(RANKS, RANKS, WORKERS, WORKERS):
            for stop in range(len(step_bounds(0, 23, 3, before))):
                first, begin = run(order, 0, 3, before, workers, most=stop)
                second, end = run(order, begin, 2, after, others, most=99)
                assert sorted(first + second) == list(range(23)), (before, after, stop)
                assert end == 23


def test_workers_do_not_change_what_a_rank_gets_in_which_order() -> None:
    for ranks, workers in product(RANKS, WORKERS):
        bounds = step_bounds(0, 50, 3, ranks)
        assert as_loaded(bounds, ranks - 1, ranks, workers) == rank_batches(bounds, ranks - 1, ranks)


@given(**MANY, begin=st.integers(0, 60), data=st.data())
def test_ranks_have_equally_many_batches(count: int, size: int, ranks: int, begin: int, data: st.DataObject) -> None:
    tail: Tail = data.draw(st.sampled_from(["share", "pad", "drop"]))
    bounds = step_bounds(begin, count, size, ranks, tail)
    batches = [rank_batches(bounds, rank, ranks) for rank in range(ranks)]
    lengths = [[part.stop - part.start for part in rank] for rank in batches]
    left = max(count - begin, 0)
    taken = Counter(int(each) for rank in batches for part in rank for each in positions(part, count))
    if tail == "share":
        assert taken == Counter(range(begin, count))
        assert len({len(rank) for rank in batches}) == 1 or 0 < left < ranks
        assert all(max(step) - min(step) <= 1 for step in zip(*lengths, strict=False))
        assert all(length <= size + 1 for rank in lengths for length in rank)
    elif tail == "pad":
        assert len({tuple(rank) for rank in lengths}) == 1
        assert set(range(begin, count)) <= set(taken)
        assert taken.total() - left in range(ranks)
    else:
        assert all(length == size for rank in lengths for length in rank)
        assert len({len(rank) for rank in batches}) == 1
        assert set(taken.values()) <= {1}
        assert left - taken.total() in range(size * ranks)


@given(count=st.integers(0, 300), seed=st.integers(0, 2**53), epoch=st.integers(0, 10**6))
def test_an_order_is_a_permutation_that_seed_and_epoch_decide(count: int, seed: int, epoch: int) -> None:
    order = shuffled(count, seed, epoch)
    assert sorted(order.tolist()) == list(range(count))
    assert order.tolist() == shuffled(count, seed, epoch).tolist()
    if count > 20:
        assert order.tolist() != shuffled(count, seed, epoch + 1).tolist()
        assert order.tolist() != shuffled(count, seed + 1, epoch).tolist()


@given(st.lists(st.integers(0, 40), max_size=6), st.integers(1, 50), st.integers(0, 99))
def test_a_stream_is_a_permutation(shards: list[int], buffer: int, epoch: int) -> None:
    assert sorted(stream_order(shards, 3, epoch, buffer).tolist()) == list(range(sum(shards)))


def test_a_stream_reads_few_shards_at_a_time_and_mixes_them() -> None:
    order = stream_order([1_024] * 20, seed=5, epoch=0, buffer=256)
    stretches = [len({each // 32 for each in order[place : place + 256].tolist()}) for place in range(0, 20_480, 256)]
    assert max(stretches) <= 2 * 9  # a window of the order reaches over two buffers at most
    assert np.abs(np.diff(order)).min() >= 1
    assert (np.diff(order) == 1).mean() < 0.05
    assert abs(np.corrcoef(np.arange(20_480), order)[0, 1]) < 0.2


def test_the_order_is_the_same_with_every_version() -> None:
    assert shuffled(8, seed=42, epoch=3).tolist() == [1, 0, 4, 2, 3, 6, 5, 7]
    assert stream_order([3, 5], seed=42, epoch=3, buffer=4).tolist() == [0, 1, 2, 3, 6, 4, 5, 7]


def test_more_ranks_than_images_are_told() -> None:
    check_rank(0, 4, 4, "share")
    check_rank(0, 4, 3, "pad")
    with pytest.raises(InvalidInputError, match=r"3 images can't be shared among 4 ranks: .*tail='pad'"):
        check_rank(0, 4, 3, "share")
    with pytest.raises(InvalidInputError, match="no rank 4 of 4"):
        check_rank(4, 4, 9, "share")
