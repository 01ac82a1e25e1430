"""Processes that are forked in the middle of a loop: batches that they have stay as they are, and are given back."""

import gc
import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import imagecards as ic

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset, forks, pool  # noqa: E402 - not before torch
from imagecards.torch.forks import begin_use, end_use  # noqa: E402 - not before torch

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


class Child:
    """A forked process that does something when it is told to.

    Args:
        act: What; it fails where that is false.
    """

    def __init__(self, act: Callable[[], bool]) -> None:
        told, self._tell = os.pipe()
        self._process = os.fork()
        if self._process == 0:  # pragma: no cover - in a process that is not measured
            done = False
            try:
                os.close(self._tell)
                os.read(told, 1)
                done = act()
            finally:
                os._exit(0 if done else 1)
        os.close(told)

    def end(self) -> bool:
        """Let it do that, and end; whether it was true."""
        os.write(self._tell, b".")
        os.close(self._tell)
        return os.waitpid(self._process, 0)[1] == 0


def one_worker(**options: Any) -> dict[str, Any]:
    return {"num_workers": 1, "multiprocessing_context": "fork", "timeout": 60, **options}


def test_a_use_goes_on_in_processes_that_are_forked_meanwhile() -> None:
    before, ended = begin_use(), begin_use()
    assert end_use(ended) == []
    child = Child(lambda: end_use(before) is None)
    other = Child(lambda: True)
    after = begin_use()
    found = end_use(before)
    assert found is not None
    assert [fork.is_over() for fork in found] == [False, False]
    assert end_use(after) == []
    assert child.end()
    assert [fork.is_over() for fork in found] == [True, False]
    assert other.end()
    assert [fork.is_over() for fork in found] == [True, True]
    assert end_use(before) is None


def test_it_goes_on_in_their_children() -> None:
    use = begin_use()
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - in a process that is not measured
        if os.fork() == 0:
            os.close(tell)
            os.read(told, 1)
        os._exit(0)
    os.waitpid(child, 0)
    (fork,) = end_use(use) or []
    assert not fork.is_over()
    os.close(tell)
    os.close(told)
    while not fork.is_over():  # nobody is told when a child of a child ends
        pass


def test_where_no_pipe_can_be_made_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_pipe() -> tuple[int, int]:
        raise OSError(24, "Too many open files")

    use = begin_use()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pipe", no_pipe)
        child = os.fork()
        if child == 0:  # pragma: no cover - in a process that is not measured
            os._exit(0)
    os.waitpid(child, 0)
    (fork,) = end_use(use) or []
    assert not fork.is_over()


def test_no_more_files_than_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd")) if os.path.exists("/proc/self/fd") else 0

    monkeypatch.setattr(forks, "_uses", {})  # what other tests left in use has files for these processes, too
    gc.collect()
    use, before = begin_use(), count()
    for _ in range(5):
        most = count() + 2  # what tells it, and an end of a pipe
        assert Child(partial(lambda most: count() <= most, most)).end()
    found = end_use(use) or []
    assert len(found) == 1
    del found
    gc.collect()
    assert count() == before


def test_a_batch_that_a_forked_process_has_stays(flakes: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.torch.packing._SMALL", 0)
    batches = iter(Loader(MapDataset(flakes), 1, **one_worker()))
    kept = [next(batches)[0]]
    place, before = kept[0].data_ptr(), kept[0].numpy().copy()
    child = Child(lambda: np.array_equal(kept[0].numpy(), before))
    kept.clear()
    later = [next(batches)[0].data_ptr() for _ in range(9)]
    assert place not in later
    assert child.end()
    assert place in [images.data_ptr() for images, _ in batches]


def test_a_forked_process_that_drops_a_batch_frees_nothing(
    flakes: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagecards.torch.packing._SMALL", 0)
    batches = iter(Loader(MapDataset(flakes), 1, **one_worker()))
    kept = [next(batches)[0]]
    next(batches)  # until then the loop has it, too
    before = kept[0].clone()

    def drop() -> bool:
        kept.clear()
        return gc.collect() >= 0

    assert Child(drop).end()
    for _ in batches:
        assert torch.equal(kept[0], before)


def test_validating_in_the_middle_takes_no_slots(flakes: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.torch.packing._SMALL", 0)
    made: list[Any] = []
    new_pool = pool.new_pool

    def noted(*args: Any) -> Any:
        made.append(new_pool(*args))
        return made[-1]

    monkeypatch.setattr("imagecards.torch.loader.new_pool", noted)
    loader = Loader(MapDataset(flakes), 8, **one_worker(persistent_workers=True))
    for _ in range(2):
        for images, _ in loader:
            assert len(list(Loader(MapDataset(flakes), 12, **one_worker()))) == 2
            assert len(images)
    assert len(made) == 1 + 2 * 3
    del images, _
    made[0].look_again()
    assert [made[0].take(0) is None for _ in range(5)] == [False] * 4 + [True]
