"""datumaro: COCO in and out, to YOLO (boxes), masks to COCO."""

import sys
from pathlib import Path

import cv2
import numpy as np
from datumaro.components.annotation import AnnotationType, LabelCategories, Mask  # type: ignore[import-not-found]
from datumaro.components.dataset import Dataset  # type: ignore[import-not-found]
from datumaro.components.dataset_base import DatasetItem  # type: ignore[import-not-found]
from datumaro.components.media import Image  # type: ignore[import-not-found]

from benchmarks.measured.stopwatch import Stopwatch


def main(place: Path, masks: Path, warm_up: Path, warm_up_masks: Path, scratch: Path) -> None:
    """Time the conversions; the arguments are those of `formats_cards`."""
    _convert(Stopwatch(), warm_up, warm_up_masks, scratch / "warm-up")
    watch = Stopwatch()
    _convert(watch, place, masks, scratch / "measured")
    watch.tell()


def _convert(watch: Stopwatch, place: Path, masks: Path, to: Path) -> None:
    with watch.time("in", settle=True):
        dataset = _read(place)
    with watch.time("out", settle=True):
        dataset.export(str(to / "coco"), "coco_instances", save_media=False)
    del dataset
    with watch.time("yolo", settle=True):
        dataset = _read(place)
        dataset.export(str(to / "yolo"), "yolo", save_media=False)
    labels = [path for path in (to / "yolo").rglob("*.txt") if path.name != "train.txt"]
    assert len(labels) == len(dataset)
    del dataset
    with watch.time("masks", settle=True):
        count = _masks_to_coco(masks, to / "masks")
    watch.figures["masks: objects"] = count


def _read(place: Path) -> Dataset:
    dataset = Dataset.import_from(str(place), "coco_instances")
    dataset.init_cache()  # it would read when it is asked
    return dataset


def _masks_to_coco(masks: Path, to: Path) -> int:
    """It doesn't read masks of instances without colours: what people write around its own types."""
    items = []
    for path in sorted(masks.glob("masks/*.png")):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        values = np.unique(pixels)
        found = [
            Mask(pixels == value, label=0, id=number, group=number)
            for number, value in enumerate(values[values > 0], start=1)
        ]
        items.append(DatasetItem(path.stem, media=Image.from_file(str(path), size=pixels.shape), annotations=found))
    categories = {AnnotationType.label: LabelCategories.from_iterable(["object"])}
    dataset = Dataset.from_iterable(items, categories=categories, media_type=Image)
    dataset.export(str(to), "coco_instances", save_media=False, segmentation_mode="mask")
    return sum(len(item.annotations) for item in items)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
