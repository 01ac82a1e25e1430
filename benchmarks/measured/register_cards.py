"""imagecards: register a folder, again, and with one image more; the bare loop before each."""

import sys
from pathlib import Path

import imagecards as ic
from benchmarks.measured.stopwatch import Stopwatch, one_more, read_and_hash, stored, write_and_sync


def main(images: Path, more: Path, registry: Path) -> None:
    """Time the three registrations.

    Args:
        images: The folder.
        more: The folder with the image to be added.
        registry: Where to make the registry.
    """
    watch = Stopwatch()
    cards = ic.CardRegistry(registry)
    cards.register(ic.ImageDataset(image_dir=more), "bench/warm-up")
    paths = [str(path) for path in sorted(images.glob("*.jpg"))]
    read_and_hash(paths)
    pieces = [Path(path).read_bytes() for path in paths]
    with watch.time("written", settle=True):
        write_and_sync(pieces, registry / "written")
    del pieces
    (registry / "written").unlink()

    def register(step: str) -> ic.DataCard:
        before = stored(registry)
        with watch.time(f"{step}: bare", settle=True):
            read_and_hash(paths)
        with watch.time(step, settle=True):
            card = cards.register(ic.ImageDataset(image_dir=images), "bench/images")
        watch.figures[f"{step}: stored"] = stored(registry) - before
        return card

    first = register("first")
    assert first.summary.images == len(paths)
    assert register("again").digest == first.digest
    with one_more(images, more):
        added = register("added")
    assert (added.version > first.version, added.summary.images) == (True, len(paths) + 1)
    watch.figures["bare"] = sorted(watch.figures.pop(f"{step}: bare") for step in ("first", "again", "added"))[1]
    watch.tell()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
