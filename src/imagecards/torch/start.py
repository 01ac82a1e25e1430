"""The beginning of a worker process."""

import gc
from collections.abc import Callable

from imagecards.torch.examples import Examples
from imagecards.torch.map_dataset import MapDataset
from imagecards.torch.sending import Sending
from imagecards.torch.stream_dataset import StreamDataset


class Start:
    """What a worker process does first.

    Objects that it has from its parent are left alone by garbage collection: looking at an object writes to it, and so
    copies the memory that a forked worker shares with all others. And images are decoded to where the loop reads them,
    unless a dataset of another class sees them, which may keep them.

    Args:
        then: What the user wants to be done; it may keep what it reads.
        dataset: Makes the examples.
        sending: Makes batches of them.
    """

    def __init__(self, then: Callable[[int], None] | None, dataset: Examples, sending: Sending) -> None:
        self._then, self._dataset, self._sending = then, dataset, sending

    def __call__(self, worker: int) -> None:
        """Begin in a worker process."""
        gc.freeze()
        if self._then is not None:
            self._then(worker)
        begin = self._sending.begin(worker)
        if begin is not None and type(self._dataset) in (MapDataset, StreamDataset):
            self._dataset.make_batches_in(begin)
