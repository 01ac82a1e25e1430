"""pycocotools: load annotations, polygons to run lengths, masks to COCO."""

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from benchmarks.measured.stopwatch import Stopwatch


def main(place: Path, masks: Path, warm_up: Path, warm_up_masks: Path, scratch: Path) -> None:
    """Time what it does of the conversions; the arguments are those of `formats_cards`."""
    _convert(Stopwatch(), warm_up, warm_up_masks, scratch / "warm-up.json")
    watch = Stopwatch()
    _convert(watch, place, masks, scratch / "measured.json")
    watch.tell()


def _convert(watch: Stopwatch, place: Path, masks: Path, to: Path) -> None:
    (file,) = place.glob("annotations/*.json")
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), watch.time("in", settle=True):
        coco = COCO(file)
    entries = list(coco.anns.values())
    with watch.time("fill"):
        for entry in entries:
            coco.annToRLE(entry)
    with watch.time("masks", settle=True):
        count = _encode_masks(masks, to)
    watch.figures["masks: objects"] = count


def _encode_masks(masks: Path, to: Path) -> int:
    """What people write around ``encode``."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, path in enumerate(sorted(masks.glob("masks/*.png")), start=1):
        pixels = np.asarray(Image.open(path))
        height, width = pixels.shape
        images.append({"id": number, "file_name": path.name, "height": height, "width": width})
        values = np.unique(pixels)
        values = values[values > 0]
        if not values.size:
            continue
        layers = coco_mask.encode(np.asfortranarray((pixels[:, :, None] == values).astype(np.uint8)))
        boxes, areas = coco_mask.toBbox(layers).tolist(), coco_mask.area(layers).tolist()
        for rle, box, area in zip(layers, boxes, areas, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
                    "bbox": box,
                    "area": area,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": 1, "name": "object"}]
    with open(to, "w", encoding="utf-8") as file:
        json.dump({"images": images, "annotations": annotations, "categories": categories}, file)
    return len(annotations)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
