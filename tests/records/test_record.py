import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imagecards.records import BBox, ImageRecord

BOX = [302.0, 109.0, 73.0, 52.0]


def test_the_documented_record() -> None:
    record = ImageRecord(
        file_name="0001.png", caption="A cat.", categories=[0], objects=BBox(bbox=[BOX], categories=[0])
    )
    assert record.objects is not None
    assert record.objects.bbox == [BOX]
    assert record.present() == {
        "file_name": "0001.png",
        "caption": "A cat.",
        "categories": [0],
        "objects": {"bbox": [BOX], "categories": [0]},
    }


def test_numbers_are_kept_as_given() -> None:
    box = BBox(bbox=[[1, 2.5, 3, 4]], categories=["cat"])
    assert [type(number) for number in box.bbox[0]] == [int, float, int, int]


def test_further_fields_are_kept() -> None:
    record = ImageRecord.model_validate({"file_name": "a.png", "weather": "rain", "meta": {"a": [1, None], "b": None}})
    assert record.extra == {"weather": "rain", "meta": {"a": [1, None]}}
    box = BBox.model_validate({"bbox": [BOX], "categories": [1], "track": ["t1"]})
    assert box.present()["track"] == ["t1"]


def test_null_means_absent() -> None:
    plain = ImageRecord(file_name="a.png", objects=BBox(bbox=[BOX], categories=[1]))
    nulls = {"bbox": [BOX], "categories": [1], "area": None, "id": [None], "track": [None]}
    assert ImageRecord.model_validate({"file_name": "a.png", "caption": None, "x": None, "objects": nulls}) == plain


def test_an_empty_list_is_not_absent() -> None:
    assert ImageRecord(file_name="a.png", categories=[]) != ImageRecord(file_name="a.png")
    negative = ImageRecord(file_name="a.png", objects=BBox(bbox=[], categories=[]))
    assert negative.present()["objects"] == {"bbox": [], "categories": []}


def test_path_objects_and_tuples_are_accepted() -> None:
    assert ImageRecord.model_validate({"file_name": Path("a/b.png")}).file_name == "a/b.png"
    assert BBox.model_validate({"bbox": ((1, 2, 3, 4),), "categories": (1,)}).bbox == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    "fields",
    [
        {"bbox": [[1, 2, 3]], "categories": [1]},
        {"bbox": [[1, 2, -3, 4]], "categories": [1]},
        {"bbox": [[1, 2, float("nan"), 4]], "categories": [1]},
        {"bbox": [[True, 2, 3, 4]], "categories": [1]},
        {"bbox": [[1, 2, 3, 4]], "categories": []},
        {"bbox": [[1, 2, 3, 4]], "categories": [1], "area": [float("inf")]},
        {"bbox": [[1, 2, 3, 4]], "categories": [1], "track": {"a": 1}},
        {"bbox": [[1, 2, 3, 4]], "categories": [1], "track": [object()]},
        {"categories": [1]},
        {"bbox": None, "categories": [1]},
    ],
)
def test_a_box_checks_itself(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BBox.model_validate(fields)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        ImageRecord.model_validate(
            {
                "file_name": "../x",
                "caption": 1,
                "objects": {"bbox": [[1], [1, 2, 3, -4]], "categories": [1, 2]},
            }
        )
    places = [error["loc"] for error in caught.value.errors()]
    assert places == [("file_name",), ("caption",), ("objects", "bbox", 0), ("objects", "bbox", 1)]


def test_deep_values_are_refused_not_recursed() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ValidationError, match="deeper"):
        ImageRecord.model_validate({"file_name": "a.png", "x": deep})


def test_records_are_frozen_and_picklable() -> None:
    record = ImageRecord(file_name="a.png", objects=BBox(bbox=[BOX], categories=["a"]))
    with pytest.raises(ValidationError):
        record.caption = "x"  # type: ignore[misc] # that it can't be set is the promise
    assert pickle.loads(pickle.dumps(record)) == record
