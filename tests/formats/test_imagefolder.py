"""The library's own folders as a format: what a folder for each split can't say is told."""

from pathlib import Path
from typing import Any

import pytest
from tests.formats.strategies import make_dataset

from imagecards.errors import InvalidMetadataError
from imagecards.formats import read, write

EMPTY: dict[str, Any] = {"objects": {"bbox": [], "categories": []}}


def test_images_that_come_into_another_folder_are_told(tmp_path: Path) -> None:
    names = ("a.png", "b.png", "train/c.png")
    dataset = make_dataset(
        [{"file_name": name, **EMPTY} for name in names], dict.fromkeys(names, (4, 3)), {"train": ["a.png"]}
    )
    losses = write(dataset, tmp_path / "out", "imagefolder")
    assert {loss.rule: (loss.count, loss.examples) for loss in losses} == {
        "images-renamed": (1, ("a.png in train",)),
        "records-dropped": (2, ("b.png",)),
        "splits-changed": (1, ("train/c.png",)),
    }
    again = read(tmp_path / "out").dataset
    assert sorted(again.names) == ["b.png", "train/a.png", "train/c.png"]
    assert again.splits == {"train": ("train/a.png", "train/c.png")}


def test_splits_with_names_of_their_own_lose_nothing(tmp_path: Path) -> None:
    names = ("train/a.png", "test/a.png")
    dataset = make_dataset(
        [{"file_name": name, **EMPTY} for name in names],
        dict.fromkeys(names, (4, 3)),
        {"train": names[:1], "test": names[1:], "none": []},
    )
    assert not len(write(dataset, tmp_path / "out", "imagefolder"))
    assert read(tmp_path / "out").dataset.splits == dataset.splits


@pytest.mark.parametrize("categories", [3, {"id": 1}, [{"id": True, "name": "a"}], [{"id": 1}], ["a"]])
def test_categories_of_attributes_that_are_none(tmp_path: Path, categories: object) -> None:
    dataset = make_dataset([{"file_name": "a.png"}], {"a.png": (4, 3)}, attributes={"categories": categories})
    with pytest.raises(InvalidMetadataError, match="of the dataset's attributes"):
        write(dataset, tmp_path / "out", "coco")
    assert [*tmp_path.iterdir()] == []
