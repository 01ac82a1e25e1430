"""What is written as COCO, pycocotools understands as it was meant."""

import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tests.formats.sameness import said
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.formats import write
from imagecards.geometry import bounds, instances_of, runs_to_coco

FLAKES = Path(__file__).parents[3] / "shared" / "data" / "maskterial" / "GrapheneH"


def quietly(function: Any, *arguments: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*arguments)


def precision(path: Path, kind: str) -> float:
    """Average precision of a dataset against itself."""
    truth = quietly(COCO, os.fspath(path))
    results = [
        {key: entry[key] for key in ("image_id", "category_id", "bbox", "segmentation")} | {"score": 1.0}
        for entry in truth.dataset["annotations"]
    ]
    found = quietly(truth.loadRes, results)
    evaluation = quietly(COCOeval, truth, found, kind)
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        quietly(step)
    return float(evaluation.stats[0])


def flakes() -> ImageDataset:
    if not FLAKES.is_dir():
        pytest.skip(f"the masks of MaskTerial are not there ({FLAKES})")
    records, sizes = [], {}
    for number, path in enumerate(sorted((FLAKES / "instance_masks").glob("*.png"))):
        ids = np.asarray(Image.open(path))
        name = f"train/{path.stem}.jpg"
        found = [runs for _, runs in instances_of(ids)]
        objects = {
            "bbox": [list(bounds(runs)) for runs in found],
            "categories": [f"layer {(number + place) % 3 + 1}" for place in range(len(found))],
            "segmentation": [runs_to_coco(runs) for runs in found],
        }
        records.append({"file_name": name, "objects": objects})
        sizes[name] = ids.shape[1], ids.shape[0]
    return make_dataset(records, sizes, {"train": list(sizes)})


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # of pycocotools, with newer versions of numpy
class TestOtherReaders:
    def test_pycocotools_scores_itself(self, tmp_path: Path) -> None:
        rng = np.random.default_rng(1)
        records, sizes = [], {}
        for n in range(12):
            corners = rng.integers(0, 20, (5, 2))
            boxes = [[float(x), float(y), 12.0, 9.0] for x, y in corners]
            outlines = [[[x, y, x + w, y, x + w, y + h, x, y + h]] for x, y, w, h in boxes]
            objects = {"bbox": boxes, "categories": [["a", "b"][k % 2] for k in range(5)], "segmentation": outlines}
            records.append({"file_name": f"{n}.png", "objects": objects})
            sizes[f"{n}.png"] = (40, 30)
        dataset = make_dataset(records, sizes)
        for form in ("keep", "rle"):
            write(dataset, tmp_path / form, "coco", images=False, segmentation=form)
            for kind in ("bbox", "segm"):
                assert precision(tmp_path / form / "annotations.json", kind) == 1.0

    @settings(max_examples=20, deadline=None)
    @given(datasets(kinds=("rle",), splits=()), st.sampled_from(["keep", "rle", "polygons"]))
    def test_pycocotools_draws_the_same_pixels(self, dataset: ImageDataset, form: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write(dataset, Path(folder, "out"), "coco", images=False, segmentation=form)
            coco = quietly(COCO, os.fspath(Path(folder, "out", "annotations.json")))
        outlines = [entry["segmentation"] for fields in said(dataset).values() for entry in fields["objects"]]
        for outline, entry in zip(outlines, coco.dataset["annotations"], strict=True):
            assert (coco.annToMask(entry) == coco_mask.decode(outline)).all()
            assert entry["area"] == coco_mask.area(outline)

    def test_maskterial_variants(self, tmp_path: Path) -> None:
        dataset = flakes()
        documents = {}
        for least in (0, 200, 300):
            for agnostic in (False, "flake"):
                to = tmp_path / f"{least}-{agnostic}"
                write(dataset, to, "coco", images=False, segmentation="rle", min_area=least, class_agnostic=agnostic)
                documents[least, agnostic] = json.loads((to / "annotations_train.json").read_bytes())
                assert precision(to / "annotations_train.json", "segm") == 1.0
        for least, count in ((0, 51), (200, 49), (300, 41)):
            named, agnostic = documents[least, False], documents[least, "flake"]
            assert len(named["annotations"]) == count
            assert [entry["id"] for entry in named["annotations"]] == [entry["id"] for entry in agnostic["annotations"]]
            assert agnostic["categories"] == [{"id": 1, "name": "flake"}]
            assert [entry["id"] for entry in named["categories"]] == [1, 2, 3]
            for one in (named, agnostic):
                assert len(one["images"]) == 10
                assert one["info"]["imagecards"]["min_area"] == least
                for entry in one["annotations"]:
                    assert entry["iscrowd"] == 0
                    assert isinstance(entry["segmentation"]["counts"], str)
                    assert entry["area"] == coco_mask.area(entry["segmentation"]) >= least
                    assert entry["bbox"] == coco_mask.toBbox(entry["segmentation"]).tolist()
        full = {entry["id"]: entry for entry in documents[0, False]["annotations"]}
        for entry in documents[300, False]["annotations"]:
            assert entry == full[entry["id"]]
        assert sum(entry["area"] for entry in full.values()) == 74443
