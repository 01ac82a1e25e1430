"""supervision reads the same objects from our COCO and our YOLO as we do.

What it has no place for, and so is not compared: annotations' ids, supercategories, captions and all further fields. It
keeps masks only: a polygon's vertices are rounded to whole pixels, and what OpenCV fills between them is its mask, in
which an object has no pixels where it had a box only. In YOLO it makes the box of an object out of the vertices, and
lists the images of one folder, not of the folders in it.
"""

from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.formats.sameness import said
from tests.outside.conftest import Tool
from tests.outside.samples import CATEGORIES, HEIGHT, SIZE, everything, masks_only

from imagecards.datasets import ImageDataset
from imagecards.formats import read, write
from imagecards.geometry import fill_centre, runs_from_coco, union

NAMES = [category["name"] for category in CATEGORIES]
SPLITS = ("train", "valid")


def ours(dataset: ImageDataset, split: str) -> dict[str, list[dict[str, Any]]]:
    """The objects of each image of a split, by its name there."""
    found = said(dataset)
    return {name.removeprefix(f"{split}/"): found[name]["objects"] for name in dataset.splits[split]}


def check_images(theirs: Any, mine: dict[str, list[dict[str, Any]]]) -> None:
    """The same images, sizes, and objects of the same categories."""
    assert theirs["classes"] == NAMES
    assert sorted(theirs["images"]) == sorted(mine)
    for name, found in theirs["images"].items():
        assert found["size"] == list(SIZE)
        assert [entry["category"] for entry in found["objects"]] == [entry["categories"] for entry in mine[name]]


def pairs(theirs: Any, mine: dict[str, list[dict[str, Any]]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [pair for name, found in theirs["images"].items() for pair in zip(found["objects"], mine[name], strict=True)]


def filled(polygons: Sequence[Sequence[float]]) -> list[int]:
    """What OpenCV fills, as run lengths."""
    runs = [fill_centre(np.round(polygon).tolist(), HEIGHT, SIZE[0]) for polygon in polygons]
    return counts(reduce(lambda one, other: union([one, other]), runs))


def counts(runs: Any) -> list[int]:
    found: list[int] = runs.counts.tolist()
    return found


@pytest.mark.parametrize("split", SPLITS)
def test_coco(supervision: Tool, tmp_path: Path, split: str) -> None:
    write(everything(), tmp_path / "out", "coco")
    mine = ours(read(tmp_path / "out").dataset, split)

    theirs = supervision("coco", tmp_path / f"out/images/{split}", tmp_path / f"out/annotations_{split}.json")

    check_images(theirs, mine)
    assert split != "train" or mine["empty.png"] == []
    for found, entry in pairs(theirs, mine):
        assert found["bbox"] == entry["bbox"]
        assert (found["area"], found["iscrowd"]) == (entry["area"], entry["iscrowd"])
        outline = entry.get("segmentation")
        if outline is None:
            assert sum(found.get("counts", [])[1::2]) == 0
        else:
            expected = counts(runs_from_coco(outline)) if isinstance(outline, dict) else filled(outline)
            assert found["counts"] == expected


@pytest.mark.parametrize("split", SPLITS)
def test_yolo(supervision: Tool, tmp_path: Path, split: str) -> None:
    write(everything(nested=False), tmp_path / "out", "yolo")
    mine = ours(read(tmp_path / "out").dataset, split)

    folders = (tmp_path / f"out/{split}/{kind}" for kind in ("images", "labels"))
    theirs = supervision("yolo", *folders, tmp_path / "out/data.yaml")

    check_images(theirs, mine)
    for found, entry in pairs(theirs, mine):
        assert found["bbox"] == pytest.approx(entry["bbox"], abs=1e-4)  # six decimals of the image's sides


@pytest.mark.parametrize("split", SPLITS)
def test_yolo_seg(supervision: Tool, tmp_path: Path, split: str) -> None:
    write(everything(nested=False), tmp_path / "out", "yolo-seg")
    mine = ours(read(tmp_path / "out").dataset, split)

    folders = (tmp_path / f"out/{split}/{kind}" for kind in ("images", "labels"))
    theirs = supervision("yolo", *folders, tmp_path / "out/data.yaml")

    check_images(theirs, mine)
    for found, entry in pairs(theirs, mine):
        assert found["bbox"] == pytest.approx(entry["bbox"], abs=1e-4)
        assert found["counts"] == filled(entry["segmentation"])


@pytest.mark.parametrize("split", SPLITS)
def test_masks_in_yolo_seg_are_the_same_pixels(supervision: Tool, tmp_path: Path, split: str) -> None:
    write(masks_only(), tmp_path / "out", "yolo-seg")
    mine = ours(read(tmp_path / "out").dataset, split)

    folders = (tmp_path / f"out/{split}/{kind}" for kind in ("images", "labels"))
    theirs = supervision("yolo", *folders, tmp_path / "out/data.yaml")

    check_images(theirs, mine)
    for found, entry in pairs(theirs, mine):
        assert found["counts"] == counts(runs_from_coco(entry["segmentation"]))
