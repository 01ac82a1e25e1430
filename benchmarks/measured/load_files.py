"""Names, bytes and records from a card, in order and at random; and loose files at random."""

import random
import sys
from pathlib import Path

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch
from imagecards.torch import StreamDataset


def main(images: Path, registry: Path) -> None:
    """Time all of it.

    Args:
        images: The loose files.
        registry: Where they are registered as ``bench/images``.
    """
    watch = Stopwatch()
    cards = ic.CardRegistry(registry)
    _open(cards)  # imports
    with watch.time("open"):
        dataset = _open(cards)
    stream = StreamDataset(dataset, decode=False)
    for _ in stream:  # digests are checked
        pass
    with watch.time("cards"):
        count = sum(1 for _ in stream)
    assert count == len(dataset)
    names = sorted(dataset.names)
    random.Random(11).shuffle(names)
    folder = str(images)
    for name in names:
        Path(folder, name).read_bytes()
    with watch.time("random"):
        for name in names:
            dataset.read_bytes(name)
    with watch.time("random files"):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:
                file.read()
    watch.tell()


def _open(cards: ic.CardRegistry) -> ic.ImageDataset:
    dataset = cards.open("bench/images@^1")
    assert isinstance(dataset, ic.ImageDataset)
    return dataset


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
