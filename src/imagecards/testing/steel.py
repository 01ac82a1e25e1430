"""Made-up photographs of steel with Severstal's CSV: the counts of the published data, or smaller ones."""

import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

_DRAWN = 4  # photographs; all others are links to these


class Counts(NamedTuple):
    """How much there is; by default as much as Severstal published.

    Attributes:
        rows: Masks of each class.
        defects: Images with at least one.
        images: All images.
    """

    rows: Sequence[int] = (897, 247, 5150, 801)
    defects: int = 6666
    images: int = 12568


class Steel(NamedTuple):
    """What `make_steel` made.

    Attributes:
        csv: The file of masks.
        images: The folder of photographs.
        rows: Image, class and mask, in the order of the file.
        clean: The images without a defect.
    """

    csv: Path
    images: Path
    rows: Sequence[tuple[str, int, str]]
    clean: Sequence[str]


def make_steel(
    folder: Path, counts: Counts, *, seed: int = 0, width: int = 1600, height: int = 256, legacy: bool = False
) -> Steel:
    """Write ``train.csv`` and ``train_images/``; the same arguments give the same rows and pixels.

    Args:
        folder: Where.
        counts: How much.
        seed: What they are drawn from.
        width: Of the photographs, in pixels.
        height: In pixels; both together at least 400.
        legacy: Whether the CSV has a row for each image and class.

    Example:
        >>> import tempfile
        >>> steel = make_steel(Path(tempfile.mkdtemp()), Counts((2, 1, 5, 2), 7, 12), width=64, height=16)
        >>> len(steel.rows), len(steel.clean)
        (10, 5)
    """
    draw = random.Random(seed)  # noqa: S311
    names = [f"{number:09x}.jpg" for number in sorted(draw.sample(range(16**9), counts.images))]
    defects = sorted(draw.sample(names, counts.defects))
    rows = [(name, kind, _mask(draw, width, height)) for name, kind in _pairs(draw, defects, counts.rows)]
    steel = Steel(folder / "train.csv", folder / "train_images", rows, sorted({*names} - {*defects}))
    steel.images.mkdir(parents=True, exist_ok=True)
    lines = ["ImageId,ClassId,EncodedPixels", *(f"{name},{kind},{mask}" for name, kind, mask in rows)]
    if legacy:
        masks = {(name, kind): mask for name, kind, mask in rows}
        kinds = range(1, len(counts.rows) + 1)
        lines = [f"{name}_{kind},{masks.get((name, kind), '')}" for name in names for kind in kinds]
        lines.insert(0, "ImageId_ClassId,EncodedPixels")
    steel.csv.write_text("\n".join([*lines, ""]), encoding="utf-8")
    for place, name in enumerate(names):
        if place < _DRAWN:
            photograph = draw_steel(np.random.default_rng((seed, place)), width, height)
            Image.fromarray(photograph).convert("RGB").save(steel.images / name, quality=90)
        else:
            os.link(steel.images / names[place % _DRAWN], steel.images / name)
    return steel


def draw_steel(rng: np.random.Generator, width: int, height: int) -> NDArray[np.uint8]:
    """One photograph, shape (height, width): rolled steel with its grain, and light from the side."""
    light = 90 + 40 * np.sin(np.linspace(0, rng.uniform(4, 9), width))[None]
    grain = light + rng.normal(0, 5, (height, width)) + rng.normal(0, 4, (height, 1))
    image = Image.fromarray(grain.clip(0, 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.8))
    return np.asarray(image)


def _pairs(draw: random.Random, defects: Sequence[str], rows: Sequence[int]) -> list[tuple[str, int]]:
    """Which image has which class: each of them at least one, and each class so many."""
    kinds = [kind for kind, count in enumerate(rows, start=1) for _ in range(count)]
    draw.shuffle(kinds)
    pairs = set(zip(defects, kinds, strict=False))
    for kind in kinds[len(defects) :]:
        while (pair := (draw.choice(defects), kind)) in pairs:
            pass
        pairs.add(pair)
    return sorted(pairs)


def _mask(draw: random.Random, width: int, height: int) -> str:
    """A few runs down the columns, as starts from 1 on and lengths."""
    start = draw.randrange(1, width * height - 300)
    return f"{start} {draw.randrange(1, 12)} {start + 40} {draw.randrange(1, 99)}"
