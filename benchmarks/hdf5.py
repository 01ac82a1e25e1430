"""HDF5 examples of steel: what they take, and how fast they are written and read."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, ratio
from benchmarks.options import Options
from imagecards.testing.steel import Counts, make_steel


class Steel:
    """One number of photographs."""

    method = (
        "Photographs of 1600 x 256 pixels with a mask each become grey examples of 256 x 256, in one process. The bare "
        "loop decodes and resizes with Pillow, and writes the pixels and an empty mask with h5py as one deflated chunk "
        "each; it draws no masks, and no example says what it was made from. The reader of the original layout is the "
        "loop of the original project: it opens the file for each example. All read every example once in the same "
        "random order."
    )
    rows = (
        Row("bare", "decode, resize, compress and write, the bare loop"),
        Row("write packed", "imagecards, packed", against="bare"),
        Row("write plain", "imagecards, packed, images not compressed", against="bare"),
        Row("write examples", "imagecards, the original layout", against="bare"),
        Row("size examples", "the original layout", "bytes"),
        Row("size packed", "packed", "bytes", against="size examples"),
        Row("size plain", "packed, images not compressed", "bytes", against="size examples"),
        Row("original", "read the original layout as its reader does"),
        Row("original, kept open", "the same with the file kept open", against="original"),
        Row("read packed", "imagecards, packed", against="original"),
        Row("read plain", "imagecards, packed, images not compressed", against="original"),
        Row("read examples", "imagecards, the original layout", against="original"),
    )
    targets: Sequence[Target] = (
        Target("writing packed examples, to the bare loop", ratio("write packed", "bare"), "at most", 1.3),
        Target("size of packed examples, to the original", ratio("size packed", "size examples"), "at most", 0.25),
        Target("random reads of packed, speed to the original", ratio("original", "read packed"), "at least", 2),
    )

    def __init__(self, options: Options, count: int) -> None:
        self.title = f"HDF5: {count:,} photographs of steel"
        self._place = options.data / f"steel-{count}"
        self._scratch = options.scratch / f"hdf5-{count}"
        self._count = count

    def prepare(self) -> None:
        """Draw the photographs."""
        if not (self._place / "train.csv").exists():
            shutil.rmtree(self._place, ignore_errors=True)
            make_steel(self._place, Counts((1, 1, self._count, 1), self._count + 2, self._count + 5))

    def round(self, number: int) -> Sample:
        """All contestants in one process, by turns the first."""
        shutil.rmtree(self._scratch, ignore_errors=True)
        Path(self._scratch).mkdir(parents=True)
        return measure("hdf5_examples", self._place, self._scratch, ("ours", "bare")[number % 2])


def suites(options: Options) -> list[Suite]:
    """Enough to fill no cache of HDF5's."""
    return [Steel(options, 60 if options.quick else 1_000)]
