"""Making batches, and sending them from a worker process to the loop."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.utils.data

from imagecards.errors import StorageError
from imagecards.images import Room
from imagecards.torch.batching import batched, collate
from imagecards.torch.packing import is_plain, packed
from imagecards.torch.pool import Arena, Pool

_NO_ROOM = re.compile("</torch_|shared memory|No space left")  # torch names the file, or says what failed


class Sending:
    """Makes batches, and in a worker process also makes them ready to be sent.

    Args:
        make: Makes a batch of a list of examples.

    Attributes:
        pool: Memory for batches, where the loop has some.
    """

    def __init__(self, make: Callable[[list[Any]], Any]) -> None:
        self._make = make
        self.pool: Pool | None = None
        self._arena: Arena | None = None
        self._sends = False

    def begin(self, worker: int) -> Callable[[], Room] | None:
        """Begin in a worker process.

        Returns:
            What begins a batch where the loop will read it, for whoever makes the images of one; nothing where somebody
            else sees them, who may keep them.
        """
        self._sends = True
        if self.pool is None:
            return None
        self._arena = Arena(self.pool, worker)
        return self._arena.begin if self._make is collate else None

    def __call__(self, examples: list[Any]) -> Any:
        """A batch."""
        if not self._sends:  # also where a worker of another loop has a loop of its own
            return self._make(examples)
        arena = self._arena
        try:
            with sharing():
                placed = arena is not None and self._make is collate
                batch = batched(examples, self._stacked) if placed else self._make(examples)
                ready = packed(batch, arena)
        except BaseException:
            if arena is not None:
                arena.begin()
            raise
        if arena is not None:
            arena.end()
        return ready

    def _stacked(self, tensors: Sequence[Any]) -> Any:
        """Tensors of one shape and type as one, in memory that the loop reads: as they lie there, or copied."""
        first = tensors[0]
        assert self._arena is not None
        if not all(map(is_plain, tensors)) or first.nbytes == 0:
            return torch.stack(tensors)
        size = len(tensors) * first.nbytes
        addresses = range(first.data_ptr(), first.data_ptr() + size, first.nbytes)
        beside = all(
            tensor.data_ptr() == address and tensor.is_contiguous()
            for tensor, address in zip(tensors, addresses, strict=True)
        )
        begin = self._arena.where(first.data_ptr(), size) if beside else None
        if begin is not None:
            return torch.from_numpy(self._arena.at(begin, size)).view(first.dtype).view(len(tensors), *first.shape)
        room = torch.from_numpy(self._arena.room((size // first.itemsize,), f"V{first.itemsize}").view(np.uint8))
        return torch.stack(tensors, out=room.view(first.dtype).view(len(tensors), *first.shape))


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
