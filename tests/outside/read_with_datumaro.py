"""Tells as JSON what datumaro reads. Runs in datumaro's own environment; imports nothing of this project."""

import json
import sys
from itertools import chain, groupby
from typing import Any

from datumaro.components.annotation import AnnotationType  # type: ignore[import-not-found]
from datumaro.components.dataset import Dataset  # type: ignore[import-not-found]


def main(format: str, folder: str) -> None:
    dataset = Dataset.import_from(folder, format)
    labels = dataset.categories()[AnnotationType.label]
    found: dict[str, dict[str, Any]] = {}
    for item in dataset:
        height, width = item.media.size
        found.setdefault(item.subset, {})[item.id] = {
            "size": [width, height],
            "annotations": [_annotation(each, labels) for each in item.annotations],
        }
    sys.stdout.write(json.dumps({"classes": [label.name for label in labels.items], "splits": found}) + "\n")


def _annotation(each: Any, labels: Any) -> dict[str, Any]:
    entry = {"type": each.type.name, "group": each.group, "category": labels[each.label].name}
    if "is_crowd" in each.attributes:
        entry["iscrowd"] = int(each.attributes["is_crowd"])
    if each.type == AnnotationType.bbox:
        entry["bbox"] = [float(value) for value in each.get_bbox()]
    elif each.type == AnnotationType.polygon:
        entry["polygon"] = [float(value) for value in each.points]
    elif each.type == AnnotationType.mask:
        entry["counts"] = _counts(each.image)
    return entry


def _counts(mask: Any) -> list[int]:
    """COCO's run lengths: column after column, beginning with 0s."""
    runs = [(value, sum(1 for _ in run)) for value, run in groupby(mask.astype(bool).ravel(order="F").tolist())]
    return list(chain([0] if runs[0][0] else [], (length for _, length in runs)))


if __name__ == "__main__":
    main(*sys.argv[1:])
