"""Image files of any size: refused by their size alone, or packed piece by piece."""

import hashlib
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets import Examined, FolderSource, examine_large
from imagecards.datasets.largefile import LargeFile
from imagecards.errors import InvalidMetadataError, StorageError
from imagecards.registry import pack

MakeFolder = Callable[..., Path]


def make_tiff(path: Path, size: int) -> None:
    """A small image with zeros behind it."""
    Image.new("I;16", (40, 30), 7).save(path)
    os.truncate(path, size)


@pytest.mark.parametrize("name", ["big.png", "big.tif"])
def test_a_sparse_file_is_refused_without_being_read(
    registry: CardRegistry, make_folder: MakeFolder, name: str
) -> None:
    folder = make_folder(2)
    make_tiff(folder / "big.tif", 1 << 40)
    (folder / "big.tif").rename(folder / name)
    dataset = ImageDataset(image_dir=folder)
    report = dataset.validate()
    assert [(issue.file, issue.rule) for issue in report.errors] == [(name, "file-too-large")]
    assert "1,099,511,627,776 bytes" in report.errors[0].message
    with pytest.raises(InvalidMetadataError, match="file-too-large"):
        registry.register(dataset, "a/b")
    unsized = ImageDataset.from_source(FolderSource(folder), dataset.table)
    assert [issue.rule for issue in unsized.validate().errors] == ["file-too-large"]
    with pytest.raises(InvalidMetadataError, match="file-too-large"):
        registry.register(unsized, "a/b")


def test_a_large_tiff_is_packed_in_bounded_memory(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(1)
    make_tiff(folder / "big.tif", 300 << 20)
    dataset = ImageDataset(image_dir=folder)
    tracemalloc.start()
    try:
        assert dataset.validate().ok
        card = registry.register(dataset, "a/b")
        assert tracemalloc.get_traced_memory()[1] < 150 << 20
    finally:
        tracemalloc.stop()
    assert card.summary.modes == {"L": 1, "I;16": 1}
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    (row,) = [row for row in opened.table.to_pylist() if row["file_name"] == "big.tif"]
    with (folder / "big.tif").open("rb") as file:
        assert row["sha256"] == hashlib.file_digest(file, "sha256").digest()
    assert registry.verify(deep=True).ok


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a hundred bytes are large."""
    for module in ("folder", "examine"):
        monkeypatch.setattr(f"imagecards.datasets.{module}.LARGE_BYTES", 100)
    monkeypatch.setattr(pack, "LARGE_BYTES", 100)


@pytest.mark.usefixtures("small")
def test_what_is_packed_in_pieces_is_what_is_packed_at_once(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(2)
    make_tiff(folder / "a.tif", 5000)
    (folder / "b.tif").write_bytes((folder / "a.tif").read_bytes())
    (folder / "c.tiff").write_bytes(b"II*\0" + bytes(200))
    dataset = ImageDataset(image_dir=folder)
    assert [(issue.file, issue.rule) for issue in dataset.validate().errors] == [("c.tiff", "damaged-image")]
    (folder / "c.tiff").unlink()
    pieces = CardRegistry(tmp_path / "pieces").register(dataset, "a/b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pack, "LARGE_BYTES", 1 << 30)
        patch.setenv("IMAGECARDS_CACHE", str(tmp_path / "cache"))
        whole = CardRegistry(tmp_path / "whole").register(dataset, "a/b")
    assert [shard.digest for shard in pieces.shards] == [shard.digest for shard in whole.shards]
    assert pieces.dataset_digest == whole.dataset_digest


@pytest.mark.usefixtures("small")
def test_a_large_file_that_changes_between_two_reads_stops_the_registration(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(1)
    make_tiff(folder / "a.tif", 5000)
    examine = examine_large

    def then_change(file: LargeFile) -> Examined:
        found = examine(file)
        if file.name == "a.tif":
            with (folder / "a.tif").open("r+b") as opened:
                opened.seek(4000)
                opened.write(b"x")
        return found

    monkeypatch.setattr(pack, "examine_large", then_change)
    with pytest.raises(StorageError, match="was changed while"):
        registry.register(ImageDataset(image_dir=folder), "a/b")
    assert not list(registry.store.list("data/"))
