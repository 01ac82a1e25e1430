"""Counts of a dataset."""

from typing import Any

import pyarrow as pa

from imagecards.datasets.facts import FILE_FACTS, facts_table
from imagecards.datasets.summary import MOST_CATEGORIES, summarize
from imagecards.images import ImageInfo


def table(rows: list[dict[str, Any]], category: pa.DataType) -> pa.Table:
    objects = pa.struct([("bbox", pa.list_(pa.float64())), ("category", category)])
    schema = pa.schema([("caption", pa.string()), ("categories", pa.list_(category)), ("objects", pa.list_(objects))])
    names = [f"{number}.png" for number in range(len(rows))]
    infos = [ImageInfo(10 + number, 20, "RGB" if number else "L", "PNG") for number in range(len(rows))]
    annotations = pa.table(
        [pa.array([row.get(field.name) for row in rows], field.type) for field in schema], schema=schema
    )
    facts = facts_table(names, [bytes(32)] * len(rows), [100] * len(rows), infos)
    for name in annotations.column_names:
        facts = facts.append_column(name, annotations[name])
    return facts


def test_counts() -> None:
    box = [0.0, 0.0, 1.0, 1.0]
    rows: list[dict[str, Any]] = [
        {"caption": "a", "categories": ["cat"]},
        {"objects": [{"bbox": box, "category": "dog"}, {"bbox": box, "category": "cat"}]},
        {"objects": []},
        {},
    ]
    assert summarize(table(rows, pa.string()), {"train": ["1.png", "2.png"], "test": ["0.png"]}) == {
        "images": 4,
        "annotated": 3,
        "objects": 2,
        "bytes": 400,
        "categories": (("cat", 2), ("dog", 1)),
        "category_count": 0,
        "formats": {"PNG": 4},
        "modes": {"L": 1, "RGB": 3},
        "width": (10, 13),
        "height": (20, 20),
        "splits": {"test": 1, "train": 2},
    }


def test_nothing() -> None:
    summary = summarize(table([], pa.int64()), {})
    assert summary["images"] == summary["objects"] == summary["annotated"] == summary["bytes"] == 0
    assert summary["width"] is None
    assert summary["categories"] == ()
    assert FILE_FACTS.names[0] == "file_name"


def test_images_without_annotations() -> None:
    summary = summarize(table([{}, {}], pa.int64()), {})
    assert (summary["images"], summary["annotated"], summary["objects"]) == (2, 0, 0)


def test_very_many_categories() -> None:
    count = MOST_CATEGORIES + 5
    summary = summarize(
        table([{"categories": [number]} for number in range(count)] + [{"categories": [7]}], pa.int64()), {}
    )
    assert summary["categories"][0] == (7, 2)
    assert len(summary["categories"]) == MOST_CATEGORIES
    assert summary["category_count"] == count
