"""What changed, from images down to single objects, and what that means for the version."""

import io
import json
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagecards.datasets import Diff, ImageDataset, bump_between, bump_of, diff_datasets
from imagecards.datasets import bump as bump_room
from imagecards.datasets.sides import Side
from imagecards.errors import NotFoundError
from imagecards.records import ImageMetadata, ImageRecord


class Drawn:
    """Images that are drawn when they are asked for."""

    def __init__(self, seeds: dict[str, int]) -> None:
        self.seeds = seeds

    def read(self, name: str) -> bytes:
        if name not in self.seeds:
            raise NotFoundError(name)
        seed = self.seeds[name]
        Image.new("RGB", (16, 16), (seed % 256, seed // 256, 7)).save(target := io.BytesIO(), "PNG")
        return target.getvalue()

    def read_many(self, names: Any) -> Any:
        return map(self.read, names)

    def close(self) -> None: ...


def dataset(
    records: dict[str, dict[str, Any]],
    *,
    seeds: dict[str, int] | None = None,
    splits: dict[str, list[str]] | None = None,
    attributes: dict[str, Any] | None = None,
) -> ImageDataset:
    """Records by name; images differ by name unless ``seeds`` says otherwise."""
    metadata = ImageMetadata([ImageRecord(file_name=name, **fields) for name, fields in records.items()])
    names = {name: number for number, name in enumerate(sorted(records))}
    drawn = {name: sum(map(ord, name)) for name in names} | (seeds or {})
    return ImageDataset.from_source(Drawn(drawn), metadata.table, splits or {}, attributes=attributes or {})


def objects(*entries: tuple[str, list[float]]) -> dict[str, Any]:
    return {"objects": {"bbox": [box for _, box in entries], "categories": [name for name, _ in entries]}}


CAT, DOG = ("cat", [1.0, 1.0, 4.0, 4.0]), ("dog", [6.0, 6.0, 3.0, 3.0])


def test_every_kind_of_change_is_told() -> None:
    before = dataset(
        {
            "same.png": {"caption": "x"},
            "gone.png": objects(CAT, DOG),
            "old.png": {"caption": "r"},
            "pixels.png": objects(CAT),
            "words.png": {"caption": "a", "weather": "rain"},
            "boxes.png": objects(CAT, DOG, ("cat", [0.0, 0.0, 2.0, 2.0])),
        },
        splits={"train": ["same.png", "boxes.png"], "test": ["words.png"], "odd": ["old.png"]},
        attributes={"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}], "info": {"year": 1}},
    )
    after = dataset(
        {
            "same.png": {"caption": "x"},
            "came.png": objects(CAT),
            "new.png": {"caption": "r"},
            "pixels.png": objects(CAT),
            "words.png": {"caption": "b", "scene": "street"},
            "boxes.png": objects(("cat", [2.0, 1.0, 4.0, 4.0]), ("wolf", DOG[1]), ("bird", [9.0, 0.0, 1.0, 1.0])),
        },
        seeds={"new.png": sum(map(ord, "old.png")), "pixels.png": 7},
        splits={"train": ["same.png", "words.png"], "test": ["boxes.png"], "more": ["came.png"]},
        attributes={"categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "wolf"}, {"id": 3, "name": "bird"}]},
    )
    diff = diff_datasets(before, after)
    assert diff.images.groups == {
        "added": ("came.png",),
        "removed": ("gone.png",),
        "renamed": (("old.png", "new.png"),),
        "changed_images": ("pixels.png",),
        "changed_records": ("boxes.png", "words.png"),
    }
    assert [(row.image, row.field, row.before, row.after) for row in diff.fields] == [
        ("words.png", "caption", "a", "b"),
        ("words.png", "scene", None, "street"),
        ("words.png", "weather", "rain", None),
    ]
    assert [(row.change, row.before, row.after, row.category_after) for row in diff.objects] == [
        ("moved", 0, 0, "cat"),
        ("reclassed", 1, 1, "wolf"),
        ("removed", 2, None, None),
        ("added", None, 2, "bird"),
    ]
    assert (diff.objects_added, diff.objects_removed) == (1, 2)
    assert diff.categories.to_dict() == {
        "added": ["bird"],
        "removed": [],
        "renamed": [("dog", "wolf")],
        "changed": [],
    }
    assert diff.splits.to_dict() == {
        "added": ["more"],
        "removed": ["odd"],
        "moved": [
            {"image": "boxes.png", "before": ("train",), "after": ("test",)},
            {"image": "words.png", "before": ("test",), "after": ("train",)},
        ],
    }
    assert diff.attributes == ("info",)
    assert json.loads(json.dumps(diff.to_dict()))["counts"] == diff.counts
    tables = diff.to_polars()
    assert {name: table.height for name, table in tables.items()} == {
        "images": 6,
        "fields": 3,
        "objects": 4,
        "categories": 2,
        "splits": 2,
    }
    text = diff.render()
    assert text.splitlines()[0].startswith("images: 1 added, 1 removed, 1 renamed, 1 with other bytes")
    for told in ("~ boxes.png objects[1]: dog became wolf", "category dog -> wolf", "~ words.png: test -> train"):
        assert told in text
    assert "... and 1 more" in diff.render(limit=1)
    assert bump_of(diff).part == "major"


def test_the_same_is_the_same() -> None:
    one = dataset({"a.png": objects(CAT, DOG), "b.png": {}}, splits={"s": ["a.png"]})
    diff = diff_datasets(one, one)
    assert diff.same
    assert diff == Diff(images=diff.images)
    assert diff.images.unchanged == 2


BASE = {"a.png": {"caption": "x", **objects(CAT)}, "b.png": {"categories": ["cat"]}}
SPLITS = {"train": ["a.png"], "test": ["b.png"]}


@pytest.mark.parametrize(
    ("change", "part", "reason"),
    [
        ({"c.png": {}}, "minor", "1 image added"),
        ({"a.png": {"caption": "x", **objects(CAT, DOG)}}, "minor", "1 object added, 1 category added"),
        ({"b.png": {"categories": ["cat"], "caption": "new"}}, "minor", "caption of 1 image"),
        ({"b.png": {"categories": ["cat"], **objects()}}, "minor", "objects of 1 image"),
        ({"b.png": {"categories": ["cow"]}}, "major", "categories of 1 image, 1 category added"),
        ({"a.png": {"caption": "y", **objects(CAT)}}, "major", "caption of 1 image"),
        ({"a.png": {"caption": "x", **objects()}}, "major", "1 object removed"),
        ({"a.png": {**objects(CAT)}}, "major", "caption of 1 image"),
        ({"a.png": {"caption": "x", **objects(("cat", [2.0, 1.0, 4.0, 4.0]))}}, "major", "1 object moved"),
    ],
)
def test_the_part_follows_from_the_change(change: dict[str, Any], part: str, reason: str) -> None:
    derived = bump_between(Side.of(dataset(BASE)), Side.of(dataset(BASE | change)))
    assert derived == (part, reason)


@pytest.mark.parametrize(
    ("splits", "part"),
    [
        (SPLITS | {"fold_0/train": ["a.png", "b.png"]}, "minor"),
        ({"train": ["a.png"]}, "major"),
        ({"train": ["b.png"], "test": ["a.png"]}, "major"),
        ({"train": ["a.png", "b.png"], "test": ["b.png"]}, "major"),
    ],
)
def test_splitting_anew_is_major_and_another_split_is_not(splits: dict[str, list[str]], part: str) -> None:
    before, after = (Side.of(dataset(BASE, splits=each)) for each in (SPLITS, splits))
    assert bump_between(before, after).part == part


def test_order_and_last_digits_are_a_patch() -> None:
    two = {"a.png": objects(CAT, DOG)}
    turned = {"a.png": objects(DOG, ("cat", [1.0, 1.0, 4.0, 4.0000001]))}
    derived = bump_between(Side.of(dataset(two)), Side.of(dataset(turned)))
    assert derived == ("patch", "the order of objects, or the last digits of coordinates")


def test_of_very_many_changes_only_as_many_are_compared_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bump_room, "MOST_COMPARED", 2)
    plain = {f"{number}.png": objects(CAT) for number in range(9)}
    before = Side.of(dataset(plain))
    more = {name: {"caption": "new", **fields} for name, fields in plain.items()}
    assert bump_between(before, Side.of(dataset(more))) == (
        "minor",
        "annotations of 9 images, all of it additions",
    )
    more["8.png"] = {"caption": "new", **objects(DOG)}
    derived = bump_between(before, Side.of(dataset(more)))
    assert derived.part == "major"
    assert derived.reason.endswith("such as 8.png: an object removed")
    fewer = {name: fields for name, fields in more.items() if name != "0.png"}
    assert bump_between(before, Side.of(dataset(fewer))).reason.startswith("1 image removed")


names = st.sampled_from([f"{letter}.png" for letter in "abcdef"])
boxes = st.tuples(st.sampled_from(["cat", "dog"]), st.sampled_from([[0.0, 0, 2, 2], [3.0, 3, 5, 5], [1.0, 0, 6, 2]]))
records = st.dictionaries(
    names,
    st.tuples(st.none() | st.sampled_from(["x", "y"]), st.lists(boxes, max_size=3)).map(
        lambda each: ({"caption": each[0]} if each[0] else {}) | objects(*each[1])
    ),
    max_size=6,
)


@given(records, records, st.randoms())
def test_counts_agree_with_a_slow_model(one: dict[str, Any], other: dict[str, Any], chance: random.Random) -> None:
    turned = list(other)
    chance.shuffle(turned)
    diff = diff_datasets(dataset(one), dataset({name: other[name] for name in turned}))
    both = one.keys() & other.keys()
    fields = [name for name in both if one[name].get("caption") != other[name].get("caption")]
    assert sorted(row.image for row in diff.fields) == sorted(fields)
    changes = [row.change for row in diff.objects]
    here = sum(len(one[name]["objects"]["bbox"]) for name in both)
    there = sum(len(other[name]["objects"]["bbox"]) for name in both)
    assert changes.count("added") - changes.count("removed") == there - here
    assert diff.objects_added == sum(len(other[name]["objects"]["bbox"]) for name in other.keys() - both)
    assert diff.same == (
        one.keys() == other.keys()
        and all(
            one[name].get("caption") == other[name].get("caption")
            and sorted(zip(*one[name]["objects"].values(), strict=True))
            == sorted(zip(*other[name]["objects"].values(), strict=True))
            for name in both
        )
    )
    part = bump_of(diff).part
    assert (part == "patch") == diff.same
    if one.keys() - other.keys():
        assert part == "major"


def test_a_side_is_what_its_dataset_is() -> None:
    side = Side.of(dataset({"b.png": {}, "a.png": objects(CAT)}))
    assert side.index["file_name"].to_pylist() == ["b.png", "a.png"]
    assert side.rows(pa.array(["a.png", "b.png"]))["file_name"].to_pylist() == ["a.png", "b.png"]
    assert side.used == {"cat"}
