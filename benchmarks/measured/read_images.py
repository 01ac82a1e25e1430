"""Read images in a random order: from a registered card, and as loose files."""

import hashlib
import random
import sys
from pathlib import Path

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch


def main(images: Path, registry: Path, warm_up: Path, first: str) -> None:
    """Time both.

    Args:
        images: The loose files.
        registry: Where they are registered as ``bench/images``.
        warm_up: A registry with ``bench/images`` of another image.
        first: ``"cards"`` or ``"files"``: who begins.
    """
    names = sorted(path.name for path in images.glob("*.jpg"))
    random.Random(11).shuffle(names)
    watch = Stopwatch()
    _read_card(watch, warm_up, None)
    contestants = {
        "cards": lambda: _read_card(watch, registry, names),
        "files": lambda: _read_files(watch, images, names),
    }
    for who in sorted(contestants, key=lambda name: name != first):
        contestants[who]()
    watch.tell()


def _read_files(watch: Stopwatch, images: Path, names: list[str]) -> None:
    folder = str(images)
    _hash_files(folder, names[:100])
    with watch.time("files"):
        _hash_files(folder, names)
    with watch.time("files unhashed"):
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:
                file.read()


def _hash_files(folder: str, names: list[str]) -> None:
    for name in names:
        with open(f"{folder}/{name}", "rb") as file:
            hashlib.sha256(file.read()).digest()


def _read_card(watch: Stopwatch, registry: Path, names: list[str] | None) -> None:
    cards = ic.CardRegistry(registry)
    with watch.time("open"):
        dataset = cards.open("bench/images@^1")
    assert isinstance(dataset, ic.ImageDataset)
    wanted = names or dataset.names
    with watch.time("reads"):
        for name in wanted:
            dataset.read_bytes(name)
    watch.figures["cards"] = watch.figures["open"] + watch.figures["reads"]
    with watch.time("reads again"):
        for name in wanted:
            dataset.read_bytes(name)
    with watch.time("in order"):
        for _ in dataset.read_many(dataset.names):
            pass


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4])
