"""StreamDataset: examples one after the other, as they lie in storage."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch.utils.data
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset, Placed
from imagecards.images import ColourMode
from imagecards.torch.columns import Class
from imagecards.torch.examples import Examples
from imagecards.torch.order import Places, stream_order
from imagecards.torch.ranks import rank_and_ranks
from imagecards.torch.steps import check_rank

_UNKNOWN_SHARD = 4_096  # images; what a source that knows no shards is taken to consist of


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
        dataset: ImageDataset,
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
        stored, self._shards = _as_stored(dataset)
        columns = self._shared.table.append_column("stored", pa.array(stored))
        self._shared.table = columns.append_column("place", pa.array(np.argsort(stored)))

    def __iter__(self) -> Iterator[Any]:
        """The share of this rank, and in a worker process of this worker, in stored order."""
        worker = torch.utils.data.get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        rows = self._stored[self.rank :: self.world_size][number::workers]
        for begin in range(0, len(rows), 64):
            yield from self.read(rows[begin : begin + 64].tolist())

    def order(self, seed: int, epoch: int, *, shuffle: bool, buffer: int) -> Places:
        """See `Examples.order`; images that are read at about the same time lie together."""
        stored = self._stored
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
                yield from self._read_group(group)
                group, size = [], 0
            group.append(rows)
            size += len(rows)
        if group:
            yield from self._read_group(group)

    def _read_group(self, group: Sequence[NDArray[np.int64]]) -> Iterator[list[Any]]:
        """Files are read as they lie, and decoded batch by batch in the order in which they are asked for."""
        rows = np.concatenate(group)
        together = self._place[rows].argsort(kind="stable")
        names: list[str] = self._names.take(pa.array(rows)).to_pylist()
        files = dict(zip(together.tolist(), self._source.read_many([names[each] for each in together]), strict=True))
        position = 0
        for batch in group:
            places = range(position, position + len(batch))
            held = [files.pop(place) for place in places]
            yield list(self.made(batch.tolist(), [names[place] for place in places], iter(held)))
            position += len(batch)

    def _names_in_order(self) -> pa.Array:
        return self._names.take(self._columns["stored"])

    @property
    def _stored(self) -> NDArray[np.int64]:
        stored: NDArray[np.int64] = self._columns["stored"].to_numpy()
        return stored

    @property
    def _place(self) -> NDArray[np.int64]:
        place: NDArray[np.int64] = self._columns["place"].to_numpy()
        return place


def _as_stored(dataset: ImageDataset) -> tuple[NDArray[np.int64], list[int]]:
    """The rows of a dataset in the order in which its images lie, and how many are in each shard."""
    count = len(dataset)
    source = dataset.source
    if not isinstance(source, Placed):
        full, rest = divmod(count, _UNKNOWN_SHARD)
        return np.arange(count), [_UNKNOWN_SHARD] * full + [rest] * (rest > 0)
    places = source.places(dataset.table["file_name"])
    stored = np.lexsort((places[:, 1], places[:, 0]))
    return stored, np.unique(places[:, 0], return_counts=True)[1].tolist()
