"""MapDataset: examples by number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch.utils.data

from imagecards.errors import InvalidInputError
from imagecards.torch.examples import Examples
from imagecards.torch.order import Places, shuffled


class MapDataset(Examples, torch.utils.data.Dataset):
    """Examples by number, each read when it is asked for: for data on a local disk, or in a cache.

    An example is ``(image, target)``: the image a tensor (channels, height, width) of the type that its file has
    (uint8, uint16, float32), in memory as torch's ``channels_last``; the target a dictionary with ``name`` and
    ``row``, and where the dataset has them ``boxes`` (n, 4) as left, top, right, bottom in pixels, float32;
    ``labels`` (n), int64; ``area``; ``iscrowd``; ``classes`` of the image as a whole; ``caption``; and on request
    ``masks`` (n, height, width), bool. Which keys there are does not differ from image to image.

    See `imagecards.torch.Loader` for an order that is shared by ranks and can be gone on with; any ``DataLoader`` takes
    it as well.
    """

    def __getitem__(self, row: int) -> Any:
        """One example.

        Raises:
            NotFoundError: Its file is gone.
            IntegrityError: Its bytes are not those that were registered.
            FormatError: Its image can't be decoded.
        """
        if not -len(self) <= row < len(self):
            raise IndexError(f"there is no row {row} of {len(self)}")
        return next(iter(self.read([int(row) % len(self)])))

    def __getitems__(self, rows: Sequence[int]) -> list[Any]:
        """Several examples: what loaders ask for, a batch at once."""
        return list(self.read(rows))

    def order(self, seed: int, epoch: int, *, shuffle: bool, buffer: int) -> Places:
        """See `Examples.order`; any image may follow any other."""
        return shuffled(len(self), seed, epoch) if shuffle else np.arange(len(self))


def check_dataset(dataset: object) -> None:
    """See that a dataset is one of ours.

    Raises:
        InvalidInputError: It is not.
    """
    if not isinstance(dataset, Examples):
        raise InvalidInputError(f"a Loader takes a MapDataset or a StreamDataset, not {type(dataset).__name__}")
