"""Write and read HDF5 examples of steel: by imagecards, by a bare loop, and by the reader of the original layout."""

import io
import random
import sys
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from benchmarks.measured.stopwatch import Stopwatch, stored
from imagecards.datasets import ImageDataset
from imagecards.formats.hdf5 import Examples, Recipe, write_examples
from imagecards.recipes.severstal import TRAIN, read_class

_SIDE = 256
_RECIPES = {
    "packed": Recipe("packed", "binary", (_SIDE, _SIDE), "grey", "upstream"),
    "plain": Recipe("packed", "binary", (_SIDE, _SIDE), "grey", "upstream", level=0),
    "examples": Recipe("examples", "binary", (_SIDE, _SIDE), "grey", "upstream"),
}


def main(steel: Path, scratch: Path, first: str) -> None:
    """Time all of it.

    Args:
        steel: Where the photographs and their CSV are.
        scratch: A folder to write into.
        first: ``"ours"`` or ``"bare"``: who begins.
    """
    dataset = read_class(steel / "train.csv", steel / "train_images", 3)
    watch = Stopwatch()
    for who in ("ours", "bare") if first == "ours" else ("bare", "ours"):
        if who == "bare":
            with watch.time("bare", settle=True):
                _write_bare(dataset, scratch)
            continue
        for name, recipe in _RECIPES.items():
            with watch.time(f"write {name}", settle=True):
                write_examples(dataset, scratch / name, recipe)
            watch.figures[f"size {name}"] = stored(scratch / name)
    count = len(dataset.splits[TRAIN])
    order = random.Random(7).sample(range(count), count)
    (original,) = (scratch / "examples" / TRAIN).glob("*.h5")
    with watch.time("original"):
        for index in order:
            with h5py.File(original) as file:
                _read(file, index)
    with watch.time("original, kept open"), h5py.File(original) as file:
        for index in order:
            _read(file, index)
    for name in _RECIPES:
        with watch.time(f"read {name}"):
            examples = Examples(scratch / name / TRAIN)
            for index in order:
                examples[index]
        examples.close()
    watch.tell()


def _write_bare(dataset: ImageDataset, scratch: Path) -> None:
    empty = np.zeros((1, _SIDE, _SIDE), np.uint8)
    for split, names in dataset.splits.items():
        with h5py.File(scratch / f"{split}.h5", "w") as file:
            shape = (len(names), 1, _SIDE, _SIDE)
            images, labels = (
                file.create_dataset(name, shape, "u1", chunks=(1, *shape[1:]), compression="gzip", compression_opts=1)
                for name in ("image", "label")
            )
            for row, name in enumerate(names):
                image = Image.open(io.BytesIO(dataset.read_bytes(name))).convert("L")
                images[row] = np.asarray(image.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC))[None]
                labels[row] = empty


def _read(file: h5py.File, index: int) -> None:
    example = file[f"example_{index}"]
    example["image"][()]
    example["label"][()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
