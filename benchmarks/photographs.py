"""Folders of JPEGs that compress like photographs, with a metadata.jsonl; seeded."""

import io
import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[np.float32]]

_SEED = 20
_QUALITY = 85
_BITS_PER_PIXEL = 2.0
_WORDS = (
    "monolayer",
    "bilayer",
    "bulk crystal",
    "residue",
    "scratch",
    "bubble",
    "fold",
    "wrinkle",
    "edge",
    "tear",
)


class Photographs(NamedTuple):
    """Where `make_photographs` put things."""

    images: Path
    more: Path


def make_photographs(place: Path, count: int, size: int) -> Photographs:
    """A folder of JPEGs with boxes and captions, and one more image beside it, to be added later.

    Args:
        place: Gets ``images/`` and ``more/``, each with a ``metadata.jsonl``; kept where it is there.
        count: How many images.
        size: Bytes of each, about.
    """
    if not place.is_dir():
        print(f"drawing {count:,} images of about {size / 1000:.0f} kB", flush=True)
        part = place.with_name(f"{place.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        draw = _artist(size)
        _fill(part / "images", range(count), draw)
        _fill(part / "more", range(count, count + 1), draw)
        part.rename(place)
    return Photographs(place / "images", place / "more")


def _fill(folder: Path, numbers: range, draw: Callable[[int], tuple[bytes, dict[str, Any]]]) -> None:
    folder.mkdir(parents=True)

    def write(number: int) -> str:
        name = f"image-{number:06d}.jpg"
        photograph, record = draw(number)
        (folder / name).write_bytes(photograph)
        return json.dumps({"file_name": name, **record}) + "\n"

    with ThreadPoolExecutor(2) as pool:
        lines = list(pool.map(write, numbers))
    (folder / "metadata.jsonl").write_text("".join(lines), encoding="utf-8")


def _artist(size: int) -> Callable[[int], tuple[bytes, dict[str, Any]]]:
    """What draws image after image of about a size: soft colours under as much noise as fills the bytes."""
    height = int((size * 8 / _BITS_PER_PIXEL * 3 / 4) ** 0.5) // 8 * 8
    width = height * 4 // 3
    noise = np.random.default_rng(_SEED).standard_normal((height + 256, width + 256, 3), dtype=np.float32)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    waves = np.stack([np.sin(columns / width * 5 + rows / height * turn) for turn in (2, 3, 4)], axis=-1)

    def photograph(number: int, strength: float) -> bytes:
        rng = np.random.default_rng((_SEED, number))
        top, left = rng.integers(0, 256, 2)
        grain: Pixels = noise[top : top + height, left : left + width]
        colour = rng.uniform(70, 180, 3).astype(np.float32)
        pixels = colour + 40 * waves + np.float32(strength * rng.uniform(0.85, 1.15)) * grain
        sink = io.BytesIO()
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(sink, "JPEG", quality=_QUALITY)
        return sink.getvalue()

    weak, strong = 0.0, 100.0
    for _ in range(12):
        middle = (weak + strong) / 2
        probes = [len(photograph(number, middle)) for number in range(8)]
        weak, strong = (weak, middle) if sum(probes) > size * len(probes) else (middle, strong)

    def draw(number: int) -> tuple[bytes, dict[str, Any]]:
        return photograph(number, weak), _record(np.random.default_rng((_SEED + 1, number)), width, height)

    return draw


def _record(rng: np.random.Generator, width: int, height: int) -> dict[str, Any]:
    """One to three boxes in whole pixels, inside the image, and a caption that tells of them."""
    boxes, kinds = [], []
    for _ in range(int(rng.integers(1, 4))):
        x, y = int(rng.integers(0, width - 8)), int(rng.integers(0, height - 8))
        boxes.append([x, y, int(rng.integers(4, width - x + 1)), int(rng.integers(4, height - y + 1))])
        kinds.append(int(rng.integers(len(_WORDS))))
    caption = f"{' and '.join(_WORDS[kind] for kind in kinds)} at {int(rng.choice([20, 50, 100]))}x"
    return {"caption": caption, "objects": {"bbox": boxes, "categories": kinds}}
