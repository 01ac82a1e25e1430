"""supervision: COCO in and out, to YOLO, masks to COCO."""

import sys
from pathlib import Path

import cv2
import numpy as np
import supervision as sv  # type: ignore[import-not-found]  # lives in an environment of its own

from benchmarks.measured.stopwatch import Stopwatch


def main(place: Path, masks: Path, warm_up: Path, warm_up_masks: Path, scratch: Path) -> None:
    """Time the conversions; the arguments are those of `formats_cards`."""
    _convert(Stopwatch(), warm_up, warm_up_masks, scratch / "warm-up")
    watch = Stopwatch()
    _convert(watch, place, masks, scratch / "measured")
    watch.tell()


def _convert(watch: Stopwatch, place: Path, masks: Path, to: Path) -> None:
    (images,) = place.glob("images/*")
    (file,) = place.glob("annotations/*.json")
    with watch.time("in", settle=True):
        dataset = sv.DetectionDataset.from_coco(str(images), str(file))
    with watch.time("out", settle=True):
        dataset.as_coco(annotations_path=str(to / "coco.json"))
    del dataset
    with watch.time("yolo", settle=True):
        dataset = sv.DetectionDataset.from_coco(str(images), str(file))
        dataset.as_yolo(
            annotations_directory_path=str(to / "yolo" / "labels"), data_yaml_path=str(to / "yolo" / "data.yaml")
        )
    assert len(list((to / "yolo").rglob("*.txt"))) == len(dataset)
    del dataset
    with watch.time("masks", settle=True):
        count = _masks_to_coco(masks, to / "masks.json")
    watch.figures["masks: objects"] = count


def _masks_to_coco(masks: Path, to: Path) -> int:
    """It doesn't read masks of instances: what people write around its own types; crowds are what it writes as RLE."""
    annotations = {}
    for path in sorted(masks.glob("masks/*.png")):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        values = np.unique(pixels)
        values = values[values > 0]
        layers = pixels[None] == values[:, None, None]
        crowds = np.ones(len(values), int)
        annotations[str(path)] = sv.Detections(
            xyxy=sv.mask_to_xyxy(layers) if len(values) else np.zeros((0, 4)),
            mask=layers,
            class_id=np.zeros(len(values), int),
            data={"iscrowd": crowds},
        )
    dataset = sv.DetectionDataset(classes=["object"], images=list(annotations), annotations=annotations)
    dataset.as_coco(annotations_path=str(to))
    return sum(len(found) for found in annotations.values())


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
