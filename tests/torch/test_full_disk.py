"""No room for what processes share: one error that says so, and nobody who waits for ever."""

import os
import resource
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import imagecards as ic
from imagecards.errors import ImageCardsError, StorageError

torch = pytest.importorskip("torch", reason="torch is not installed: it is where Python is 3.11")

from imagecards.torch import Loader, MapDataset, StreamDataset, packing  # noqa: E402 - not before torch

FORK: dict[str, Any] = {"num_workers": 1, "multiprocessing_context": "fork", "timeout": 60}


def no_room(worker: int) -> None:
    """As a full disk does it: what is written beyond fails."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))


@contextmanager
def no_room_here() -> Iterator[None]:
    before, old = resource.getrlimit(resource.RLIMIT_FSIZE), signal.getsignal(signal.SIGXFSZ)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, old)


def no_file(name: str) -> int:
    raise OSError(24, "Too many open files")


def as_pair(image: Any, target: dict[str, Any]) -> Any:
    return {"image": image.float(), "count": len(target["labels"])}


@pytest.mark.parametrize("kind", [MapDataset, StreamDataset])
@pytest.mark.parametrize("transform", [None, as_pair])
def test_for_a_batch(flakes: ic.ImageDataset, kind: Any, transform: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "memfd_create", no_file)
    monkeypatch.setattr(packing, "_SMALL", 0)
    loader = Loader(kind(flakes, transform=transform), 4, worker_init_fn=no_room, **FORK)
    with pytest.raises(StorageError, match=r"shared memory can't be written .*/dev/shm"):
        list(loader)


def test_no_batch_needs_room_that_the_loop_gave_back(flakes: ic.ImageDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "_SMALL", 0)
    loader = Loader(MapDataset(flakes), 1, worker_init_fn=no_room, **FORK)
    assert sum(len(targets) for _, targets in loader) == 23
    with pytest.raises(StorageError, match=r"shared memory can't be written .*/dev/shm"):
        list(loader)


def test_for_the_order_of_a_stream(flakes: ic.ImageDataset) -> None:
    loader = Loader(StreamDataset(flakes), 4, **FORK)
    with no_room_here(), pytest.raises(StorageError, match="shared memory can't be written"):
        iter(loader)
    assert sum(len(targets) for _, targets in loader) == 23


def test_for_the_columns_of_spawned_workers(
    flakes: ic.ImageDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    loader = Loader(MapDataset(flakes), 4, num_workers=1, multiprocessing_context="spawn")
    with no_room_here(), pytest.raises(StorageError, match=r"imagecards-.*\.arrow, what worker processes share"):
        iter(loader)
    assert list(tmp_path.glob("*.arrow")) == []


def die(image: Any, target: dict[str, Any]) -> None:
    signal.raise_signal(signal.SIGKILL)


@pytest.mark.parametrize("kind", [MapDataset, StreamDataset])
def test_a_worker_that_is_killed(flakes: ic.ImageDataset, kind: Any) -> None:
    loader = Loader(kind(flakes, transform=die), 4, **FORK)
    with pytest.raises(ImageCardsError, match="a worker process of the loader ended"):
        list(loader)
