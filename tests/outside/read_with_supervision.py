"""Tells as JSON what supervision reads. Runs in supervision's own environment; imports nothing of this project."""

import json
import sys
from itertools import chain, groupby
from pathlib import Path
from typing import Any

import supervision as sv  # type: ignore[import-not-found]


def main(kind: str, images: str, annotations: str, names: str = "") -> None:
    if kind == "coco":
        dataset = sv.DetectionDataset.from_coco(images, annotations)
    else:
        dataset = sv.DetectionDataset.from_yolo(images, annotations, names)
    found = {}
    for path, pixels, objects in dataset:
        name = Path(path).relative_to(Path(images).resolve()).as_posix()
        found[name] = {"size": [pixels.shape[1], pixels.shape[0]], "objects": list(_objects(objects, dataset.classes))}
    sys.stdout.write(json.dumps({"classes": dataset.classes, "images": found}) + "\n")


def _objects(objects: Any, classes: list[str]) -> Any:
    for place in range(len(objects)):
        low, high = objects.xyxy[place, :2].tolist(), objects.xyxy[place, 2:].tolist()
        entry: dict[str, Any] = {"bbox": [*low, high[0] - low[0], high[1] - low[1]]}
        entry["category"] = classes[objects.class_id[place]]
        if objects.mask is not None:
            entry["counts"] = _counts(objects.mask[place])
        for key in ("area", "iscrowd"):
            if key in objects.data:
                entry[key] = objects.data[key][place].item()
        yield entry


def _counts(mask: Any) -> list[int]:
    """COCO's run lengths: column after column, beginning with 0s."""
    runs = [(value, sum(1 for _ in run)) for value, run in groupby(mask.ravel(order="F").tolist())]
    return list(chain([0] if runs[0][0] else [], (length for _, length in runs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
