"""Loading for training: bytes with records, at random, and decoded to batches."""

import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import imagecards as ic
from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, figure, ratio
from benchmarks.options import Options
from benchmarks.peers import secluded
from benchmarks.photographs import Photographs, make_photographs


class Files:
    """Names, bytes and records of many small images, and images at random."""

    method = (
        "Each contestant in a fresh process, after imports; files are in memory after a first pass. In order, each "
        "gives name, bytes and record of every image: imagecards from a card, `StreamDataset(decode=False)`, digests "
        "known; WebDataset from one tar with the same images, its JSON decoded; datasets from a prepared ImageFolder, "
        "not decoded. Opening is what comes before the first image. At random: one image after the other in the same "
        "order, a card beside loose files whose names are known."
    )
    rows = (
        Row("cards", "imagecards, in order"),
        Row("webdataset", "WebDataset, in order", against="cards"),
        Row("datasets", "datasets ImageFolder, in order", against="cards"),
        Row("open", "imagecards, opening", "ms"),
        Row("datasets open", "datasets, `load_dataset` the first time"),
        Row("random", "imagecards, at random"),
        Row("random files", "loose files, at random", against="random"),
    )

    def __init__(self, options: Options, count: int, size: int) -> None:
        self.title = f"Load {count:,} images of {size // 1000} kB, not decoded"
        self._options, self._count, self._size = options, count, size
        self._registry = options.scratch / f"loading-{count}"
        self._made = Photographs(Path(), Path())

    @property
    def targets(self) -> Sequence[Target]:
        """What was promised of reading."""
        return [
            Target("in order, speed to WebDataset", ratio("webdataset", "cards"), "at least", 3),
            Target("in order, speed to datasets", ratio("datasets", "cards"), "at least", 1.3),
            Target("at random, speed to loose files", ratio("random files", "random"), "at least", 2),
            Target("opening", figure("open"), "under", 0.1, "s"),
        ]

    def prepare(self) -> None:
        """Draw the images and register them."""
        place = self._options.data / f"jpeg-{self._count}-{self._size}"
        self._made = make_photographs(place, self._count, self._size)
        shutil.rmtree(self._registry, ignore_errors=True)
        ic.CardRegistry(self._registry).register(ic.ImageDataset(image_dir=self._made.images), "bench/images")

    def round(self, number: int) -> Sample:
        """All contestants."""
        figures = dict(measure("load_files", self._made.images, self._registry))
        python = self._options.peers.get("loading")
        if python is not None:
            place = self._options.scratch / f"loading-peers-{number}"
            place.mkdir()
            environment = secluded(place)
            figures |= measure("load_webdataset", self._made.images, place, python=python, environment=environment)
            figures |= measure("load_datasets", self._made.images, place, python=python, environment=environment)
            shutil.rmtree(place)
        return figures


class Tensors:
    """Batches of decoded images."""

    method = (
        "A fresh process, in turns; two worker processes each, which are started within the time; files are in memory "
        "and digests known after a first pass. The bare decoder is simplejpeg on loose files, in processes that give "
        "nothing back: they drop each image when it is decoded, or keep 32, as whoever makes batches must. "
        "imagecards: `Loader(MapDataset(card), 32, num_workers=2)`. ImageFolder-style: a `DataLoader` whose dataset "
        "opens a file with Pillow, converts it to RGB and makes a tensor."
    )
    rows = (
        Row("bare", "the bare decoder, images dropped"),
        Row("kept", "the bare decoder, 32 images kept", against="bare"),
        Row("cards", "imagecards", against="bare"),
        Row("folder", "ImageFolder-style code", against="bare"),
    )

    def __init__(self, options: Options, count: int, size: int) -> None:
        self.title = f"Decode {count:,} JPEGs of {size // 1000} kB to batches, 2 workers"
        self._options, self._count, self._size = options, count, size
        self._registry = options.scratch / f"decoding-{count}"
        self._made = Photographs(Path(), Path())

    @property
    def targets(self) -> Sequence[Target]:
        """What was promised of decoding."""
        return [
            Target("decoded, time to the bare decoder", ratio("cards", "bare"), "at most", 1.1),
            Target("decoded, speed to ImageFolder-style code", ratio("folder", "cards"), "at least", 1),
        ]

    def prepare(self) -> None:
        """Draw the images and register them."""
        place = self._options.data / f"jpeg-{self._count}-{self._size}"
        self._made = make_photographs(place, self._count, self._size)
        shutil.rmtree(self._registry, ignore_errors=True)
        ic.CardRegistry(self._registry).register(ic.ImageDataset(image_dir=self._made.images), "bench/images")

    def round(self, number: int) -> Sample:
        """All contestants in one process, by turns the first."""
        return measure("load_tensors", self._made.images, self._registry, number)


def suites(options: Options) -> list[Suite]:
    """Files; and where torch is installed, tensors."""
    files = Files(options, 400 if options.quick else 10_000, 12_000)
    tensors = Tensors(options, 64 if options.quick else 8_000, 65_000)
    return [files, tensors] if find_spec("torch") and find_spec("simplejpeg") else [files]
