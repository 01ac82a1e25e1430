"""Batches on their way from a worker process: small tensors go with the message, not each in a file of its own.

torch moves every tensor through shared memory, which takes a file and half a millisecond each, and a batch has several
for every image.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.utils.data
from numpy.typing import NDArray

from imagecards.errors import StorageError

_NO_ROOM = re.compile("</torch_|shared memory|No space left")  # torch names the file, or says what failed
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
        if torch.utils.data.get_worker_info() is None:
            return self._collate(examples)
        with sharing():
            batch = _each_target(self._collate(examples), _pack)
            # torch does this when it sends a batch, in a thread whose errors nobody gets: the loop would never end
            _share_all(batch)
        return batch


@contextmanager
def sharing() -> Iterator[None]:
    """Turn what torch raises where shared memory has no room into an error that says what to do.

    Raises:
        StorageError: There is no room.
    """
    try:
        yield
    except RuntimeError as error:
        if _NO_ROOM.search(str(error)) is None:
            raise
        said = str(error).partition("\n")[0]
        raise StorageError(
            f"shared memory can't be written ({said:.200}): make room in /dev/shm, or take smaller batches or fewer "
            "workers"
        ) from error


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


def _share_all(part: Any) -> None:
    if isinstance(part, torch.Tensor):
        if part.device.type == "cpu":
            part.share_memory_()
    elif isinstance(part, dict):
        _share_all(list(part.values()))
    elif isinstance(part, list | tuple):
        for each in part:
            _share_all(each)


def _pack(value: Any) -> Any:
    small = type(value) is torch.Tensor and value.nbytes <= _SMALL and value.device.type == "cpu"
    return Small(value.numpy().copy()) if small and not value.requires_grad else value


def _unpack(value: Any) -> Any:
    return torch.from_numpy(value.values) if isinstance(value, Small) else value
