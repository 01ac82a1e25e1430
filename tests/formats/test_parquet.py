"""Parquet in Hugging Face's layout: what ``datasets`` is told of the columns, and what is in them."""

import json
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from tests.formats.rich import rich_datasets
from tests.formats.sameness import said
from tests.formats.strategies import datasets, make_dataset

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.formats import parquet as module
from imagecards.formats import write
from imagecards.records.json_values import without_nulls


def tables(folder: Path) -> dict[str, pa.Table]:
    """The table of each split."""
    shards: dict[str, list[pa.Table]] = {}
    for path in sorted((folder / "data").iterdir()):
        shards.setdefault(path.name.split("-")[0], []).append(pq.read_table(path))
    return {split: pa.concat_tables(found) for split, found in shards.items()}


def features(folder: Path) -> Any:
    path = min((folder / "data").iterdir())
    return json.loads(pq.read_schema(path).metadata[b"huggingface"])["info"]["features"]


def read_back(folder: Path, dataset: ImageDataset) -> dict[str, dict[str, Any]]:
    """What the files say of each image, told as `said` tells it."""
    found = {}
    described = features(folder)
    names = described.get("objects", {}).get("category", [{}])[0].get("names")
    numbers = any(isinstance(value, int) for value in _categories(dataset))
    for split, table in tables(folder).items():
        for row in table.to_pylist():
            name = row["file_name"] if not dataset.splits else f"{split}/{row['file_name']}"
            assert row["image"] == {"bytes": dataset.read_bytes(name), "path": row["file_name"]}
            fields = {key: row[key] for key in row if key not in ("image", "file_name", "width", "height", "objects")}
            record = {key: value for key, value in fields.items() if value is not None}
            if row.get("objects") is not None:
                lists = row["objects"]
                if names is not None:
                    values = [names[number] for number in lists["category"]]
                    lists["category"] = [int(value) for value in values] if numbers else values
                if "segmentation" in lists and described["objects"]["segmentation"][0] == _TEXT:
                    lists["segmentation"] = [
                        None if text is None else orjson.loads(text) for text in lists["segmentation"]
                    ]
                lists = {"bbox": lists["bbox"], "categories": lists.pop("category"), **lists}
                entries = zip(*lists.values(), strict=True)
                record["objects"] = [without_nulls(dict(zip(lists, entry, strict=True))) for entry in entries]
            found[name] = without_nulls(record)
    return found


_TEXT = {"dtype": "string", "_type": "Value"}


def _categories(dataset: ImageDataset) -> set[Any]:
    return {entry["categories"] for fields in said(dataset).values() for entry in fields.get("objects") or ()}


@given(datasets())
def test_all_of_it_is_there(dataset: ImageDataset) -> None:
    with tempfile.TemporaryDirectory() as place:
        losses = write(dataset, f"{place}/out", "parquet", shard_bytes=150)
        assert set(losses.rules) <= {"split-given"}
        assert read_back(Path(place) / "out", dataset) == said(dataset)


@given(rich_datasets())
def test_all_that_is_said_is_there(dataset: ImageDataset) -> None:
    with tempfile.TemporaryDirectory() as place:
        losses = write(dataset, f"{place}/out", "parquet")
        assert set(losses.rules) <= {"split-given"}
        assert read_back(Path(place) / "out", dataset) == said(dataset)


SQUARE = [[0.0, 0.0, 4.0, 0.0, 4.0, 4.0, 0.0, 4.0]]
RECORDS: list[dict[str, Any]] = [
    {
        "file_name": "train/a.png",
        "caption": "a cat",
        "weather": "rain",
        "boxes": [{"a": 1, "b": [0.5]}],
        "objects": {
            "bbox": [[0, 0, 4, 4], [1, 1, 2, 2]],
            "categories": ["cat", "dog"],
            "segmentation": [SQUARE, None],
            "area": [16.0, None],
            "iscrowd": [0, 1],
            "id": [7, 8],
        },
    },
    {"file_name": "train/b.png", "width": "wide"},
    {"file_name": "valid/c.png", "objects": {"bbox": [], "categories": []}},
]
SPLITS = {"train": ["train/a.png", "train/b.png"], "valid": ["valid/c.png"]}
ATTRIBUTES = {
    "categories": [{"id": 9, "name": "cat"}, {"id": 3, "name": "dog", "supercategory": "x"}],
    "info": {"y": 1},
}


def example(records: Any = RECORDS, splits: Any = SPLITS, attributes: Any = ATTRIBUTES) -> ImageDataset:
    return make_dataset(records, {each["file_name"]: (8, 6) for each in records}, splits, attributes)


def test_the_files_and_what_is_said_of_the_columns(tmp_path: Path) -> None:
    losses = write(example(), tmp_path / "out", "parquet")
    assert losses.rules == ("category-ids-changed", "fields-renamed")
    assert sorted(path.name for path in (tmp_path / "out" / "data").iterdir()) == [
        "train-00000-of-00001.parquet",
        "valid-00000-of-00001.parquet",
    ]
    number, text = {"dtype": "float64", "_type": "Value"}, _TEXT
    whole = {"dtype": "int64", "_type": "Value"}
    assert features(tmp_path / "out") == {
        "image": {"_type": "Image"},
        "file_name": text,
        "width": {"dtype": "int32", "_type": "Value"},
        "height": {"dtype": "int32", "_type": "Value"},
        "caption": text,
        "objects": {
            "bbox": [[number]],
            "category": [{"names": ["dog", "cat"], "_type": "ClassLabel"}],  # in the order of their ids
            "segmentation": [[[number]]],
            "area": [number],
            "iscrowd": [whole],
            "id": [whole],
        },
        "weather": text,
        "boxes": [{"a": whole, "b": [number]}],
        "width_": text,
    }
    schema = pq.read_schema(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert json.loads(schema.metadata[b"imagecards"]) == ATTRIBUTES
    rows = tables(tmp_path / "out")["train"].to_pylist()
    assert rows[0]["objects"]["category"] == [1, 0]
    assert rows[0]["objects"]["segmentation"] == [SQUARE, None]
    assert (rows[1]["objects"], rows[1]["width"], rows[1]["width_"]) == (None, 8, "wide")
    assert tables(tmp_path / "out")["valid"].to_pylist()[0]["objects"]["bbox"] == []


def test_masks_are_text_and_so_are_polygons_beside_them(tmp_path: Path) -> None:
    records = json.loads(json.dumps(RECORDS))
    records[0]["objects"]["segmentation"][1] = {"size": [6, 8], "counts": [7, 1, 40]}
    write(example(records), tmp_path / "out", "parquet")
    assert tables(tmp_path / "out")["train"].to_pylist()[0]["objects"]["segmentation"] == [
        "[[0.0,0.0,4.0,0.0,4.0,4.0,0.0,4.0]]",
        '{"size":[6,8],"counts":[7,1,40]}',
    ]


def test_whole_numbers_without_names_stay_numbers(tmp_path: Path) -> None:
    records = [{"file_name": "a.png", "objects": {"bbox": [[0, 0, 1, 1]], "categories": [7]}}]
    write(example(records, None, None), tmp_path / "out", "parquet")
    assert features(tmp_path / "out")["objects"]["category"] == [{"dtype": "int64", "_type": "Value"}]
    assert tables(tmp_path / "out")["train"].to_pylist()[0]["objects"]["category"] == [7]


def test_shards_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [{"file_name": f"{number}.png"} for number in range(10)]
    dataset = example(records, None, None)
    size = len(dataset.read_bytes("0.png"))
    monkeypatch.setattr(module, "ROW_GROUP_BYTES", 2 * size)
    write(dataset, tmp_path / "out", "parquet", shard_bytes=4 * size)
    files = sorted((tmp_path / "out" / "data").iterdir())
    assert [path.name for path in files] == [f"train-{number:05d}-of-00003.parquet" for number in range(3)]
    found = [pq.ParquetFile(path).metadata for path in files]
    assert [(each.num_rows, each.num_row_groups) for each in found] == [(4, 2), (4, 2), (2, 1)]
    names = [row["file_name"] for row in tables(tmp_path / "out")["train"].to_pylist()]
    assert names == [f"{number}.png" for number in range(10)]
    with pytest.raises(InvalidInputError):
        write(dataset, tmp_path / "other", "parquet", shard_bytes=0)


def test_the_same_dataset_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(example(), tmp_path / name, "parquet")
    for path in (tmp_path / "a" / "data").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / "data" / path.name).read_bytes()


def test_without_images(tmp_path: Path) -> None:
    write(example(), tmp_path / "out", "parquet", images=False)
    assert "image" not in features(tmp_path / "out")
    assert tables(tmp_path / "out")["train"].column_names[0] == "file_name"


def test_names_of_splits(tmp_path: Path) -> None:
    records = [{"file_name": name} for name in ("fold 1/a.png", "fold-1/b.png", "c.png")]
    splits = {"fold 1": ["fold 1/a.png"], "fold-1": ["fold-1/b.png"]}
    losses = write(example(records, splits, None), tmp_path / "out", "parquet")
    assert sorted(tables(tmp_path / "out")) == ["fold_1", "fold_1_2", "train"]
    assert losses.rules == ("split-given", "splits-renamed")


def test_no_images_at_all(tmp_path: Path) -> None:
    write(example([], None, None), tmp_path / "out", "parquet")
    assert tables(tmp_path / "out")["train"].num_rows == 0
