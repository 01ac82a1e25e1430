"""Validating a long metadata.jsonl: columns against one model a line."""

import os
import shutil
from pathlib import Path

import numpy as np

from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, figure, ratio
from benchmarks.options import Options

_BLOCK = 100_000


class Validate:
    """One file, read in two ways, and the same file with a mistake in its last line."""

    method = (
        "Each way reads the file in a fresh process, after imports and a warm-up on 1,000 lines. The loop "
        "makes one `ImageRecord(**json.loads(line))` after the other and keeps none of them; "
        "`ImageMetadata.load_from_file` keeps all. The memory is the process's peak resident size, "
        "interpreter and libraries included."
    )
    rows = (
        Row("loop", "`ImageRecord(**json.loads(line))`"),
        Row("cards", "`ImageMetadata.load_from_file`", against="loop"),
        Row("mistake", "the same, one mistake in the last line", against="loop"),
        Row("loop: memory", "peak memory, loop", "bytes"),
        Row("cards: memory", "peak memory, load_from_file", "bytes"),
        Row("mistake: memory", "peak memory, with the mistake", "bytes"),
        Row("named", "the mistake is named exactly", "yes"),
    )
    targets = (
        Target("validate, speed to the loop", ratio("loop", "cards"), "at least", 8),
        Target("peak memory", figure("cards: memory"), "under", 1.2e9, "bytes"),
        Target("peak memory with a mistake in the last line", figure("mistake: memory"), "under", 1.2e9, "bytes"),
        Target("that mistake is named exactly", figure("named"), "at least", 1, "yes"),
    )

    def __init__(self, options: Options, count: int) -> None:
        self.title = f"Validate {count:,} records of 3 boxes"
        self._count = count
        self._data = options.data
        self._files = {kind: self._data / f"records-{count}-{kind}.jsonl" for kind in ("good", "bad")}
        self._warm_up = self._data / "records-warm-up.jsonl"

    def prepare(self) -> None:
        """Write the files."""
        self._data.mkdir(parents=True, exist_ok=True)
        _write(self._warm_up, 1_000)
        _write(self._files["good"], self._count)
        if not self._files["bad"].is_file():
            _spoil(self._files["good"], self._files["bad"], self._count)

    def round(self, number: int) -> Sample:
        """Both ways, and the mistake."""
        ways = {"loop": "good", "cards": "good", "mistake": "bad"}
        turn = number % len(ways)
        sample: dict[str, float] = {}
        for way in [*ways, *ways][turn : turn + len(ways)]:
            path = self._files[ways[way]]
            sample |= measure("read_records", way, path, self._warm_up, self._count)
        return sample


def _spoil(good: Path, bad: Path, count: int) -> None:
    """A copy whose last line has a box of three numbers."""
    part = bad.with_suffix(".part")
    shutil.copyfile(good, part)
    with open(part, "r+b") as file:
        tail = file.seek(-4096, os.SEEK_END)
        file.truncate(tail + file.read().rindex(b"\n", 0, -1) + 1)
        file.seek(0, os.SEEK_END)
        file.write(_line(count - 1, "[[1, 2, 3, 4], [5, 6, 7, 8], [1, 2, 3]]", "1, 2, 3").encode())
    part.rename(bad)


def _write(path: Path, count: int) -> None:
    if path.is_file():
        return
    print(f"writing {count:,} records", flush=True)
    part = path.with_suffix(".part")
    with open(part, "w", encoding="utf-8") as file:
        for start in range(0, count, _BLOCK):
            file.writelines(_lines(start, min(start + _BLOCK, count)))
    part.rename(path)


def _lines(start: int, stop: int) -> list[str]:
    """Records: the boxes of one half in whole pixels, of the other with two decimals, as in COCO."""
    rng = np.random.default_rng((3, start))
    whole = rng.integers(1, 1000, (stop - start, 12)).tolist()
    parts = (rng.integers(100, 100_000, (stop - start, 12)) / 100).tolist()
    kinds = rng.integers(0, 80, (stop - start, 3)).tolist()
    lines = []
    for number, numbers, decimals, kind in zip(range(start, stop), whole, parts, kinds, strict=True):
        values = numbers if number % 2 else decimals
        boxes = str([values[0:4], values[4:8], values[8:12]])
        lines.append(_line(number, boxes, str(kind)[1:-1]))
    return lines


def _line(number: int, boxes: str, kinds: str) -> str:
    caption = f"flakes on silicon, substrate {number % 1009}, seen at {(20, 50, 100)[number % 3]}x"
    return (
        f'{{"file_name": "images/{number:09d}.jpg", "caption": "{caption}", '
        f'"objects": {{"bbox": {boxes}, "categories": [{kinds}]}}}}\n'
    )


def suites(options: Options) -> list[Suite]:
    """One file."""
    return [Validate(options, 20_000 if options.quick else 1_000_000)]
