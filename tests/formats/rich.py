"""Datasets with all that formats like to lose: further fields, groups, odd numbers, categories that are numbers."""

from typing import Any

from hypothesis import strategies as st
from tests.formats.sameness import said
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset

_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.integers(0, 5),
    "iscrowd": st.integers(0, 1),
    "area": st.sampled_from([0.0, 2.5]),
    "score": st.sampled_from([0.1, 1.0]),
    "group_id": st.integers(1, 3),
    "flags": st.sampled_from([{"hard": True}, {"hard": False}]),
    "description": st.sampled_from(["", "a b"]),
    "label": st.just("x"),
    "labels": st.just(["x"]),
    "meta": st.just({"a": ["x", None]}),
}


@st.composite
def rich_datasets(draw: st.DrawFn) -> ImageDataset:
    """A dataset of `datasets` with more said of its images and objects."""
    plain = draw(datasets())
    sizes = sizes_of(plain)
    chosen = draw(st.lists(st.sampled_from(sorted(_FIELDS)), unique=True, max_size=4))
    texts = draw(st.booleans())
    records = []
    for name, fields in said(plain).items():
        objects = fields.pop("objects")
        record: dict[str, Any] = {"file_name": name}
        if draw(st.booleans()):
            record["caption"] = draw(st.sampled_from(["", "a\nb", "ü"]))
        if draw(st.booleans()):
            record["categories"] = draw(st.sampled_from([[], ["x", "y"]] if texts else [[], [7]]))
        if draw(st.booleans()):
            record["weather"] = draw(st.sampled_from(["rain", ""]))
        if draw(st.booleans()):
            record["split"] = "s"
        if draw(st.sampled_from([True, True, True, False])):
            lists: dict[str, list[Any]] = {"bbox": [], "categories": []}
            for entry in objects:
                if "segmentation" not in entry and draw(st.booleans()):
                    entry["bbox"] = [value * draw(st.sampled_from([1.0, 1 / 3])) for value in entry["bbox"]]
                lists["bbox"].append(entry["bbox"])
                lists["categories"].append(entry["categories"] if texts else len(entry["categories"]))
            if any("segmentation" in entry for entry in objects):
                lists["segmentation"] = [entry.get("segmentation") for entry in objects]
            for field in chosen:
                lists[field] = [draw(st.none() | _FIELDS[field]) for _ in objects]
            record["objects"] = lists
        records.append(record)
    return make_dataset(records, sizes, plain.splits, attributes=draw(st.sampled_from([None, {"info": {"year": 1}}])))


def sizes_of(dataset: ImageDataset) -> dict[str, tuple[int, int]]:
    """Width and height of each image."""
    sides = (dataset.table[side].to_pylist() for side in ("width", "height"))
    return dict(zip(dataset.names, zip(*sides, strict=True), strict=True))
