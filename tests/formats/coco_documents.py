"""COCO's JSON files as tests need them, and datasets written and read again."""

import json
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from tests.formats.sameness import said

from imagecards.datasets import ImageDataset
from imagecards.formats import LossReport, read, write
from imagecards.geometry import encode_counts

SQUARE = [[1.0, 1.0, 5.0, 1.0, 5.0, 4.0, 1.0, 4.0]]
RLE = {"size": [8, 10], "counts": encode_counts([9, 4, 4, 3, 60])}
ADDED = ("id", "area", "iscrowd")


def put(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return path


def draw(path: Path, size: tuple[int, int] = (10, 8)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)


def document(*names: str, **more: Any) -> dict[str, Any]:
    images = [{"id": 10 + n, "file_name": name, "width": 10, "height": 8} for n, name in enumerate(names)]
    annotations = [
        {"id": 100 + n, "image_id": 10 + n, "category_id": 7, "bbox": [1, 1, 4, 3], "segmentation": SQUARE}
        for n in range(len(names))
    ]
    categories = [{"id": 7, "name": "cat", "supercategory": "animal"}]
    return {"images": images, "annotations": annotations, "categories": categories, **more}


def without_additions(before: ImageDataset, after: ImageDataset) -> dict[str, dict[str, Any]]:
    """What is said in ``after``, without what COCO demands and ``before`` doesn't say."""
    one, other = said(before), said(after)
    for name, fields in other.items():
        if "id" not in one.get(name, {}):
            fields.pop("id", None)
        for number, entry in enumerate(fields.get("objects") or ()):
            for key in ADDED:
                if key not in one[name]["objects"][number]:
                    entry.pop(key, None)
    return other


def back(dataset: ImageDataset, **options: Any) -> tuple[ImageDataset, LossReport, dict[str, bytes]]:
    """A dataset written and read again, what was lost, and the JSON files."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder, "out")
        losses = write(dataset, to, "coco", **options)
        files = {path.relative_to(to).as_posix(): path.read_bytes() for path in to.rglob("*.json")}
        check_images = options.get("images", True)
        return read(to, "coco", check_images=check_images).dataset, losses, files
