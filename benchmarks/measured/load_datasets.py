"""datasets: the same folder, prepared and read without decoding."""

import sys

import datasets
from benchmarks.measured.stopwatch import Stopwatch


def main(images: str, place: str) -> None:
    """Prepare the folder, and read names, bytes and records."""
    watch = Stopwatch()
    datasets.disable_progress_bars()
    with watch.time("datasets open"):
        loaded = datasets.load_dataset("imagefolder", data_dir=images, split="train", cache_dir=f"{place}/cache")
    plain = loaded.cast_column("image", datasets.Image(decode=False))
    _read(plain)
    with watch.time("datasets"):
        _read(plain)
    watch.tell()


def _read(plain: datasets.Dataset) -> None:
    for row in plain:
        image = row["image"]
        if image["bytes"] is None:
            with open(image["path"], "rb") as file:
                file.read()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
