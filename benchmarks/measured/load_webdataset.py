"""WebDataset: the same images and records from one tar."""

import json
import sys
from pathlib import Path

import webdataset as wds

from benchmarks.measured.stopwatch import Stopwatch


def main(images: str, place: str) -> None:
    """Pack the images, which is not timed, and read them."""
    tar = Path(place, "images.tar")
    with wds.TarWriter(str(tar)) as writer:
        for line in Path(images, "metadata.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            name = record["file_name"]
            writer.write({"__key__": Path(name).stem, "jpg": Path(images, name).read_bytes(), "json": record})
    watch = Stopwatch()
    for _ in _samples(tar):
        pass
    with watch.time("webdataset"):
        for sample in _samples(tar):
            assert sample["__key__"]
            assert sample["jpg"]
            json.loads(sample["json"])
    watch.tell()


def _samples(tar: Path) -> wds.WebDataset:
    return wds.WebDataset(str(tar), shardshuffle=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
