"""Timing steps, and telling the process that asked. The peers' interpreter runs it too: no libraries here."""

import gc
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.children import PREFIX


class Stopwatch:
    """Collects figures by name."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}

    @contextmanager
    def time(self, name: str, *, settle: bool = False) -> Iterator[None]:
        """Time what happens inside.

        Args:
            name: What to call it.
            settle: Write out what earlier steps left dirty first, so that nobody pays for another's writing.
        """
        gc.collect()
        if settle:
            os.sync()
        start, busy = time.perf_counter(), time.process_time()
        yield
        self.figures[name] = time.perf_counter() - start
        self.figures[f"{name}: processor"] = time.process_time() - busy

    def tell(self) -> None:
        """Print the figures for `benchmarks.children.measure`."""
        print(PREFIX + json.dumps(self.figures), flush=True)


def read_and_hash(paths: Sequence[str]) -> None:
    """The bare work: read each file and take its sha256, one after the other."""
    for path in paths:
        with open(path, "rb") as file:
            hashlib.sha256(file.read()).digest()


def write_and_sync(pieces: Iterable[bytes], path: Path) -> None:
    """The bare work of keeping bytes: write them to one file, and wait until the disk has them."""
    with open(path, "wb", buffering=0) as file:
        file.writelines(pieces)
        os.fsync(file.fileno())


@contextmanager
def one_more(images: Path, more: Path) -> Iterator[None]:
    """While inside, a folder has one image more, and its line in metadata.jsonl."""
    metadata = images / "metadata.jsonl"
    before = metadata.read_bytes()
    (image,) = more.glob("*.jpg")
    shutil.copyfile(image, images / image.name)
    metadata.write_bytes(before + (more / "metadata.jsonl").read_bytes())
    try:
        yield
    finally:
        metadata.write_bytes(before)
        (images / image.name).unlink()


def stored(folder: Path) -> int:
    """The bytes of all files below a folder."""
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file())


def peak_memory() -> int:
    """The largest resident size of this process, in bytes.

    ``getrusage`` would do, but at ``exec`` it takes over the peak of the process that started this one.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))
