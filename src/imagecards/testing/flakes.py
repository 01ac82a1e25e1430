"""A small made-up dataset that looks like one: flakes under a microscope, with boxes, masks and captions."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

CLASSES = ("monolayer", "bilayer", "bulk")
_TINTS = np.array([(-14, -4, 6), (-34, -12, 14), (46, 52, -30)], dtype=np.float64)


class Flakes(NamedTuple):
    """Where `make_flakes` put things."""

    images: Path
    masks: Path


def make_flakes(
    folder: Path, count: int = 24, *, seed: int = 0, width: int = 512, height: int = 384, first: int = 0
) -> Flakes:
    """Write microscope-like photographs with their ``metadata.jsonl``, and instance masks beside them.

    The same arguments give the same pixels, boxes and captions.

    Args:
        folder: Gets ``images/`` (JPEG and ``metadata.jsonl``) and ``masks/`` (8-bit PNG: 0 is background, 1..n are the
            objects in the order of the record).
        count: How many images.
        seed: What they are drawn from.
        width: In pixels.
        height: In pixels.
        first: The number in the first file name.

    Example:
        >>> import tempfile
        >>> made = make_flakes(Path(tempfile.mkdtemp()), 2, width=64, height=48)
        >>> sorted(path.name for path in made.images.iterdir())
        ['flake-0000.jpg', 'flake-0001.jpg', 'metadata.jsonl']
    """
    made = Flakes(folder / "images", folder / "masks")
    for place in made:
        place.mkdir(parents=True, exist_ok=True)
    lines = []
    for number in range(first, first + count):
        photograph, mask, record = draw_flakes(np.random.default_rng((seed, number)), width, height)
        name = f"flake-{number:04d}"
        Image.fromarray(photograph).save(made.images / f"{name}.jpg", quality=88)
        Image.fromarray(mask).save(made.masks / f"{name}.png")
        lines.append(json.dumps({"file_name": f"{name}.jpg", **record}) + "\n")
    (made.images / "metadata.jsonl").write_text("".join(lines), encoding="utf-8")
    return made


def draw_flakes(
    rng: np.random.Generator, width: int, height: int
) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], np.ndarray[Any, np.dtype[np.uint8]], dict[str, Any]]:
    """One photograph with its mask and record.

    Returns:
        The photograph (height, width, 3), uint8 RGB; the mask (height, width), uint8 instance ids; and the record
        without its file name.
    """
    rows, columns = np.mgrid[0:height, 0:width]
    vignette = 1 - 0.35 * (((columns / width - 0.5) ** 2 + (rows / height - 0.5) ** 2) / 0.5)
    canvas = np.array([176.0, 132.0, 150.0]) * vignette[..., None]
    mask = Image.new("L", (width, height), 0)
    kinds = [int(kind) for kind in rng.choice(len(CLASSES), size=int(rng.integers(1, 6)), p=[0.5, 0.3, 0.2])]
    for instance, kind in enumerate(kinds, start=1):
        shape = Image.new("L", (width, height), 0)
        ImageDraw.Draw(shape).polygon(_outline(rng, width, height), fill=255)
        soft = np.asarray(shape.filter(ImageFilter.GaussianBlur(1.2)), dtype=np.float64)[..., None] / 255
        canvas += soft * _TINTS[kind] * rng.uniform(0.85, 1.15)
        mask.paste(instance, mask=shape)
    ids = np.asarray(mask, dtype=np.uint8)
    canvas += rng.normal(0, 3.5, canvas.shape)
    seen = [(kind, _box(ids == instance)) for instance, kind in enumerate(kinds, start=1) if (ids == instance).any()]
    record = {
        "caption": _caption([CLASSES[kind] for kind, _ in seen]),
        "objects": {"bbox": [box for _, box in seen], "categories": [CLASSES[kind] for kind, _ in seen]},
        "magnification": int(rng.choice([20, 50, 100])),
    }
    return np.clip(canvas, 0, 255).astype(np.uint8), ids, record


def _outline(rng: np.random.Generator, width: int, height: int) -> list[tuple[float, float]]:
    """A jagged polygon that lies inside the image."""
    radius = float(rng.uniform(0.05, 0.17)) * min(width, height)
    x = float(rng.uniform(1.5 * radius, width - 1.5 * radius))
    y = float(rng.uniform(1.5 * radius, height - 1.5 * radius))
    angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(6, 12))))
    reach = radius * rng.uniform(0.6, 1.4, angles.size)
    return list(zip((x + reach * np.cos(angles)).tolist(), (y + reach * np.sin(angles)).tolist(), strict=True))


def _box(inside: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    """The box (x, y, width, height) in pixels around what is true in ``inside`` (height, width)."""
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top]


def _caption(classes: list[str]) -> str:
    counts = {kind: classes.count(kind) for kind in CLASSES if kind in classes}
    listed = ", ".join(f"{count} {kind}" for kind, count in counts.items())
    return f"graphene on silicon: {listed}"
