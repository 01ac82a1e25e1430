"""Batches of decoded images: the bare decoder, a card, and what training code usually does."""

import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch
from PIL import Image

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch
from imagecards.torch import Loader, MapDataset

_WORKERS = 2
_BATCH = 32


class Folder(torch.utils.data.Dataset):
    """Images as ImageFolder reads them."""

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, number: int) -> Any:
        with open(self._paths[number], "rb") as file:
            image = np.asarray(Image.open(file).convert("RGB"))
        return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def main(images: Path, registry: Path, number: int) -> None:
    """Time all of them.

    Args:
        images: The loose files.
        registry: Where they are registered as ``bench/images``.
        number: Of the round; it says who begins.
    """
    paths = sorted(str(path) for path in images.glob("*.jpg"))
    dataset = ic.CardRegistry(registry).open("bench/images@^1")
    assert isinstance(dataset, ic.ImageDataset)
    options: dict[str, Any] = {"num_workers": _WORKERS, "multiprocessing_context": "fork"}
    contestants: list[tuple[str, Callable[[], None]]] = [
        ("bare", lambda: _in_processes(_decode, paths)),
        ("kept", lambda: _in_processes(_decode_batches, paths)),
        ("cards", lambda: _drain(Loader(MapDataset(dataset), _BATCH, **options))),
        ("folder", lambda: _drain(torch.utils.data.DataLoader(Folder(paths), _BATCH, **options))),
    ]
    turn = number % len(contestants)
    watch = Stopwatch()
    _decode(paths)  # imports; files are in memory
    for _ in dataset.source.read_many(dataset.names):  # digests are checked
        pass
    for name, run in contestants[turn:] + contestants[:turn]:
        with watch.time(name):
            run()
    watch.tell()


def _drain(loader: Any) -> None:
    for _ in loader:
        pass


def _in_processes(decode: Callable[[list[str]], None], paths: list[str]) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=decode, args=(paths[number::_WORKERS],)) for number in range(_WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _decode(paths: list[str]) -> None:
    for path in paths:
        with open(path, "rb") as file:
            simplejpeg.decode_jpeg(file.read())


def _decode_batches(paths: list[str]) -> None:
    for begin in range(0, len(paths), _BATCH):
        batch = []
        for path in paths[begin : begin + _BATCH]:
            with open(path, "rb") as file:
                batch.append(simplejpeg.decode_jpeg(file.read()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
