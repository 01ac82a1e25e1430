"""Annotations in a zip."""

import gc
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.remote import upload

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats import read, write

MakeFolder = Callable[..., Path]


@pytest.fixture
def coco_zip(make_folder: MakeFolder, tmp_path: Path) -> Path:
    """A zip as XAMI's: a folder that has the splits, each with its images and its annotations."""
    train = make_folder(3, name="both/train").parent
    make_folder(2, name="both/valid", seed=7)
    write(ImageDataset(image_dir=train), tmp_path / "coco", "coco", layout="roboflow")
    (tmp_path / "packed").mkdir()
    place = tmp_path / "packed" / "xami.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in sorted((tmp_path / "coco").rglob("*")):
            packed.write(each, Path("xami_dataset") / each.relative_to(tmp_path / "coco"))
    return place


def test_coco_in_a_zip_is_read_like_its_folder(coco_zip: Path, registry: CardRegistry, tmp_path: Path) -> None:
    url = f"{upload(coco_zip.parent)}/xami.zip"
    here = ImageDataset.read(tmp_path / "coco")
    for place in (coco_zip, url):
        there = ImageDataset.read(place, "coco" if place == url else None)
        assert there.names == here.names
        assert there.splits == here.splits
        assert list(there.read_many()) == list(here.read_many())
        assert list(pickle.loads(pickle.dumps(there)).read_many()) == list(here.read_many())
    part = there.split("train")
    del there
    gc.collect()
    assert list(part.read_many()) == list(here.read_many(part.names))  # the folder stays as long as it is needed
    card = registry.register(ImageDataset.read(url), "astro/xami")
    assert card.dataset_digest == registry.register(here, "astro/folder").dataset_digest
    [origin] = card.origins
    assert (origin.place, origin.size) == (url, coco_zip.stat().st_size)
    assert "annotations" in card.artifacts
    assert not registry.load("astro/folder").origins


def test_metadata_jsonl_in_a_zip_is_read_in_place(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(2)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for each in sorted(folder.iterdir()):
            packed.write(each, each.name)
    reading = read(tmp_path / "a.zip")
    assert reading.format == "imagefolder"
    assert repr(reading.dataset) == "ImageDataset(image_dir=ZipSource('a.zip'))"
    assert reading.dataset.table.equals(ImageDataset(image_dir=folder).table)


def test_what_is_no_zip_of_annotations(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"a.png": None})
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a.txt", "no image")
    with pytest.raises(FormatError, match="looks like none of"):
        read(tmp_path / "a.zip")
    with pytest.raises(InvalidInputError, match="from folders on disk and from zips"):
        read(upload(folder))
    with pytest.raises(InvalidInputError, match="leave images= out"):
        read(tmp_path / "a.zip", images=folder)
