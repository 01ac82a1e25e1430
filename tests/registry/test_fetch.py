"""Fetching: streamed, checked in time, and such that the folder is the same dataset again."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import IntegrityError
from imagecards.registry import files
from imagecards.storage import Store
from imagecards.testing.faults import os_calls

MakeFolder = Callable[..., Path]
BOXES = {"objects": {"bbox": [[0, 1, 2, 3]], "categories": ["cat"]}}


def opened(registry: CardRegistry, reference: str) -> ImageDataset:
    dataset = registry.open(reference)
    assert isinstance(dataset, ImageDataset)
    return dataset


def move_records(folder: Path, *splits: str) -> None:
    """Put the records of some sub-folders into a metadata file of each; those of the others stay."""
    text = (folder / "metadata.jsonl").read_text() if (folder / "metadata.jsonl").exists() else ""
    records = [json.loads(line) for line in text.splitlines()]
    for split in ("", *splits):
        lines = []
        for record in records:
            home = record["file_name"].partition("/")[0]
            if (home if home in splits else "") == split:
                name = record["file_name"].removeprefix(f"{split}/")
                lines.append(json.dumps({**record, "file_name": name}) + "\n")
        (folder / split / "metadata.jsonl").write_text("".join(lines))


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "records",
    [
        {"train/a.png": BOXES, "train/deep/b.png": {"caption": "ü"}, "test/c.png": BOXES},
        {"train/a.png": BOXES, "train/b.png": None, "test/c.png": None, "test/d.png": None},
        {"train/a.png": None, "test/b.png": None},
        {"train/a.png": {"n": 1, "where": {"x": 1}}, "test/b.png": {"n": 0.5, "m": "2020-01-01"}, "c.png": BOXES},
        {"train/a.png": BOXES, "test/b.png": BOXES, "more/c.png": {"caption": "x"}, "d.png": None},
        # safe in a folder, and not at the top
        {"train/~a.png": None, "train/b.png": BOXES, "test/~c.png": None},
    ],
)
def test_splits_come_back(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path, records: dict[str, dict[str, object] | None]
) -> None:
    folder = make_folder(records)
    move_records(folder, "train", "test")
    first = registry.register(ImageDataset(image_dir=folder), "a/typed")
    card = registry.register(opened(registry, "a/typed"), "a/b")
    assert card.dataset_digest == first.dataset_digest
    assert card.documents == ()
    out = registry.fetch("a/b", to=tmp_path / "out")
    again = ImageDataset(image_dir=out)
    assert {split: sorted(names) for split, names in again.splits.items()} == {
        split: sorted(names) for split, names in opened(registry, "a/b").splits.items()
    }
    assert set(again.splits) == {"train", "test"}
    assert registry.register(again, "a/b").dataset_digest == card.dataset_digest


def test_names_are_relative_to_the_folder_of_the_split(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder({"train/a.png": BOXES, "train/deep/b.png": None, "test/c.png": None})
    move_records(folder, "train", "test")
    registry.register(ImageDataset(image_dir=folder), "a/b")
    registry.register(opened(registry, "a/b"), "a/all")
    out = registry.fetch("a/all", to=tmp_path / "out")
    assert files_below(out) == [
        "test/c.png",
        "test/metadata.jsonl",
        "train/a.png",
        "train/deep/b.png",
        "train/metadata.jsonl",
    ]
    lines = (out / "train" / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line)["file_name"] for line in lines] == ["a.png", "deep/b.png"]
    assert ImageDataset(image_dir=out).validate().ok
    card = registry.register(opened(registry, "a/b").split("train"), "a/one")
    one = registry.fetch("a/one", to=tmp_path / "one")
    assert dict(ImageDataset(image_dir=one).splits) == {"train": ("train/a.png", "train/deep/b.png")}
    assert registry.register(ImageDataset(image_dir=one), "a/one").dataset_digest == card.dataset_digest


@pytest.mark.parametrize(
    "splits",
    [
        {"first": ["train/a.png"], "second": ["test/b.png"]},  # names that are not the folders
        {"train": ["train/a.png"], "test": ["test/b.png"]},  # not all images of the folder
        {"train": ["train/a.png", "train/c.png"], "test": ["test/b.png", "train/c.png"]},  # images of another folder
        {"train/a.png": ["train/a.png"]},
    ],
)
def test_splits_that_no_folder_expresses_leave_one_metadata_file(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path, splits: dict[str, list[str]]
) -> None:
    folder = make_folder({"train/a.png": BOXES, "test/b.png": BOXES, "train/c.png": None})
    bound = ImageDataset(image_dir=folder)
    registry.register(ImageDataset.from_source(bound.source, bound.table, splits), "a/b")
    out = registry.fetch("a/b", to=tmp_path / "out")
    assert files_below(out) == ["metadata.jsonl", "test/b.png", "train/a.png", "train/c.png"]


def test_artifacts_and_tables_are_never_held_whole(
    registry: CardRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytes(range(256)) * 400
    (tmp_path / "large").write_bytes(data)
    registry.register(pl.DataFrame({"id": range(100_000)}), "a/b", artifacts={"large": tmp_path / "large"})
    monkeypatch.setattr(files, "_STEP", 1000)
    held, most = 0, 0
    get = type(registry.store).get

    def measured(store: Store, key: str, start: int = 0, length: int | None = None) -> bytes:
        nonlocal held, most
        piece = get(store, key, start, length)
        held += len(piece) if key.startswith("data/") else 0
        most = max(most, held)
        return piece

    def written(number: int, name: str, arguments: tuple[object, ...]) -> None:
        nonlocal held
        assert isinstance(arguments[1], memoryview)
        held -= len(arguments[1])

    monkeypatch.setattr(type(registry.store), "get", measured)
    with os_calls(written, only={"write"}):
        registry.artifact("a/b", "large").fetch(tmp_path / "kept")
        registry.fetch("a/b", to=tmp_path / "table")
    assert (tmp_path / "kept" / "large").read_bytes() == data
    assert pl.read_parquet(tmp_path / "table" / "table.parquet").height == 100_000
    assert (held, most) == (0, 1000)


@pytest.mark.parametrize("kind", ["artifact", "table"])
def test_a_check_at_the_end_is_in_time(
    registry: CardRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (tmp_path / "large").write_bytes(bytes(5000))
    card = registry.register(pl.DataFrame({"id": [1]}), "a/b", artifacts={"large": tmp_path / "large"})
    assert card.table is not None
    stored = card.table if kind == "table" else card.artifacts["large"].files[0].stored
    place = Path(registry.url) / stored.key
    place.chmod(0o644)
    place.write_bytes(place.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(files, "_STEP", 1000)
    fetches: dict[str, Callable[..., Path]] = {
        "table": partial(registry.fetch, "a/b"),
        "artifact": registry.artifact("a/b", "large").fetch,
    }
    with pytest.raises(IntegrityError, match="has other bytes"):
        fetches[kind](to=tmp_path / "new" / "out")
    assert list((tmp_path / "new").iterdir()) == []
