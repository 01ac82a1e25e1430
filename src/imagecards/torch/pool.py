"""Memory for batches that a loop and its worker processes share, and use again.

New memory costs about as much as decoding: each page is emptied and mapped when it is first touched. torch gives every
batch new memory; here a worker makes a batch in the memory of one that the loop has dropped.
"""

import itertools
import mmap
import os
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import DupFd
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagecards.images import Room
from imagecards.torch.forks import Fork, begin_use, end_use

_SLOT = 1 << 30  # bytes that a batch may have; what is never written to takes no memory
_HELD = 2  # slots of a worker besides those for batches made ahead: a loop has one batch when it asks for the next
_MOST = 64  # slots of a worker
_FREE, _TAKEN = 0, 1

_numbers = itertools.count()
_pools: "weakref.WeakValueDictionary[int, Pool]" = weakref.WeakValueDictionary()


class Pool:
    """Slots for batches, of which each worker process has some of its own.

    A worker marks a slot as taken before it writes to it, and the loop marks it as free when the last tensor in it is
    gone: so a mark is never changed by two at a time. A worker that finds none free does not wait: a loop may keep all
    batches.

    Args:
        number: What it is known by here and in the workers.
        file: Its memory, as an open file that has no name.
        workers: How many worker processes there are.
        slots: How many each of them has.
    """

    def __init__(self, number: int, file: int, workers: int, slots: int) -> None:
        weakref.finalize(self, os.close, file)
        self.number, self._file, self._workers, self._slots = number, file, workers, slots
        self._memory = mmap.mmap(file, _begin(workers, workers * slots))
        self._elsewhere: deque[tuple[int, Sequence[Fork]]] = deque()

    def __reduce__(self) -> tuple[Any, ...]:
        if get_spawning_popen() is None:
            raise TypeError("a Pool goes to the workers of its loop, and nowhere else")
        return _passed_on, (self.number, DupFd(self._file), self._workers, self._slots)

    def take(self, worker: int) -> int | None:
        """A slot for a worker, which it has until it is freed; nothing where all are taken."""
        for slot in range(worker * self._slots, (worker + 1) * self._slots):
            if self._memory[slot] == _FREE:
                self._memory[slot] = _TAKEN
                return slot
        return None

    def free(self, slot: int, forks: Sequence[Fork] = ()) -> None:
        """Let a slot be used again: now, or where forked processes may read what is in it, when they are gone."""
        if forks:
            self._elsewhere.append((slot, forks))
        else:
            self._memory[slot] = _FREE

    def look_again(self) -> None:
        """Free the slots that only forked processes had, which are gone now."""
        for _ in range(len(self._elsewhere)):
            slot, forks = self._elsewhere.popleft()
            self.free(slot, () if all(fork.is_over() for fork in forks) else forks)

    def array(self, slot: int, shape: tuple[int, ...], dtype: DTypeLike, begin: int = 0) -> NDArray[Any]:
        """An array in a slot, from some byte on."""
        return np.ndarray(shape, dtype, self._memory, _begin(self._workers, slot) + begin)


def new_pool(workers: int, ahead: int) -> Pool | None:
    """A pool for a loop; nothing where the system has no such memory, or gives no more of it.

    Args:
        workers: How many worker processes it has.
        ahead: How many batches each of them makes ahead.
    """
    if sys.platform != "linux" or workers == 0:
        return None
    slots = min(ahead + _HELD, _MOST)
    with suppress(OSError):
        file = os.memfd_create("imagecards-batches")
        try:
            os.ftruncate(file, _begin(workers, workers * slots))
            pool = Pool(next(_numbers), os.dup(file), workers, slots)
        finally:
            os.close(file)
        _pools[pool.number] = pool
        return pool
    return None


def _passed_on(number: int, file: Any, workers: int, slots: int) -> Pool:
    return Pool(number, file.detach(), workers, slots)


def _begin(workers: int, slot: int) -> int:
    """Where a slot begins: all marks come first, a page for those of each worker."""
    return workers * mmap.PAGESIZE + slot * _SLOT


class Arena:
    """Where a worker process makes its batches: in one slot after the other.

    Args:
        pool: The slots.
        worker: Which of the workers this is.
    """

    def __init__(self, pool: Pool, worker: int) -> None:
        self._pool, self._worker = pool, worker
        self._slot: Slot | None = None
        self._address = self._used = 0
        self._sent = False

    def begin(self) -> Room:
        """Begin a batch, and forget one that came to nothing; returns `room`."""
        self._used, self._sent = 0, False
        return self.room

    def room(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array for a part of the batch; right beside the part before it, if that is of the same type."""
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        begin = self._used + -self._used % dtype.itemsize
        if begin + size > _SLOT:
            return np.empty(shape, dtype)
        if self._slot is None:
            number = self._pool.take(self._worker)
            if number is None:
                return np.empty(shape, dtype)
            self._slot = Slot(self._pool.number, number)
            self._address = self._pool.array(number, (1,), np.uint8).ctypes.data
        self._used = begin + size
        return self._pool.array(self._slot.number, shape, dtype, begin)

    def where(self, address: int, size: int) -> int | None:
        """Where in the slot of this batch some bytes lie; nothing where they lie elsewhere."""
        begin = address - self._address
        return begin if self._slot is not None and begin >= 0 and begin + size <= self._used else None

    def at(self, begin: int, size: int) -> NDArray[np.uint8]:
        """Bytes in the slot of this batch."""
        assert self._slot is not None
        return self._pool.array(self._slot.number, (size,), np.uint8, begin)

    def sent(self) -> "Slot":
        """What all parts of this batch that are sent have in common."""
        assert self._slot is not None
        self._sent = True
        return self._slot

    def end(self) -> None:
        """End the batch: the slot belongs to the loop now, if anything in it was sent."""
        if self._sent:
            self._slot = None
        self.begin()


@dataclass(frozen=True, eq=False)
class Slot:
    """A slot on its way to the loop, where it arrives as the array of its bytes; it is free when nobody has that.

    There is one for each batch: a message that names it several times has it once.
    """

    pool: int
    number: int

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (self.pool, self.number)


class _Lease:
    def __init__(self, pool: Pool, slot: int) -> None:
        self.__array_interface__ = pool.array(slot, (_SLOT,), np.uint8).__array_interface__
        weakref.finalize(self, _free, pool, slot, begin_use()).atexit = False


def _arrived(number: int, slot: int) -> NDArray[np.uint8]:
    return np.asarray(_Lease(_pools[number], slot))


def _free(pool: Pool, slot: int, use: int) -> None:
    forks = end_use(use)
    if forks is not None:  # a forked process drops its copy of a batch, which says nothing of the loop's
        pool.free(slot, forks)
