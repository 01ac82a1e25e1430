"""What map and stream have in common: rows that become examples, in an order."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.formats import hdf5
from imagecards.images import ColourMode, Room
from imagecards.torch.columns import Class
from imagecards.torch.hdf5_rows import Hdf5Rows
from imagecards.torch.image_rows import ImageRows
from imagecards.torch.order import Places


class Examples:
    """What `MapDataset` and `StreamDataset` have in common: from a row of a dataset to an example.

    Args:
        dataset: An open dataset, or a split of one; or the `imagecards.formats.hdf5.Examples` of an artifact, which
            have their pixels and labels, so that of all that follows only ``transform`` is left to say.
        colour: The channels of the image: ``rgb``, ``grey``, or ``stored`` for those of the file.
        classes: What labels count, from 0; by default the categories that the dataset says it has, in its order, else
            those that are used, sorted. A split may lack some: give the classes of the whole dataset.
        masks: Whether targets have a mask for each object.
        decode: Otherwise an example is the file name, the bytes of the file and the record as a dictionary, which is
            fastest.
        transform: Called with image and target (with name, bytes and record without ``decode``); what it returns is the
            example. It gets torchvision's ``tv_tensors`` where torchvision is installed.

    Raises:
        InvalidInputError: The dataset has no images, or a class that is not among ``classes``.
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
    ) -> None:
        if isinstance(dataset, hdf5.Examples):
            if (colour, classes, masks, decode) != ("rgb", None, False, True):
                message = "HDF5 examples have their pixels and labels: leave colour, classes, masks and decode out"
                raise InvalidInputError(message)
            self._rows: ImageRows | Hdf5Rows = Hdf5Rows(dataset, transform)
        elif isinstance(dataset, ImageDataset):
            self._rows = ImageRows(
                dataset, colour=colour, classes=classes, masks=masks, decode=decode, transform=transform
            )
        else:
            raise InvalidInputError(
                f"a loop over images needs an ImageDataset, or HDF5 Examples, not {type(dataset).__name__}"
            )
        self.classes = self._rows.classes

    def __len__(self) -> int:
        return len(self._rows)

    def order(self, seed: int, epoch: int, *, shuffle: bool, buffer: int) -> Places:
        """The rows of an epoch in their order: a function of seed and epoch, and of nothing else."""
        raise NotImplementedError

    def read(self, rows: Sequence[int]) -> Iterator[Any]:
        """The examples of some rows, in order."""
        return self._rows.read(rows)

    def make_batches_in(self, begin: Callable[[], Room]) -> None:
        """Say where the images of batches are put, where nobody but `imagecards.torch.collate` sees them.

        Args:
            begin: Called before each batch; returns what makes the arrays for its images.
        """
        if isinstance(self._rows, ImageRows):
            self._rows.begin = begin

    @cached_property
    def identity(self) -> str:
        """What tells these images from others, and their order from another."""
        return self._rows.identity(self._unshuffled)

    @property
    def _unshuffled(self) -> NDArray[np.int64] | None:
        """The order that `order` shuffles; ``None`` for that of the rows."""
        return None
