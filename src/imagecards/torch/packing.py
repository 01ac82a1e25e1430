"""What stands for a batch on its way from a worker process to the loop.

torch moves every tensor through shared memory of its own, which takes a file and half a millisecond each, and a batch
has several for every image. Here large ones lie in a slot of the loop's pool, and small ones go with the message.
"""

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from imagecards.torch.pool import Arena, Slot

_SMALL = 1 << 16  # bytes; a message of more waits until the loop reads it
_ATOMS = {str, int, float, bool, type(None)}
_NUMBERS = {
    torch.bool,
    *(torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.uint8, torch.uint16, torch.uint32, torch.uint64),
    *(torch.float16, torch.float32, torch.float64),
}


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


def packed(part: Any, arena: Arena | None) -> Any:
    """A batch, or a part of one, with what stands for its tensors on the way."""
    if type(part) is dict:
        return {key: packed(value, arena) for key, value in part.items()}
    if type(part) is list and _are_alike(part):
        keys = list(part[0])
        return _Dicts(keys, [_column([each[key] for each in part], arena) for key in keys])
    if type(part) in (list, tuple):
        return type(part)([packed(each, arena) for each in part])
    if type(part) is torch.Tensor:
        part = part.resolve_conj().resolve_neg()  # torch sends the numbers, and forgets what was to be done to them
    if is_plain(part):
        if part.nbytes <= _SMALL:
            return _Small(part.numpy().copy())
        placed = None if arena is None else _placed(part, arena)
        if placed is not None:
            return placed
    # torch does this when it sends a batch, in a thread whose errors nobody gets: the loop would never end
    _share_all(part)
    return part


def _are_alike(parts: list[Any]) -> bool:
    """Whether these are dictionaries with the same names in the same order."""
    if not all(type(part) is dict for part in parts):
        return False
    names = list(parts[0]) if parts else []
    return bool(names) and all(type(name) is str for name in names) and all(list(part) == names for part in parts)


def _column(values: list[Any], arena: Arena | None) -> Any:
    """What all dictionaries of a batch have under one key; small tensors in one piece."""
    if {type(value) for value in values} <= _ATOMS:
        return values
    kinds = {_kind(value) for value in values}
    if None in kinds or len(kinds) > 1:
        return [packed(value, arena) for value in values]
    return _Pieces(packed(torch.cat(values), arena), [value.shape[0] for value in values])


def _kind(value: Any) -> Any:
    """What tensors have in common that can be pieces of one."""
    if not is_plain(value) or value.ndim == 0 or value.nbytes > _SMALL:
        return None
    return value.dtype, value.shape[1:]


def _placed(tensor: Any, arena: Arena) -> _Placed | None:
    """A tensor where the loop reads it, copied if it is not there yet; nothing where there is no room."""
    like = torch.empty_like(tensor, device="meta")  # what is dense keeps its strides
    size, strides = tensor.nbytes, like.stride()
    begin = arena.where(tensor.data_ptr(), size) if tensor.stride() == strides else None
    if begin is None:
        room = arena.room((tensor.numel(),), f"V{tensor.itemsize}").view(np.uint8)
        begin = arena.where(room.ctypes.data, size)
        if begin is None:
            return None
        torch.from_numpy(room).view(tensor.dtype).as_strided(like.shape, strides).copy_(tensor)
    return _Placed(arena.sent(), begin, size, (tensor.dtype, tuple(tensor.shape), strides))


def is_plain(part: Any) -> bool:
    """Whether this is a tensor of numbers in memory that numpy knows too, and nothing else."""
    return (
        type(part) is torch.Tensor
        and part.dtype in _NUMBERS
        and part.is_cpu
        and _is_one_piece(part)
        and not part.requires_grad
    )


def _is_one_piece(tensor: Any) -> bool:
    return tensor.layout is torch.strided and not tensor.is_nested


def _share_all(part: Any) -> None:
    if isinstance(part, torch.Tensor):
        if part.is_cpu and _is_one_piece(part):
            part.share_memory_()
    elif isinstance(part, dict):
        _share_all(list(part.values()))
    elif isinstance(part, list | tuple):
        for each in part:
            _share_all(each)
