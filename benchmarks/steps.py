"""Deriving a version, and dealing its images to folds."""

import shutil
from collections.abc import Iterator, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import imagecards as ic
from benchmarks.children import measure
from benchmarks.figures import Row, Sample, Suite, Target, figure
from benchmarks.options import Options
from imagecards.errors import ImageCardsError
from imagecards.records import ImageMetadata, ImageRecord

_SHARES = (0.63, 0.62, 0.55, 0.67, 0.02)  # of the images have an object of each class


class Steps:
    """One version of many images, each with some of five classes."""

    rows = (
        Row("derive", "derive, two steps"),
        Row("folds", "four folds, imagecards"),
        Row("peer", "four folds, iterative-stratification", against="folds"),
        Row("even", "every class within one of its share in every fold, imagecards", "yes"),
        Row("peer even", "the same, iterative-stratification", "yes"),
        Row("memory", "peak memory, imagecards", "bytes"),
    )

    def __init__(self, options: Options, count: int) -> None:
        self.title = f"Derive from {count:,} images, and deal them to folds"
        self.method = (
            "Derive: `MinArea` and `KFold(k=4)` from a registered version to the next, stored; no image is touched. "
            "Folds: `KFold(k=4, seed=1)` on the version, records and classes read; iterative-stratification: "
            "`MultilabelStratifiedKFold(n_splits=4)` on a matrix of the classes that is in memory already, one column "
            'more for "none". Each contestant in a fresh process, after imports; imagecards after a warm-up on 1,000 '
            "images."
        )
        self._options, self._count = options, count
        self._place = options.data / f"registry-steps-{count}"
        self._labels = options.data / f"labels-{count}.npy"
        self.targets = (
            Target(f"folds of {count:,} images, every class within one", figure("even"), "at least", 1, "yes"),
        )

    def prepare(self) -> None:
        """Register the version, unless it is there."""
        labels = np.random.default_rng(5).random((self._count, len(_SHARES))) < _SHARES
        try:
            if ic.CardRegistry(self._place).load("bench/raw").summary.images == self._count:
                return
        except ImageCardsError:
            pass
        print(f"registering {self._count:,} small images", flush=True)
        shutil.rmtree(self._place, ignore_errors=True)
        self._options.data.mkdir(parents=True, exist_ok=True)
        np.save(self._labels, np.column_stack([labels, ~labels.any(axis=1)]))
        table = ImageMetadata(records=list(_records(labels))).table
        ic.CardRegistry(self._place).register(ic.ImageDataset.from_source(_Small(), table), "bench/raw")

    def round(self, number: int) -> Sample:
        """Both contestants."""
        python = self._options.peers.get("folds")
        peer = dict(measure("folds_iterstrat", self._labels, python=python)) if python is not None else {}
        return {**measure("derive_steps", self._place), **{key: peer[key] for key in ("peer", "peer even") if peer}}


class _Small:
    """Images of one pixel, each of another colour."""

    def read(self, name: str) -> bytes:
        number = int(name.partition(".")[0])
        image = Image.new("RGB", (1, 1), (number & 255, number >> 8 & 255, number >> 16))
        image.save(target := BytesIO(), "PNG")
        return target.getvalue()

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        return map(self.read, names)

    def close(self) -> None:
        """There is nothing to give back."""


def _records(labels: NDArray[np.bool_]) -> Iterator[ImageRecord]:
    for number, row in enumerate(labels):
        classes = [f"class-{place}" for place in np.flatnonzero(row).tolist()]
        objects = {"bbox": [[0.0, 0.0, 1.0, 1.0]] * len(classes), "categories": classes}
        yield ImageRecord.model_validate({"file_name": f"{number:07d}.png", "objects": objects})


def suites(options: Options) -> list[Suite]:
    """One version."""
    return [Steps(options, 5_000 if options.quick else 100_000)]
