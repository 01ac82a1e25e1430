"""Batches on their way from a worker process: in memory that is used again, and small tensors with the message.

torch moves every tensor through shared memory of its own, which takes a file and half a millisecond each, and a batch
has several for every image.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.utils.data
from numpy.typing import NDArray

from imagecards.errors import StorageError
from imagecards.images import Room
from imagecards.torch.batching import batched, collate
from imagecards.torch.pool import Arena, Pool, Slot

_NO_ROOM = re.compile("</torch_|shared memory|No space left")  # torch names the file, or says what failed
_SMALL = 1 << 16  # bytes; a message of more waits until the loop reads it
_ATOMS = {str, int, float, bool, type(None)}
_NUMBERS = {
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.float32,
    torch.float64,
}


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

    def begin(self, worker: int) -> Callable[[], Room] | None:
        """Begin in a worker process.

        Returns:
            What begins a batch where the loop will read it, for whoever makes the images of one; nothing where somebody
            else sees them, who may keep them.
        """
        if self.pool is None:
            return None
        self._arena = Arena(self.pool, worker)
        return self._arena.begin if self._make is collate else None

    def __call__(self, examples: list[Any]) -> Any:
        """A batch."""
        if torch.utils.data.get_worker_info() is None:
            return self._make(examples)
        with sharing():
            if self._arena is None:
                return _ready(self._make(examples), None)
            batch = batched(examples, self._stacked) if self._make is collate else self._make(examples)
            batch = _ready(batch, self._arena)
            self._arena.end()
        return batch

    def _stacked(self, tensors: Sequence[Any]) -> Any:
        """Tensors of one shape and type as one, in memory that the loop reads: as they lie there, or copied."""
        if self._arena is None or not all(map(_is_plain, tensors)):
            return torch.stack(tensors)
        first, size = tensors[0], sum(tensor.nbytes for tensor in tensors)
        addresses = range(first.data_ptr(), first.data_ptr() + size, max(first.nbytes, 1))
        beside = all(
            tensor.data_ptr() == address and tensor.is_contiguous()
            for tensor, address in zip(tensors, addresses, strict=False)
        )
        begin = self._arena.where(first.data_ptr(), size) if beside else None
        if begin is not None:
            return torch.from_numpy(self._arena.at(begin, size)).view(first.dtype).view(len(tensors), *first.shape)
        room = torch.from_numpy(_bytes(self._arena.room((size // first.itemsize,), f"V{first.itemsize}")))
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


@dataclass(frozen=True, eq=False)
class _Small:
    """A tensor that goes with the message."""

    values: NDArray[Any]

    def __reduce__(self) -> tuple[Any, ...]:
        return torch.from_numpy, (self.values,)


@dataclass(frozen=True, eq=False)
class _Placed:
    """A tensor that lies where the loop reads it."""

    slot: Slot
    begin: int
    size: int
    like: tuple[Any, ...]  # type, shape and strides

    def __reduce__(self) -> tuple[Any, ...]:
        return _found, (self.slot, self.begin, self.size, *self.like)


@dataclass(frozen=True, eq=False)
class _Dicts:
    """Dictionaries that have the same keys, value by value."""

    keys: list[Any]
    columns: list[Any]

    def __reduce__(self) -> tuple[Any, ...]:
        return _dicts, (self.keys, self.columns)


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Tensors as pieces of one; they arrive as tensors of their own, which may be changed one by one."""

    whole: Any
    lengths: list[int]

    def __reduce__(self) -> tuple[Any, ...]:
        return _pieces, (self.whole, self.lengths)


def _pieces(whole: Any, lengths: list[int]) -> list[Any]:
    values, ends = whole.numpy(), itertools.accumulate(lengths)
    return [torch.from_numpy(values[end - length : end]) for length, end in zip(lengths, ends, strict=True)]


def _dicts(keys: list[Any], columns: list[Any]) -> list[dict[Any, Any]]:
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]


def _found(memory: NDArray[np.uint8], begin: int, size: int, dtype: Any, shape: Any, strides: Any) -> Any:
    return torch.from_numpy(memory[begin : begin + size]).view(dtype).as_strided(shape, strides)


def _ready(part: Any, arena: Arena | None) -> Any:
    """A batch, or a part of one, with what stands for its tensors on the way."""
    if type(part) is dict:
        return {key: _ready(value, arena) for key, value in part.items()}
    if type(part) is list and part and type(part[0]) is dict and all(_like(part[0], each) for each in part):
        keys = list(part[0])
        return _Dicts(keys, [_column([each[key] for each in part], arena) for key in keys])
    if type(part) in (list, tuple):
        return type(part)([_ready(each, arena) for each in part])
    if isinstance(part, torch.Tensor) and _is_plain(part):
        if part.nbytes <= _SMALL and part.dtype in _NUMBERS:
            return _Small(part.numpy().copy())
        placed = None if arena is None else _placed(part, arena)
        if placed is not None:
            return placed
    # torch does this when it sends a batch, in a thread whose errors nobody gets: the loop would never end
    _share_all(part)
    return part


def _like(one: dict[Any, Any], other: Any) -> bool:
    return type(other) is dict and len(other) == len(one) > 0 and list(other) == list(one)


def _column(values: list[Any], arena: Arena | None) -> Any:
    """What all dictionaries of a batch have under one key; small tensors in one piece."""
    if {type(value) for value in values} <= _ATOMS:
        return values
    kinds = {_kind(value) for value in values}
    if None in kinds or len(kinds) > 1:
        return [_ready(value, arena) for value in values]
    return _Pieces(_ready(torch.cat(values), arena), [len(value) for value in values])


def _kind(value: Any) -> Any:
    """What tensors have in common that can be pieces of one."""
    if isinstance(value, torch.Tensor) and _is_plain(value) and value.ndim and value.nbytes <= _SMALL:
        return value.dtype, value.shape[1:]
    return None


def _placed(tensor: Any, arena: Arena) -> _Placed | None:
    """A tensor where the loop reads it, copied if it is not there yet; nothing where there is no room."""
    like = torch.empty_like(tensor, device="meta")  # what is dense keeps its strides
    size, strides = tensor.nbytes, like.stride()
    begin = arena.where(tensor.data_ptr(), size) if tensor.stride() == strides else None
    if begin is None:
        room = _bytes(arena.room((tensor.numel(),), f"V{tensor.itemsize}"))
        begin = arena.where(room.ctypes.data, size)
        if begin is None:
            return None
        torch.from_numpy(room).view(tensor.dtype).as_strided(like.shape, strides).copy_(tensor)
    assert arena.slot is not None
    return _Placed(arena.slot, begin, size, (tensor.dtype, tuple(tensor.shape), strides))


def _bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    return array.view(np.uint8)


def _is_plain(tensor: Any) -> bool:
    """Whether a tensor is numbers in memory, and nothing else."""
    return (
        type(tensor) is torch.Tensor
        and tensor.device.type == "cpu"
        and tensor.layout is torch.strided
        and not (tensor.requires_grad or tensor.is_quantized or tensor.is_complex())
    )


def _share_all(part: Any) -> None:
    if isinstance(part, torch.Tensor):
        if part.device.type == "cpu":
            part.share_memory_()
    elif isinstance(part, dict):
        _share_all(list(part.values()))
    elif isinstance(part, list | tuple):
        for each in part:
            _share_all(each)
