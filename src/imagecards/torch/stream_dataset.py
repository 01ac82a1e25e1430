"""StreamDataset: examples one after the other, as they lie in storage."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch.utils.data
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset
from imagecards.formats import hdf5
from imagecards.images import ColourMode
from imagecards.torch.columns import Class, SharedTable
from imagecards.torch.examples import Examples
from imagecards.torch.order import Places, stream_order
from imagecards.torch.ranks import rank_and_ranks
from imagecards.torch.steps import check_rank


class StreamDataset(Examples, torch.utils.data.IterableDataset):
    """Examples in the order in which they are stored, or shuffled by shard and buffer: for data in a bucket.

    Examples are those of `imagecards.torch.MapDataset`. What a worker needs next is read together, so neighbours come
    in one request. In `imagecards.torch.Loader` the order is the same for any number of ranks and workers, and can be
    gone on with. Any other ``DataLoader`` gets the stored order, each example once from one of its workers and ranks.

    Args:
        dataset: As for `imagecards.torch.MapDataset`, like all that follow but the last two.
        colour: See there.
        classes: See there.
        masks: See there.
        decode: See there.
        transform: See there.
        rank: Which rank this is, for another loader than ours; by default what ``torch.distributed`` says, or the
            environment of ``torchrun``.
        world_size: How many ranks there are; likewise.
    """

    def __init__(
        self,
        dataset: ImageDataset | hdf5.Examples,
        *,
        colour: ColourMode = "rgb",
        classes: Sequence[Class] | None = None,
        masks: bool = False,
        decode: bool = True,
        transform: Callable[..., Any] | None = None,
        rank: int | None = None,
        world_size: int | None = None,
    ) -> None:
        super().__init__(dataset, colour=colour, classes=classes, masks=masks, decode=decode, transform=transform)
        self.rank, self.world_size = rank_and_ranks(rank, world_size)
        check_rank(self.rank, self.world_size, len(self), "share")
        stored, self._shards = self._rows.as_stored()
        self._shared = SharedTable(pa.table({"stored": stored, "place": np.argsort(stored)}))

    def __iter__(self) -> Iterator[Any]:
        """The share of this rank, and in a worker process of this worker, in stored order."""
        worker = torch.utils.data.get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rows = self._unshuffled[self.rank :: self.world_size][number::workers]
        for begin in range(0, len(rows), 64):
            yield from self.read(rows[begin : begin + 64].tolist())

    def order(self, seed: int, epoch: int, *, shuffle: bool, buffer: int) -> Places:
        """See `Examples.order`; images that are read at about the same time lie together."""
        stored = self._unshuffled
        return stored[stream_order(self._shards, seed, epoch, buffer)] if shuffle else stored

    def read_batches(self, batches: Iterable[NDArray[np.int64]], ahead: int) -> Iterator[list[Any]]:
        """The examples of batches of rows, read for several of them together.

        Args:
            batches: Rows.
            ahead: How many images are read together, at most, but at least one batch.
        """
        group: list[NDArray[np.int64]] = []
        size = 0
        for rows in batches:
            if group and size + len(rows) > ahead:
                yield from self._rows.read_together(group, self._column("place"))
                group, size = [], 0
            group.append(rows)
            size += len(rows)
        if group:
            yield from self._rows.read_together(group, self._column("place"))

    @property
    def _unshuffled(self) -> NDArray[np.int64]:
        return self._column("stored")

    def _column(self, name: str) -> NDArray[np.int64]:
        column: NDArray[np.int64] = self._shared.table[name].chunk(0).to_numpy()
        return column
