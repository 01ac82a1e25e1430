"""Datasets that were read from another format: what is said of them as a whole, and the files that said it."""

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets import FolderSource, RenamedSource
from imagecards.errors import IntegrityError, InvalidMetadataError
from imagecards.formats import write
from imagecards.records import ImageMetadata, ImageRecord

ATTRIBUTES = {"categories": [{"id": 7, "name": "cat", "supercategory": "pet"}], "info": {"year": 2026}}


@pytest.fixture
def read(tmp_path: Path, make_folder: Callable[..., Path]) -> Callable[..., ImageDataset]:
    def read(
        attributes: Mapping[str, Any] = ATTRIBUTES, files: int = 1, size: tuple[int, int] | None = None
    ) -> ImageDataset:
        folder = make_folder({"images/a.png": None, "images/b.png": None})
        table = ImageMetadata(records=[ImageRecord(file_name="a.png"), ImageRecord(file_name="b.png")]).table
        for side in range(2) if size else ():
            table = table.append_column(("width", "height")[side], pa.array([size[side]] * 2, pa.int32()))  # type: ignore[index]
        names = [f"labels/{number}.json" for number in range(files)]
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(json.dumps({"file": name}))
        source = RenamedSource(FolderSource(folder), {name: f"images/{name}" for name in ("a.png", "b.png")})
        return ImageDataset.from_source(
            source,
            table,
            {"train": ["a.png"]},
            attributes=attributes,
            annotation_files={name: str(folder / name) for name in names},
        )

    return read


def test_everything_comes_back(registry: CardRegistry, read: Callable[..., ImageDataset]) -> None:
    dataset = read()
    card = registry.register(dataset, "vision/cats")
    opened = registry.open("vision/cats")
    assert isinstance(opened, ImageDataset)
    assert opened.attributes == ATTRIBUTES
    assert opened.splits == {"train": ("a.png",)}
    assert opened.split("train").attributes == ATTRIBUTES
    assert opened.read_bytes("b.png") == dataset.read_bytes("b.png")
    kept = registry.artifact(card, "annotations")
    assert kept.files == ["labels/0.json"]
    assert kept.read("labels/0.json") == b'{"file": "labels/0.json"}'
    assert registry.verify(deep=True).ok
    assert registry.register(read(), "vision/cats") == card, "the same data make no version"
    assert registry.register(opened, "vision/copy").dataset_digest == card.dataset_digest


def test_other_attributes_are_other_data(registry: CardRegistry, read: Callable[..., ImageDataset]) -> None:
    first = registry.register(read(), "vision/cats")
    bare = registry.register(read({}), "vision/cats")
    assert first.dataset_digest != bare.dataset_digest
    assert (bare.attributes, str(bare.version)) == (None, "2.0.0")
    again = registry.register(read({"info": {"year": 2027}}), "vision/cats")
    assert again.dataset_digest not in (first.dataset_digest, bare.dataset_digest)


def test_many_annotation_files_are_one_tar(registry: CardRegistry, read: Callable[..., ImageDataset]) -> None:
    card = registry.register(read(files=40), "vision/cats")
    with tarfile.open(fileobj=io.BytesIO(registry.artifact(card, "annotations").read())) as packed:
        assert len(packed.getnames()) == 40
        member = packed.extractfile("labels/7.json")
        assert member is not None
        assert json.load(member) == {"file": "labels/7.json"}


def test_stated_sizes_are_held_against_the_files(registry: CardRegistry, read: Callable[..., ImageDataset]) -> None:
    registry.register(read(), "vision/cats")
    with pytest.raises(InvalidMetadataError) as caught:
        registry.register(read(size=(5, 99)), "vision/wrong")
    assert {issue.rule for issue in caught.value.issues} == {"size-differs"}
    assert "99 pixels are said of it" in str(caught.value)


@pytest.mark.parametrize("text", [b"[1]", b"{", b"[" * 100_000])
def test_attributes_that_are_none_are_found(
    registry: CardRegistry, read: Callable[..., ImageDataset], monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    monkeypatch.setattr("imagecards.registry.image_content.encode_attributes", lambda attributes: text)
    registry.register(read(), "vision/cats")
    with pytest.raises(IntegrityError, match="restore the file from a copy"):
        registry.open("vision/cats")
    assert not registry.verify(deep=True).ok


@pytest.mark.parametrize(
    ("value", "field", "rule"),
    [
        (2**60, "info", "number-too-large"),
        ({"year": float("nan")}, "info.year", "not-finite"),
        (["\ud800"], "info[0]", "bad-text"),
        ("\0", "info", "bad-text"),
        ({1: 2}, "info", "wrong-type"),
        (b"", "info", "wrong-type"),
        (json.loads("[" * 100 + "]" * 100), "info", "too-deep"),
    ],
)
def test_attributes_that_cannot_be_stored_are_told(
    registry: CardRegistry,
    read: Callable[..., ImageDataset],
    tmp_path: Path,
    value: object,
    field: str,
    rule: str,
) -> None:
    dataset = read({"info": value})
    for store in (lambda: registry.register(dataset, "a/b"), lambda: write(dataset, tmp_path / "out", "coco")):
        with pytest.raises(InvalidMetadataError) as caught:
            store()
        (issue,) = caught.value.issues
        assert (issue.file, issue.field, issue.rule) == ("attributes", field, rule)
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "registry").exists()


def test_what_was_read_can_be_counted_before_it_is_registered(
    registry: CardRegistry, read: Callable[..., ImageDataset]
) -> None:
    before = read(size=None)
    registry.register(before, "a/b")
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert before.summary == opened.summary
    assert before.summary["bytes"] > 0
