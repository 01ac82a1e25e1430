"""imagecards: a large COCO file to YOLO, and how much memory that takes."""

import sys
from pathlib import Path

from benchmarks.measured.stopwatch import Stopwatch, peak_memory
from imagecards.formats import read, write


def main(place: Path, to: Path) -> None:
    """Convert once, without a warm-up: the peak is that of the whole process.

    Args:
        place: The annotations, in COCO's own layout.
        to: Where to write; new.
    """
    watch = Stopwatch()
    with watch.time("convert", settle=True):
        dataset = read(place, "coco", check_images=False, strict=False).dataset
        write(dataset, to, "yolo-seg", images=False)
    watch.figures["memory"] = peak_memory()
    assert len(list(to.rglob("*.txt"))) == len(dataset)
    watch.tell()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
