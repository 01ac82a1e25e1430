"""Slots under any order of what workers and their loop do: no batch changes, and none is lost."""

import pickle
from collections import deque
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch.packing import packed  # noqa: E402 - not before torch
from imagecards.torch.pool import Arena, new_pool  # noqa: E402 - not before torch

WORKERS, SLOTS = 2, 3
LARGE, SMALL = 70_000, 5

ACTS = st.one_of(
    st.tuples(st.just("send"), st.integers(0, WORKERS - 1), st.lists(st.sampled_from([LARGE, SMALL]), max_size=3)),
    st.tuples(st.just("fail"), st.integers(0, WORKERS - 1), st.lists(st.sampled_from([LARGE, SMALL]), max_size=3)),
    st.tuples(st.just("receive"), st.integers(0, WORKERS - 1), st.none()),
    st.tuples(st.just("drop"), st.integers(0, 20), st.none()),
)


class Exchange:
    """Workers and a loop in one process, each of which does what it is told; every number is that of its batch."""

    def __init__(self) -> None:
        made = new_pool(WORKERS, SLOTS - 2)
        assert made is not None
        self.pool = made
        self._arenas = [Arena(made, worker) for worker in range(WORKERS)]
        self._messages: list[deque[tuple[int, bytes]]] = [deque() for _ in range(WORKERS)]
        self._held: list[tuple[int, Any]] = []
        self._count = 0

    def _made(self, arena: Arena, sizes: list[int]) -> Any:
        """A batch: parts that were decoded to where it is sent from, and one that was not."""
        self._count += 1
        room = arena.begin()
        parts = [room((size,), np.uint8 if place % 2 == 0 else np.int32) for place, size in enumerate(sizes)]
        for part in parts:
            part[...] = self._count % 251
        elsewhere = torch.full((LARGE,), self._count % 251, dtype=torch.int32)
        return packed([*map(torch.from_numpy, parts), elsewhere][: len(sizes) + self._count % 2], arena)

    def send(self, worker: int, sizes: list[int]) -> None:
        arena = self._arenas[worker]
        message = bytes(ForkingPickler.dumps(self._made(arena, sizes)))
        arena.end()
        self._messages[worker].append((self._count % 251, message))

    def fail(self, worker: int, sizes: list[int]) -> None:
        self._made(self._arenas[worker], sizes)
        self._arenas[worker].begin()

    def receive(self, worker: int, _: None = None) -> None:
        if self._messages[worker]:
            number, message = self._messages[worker].popleft()
            self._held += [(number, part) for part in pickle.loads(message)]

    def drop(self, which: int, _: None = None) -> None:
        if self._held:
            self._held.pop(which % len(self._held))

    def is_right(self) -> bool:
        right = all(bool((part == number).all()) for number, part in self._held)
        return right and all(part.data_ptr() % part.itemsize == 0 for _, part in self._held)

    def end(self) -> None:
        for worker in range(WORKERS):
            while self._messages[worker]:
                self.receive(worker)
        assert self.is_right()
        self._held.clear()
        for worker, arena in enumerate(self._arenas):
            arena.begin()
            has = arena.room((LARGE,), np.uint8)
            assert arena.where(has.ctypes.data, has.nbytes) == 0
            free = [self.pool.take(worker) for _ in range(SLOTS)]
            assert len({*free} - {None}) == SLOTS - 1


@settings(max_examples=60, deadline=None)
@given(acts=st.lists(ACTS, max_size=40))
def test_any_order(acts: list[tuple[str, int, Any]]) -> None:
    exchange = Exchange()
    for act, number, sizes in acts:
        getattr(exchange, act)(number, sizes)
        assert exchange.is_right()
    exchange.end()
