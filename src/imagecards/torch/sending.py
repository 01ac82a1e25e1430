"""Batches on their way from a worker process: small tensors go with the message, not each in a file of its own.

torch moves every tensor through shared memory, which takes a file and half a millisecond each, and a batch has several
for every image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils.data
from numpy.typing import NDArray

_SMALL = 1 << 16  # bytes; larger ones are better off in shared memory


@dataclass(frozen=True, eq=False)
class Small:
    """A tensor on its way."""

    values: NDArray[Any]


class Sending:
    """Makes batches, and in a worker process also makes them ready to be sent.

    Args:
        collate: Makes a batch of a list of examples.
    """

    def __init__(self, collate: Callable[[list[Any]], Any]) -> None:
        self._collate = collate

    def __call__(self, examples: list[Any]) -> Any:
        """A batch."""
        batch = self._collate(examples)
        return batch if torch.utils.data.get_worker_info() is None else _each_target(batch, _pack)


def received(batch: Any) -> Any:
    """A batch as it was made."""
    return _each_target(batch, _unpack)


def _each_target(batch: Any, change: Callable[[Any], Any]) -> Any:
    """The batch with other values in its targets, where it has images and a list of those."""
    if type(batch) not in (tuple, list) or len(batch) != 2 or not isinstance(batch[1], list):
        return batch
    targets = [
        {key: change(value) for key, value in target.items()} if type(target) is dict else target for target in batch[1]
    ]
    return type(batch)((batch[0], targets))


def _pack(value: Any) -> Any:
    small = type(value) is torch.Tensor and value.nbytes <= _SMALL and value.device.type == "cpu"
    return Small(value.numpy().copy()) if small and not value.requires_grad else value


def _unpack(value: Any) -> Any:
    return torch.from_numpy(value.values) if isinstance(value, Small) else value
