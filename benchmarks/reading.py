"""Reading images back: from a registered card, and as the loose files that were registered."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import imagecards as ic
from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, ratio
from benchmarks.options import Options
from benchmarks.photographs import Photographs, make_photographs


class Reading:
    """One size of images."""

    method = (
        "A fresh process each round, after imports and a warm-up on a card of one image. Both read every "
        "image once, in the same random order, one read at a time; imagecards opens the card first and "
        "checks each digest at the first read. The loose files are read and hashed, or only read; nothing "
        "is known of them beside their names."
    )
    rows = (
        Row("files", "loose files, read and hashed"),
        Row("cards", "a card, opened and read, digests checked", against="files"),
        Row("open", "of which opening"),
        Row("reads", "of which reading", against="files"),
        Row("files unhashed", "loose files, read only"),
        Row("reads again", "the card once more, digests known", against="files unhashed"),
        Row("in order", "the card once more, in its own order", against="files unhashed"),
    )

    def __init__(self, options: Options, count: int, size: int) -> None:
        self.title = f"Read {count:,} images of {size // 1000} kB in random order"
        self._what = f"{count:,} x {size // 1000} kB"
        self._options = options
        self._count, self._size = count, size
        self._registry = options.scratch / f"reading-{count}-{size}"
        self._warm_up = options.scratch / "reading-warm-up"
        self._made = Photographs(Path(), Path())

    @property
    def targets(self) -> Sequence[Target]:
        """At least the speed of loose files."""
        return [Target(f"open and read {self._what}, speed to loose files", ratio("files", "cards"), "at least", 1)]

    def prepare(self) -> None:
        """Draw the images and register them."""
        place = self._options.data / f"jpeg-{self._count}-{self._size}"
        self._made = make_photographs(place, self._count, self._size)
        for registry, folder in ((self._registry, self._made.images), (self._warm_up, self._made.more)):
            shutil.rmtree(registry, ignore_errors=True)
            ic.CardRegistry(registry).register(ic.ImageDataset(image_dir=folder), "bench/images")

    def round(self, number: int) -> Sample:
        """Both contestants in one process, by turns the first."""
        first = ("cards", "files")[number % 2]
        return measure("read_images", self._made.images, self._registry, self._warm_up, first)


def suites(options: Options) -> list[Suite]:
    """Many small images, and fewer large ones."""
    if options.quick:
        return [Reading(options, 400, 12_000), Reading(options, 40, 500_000)]
    return [Reading(options, 10_000, 12_000), Reading(options, 1_500, 500_000)]
