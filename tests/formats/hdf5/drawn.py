"""Datasets of given pixels, in memory, for the tests of HDF5."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tests.formats.strategies import make_dataset

from imagecards.datasets import ImageDataset
from imagecards.formats.hdf5 import Examples
from imagecards.geometry import mask_to_runs, runs_to_coco
from imagecards.images import Picture, encode


class PixelSource:
    """Images of given pixels, in memory."""

    def __init__(self, pixels: Mapping[str, Any]) -> None:
        self.files = {name: file_of(values) for name, values in pixels.items()}
        self.reads: list[str] = []

    def read(self, name: str) -> bytes:
        self.reads.append(name)
        return self.files[name]

    def read_many(self, names: Sequence[str]) -> Any:
        return [self.files[name] for name in names]

    def close(self) -> None:
        pass


def file_of(values: Any) -> bytes:
    kinds = {1: "grey", 3: "rgb"}
    return encode(Picture(values, kinds.get(values.shape[2], "bands"), False))  # type: ignore[arg-type]


def of_pixels(
    pixels: Mapping[str, Any],
    records: Sequence[Mapping[str, Any]] | None = None,
    splits: Mapping[str, Sequence[str]] | None = None,
) -> ImageDataset:
    sizes = {name: (values.shape[1], values.shape[0]) for name, values in pixels.items()}
    drawn = make_dataset(records or [{"file_name": name} for name in pixels], sizes, splits)
    return ImageDataset.from_source(PixelSource(pixels), drawn.table, splits)


def noise(shape: tuple[int, ...], dtype: Any = np.uint8, seed: int = 0) -> Any:
    draw = np.random.default_rng(seed)
    return draw.random(shape, np.float32) if np.dtype(dtype).kind == "f" else draw.integers(0, 256, shape).astype(dtype)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def square(left: int, top: int, size: int, shape: tuple[int, int]) -> dict[str, Any]:
    mask = np.zeros(shape, bool)
    mask[top : top + size, left : left + size] = True
    return runs_to_coco(mask_to_runs(mask))


def labelled(names: Sequence[str] = ("a.png", "b.png"), shape: tuple[int, int] = (12, 20)) -> ImageDataset:
    """Images with a cat below a dog, the second one with another cat; and boxes of both."""
    records = []
    for number, name in enumerate(names):
        outlines = [square(1, 1, 4, shape), square(3, 3, 4, shape), square(10, 2, 3, shape)][: 2 + number % 2]
        boxes = [[1, 1, 4, 4], [3, 3, 4, 4], [10, 2, 3, 3]][: len(outlines)]
        objects = {"bbox": boxes, "categories": ["cat", "dog", "cat"][: len(outlines)], "segmentation": outlines}
        records.append({"file_name": name, "objects": objects})
    pixels = {name: noise((*shape, 1), seed=number) for number, name in enumerate(names)}
    return of_pixels(pixels, records)


def names_of(examples: Examples) -> list[str | None]:
    """What each example was made from; here, as another process must be able to import it."""
    return [each.file_name for each in examples]
