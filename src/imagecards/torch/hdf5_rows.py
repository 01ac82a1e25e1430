"""The rows of HDF5 examples: pixels as a tensor, and their label."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.hdf5 import Example, Examples
from imagecards.records import printable
from imagecards.torch.vision import as_boxes, as_image, as_masks

_BOX = 5  # x, y, width, height, class


class Hdf5Rows:
    """Makes examples of those of HDF5 files: numbers are what the files have, normalised as they say.

    Args:
        examples: Those of a file, or of all files of a split.
        transform: As for `imagecards.torch.MapDataset`.

    Raises:
        InvalidInputError: There are none.
    """

    classes = ()

    def __init__(self, examples: Examples, transform: Callable[..., Any] | None) -> None:
        if not len(examples):
            raise InvalidInputError(f"{examples!r} has no examples: name the folder of a split that has some")
        self._examples = examples
        self._transform = transform

    def __len__(self) -> int:
        return len(self._examples)

    def read(self, rows: Sequence[int]) -> Iterator[Any]:
        """The examples of some rows, in order."""
        return map(self._example, rows)

    def read_together(self, batches: Sequence[NDArray[np.int64]], places: NDArray[np.int64]) -> Iterator[list[Any]]:
        """The examples of several batches; each is a read of its own, wherever it lies."""
        return (list(self.read(batch.tolist())) for batch in batches)

    def as_stored(self) -> tuple[NDArray[np.int64], list[int]]:
        """The rows in their order, and how many are in each file."""
        return np.arange(len(self)), list(self._examples.counts)

    def identity(self, order: NDArray[np.int64] | None) -> str:
        """What tells these files from others."""
        return self._examples.identity

    def _example(self, row: int) -> Any:
        example = self._examples[row]
        target: dict[str, Any] = {"name": example.file_name, "row": row}
        height, width = example.image.shape[-2:]
        label = _as_tensor(example.label)
        if label.ndim == 2 and label.is_floating_point():
            if label.shape[1] != _BOX:
                raise self._unknown(example)
            target["boxes"] = as_boxes(torch.cat([label[:, :2], label[:, :2] + label[:, 2:4]], dim=1), height, width)
            target["labels"] = label[:, 4].long()
        elif label.ndim in (2, 3) and label.shape[-2:] == (height, width):
            target["label"] = as_masks(label)
        elif label.ndim == 0:
            target["label"] = label.long()
        else:
            raise self._unknown(example)
        image = as_image(_as_tensor(example.image))
        return (image, target) if self._transform is None else self._transform(image, target)

    def _unknown(self, example: Example) -> FormatError:
        shape, name = example.label.shape, printable(str(example.file_name))
        return FormatError(
            f"{name} has an image of the shape {example.image.shape} and a label of {shape}, {example.label.dtype}: "
            "labels are masks of the size of the image, boxes, or one class; make the files anew"
        )


def _as_tensor(values: NDArray[Any]) -> Any:
    """A tensor of the same numbers, which may be in the byte order of another machine."""
    return torch.from_numpy(np.require(values, values.dtype.newbyteorder("="), ["C", "W"]))
