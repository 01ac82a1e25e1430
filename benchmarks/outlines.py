"""COCO annotations with polygons, and masks of instances, drawn at random; seeded."""

import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

_SEED = 35
_SPLIT = "train"
_KINDS = 80
_LEAST_POINTS, _MOST_POINTS = 8, 36
_LARGEST = 127  # instances of an image, so that 8 bits are enough


def make_annotations(
    place: Path, count: int, objects: int, *, width: int, height: int, images: bool = True, tool: bool = False
) -> None:
    """A folder in COCO's own layout: 8 to 36 points a polygon, two decimals, 80 categories, one split.

    Args:
        place: The folder; kept where it is there.
        count: How many images.
        objects: How many objects they have together, one polygon each.
        width: Of each image, in pixels.
        height: Of each image, in pixels.
        images: Whether there are image files; all of them are one blank JPEG, linked.
        tool: Whether objects have ``attributes``, as annotation tools write them, and the one in the middle no box.
    """
    if place.is_dir():
        return
    print(f"drawing {objects:,} polygons", flush=True)
    part = place.with_name(f"{place.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "annotations").mkdir(parents=True)
    if images:
        _link_images(part / "images" / _SPLIT, count, width, height)
    with open(part / "annotations" / f"instances_{_SPLIT}.json", "w", encoding="utf-8") as file:
        file.writelines(_document(count, objects, width, height, tool))
    part.rename(place)


def make_masks(place: Path, count: int, objects: int, *, width: int, height: int) -> int:
    """A folder ``masks`` of 8 bits a pixel, the number of the instance that it belongs to.

    Args:
        place: The folder around it; kept where it is there.
        count: How many masks.
        objects: How many instances are drawn into all of them.
        width: Of each mask, in pixels.
        height: Of each mask, in pixels.

    Returns:
        How many instances can be seen: some lie behind others entirely.
    """
    told = place / "visible.txt"
    if not told.is_file():
        print(f"drawing {count:,} masks", flush=True)
        shutil.rmtree(place, ignore_errors=True)
        (place / "masks").mkdir(parents=True)
        visible = 0
        for number, size in enumerate(_shares(count, objects)):
            mask = _mask(np.random.default_rng((_SEED, 1, number)), min(size, _LARGEST), width, height)
            visible += len(np.unique(mask)) - 1
            Image.fromarray(mask).save(place / "masks" / f"{number:06d}.png")
        told.write_text(str(visible), encoding="utf-8")
    return int(told.read_text(encoding="utf-8"))


def _document(count: int, objects: int, width: int, height: int, tool: bool) -> Iterator[str]:
    """The JSON, with blanks as Python and COCO write it."""
    names = [f"kind {number:02d}" for number in range(_KINDS)]
    kinds = [{"id": number, "name": name, "supercategory": name[:6]} for number, name in enumerate(names, start=1)]
    head = {"info": {"description": "drawn at random", "version": "1.0"}, "licenses": [], "categories": kinds}
    yield json.dumps(head)[:-1] + ', "images": ['
    for number in range(count):
        image = {"id": number + 1, "file_name": f"{number:012d}.jpg", "height": height, "width": width}
        yield (", " if number else "") + json.dumps(image)
    yield '], "annotations": ['
    own = 0
    for number, size in enumerate(_shares(count, objects)):
        rng = np.random.default_rng((_SEED, 0, number))
        for _ in range(size):
            own += 1
            entry = _annotation(rng, own, number + 1, width, height)
            if tool:
                entry["attributes"] = {"occluded": own % 3 == 0, "rotation": own % 7 / 2, "track": own}
                entry["bbox"] = entry["bbox"][: 3 if own == objects // 2 else 4]
            yield (", " if own > 1 else "") + json.dumps(entry)
    yield "]}\n"


def _annotation(rng: np.random.Generator, own: int, image: int, width: int, height: int) -> dict[str, Any]:
    points = _polygon(rng, width, height)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = points.T
    area = abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
    return {
        "segmentation": [points.ravel().tolist()],
        "area": round(area, 4),
        "iscrowd": 0,
        "image_id": image,
        "bbox": [round(float(value), 2) for value in (*low, *(high - low))],
        "category_id": int(rng.integers(_KINDS)) + 1,
        "id": own,
    }


def _polygon(rng: np.random.Generator, width: int, height: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The outline of something round with dents, inside the image; sizes differ as much as COCO's do."""
    count = int(rng.integers(_LEAST_POINTS, _MOST_POINTS + 1))
    radius = float(np.clip(rng.lognormal(np.log(min(width, height) / 12), 0.7), 4, min(width, height) / 2.2))
    angles = (np.arange(count) + rng.uniform(-0.4, 0.4, count)) * (2 * np.pi / count)
    reach = radius * rng.uniform(0.6, 1.0, count)
    stretch = rng.uniform(0.6, 1.6)
    centre = rng.uniform(0, (width, height))
    points = centre + np.stack([np.cos(angles) * reach * stretch, np.sin(angles) * reach / stretch], axis=1)
    # those that would be cut to nothing are moved to where they can be seen
    inside = np.clip(centre, radius / 2, np.array([width, height]) - radius / 2)
    moved: np.ndarray[Any, np.dtype[np.float64]] = np.clip(points - centre + inside, 0, (width, height)).round(2)
    return moved


def _mask(rng: np.random.Generator, count: int, width: int, height: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    image = Image.new("L", (width, height))
    pen = ImageDraw.Draw(image)
    for value in range(1, count + 1):
        pen.polygon(list(map(tuple, _polygon(rng, width, height).tolist())), fill=value)
    return np.asarray(image)


def _shares(count: int, objects: int) -> list[int]:
    """How many objects each image has: more or less the same, some none."""
    rng = np.random.default_rng((_SEED, 2, count))
    weights = rng.gamma(2.0, size=count)
    shares = np.diff(np.concatenate([[0], np.round(np.cumsum(weights) / weights.sum() * objects)])).astype(int)
    return [int(share) for share in shares]


def _link_images(folder: Path, count: int, width: int, height: int) -> None:
    Image.new("RGB", (width, height), (90, 120, 140)).save(sink := io.BytesIO(), "JPEG")
    folder.mkdir(parents=True)
    first = folder / f"{0:012d}.jpg"
    first.write_bytes(sink.getvalue())
    for number in range(1, count):
        os.link(first, folder / f"{number:012d}.jpg")
