"""datumaro reads the same objects from our COCO and our YOLO as we do.

What it has no place for, and so is not compared: areas, supercategories, captions of images in the same file, and all
further fields; names of images lose their extension, and coordinates are rounded to two decimals. An object becomes
several annotations of one group: a box, and a mask or one polygon a part. Of YOLO it reads boxes, not polygons, and
leaves out images without objects.
"""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tests.formats.sameness import said
from tests.outside.conftest import Tool
from tests.outside.samples import CATEGORIES, SIZE, everything

from imagecards.datasets import ImageDataset
from imagecards.formats import read, write
from imagecards.geometry import runs_from_coco

NAMES = [category["name"] for category in CATEGORIES]
ROUNDING = 0.0051  # two decimals, and what floats add


def ours(dataset: ImageDataset) -> dict[str, list[dict[str, Any]]]:
    """The objects of each image, without the extension of its name."""
    return {name.rpartition(".")[0]: fields["objects"] for name, fields in said(dataset).items()}


def images(theirs: Any) -> dict[str, list[list[dict[str, Any]]]]:
    """The annotations of each image, group by group; all images are of the right size."""
    found: dict[str, list[list[dict[str, Any]]]] = {}
    for split, items in theirs["splits"].items():
        for name, item in items.items():
            assert item["size"] == list(SIZE)
            groups = defaultdict(list)
            for annotation in item["annotations"]:
                groups[annotation["group"]].append(annotation)
            found[f"{split}/{name}"] = [groups[group] for group in sorted(groups)]
    return found


@pytest.mark.parametrize(("layout", "format"), [("roboflow", "roboflow_coco"), ("instances", "mmdet_coco")])
def test_coco(datumaro: Tool, tmp_path: Path, layout: str, format: str) -> None:
    write(everything(), tmp_path / "out", "coco", layout=layout)
    mine = ours(read(tmp_path / "out").dataset)

    theirs = datumaro(format, tmp_path / "out")

    found = images(theirs)
    assert theirs["classes"] == NAMES
    assert sorted(found) == sorted(mine)
    assert not mine["train/empty"]
    for name, groups in found.items():
        for group, entry in zip(groups, mine[name], strict=True):
            assert {each["category"] for each in group} == {entry["categories"]}
            assert {each["iscrowd"] for each in group} == {entry["iscrowd"]}
            kinds: dict[str, list[Any]] = {"bbox": [], "polygon": [], "mask": []}
            for each in group:
                kinds[each["type"]].append(each.get("bbox") or each.get("polygon") or each.get("counts"))
            outline = entry.get("segmentation", [])
            assert kinds["bbox"] == [pytest.approx(entry["bbox"], abs=ROUNDING)]
            if isinstance(outline, dict):
                assert (kinds["mask"], kinds["polygon"]) == ([runs_from_coco(outline).counts.tolist()], [])
            else:
                polygons = [pytest.approx(polygon, abs=ROUNDING) for polygon in outline]
                assert (kinds["mask"], kinds["polygon"]) == ([], polygons)


def test_yolo(datumaro: Tool, tmp_path: Path) -> None:
    write(everything(nested=False), tmp_path / "out", "yolo")
    mine = {name: objects for name, objects in ours(read(tmp_path / "out").dataset).items() if objects}

    theirs = datumaro("roboflow_yolo", tmp_path / "out")

    found = images(theirs)
    assert theirs["classes"] == NAMES
    assert sorted(found) == sorted(mine)
    for name, groups in found.items():
        for group, entry in zip(groups, mine[name], strict=True):
            (box,) = group
            assert (box["type"], box["category"]) == ("bbox", entry["categories"])
            assert box["bbox"] == pytest.approx(entry["bbox"], abs=ROUNDING)
