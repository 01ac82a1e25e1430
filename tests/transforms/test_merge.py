"""Merge: classes by name, never by id; names, splits, fields and attributes of several datasets."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from imagecards.datasets import ImageDataset, JoinedSource
from imagecards.errors import InvalidInputError, NotFoundError
from imagecards.records import ImageMetadata
from imagecards.transforms import TRANSFORMS, Merge

Make = Callable[..., ImageDataset]
BOX = [0, 0, 2, 2]


def lines(dataset: ImageDataset) -> list[dict[str, Any]]:
    return list(map(json.loads, ImageMetadata.from_table(dataset.table).to_jsonl().splitlines()))


@pytest.fixture
def two(make: Make, objects: Callable[..., Any]) -> tuple[ImageDataset, ImageDataset]:
    """Two datasets with one numbering and other names behind it, as XAMI has had three."""
    one = make(
        [{"file_name": "a.png", "objects": objects([("ring", BOX), ("streak", BOX)], id=[1, 2]), "night": 1}],
        attributes={
            "categories": [{"id": 1, "name": "ring", "color": "red"}, {"id": 2, "name": "streak"}],
            "info": {"year": 2023},
            "licenses": [{"id": 1}],
        },
        splits={"train": ["a.png"]},
        images={"a.png": b"a"},
    )
    other = make(
        [
            {"file_name": "b.png", "objects": objects([("streak", BOX), ("loop", BOX)], id=[3, 4]), "night": 1.5},
            {"file_name": "c.png", "categories": ["loop"]},
        ],
        attributes={
            "categories": [{"id": 1, "name": "loop"}, {"id": 3, "name": "streak"}],
            "info": {"year": 2024},
            "licenses": [{"id": 1}],
        },
        splits={"train": ["b.png"], "test": ["c.png"]},
        images={"b.png": b"b", "c.png": b"c"},
    )
    return one, other


def test_classes_are_matched_by_name(two: tuple[ImageDataset, ImageDataset]) -> None:
    merged = Merge().apply(*two)
    assert [line.get("objects", {}).get("categories") for line in lines(merged)] == [
        ["ring", "streak"],
        ["streak", "loop"],
        None,
    ]
    assert merged.attributes["categories"] == [
        {"id": 1, "name": "ring", "color": "red"},
        {"id": 2, "name": "streak"},
        {"id": 4, "name": "loop"},
    ]
    assert merged.table["categories"].to_pylist() == [None, None, ["loop"]]


def test_splits_are_joined_and_contradictions_left_out(two: tuple[ImageDataset, ImageDataset]) -> None:
    merged = Merge().apply(*two)
    assert merged.splits == {"test": ("c.png",), "train": ("a.png", "b.png")}
    assert merged.attributes["licenses"] == [{"id": 1}]
    assert "info" not in merged.attributes
    assert [line.get("night") for line in lines(merged)] == [1, 1.5, None]
    assert merged.table.select(["width", "height"]).to_pylist() == [{"width": 8, "height": 6}] * 3
    assert list(merged.read_many()) == [b"a", b"b", b"c"]


def test_names_that_clash_are_refused_or_get_a_prefix(two: tuple[ImageDataset, ImageDataset], make: Make) -> None:
    one, other = two
    again = make([{"file_name": "A.png"}], images={"A.png": b"x"})
    with pytest.raises(InvalidInputError, match=r"dataset 3 has an image 'A\.png', and dataset 1 has 'a\.png'"):
        Merge().apply(one, other, again)
    merged = Merge(prefixes=["x", "y/z", "w"]).apply(one, other, again)
    assert merged.names == ("x/a.png", "y/z/b.png", "y/z/c.png", "w/A.png")
    assert merged.splits["train"] == ("x/a.png", "y/z/b.png")
    assert merged.read_bytes("w/A.png") == b"x"
    with pytest.raises(InvalidInputError, match="2 prefixes for 3 datasets"):
        Merge(prefixes=["x", "y"]).apply(one, other, again)
    with pytest.raises(NotFoundError):
        merged.read_bytes("a.png")


def test_ids_of_objects_stay_unless_two_datasets_share_one(
    two: tuple[ImageDataset, ImageDataset], make: Make, objects: Callable[..., Any]
) -> None:
    assert [line["objects"]["id"] for line in lines(Merge().apply(*two))[:2]] == [[1, 2], [3, 4]]
    third = make([{"file_name": "d.png", "objects": objects([("ring", BOX)], id=[4])}])
    merged = lines(Merge().apply(*two, third))
    assert [line["objects"]["source_id"] for line in merged if "objects" in line] == [[1, 2], [3, 4], [4]]
    assert all("id" not in line.get("objects", {}) for line in merged)


def test_numbers_without_names_are_refused(make: Make, objects: Callable[..., Any]) -> None:
    numbered = [make([{"file_name": f"{name}.png", "objects": objects([(1, BOX)])}]) for name in "ab"]
    with pytest.raises(InvalidInputError, match="give them names with RenameClasses first"):
        Merge().apply(*numbered)
    without = make([{"file_name": "c.png"}, {"file_name": "d.png", "objects": objects([])}])
    assert [line.get("objects", {}).get("categories") for line in lines(Merge().apply(numbered[0], without))] == [
        [1],
        None,
        [],
    ]


def test_fields_of_different_types_are_refused_by_name(make: Make) -> None:
    one, other = (make([{"file_name": f"{value}.png", "weather": {"rain": value}}]) for value in (1, "much"))
    with pytest.raises(
        InvalidInputError, match=r"the field weather\.rain is a number in one dataset and text in another"
    ):
        Merge().apply(one, other)


def test_sizes_that_only_some_know_are_null(make: Make) -> None:
    one, other = make([{"file_name": "a.png"}]), make([{"file_name": "b.png"}], size=None)
    assert Merge().apply(one, other).table["width"].to_pylist() == [8, None]


def test_a_joined_source_goes_to_other_processes_and_says_where_images_are_from(
    two: tuple[ImageDataset, ImageDataset],
) -> None:
    source = Merge(prefixes=["x", "y"]).apply(*two).source
    assert isinstance(source, JoinedSource)
    assert list(source.origins()) == [
        (two[0].source, {"x/a.png": "a.png"}),
        (two[1].source, {"y/b.png": "b.png", "y/c.png": "c.png"}),
    ]
    assert pickle.loads(pickle.dumps(source)).read("y/c.png") == b"c"
    source.close()


@pytest.mark.parametrize("prefix", ["", "/x", "../x", "x/", "x" * 300])
def test_what_is_no_folder_is_no_prefix(prefix: str) -> None:
    with pytest.raises(ValidationError):
        Merge(prefixes=[prefix])


def test_parameters_come_back_from_json() -> None:
    step = Merge(prefixes=["a", "b"])
    assert TRANSFORMS["merge"](**json.loads(step.model_dump_json())) == step
