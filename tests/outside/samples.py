"""Datasets that other tools are to read as we do."""

from typing import Any

import numpy as np
from tests.formats.strategies import make_dataset

from imagecards.datasets import ImageDataset
from imagecards.geometry import mask_to_runs, runs_to_coco

SIZE = WIDTH, HEIGHT = 40, 30
CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 7, "name": "Hund"}, {"id": 12, "name": "深い"}]

Box = tuple[float, float, float, float]


def everything(*, nested: bool = True) -> ImageDataset:
    """Boxes, polygons with and without parts, masks with and without holes, a crowd, an image without objects.

    Args:
        nested: Whether one image lies in a folder within its split.
    """
    dented = [3.25, 4.25, 13.75, 4.25, 13.75, 12.75, 8.25, 8.0, 3.25, 12.75]
    return _dataset(
        {
            "train/a.png": [
                _object("cat", (1, 1, 5, 4)),
                _object("Hund", (2, 3, 10, 6), [_rectangle(2, 3, 10, 6)]),
                _object("cat", (2, 3, 30, 20), [_rectangle(2, 3, 10, 6), _rectangle(22, 13, 10, 10)]),
                _masked("深い", _ring()),
            ],
            "train/flöckchen 深.png": [_object("cat", (3.25, 4.25, 10.5, 8.5), [dented])],
            "train/empty.png": [],
            "valid/b c.png": [_masked("Hund", _hook(), iscrowd=1), _object("cat", (0, 0, 40, 30))],
            "valid/深/層.png" if nested else "valid/層.png": [_masked("cat", _hook())],
        }
    )


def masks_only() -> ImageDataset:
    """Masks and nothing else, so that their outlines go through the centres of pixels."""
    return _dataset(
        {
            "train/a.png": [_masked("cat", _hook()), _masked("深い", _ring())],
            "train/empty.png": [],
            "valid/b c.png": [_masked("Hund", np.ones((HEIGHT, WIDTH), bool))],
        }
    )


def _dataset(images: dict[str, list[dict[str, Any]]]) -> ImageDataset:
    records = []
    for name, objects in images.items():
        keys = list(dict.fromkeys(key for entry in objects for key in entry)) or ["bbox", "categories"]
        records.append({"file_name": name, "objects": {key: [entry.get(key) for entry in objects] for key in keys}})
    splits: dict[str, list[str]] = {}
    for name in images:
        splits.setdefault(name.split("/")[0], []).append(name)
    return make_dataset(records, dict.fromkeys(images, SIZE), splits, attributes={"categories": CATEGORIES})


def _object(category: str, box: Box, polygons: list[list[float]] | None = None) -> dict[str, Any]:
    entry: dict[str, Any] = {"bbox": list(map(float, box)), "categories": category}
    return entry if polygons is None else entry | {"segmentation": polygons}


def _masked(category: str, mask: np.ndarray, **more: Any) -> dict[str, Any]:
    rows, columns = np.nonzero(mask)
    low = columns.min(), rows.min()
    box = (*low, columns.max() + 1 - low[0], rows.max() + 1 - low[1])
    return _object(category, box) | {"segmentation": runs_to_coco(mask_to_runs(mask)), **more}


def _rectangle(x: float, y: float, w: float, h: float) -> list[float]:
    return [float(value) for value in (x, y, x + w, y, x + w, y + h, x, y + h)]


def _ring() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[5:20, 10:30] = True
    mask[8:12, 14:20] = False
    return mask


def _hook() -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[2:9, 3:12] = True
    mask[9:15, 3:6] = True
    return mask
