"""Loader: a DataLoader whose order is one for all ranks and workers, and that can stop and go on."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.utils.data

from imagecards.errors import ImageCardsError, InvalidInputError
from imagecards.torch.batching import collate
from imagecards.torch.examples import Examples
from imagecards.torch.map_dataset import MapDataset, check_dataset
from imagecards.torch.order import Places
from imagecards.torch.pool import new_pool
from imagecards.torch.ranks import rank_and_ranks
from imagecards.torch.sending import Sending, sharing
from imagecards.torch.start import Start
from imagecards.torch.steps import Bounds, Tail, check_rank, positions, rank_batches, step_bounds, worker_batches
from imagecards.torch.stream_dataset import StreamDataset

_MOST = 1 << 53  # as far as any JSON counts
_OURS = ("sampler", "batch_sampler", "drop_last")
_DEAD = ("exited unexpectedly", "is killed by signal")


class Loader(torch.utils.data.DataLoader):
    """Batches of a `MapDataset` or a `StreamDataset`.

    The order of an epoch follows from seed and epoch alone. It is cut into steps, of which each rank takes its part; so
    every image comes once, and what was taken after some steps is a beginning of the order: `state_dict`, saved by any
    rank between two batches, lets another number of ranks and workers go on from there with all that is left.

    Args:
        dataset: What to read.
        batch_size: Images that a rank takes in a step.
        shuffle: Whether each epoch has an order of its own; else it is that of the dataset, or as it is stored.
        seed: What orders follow from.
        buffer: How many images of a `StreamDataset` change places among each other: more is more random, and takes more
            memory.
        tail: What becomes of the end of an epoch: see `imagecards.torch.steps.Tail`.
        rank: Which rank this is; by default what ``torch.distributed`` says, or the environment of ``torchrun``.
        world_size: How many ranks there are; likewise.
        collate_fn: Makes a batch of a list of examples.
        on_start: Called once, by rank 0, before the first batch: ``partial(registry.record_use, card, by, run=run)``.
        options: Those of ``DataLoader``: ``num_workers``, ``multiprocessing_context``, ``pin_memory`` and others.

    Raises:
        InvalidInputError: An argument does not fit; there are more ranks than images.
    """

    def __init__(
        self,
        dataset: MapDataset | StreamDataset,
        batch_size: int = 1,
        *,
        shuffle: bool = False,
        seed: int = 0,
        buffer: int = 1_024,
        tail: Tail = "share",
        rank: int | None = None,
        world_size: int | None = None,
        collate_fn: Callable[[list[Any]], Any] = collate,
        on_start: Callable[[], object] | None = None,
        **options: Any,
    ) -> None:
        check_dataset(dataset)
        self._rank, self._ranks = rank_and_ranks(rank, world_size)
        check_rank(self._rank, self._ranks, len(dataset), tail)
        _check_whole("batch_size", batch_size, 1)
        _check_whole("buffer", buffer, 1)
        _check_whole("seed", seed, 0)
        wrong = [name for name in _OURS if name in options]
        if wrong or options.get("in_order") is False:
            name = wrong[0] if wrong else "in_order=False"
            raise InvalidInputError(f"a Loader decides itself what comes in which order: leave {name} out; see tail=")
        self._size, self._tail = batch_size, tail
        self._recipe = _Recipe(seed, shuffle, buffer if isinstance(dataset, StreamDataset) else 0)
        self._epoch = self._begin = self._taken = 0
        self._on_start = on_start
        self._examples = dataset
        self._sending = Sending(collate_fn)
        start = Start(options.get("worker_init_fn"), dataset, self._sending)
        options |= {"collate_fn": self._sending, "worker_init_fn": start}
        if isinstance(dataset, StreamDataset):
            self._turns: _Turns | None = _Turns(dataset, buffer, (batch_size, self._rank, self._ranks, tail))
            super().__init__(self._turns, batch_size=None, **options)
        else:
            self._turns = None
            self._batches = _Batches()
            super().__init__(dataset, batch_sampler=self._batches, **options)

    @property
    def epoch(self) -> int:
        """The epoch that comes next, or is under way."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; one that was gone on with by `load_state_dict` is gone on with."""
        _check_whole("epoch", epoch, 0)
        if epoch != self._epoch:
            self._epoch, self._begin, self._taken = epoch, 0, 0

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch stands, between two batches: small, JSON, and the same on all ranks."""
        return {
            "epoch": self._epoch,
            "taken": self._taken,
            "images": self._examples.identity,
            **self._recipe._asdict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where a loader stood, with as many ranks and workers, and as large batches, as this one has.

        Raises:
            InvalidInputError: It is the state of other images, or of another order.
        """
        mine = {**self.state_dict(), "epoch": state.get("epoch"), "taken": state.get("taken")}
        other = sorted(key for key in {*mine, *state} if mine.get(key) != state.get(key))
        if other or not all(_is_whole(state.get(key), 0) for key in ("epoch", "taken")):
            told = ", ".join(f"{key} {state.get(key)!r}, and here {mine.get(key)!r}" for key in other)
            raise InvalidInputError(
                f"this state is of another loader ({told or 'epoch and taken are no numbers'}): go on with the same "
                "data, seed, shuffle and buffer"
            )
        self._epoch, self._begin, self._taken = state["epoch"], state["taken"], state["taken"]

    def __len__(self) -> int:
        """How many batches come next for this rank: of a whole epoch, or of what is left of one."""
        return len(rank_batches(self._bounds(), self._rank, self._ranks))

    def __iter__(self) -> Iterator[Any]:
        """The batches of this rank; each is counted as taken when it is handed out."""
        bounds = self._bounds()
        if self._turns is not None:
            order = self._recipe.order(self._examples, self._epoch)
            self._turns.begin(order, self._begin, shared=self.num_workers > 0, again=self.persistent_workers)
        else:
            order = self._recipe.order(self._examples, self._epoch)
            self._batches.order, self._batches.parts = order, rank_batches(bounds, self._rank, self._ranks)
        if self._on_start is not None and self._rank == 0:
            self._on_start()
        self._on_start = None
        batches = self._started()
        self._taken, self._begin = self._begin, 0  # now that nothing can fail any more, after which one begins again
        return self._counted(batches, bounds)

    def _started(self) -> Any:
        if self.persistent_workers and self._iterator is not None:
            return super().__iter__()
        pool = self._sending.pool = new_pool(self.num_workers, self.prefetch_factor or 0)
        try:
            batches: Any = super().__iter__()
        finally:
            self._sending.pool = None  # the workers have it
        batches.pool = pool  # as long as there is who receives batches, they can be found
        return batches

    def _counted(self, batches: Any, bounds: Bounds) -> Iterator[Any]:
        ends = iter(bounds[1:].tolist())
        while True:
            if batches.pool is not None:
                batches.pool.look_again()
            try:
                batch = next(batches)
            except StopIteration:
                self._taken = int(bounds[-1])  # also of steps in which there was nothing for this rank
                return
            except RuntimeError as error:
                if any(sign in str(error) for sign in _DEAD):
                    raise ImageCardsError(
                        f"a worker process of the loader ended ({error}): most often memory ran out; "
                        "take fewer workers, or smaller batches"
                    ) from error
                raise
            self._taken = next(ends)
            yield batch

    def _bounds(self) -> Bounds:
        return step_bounds(self._begin, len(self._examples), self._size, self._ranks, self._tail)


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and least <= int(value) <= _MOST


def _check_whole(name: str, value: object, least: int) -> None:
    if not _is_whole(value, least):
        raise InvalidInputError(f"{name} is a whole number from {least}, not {value!r:.60}")


class _Recipe(NamedTuple):
    """What the orders of all epochs follow from."""

    seed: int
    shuffle: bool
    buffer: int

    def order(self, dataset: Examples, epoch: int) -> Places:
        """The rows of an epoch in their order."""
        return dataset.order(self.seed, epoch, shuffle=self.shuffle, buffer=self.buffer)


class _Batches:
    """The rows of each batch that comes next, made when they are asked for."""

    order: Places
    parts: Sequence[slice] = ()

    def __iter__(self) -> Iterator[list[int]]:
        order = self.order
        return (order[positions(part, len(order))].tolist() for part in self.parts)

    def __len__(self) -> int:
        return len(self.parts)


class _Turns(torch.utils.data.IterableDataset):
    """What a worker process runs: the batches that are its turn.

    The order of an epoch, and where to begin in it, lie in shared memory: made once, however many workers there are,
    and workers that persist see the next one.
    """

    def __init__(self, dataset: StreamDataset, buffer: int, share: tuple[int, int, int, Tail]) -> None:
        self._dataset, self._buffer, self._share = dataset, buffer, share
        self._order = self._begin = torch.zeros(0, dtype=torch.int64)

    def begin(self, order: Places, begin: int, *, shared: bool, again: bool) -> None:
        """Say what comes next.

        Args:
            order: The rows of the epoch in their order.
            begin: How many of them were taken.
            shared: Whether worker processes read this.
            again: Whether those of the last epoch do.
        """
        if again and len(self._order):
            self._order.copy_(torch.from_numpy(order))
            self._begin.fill_(begin)
            return
        small = len(order) <= np.iinfo(np.int32).max
        self._order = torch.from_numpy(order.astype(np.int32 if small else np.int64))
        self._begin = torch.tensor(begin)
        if shared:
            with sharing():
                self._order.share_memory_()
                self._begin.share_memory_()

    def __iter__(self) -> Iterator[list[Any]]:
        size, rank, ranks, tail = self._share
        order = self._order.numpy()
        worker = torch.utils.data.get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        bounds = step_bounds(int(self._begin), len(order), size, ranks, tail)
        mine = worker_batches(bounds, rank, ranks, number, workers)
        rows = (order[positions(part, len(order))].astype(np.int64) for part in mine)
        return self._dataset.read_batches(rows, ahead=self._buffer // (ranks * workers))
