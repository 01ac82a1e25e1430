"""Steps that choose images and objects: MinArea, DropEmpty, Sample."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imagecards.datasets import FolderSource, ImageDataset
from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.geometry import mask_to_runs, runs_to_coco
from imagecards.transforms import DropEmpty, MinArea, Sample

Make = Callable[..., ImageDataset]
RING = np.array([[1, 1, 1, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0, 0, 0], *[[0] * 8] * 3])


def ids(dataset: ImageDataset) -> list[Any]:
    return [entries and [entry["id"] for entry in entries] for entries in dataset.table["objects"].to_pylist()]


@pytest.fixture
def sized(make: Make, objects: Callable[..., Any]) -> ImageDataset:
    segmentation = [
        None,
        [[1, 1, 3, 1, 3, 3, 1, 3]],
        runs_to_coco(mask_to_runs(RING)),
        runs_to_coco(mask_to_runs(RING), compressed=False),
        [[6, 4, 12, 4, 12, 9, 6, 9]],
    ]
    boxes = [[0, 0, 2.5, 2], [1, 1, 2, 2], [0, 0, 3, 3], [0, 0, 3, 3], [6, 4, 2, 2]]
    areas = [100.0, None, 9.0, None, 30.0]
    fields = objects([("a", box) for box in boxes], id=[1, 2, 3, 4, 5], segmentation=segmentation, area=areas)
    return make([{"file_name": "a.png", "objects": fields}, {"file_name": "b.png"}], splits={"s": ["b.png", "a.png"]})


@pytest.mark.parametrize(
    ("pixels", "left"),
    [
        (0, [1, 2, 3, 4, 5]),
        (4, [1, 2, 3, 4, 5]),
        (4.5, [1, 3, 4]),
        (5, [1, 3, 4]),
        (5.01, [3, 4]),
        (8, [3, 4]),
        (9, []),
    ],
)
def test_area_is_measured_of_the_mask_within_the_image_else_of_the_box(
    pixels: float, left: list[int], sized: ImageDataset
) -> None:
    assert ids(MinArea(pixels=pixels).apply(sized)) == [left, None]


def test_small_objects_go_and_images_stay(sized: ImageDataset) -> None:
    chosen = MinArea(pixels=1e6).apply(sized)
    assert chosen.table["objects"].to_pylist() == [[], None]
    assert (chosen.names, chosen.splits, chosen.source) == (sized.names, sized.splits, sized.source)


def test_run_lengths_need_no_size_of_an_image(make: Make, objects: Callable[..., Any]) -> None:
    fields = objects([("a", [0, 0, 3, 3])], id=[1], segmentation=[runs_to_coco(mask_to_runs(RING))])
    dataset = make([{"file_name": "a.png", "objects": fields}], size=None)
    assert ids(MinArea(pixels=8).apply(dataset)) == [[1]]
    assert dataset.source.reads == []  # type: ignore[attr-defined]  # a source in memory keeps count


def test_sizes_that_are_not_known_are_read(make: Make, objects: Callable[..., Any], png: Callable[..., bytes]) -> None:
    fields = objects([("a", [0, 0, 8, 6])], id=[1], segmentation=[[[0, 0, 9, 0, 9, 9, 0, 9]]])
    dataset = make([{"file_name": "a.png", "objects": fields}], size=None, images={"a.png": png(8, 6)})
    assert ids(MinArea(pixels=48).apply(dataset)) == [[1]]
    assert ids(MinArea(pixels=49).apply(dataset)) == [[]]


@pytest.mark.parametrize(
    "bad", [{"size": [6, 8], "counts": "5"}, {"size": [5, 8], "counts": [40]}, [[0, 0, 1e7, 0, 0, 1]]]
)
def test_an_outline_that_can_not_be_drawn_is_named(bad: Any, make: Make, objects: Callable[..., Any]) -> None:
    good = [[0, 0, 2, 0, 2, 2]]
    fields = [objects([("a", [0, 0, 2, 2])], segmentation=[outline]) for outline in (good, bad)]
    dataset = make([{"file_name": f"{name}.png", "objects": each} for name, each in zip("ab", fields, strict=True)])
    with pytest.raises(InvalidMetadataError, match=r"min-area: an outline of b\.png can't be drawn: ") as caught:
        MinArea(pixels=1).apply(dataset)
    assert caught.value.issues[0].file == "b.png"


def test_images_without_objects_go(make: Make, objects: Callable[..., Any]) -> None:
    dataset = make(
        [
            {"file_name": "a.png", "objects": objects([("x", [0, 0, 1, 1])])},
            {"file_name": "b.png", "objects": objects([])},
            {"file_name": "c.png", "caption": "says nothing of objects"},
        ],
        splits={"train": ["b.png", "a.png"], "test": ["c.png"]},
        attributes={"info": {"by": "us"}},
    )
    left = DropEmpty().apply(dataset)
    assert left.names == ("a.png",)
    assert left.splits == {"test": (), "train": ("a.png",)}
    assert left.attributes == dataset.attributes


def test_lots_are_what_the_documentation_says(make: Make) -> None:
    names = [f"{number}.png" for number in range(50)]
    dataset = make([{"file_name": name} for name in names])
    lots = {name: sha256(f"7:{name}".encode()).hexdigest() for name in names}
    first = sorted(names, key=lambda name: lots[name][:16])[:10]
    assert Sample(n=10, seed=7).apply(dataset).names == tuple(name for name in names if name in first)
    below = tuple(name for name in names if int(lots[name][:16], 16) < 0.25 * 2**64)
    assert Sample(fraction=0.25, seed=7).apply(dataset).names == below
    assert Sample(fraction=1.0).apply(dataset).names == tuple(names)


@given(
    st.sets(st.text("abcdef", min_size=1, max_size=8), min_size=1),
    st.sets(st.text("abcdef", min_size=1)),
    st.integers(0, 9),
)
def test_images_that_come_change_the_draw_of_no_other(before: set[str], more: set[str], seed: int) -> None:
    def drawn(stems: set[str], step: Sample) -> set[str]:
        table = pa.table({"file_name": [f"{stem}.png" for stem in sorted(stems)], "objects": [None] * len(stems)})
        return set(step.apply(ImageDataset.from_source(FolderSource("."), table)).names)

    part, n = Sample(fraction=0.5, seed=seed), Sample(n=len(before), seed=seed)
    assert drawn(before | more, part) & {f"{stem}.png" for stem in before} == drawn(before, part)
    if len(before) > 1:
        fewer = Sample(n=len(before) - 1, seed=seed)
        assert drawn(before | more, fewer) < drawn(before | more, n)  # a smaller draw lies within a larger one


def test_more_images_than_there_are_can_not_be_drawn(make: Make) -> None:
    with pytest.raises(InvalidInputError, match="sample: 3 images are asked for, and there are 1: draw fewer"):
        Sample(n=3).apply(make([{"file_name": "a.png"}]))


@pytest.mark.parametrize(
    "fields",
    [{}, {"n": 1, "fraction": 0.5}, {"n": 0}, {"fraction": 0.0}, {"fraction": 1.5}, {"n": 1, "seed": -1}, {"n": 2**60}],
)
def test_what_is_no_draw_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Sample(**fields)
