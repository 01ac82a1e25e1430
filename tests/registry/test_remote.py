"""Registering images that lie behind URLs: packed like a folder, or named where they lie."""

from collections.abc import Callable
from pathlib import Path

from tests.remote import upload

from imagecards import CardRegistry, ImageDataset

MakeFolder = Callable[..., Path]


def test_a_url_is_packed_like_a_folder(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(4)
    url = upload(folder)
    packed = registry.register(ImageDataset(image_dir=url), "a/url")
    assert packed.dataset_digest == registry.register(ImageDataset(image_dir=folder), "a/folder").dataset_digest
    assert [document.path for document in packed.documents] == ["metadata.jsonl"]
    registry.fetch("a/url", tmp_path / "out")
    assert {place.name: place.read_bytes() for place in (tmp_path / "out").iterdir()} == {
        place.name: place.read_bytes() for place in folder.iterdir()
    }
    assert registry.register(ImageDataset(image_dir=url), "a/url") == packed
    assert registry.verify(deep=True).ok
