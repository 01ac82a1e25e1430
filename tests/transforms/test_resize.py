"""Resize: images and objects in another size."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidMetadataError
from imagecards.geometry import area, mask_to_runs, runs_from_coco, runs_to_coco, scaled
from imagecards.images import Picture, encode, read_picture, resampled
from imagecards.records import ImageMetadata, objects_of
from imagecards.transforms import TRANSFORMS, Resize

Make = Callable[..., ImageDataset]
PLACES = range(3, 1590, 37)


def found(dataset: ImageDataset) -> list[dict[str, Any]]:
    lines = map(json.loads, ImageMetadata.from_table(dataset.table).to_jsonl().splitlines())
    return [entry for line in lines for entry in objects_of(line)]


def file(pixels: Any) -> bytes:
    return encode(Picture(pixels, "grey" if pixels.shape[2] == 1 else "rgb", False))


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": 5, "height": 40}, (5, 40)),
        ({"scale": 0.5}, (20, 15)),
        ({"scale": 0.24}, (10, 7)),
        ({"scale": 0.001}, (1, 1)),
        ({"longest": 20}, (20, 15)),
        ({"longest": 80}, (80, 60)),
        ({"longest": 1}, (1, 1)),
    ],
)
def test_sizes(fields: dict[str, Any], size: tuple[int, int], make: Make) -> None:
    pixels = np.random.default_rng(0).integers(0, 60_000, (30, 40, 3), np.uint16)
    dataset = make([{"file_name": "a.png"}], size=(40, 30), images={"a.png": file(pixels)}, splits={"s": ["a.png"]})
    resized = Resize(**fields).apply(dataset)
    assert resized.table.select(["width", "height"]).to_pylist() == [dict(zip(("width", "height"), size, strict=True))]
    ours = read_picture(resized.read_bytes("a.png")).pixels
    assert np.array_equal(ours, resampled(pixels, *size))
    assert resized.splits == dataset.splits


def test_an_image_of_that_size_stays_the_same_file(make: Make) -> None:
    Image.new("L", (20, 10)).save(small := BytesIO(), "JPEG")
    Image.new("L", (40, 20)).save(large := BytesIO(), "JPEG")
    images = {"a.jpg": small.getvalue(), "b.jpg": large.getvalue()}
    dataset = make([{"file_name": name} for name in images], size=None, images=images)
    resized = Resize(longest=20).apply(dataset)
    assert resized.names == ("a.jpg", "b.png")
    assert resized.read_bytes("a.jpg") == images["a.jpg"]
    assert Resize(scale=1.0).apply(dataset) is dataset


def test_without_antialias_no_value_is_invented(make: Make) -> None:
    names = np.random.default_rng(0).choice([0, 7, 60_000], (30, 40, 1)).astype(np.uint16)
    dataset = make([{"file_name": "a.png"}], size=(40, 30), images={"a.png": file(names)})
    resized = Resize(scale=0.3, antialias=False).apply(dataset)
    assert set(np.unique(read_picture(resized.read_bytes("a.png")).pixels)) <= {0, 7, 60_000}


def test_boxes_and_polygons_are_multiplied(make: Make, objects: Callable[..., Any]) -> None:
    polygons = [[2, 3, 10, 3, 10, 9], [20, 21, 24, 21, 24, 27]]
    fields = objects(
        [("x", [2, 3, 8, 6]), ("y", [0, 0, 40, 30])], id=[4, 5], segmentation=[polygons, None], area=[24, 3]
    )
    dataset = make([{"file_name": "a.png", "objects": fields}], size=(40, 30), images={"a.png": b""})
    halved = found(Resize(width=20, height=10).apply(dataset_of(dataset)))
    assert halved[0]["bbox"] == [1, 1, 4, 2]
    assert halved[0]["segmentation"] == [[1, 1, 5, 1, 5, 3], [10, 7, 12, 7, 12, 9]]
    assert halved[0]["area"] == pytest.approx(4)
    assert halved[1] == {"bbox": [0, 0, 20, 10], "category": "y", "area": 0.5, "id": 5}


def dataset_of(dataset: ImageDataset) -> ImageDataset:
    """With types of images that are known, so that none is read."""
    table = dataset.table
    for field, value in (("mode", "RGB"), ("format", "PNG")):
        table = table.append_column(field, [[value] * table.num_rows])
    return ImageDataset.from_source(dataset.source, table, dataset.splits, attributes=dataset.attributes)


def stripes(make: Make, objects: Callable[..., Any], wide: int, text: bool) -> ImageDataset:
    """Masks as thin as Severstal's, in images 1,600 pixels wide."""
    masks = []
    for left in PLACES:
        mask = np.zeros((64, 1600), bool)
        mask[:, left : left + wide] = True
        masks.append(runs_to_coco(mask_to_runs(mask), compressed=text))
    boxes = [("x", [left, 0, wide, 64]) for left in PLACES]
    fields = objects(boxes, segmentation=masks, area=[64 * wide] * len(masks), id=list(range(len(masks))))
    return dataset_of(make([{"file_name": "a.png", "objects": fields}], size=(1600, 64)))


@pytest.mark.parametrize("text", [True, False])
@pytest.mark.parametrize("wide", range(1, 7))
def test_any_overlap_keeps_stripes_that_the_others_lose(
    wide: int, text: bool, make: Make, objects: Callable[..., Any]
) -> None:
    dataset = stripes(make, objects, wide, text)
    kept = found(Resize(width=256, height=64, masks="any-overlap").apply(dataset))
    assert len(kept) == len(PLACES)
    for entry in kept:
        runs = runs_from_coco(entry["segmentation"])
        assert runs.size == (64, 256)
        assert entry["area"] == area(runs) > 0
        assert isinstance(entry["segmentation"]["counts"], str) == text
    for rule in ("nearest", "area"):
        with pytest.raises(
            InvalidMetadataError, match=rf"resize: a\.png: a mask of {64 * wide} pixels would have none"
        ) as caught:
            Resize(width=256, height=64, masks=rule).apply(dataset)
        assert caught.value.issues[0].rule == "mask-lost"
        fewer = found(Resize(width=256, height=64, masks=rule, lost="drop").apply(dataset))
        assert {entry["id"] for entry in fewer} < {entry["id"] for entry in kept}


@settings(max_examples=60)
@given(
    st.integers(0, 99),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from(["nearest", "area", "any-overlap"]),
)
def test_masks_are_those_of_the_rule(make: Make, seed: int, width: int, height: int, rule: Any) -> None:
    runs = mask_to_runs(np.random.default_rng(seed).random((10, 12)) < 0.2)
    fields = {"bbox": [[0, 0, 12, 10]], "categories": ["x"], "segmentation": [runs_to_coco(runs)]}
    dataset = dataset_of(make([{"file_name": "a.png", "objects": fields}], size=(12, 10)))
    resized = found(Resize(width=width, height=height, masks=rule, lost="drop").apply(dataset))
    expected = scaled(runs, width, height, rule)
    assert [runs_from_coco(entry["segmentation"]) for entry in resized] == [expected] * (area(expected) > 0)


def test_a_size_that_no_image_may_have_is_refused(make: Make) -> None:
    with pytest.raises(
        InvalidMetadataError, match=r"resize: a\.png can't be made larger: it would have 800000 x 600000"
    ):
        Resize(scale=1000.0).apply(make([{"file_name": "a.png"}], size=(800, 600)))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"width": 5},
        {"width": 5, "height": 5, "scale": 1.0},
        {"longest": 5, "scale": 1.0},
        {"scale": 0.0},
        {"scale": float("nan")},
        {"longest": 2**30},
        {"longest": 5, "masks": "bicubic"},
    ],
)
def test_what_is_no_size_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Resize(**fields)


def test_parameters_come_back_from_json() -> None:
    step = Resize(longest=512, masks="any-overlap", lost="drop")
    assert TRANSFORMS["resize"](**json.loads(step.model_dump_json())) == step
