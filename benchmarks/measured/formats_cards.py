"""imagecards: COCO in and out, to YOLO, polygons to run lengths, masks to COCO."""

import sys
from pathlib import Path

import orjson

from benchmarks.measured.stopwatch import Stopwatch
from imagecards.formats import read, write
from imagecards.geometry import polygons_to_runs_many, runs_to_coco_many

_BATCH = 1_000


def main(place: Path, masks: Path, warm_up: Path, warm_up_masks: Path, scratch: Path) -> None:
    """Time the conversions.

    Args:
        place: The annotations, in COCO's own layout.
        masks: The folder of masks.
        warm_up: A small one of the former.
        warm_up_masks: A small one of the latter.
        scratch: Where to write; empty.
    """
    _convert(Stopwatch(), warm_up, warm_up_masks, scratch / "warm-up")
    watch = Stopwatch()
    _convert(watch, place, masks, scratch / "measured")
    watch.tell()


def _convert(watch: Stopwatch, place: Path, masks: Path, to: Path) -> None:
    with watch.time("in checked", settle=True):
        read(place, "coco")
    with watch.time("in"):
        dataset = read(place, "coco", check_images=False).dataset
    with watch.time("out", settle=True):
        write(dataset, to / "coco", "coco", images=False)
    del dataset
    with watch.time("yolo", settle=True):
        dataset = read(place, "coco", check_images=False).dataset
        losses = write(dataset, to / "yolo", "yolo-seg", images=False)
    assert len(list((to / "yolo").rglob("*.txt"))) == len(dataset), losses.render()
    del dataset
    with watch.time("masks", settle=True):
        dataset = read(masks, "masks", check_images=False).dataset
        write(dataset, to / "masks", "coco", images=False)
    del dataset
    objects = _polygons(place)
    with watch.time("fill"):
        filled = [polygons_to_runs_many(*batch) for batch in objects]
    with watch.time("fill text"):
        for runs in filled:
            runs_to_coco_many(runs)
    for figure in ("fill text", "fill text: processor"):
        watch.figures[figure] += watch.figures[figure.replace(" text", "")]
    (file,) = (to / "masks").glob("*.json")
    watch.figures["masks: objects"] = len(orjson.loads(file.read_bytes())["annotations"])


def _polygons(place: Path) -> list[tuple[list[list[list[float]]], list[int], list[int]]]:
    """The polygons of objects, and height and width of the image of each; some hundreds together."""
    (file,) = place.glob("annotations/*.json")
    document = orjson.loads(file.read_bytes())
    sizes = {image["id"]: (image["height"], image["width"]) for image in document["images"]}
    found = [(entry["segmentation"], *sizes[entry["image_id"]]) for entry in document["annotations"]]
    batches = (found[start : start + _BATCH] for start in range(0, len(found), _BATCH))
    return [([one for one, _, _ in batch], [h for _, h, _ in batch], [w for _, _, w in batch]) for batch in batches]


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
