"""Images and zips in a dataset repo, read and registered from where they lie."""

import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.conftest import png
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory
from tests.remote import count_reads
from tests.s3.proxy import Proxy, count_requests

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets.remote import RemoteSource
from imagecards.datasets.zips import ZipSource
from imagecards.errors import FormatError
from imagecards.registry.linked_source import LinkedSource

MakeFolder = Callable[..., Path]


def commit(files: dict[str, bytes]) -> str:
    """Put files into the repo by the real client; says which commit that made."""
    import os

    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(endpoint=os.environ["HF_ENDPOINT"])
    api.create_repo(REPO, repo_type="dataset", exist_ok=True)
    added = [CommitOperationAdd(path, data) for path, data in files.items()]
    return str(api.create_commit(REPO, added, commit_message="more", repo_type="dataset").oid)


def files_of(folder: Path, below: str) -> dict[str, bytes]:
    return {f"{below}{each.relative_to(folder)}": each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def test_a_folder_of_a_repo_is_pinned_and_registered_where_it_lies(
    hub: HubInMemory, proxy: Proxy, registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder({"a.png": {"caption": "x"}, "sub/b c.png": {}, "100%25.png": {}})
    first = commit(files_of(folder, "my images/"))
    dataset = ImageDataset(image_dir=f"hf://datasets/{REPO}/my images")
    here = ImageDataset(image_dir=folder)
    assert isinstance(dataset.source, RemoteSource)
    assert dataset.source.url == f"hf://datasets/{REPO}@{first}/my images"
    assert dataset.names == here.names
    assert dataset.validate().ok
    commit({"my images/a.png": png(seed=9), "my images/new.png": png(seed=10)})
    assert list(dataset.read_many()) == list(here.read_many())
    linked = registry.register(dataset, "a/b", copy=False)
    assert linked.dataset_digest == registry.register(here, "a/folder").dataset_digest
    assert isinstance(dataset.source, RemoteSource)
    assert [origin.place for origin in linked.origins] == [dataset.source.url]
    assert registry.verify("a/b", deep=True).ok
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert isinstance(opened.source, LinkedSource)
    assert list(opened.read_many()) == list(here.read_many())
    place = dataset.source.url
    asked = count_requests(proxy, lambda: registry.register(ImageDataset(image_dir=place), "a/b", copy=False))
    assert asked < 12
    assert registry.materialize("a/b").dataset_digest == linked.dataset_digest
    newer = ImageDataset(image_dir=f"hf://datasets/{REPO}@main/my images")
    assert len(newer) == 4
    del hub.repos[REPO]
    found = registry.verify("a/b@1.0.0")
    assert {problem.image for problem in found.problems} == set(here.names)


def test_of_large_files_only_the_header_is_read(
    hub: HubInMemory, registry: CardRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = png(width=600, height=600)[:-12] + bytes(300_000)
    commit({"images/a.png": data})
    dataset = ImageDataset(image_dir=f"hf://datasets/{REPO}/images")
    assert isinstance(dataset.source, RemoteSource)
    assert dataset.source.objects["a.png"].sha256 == sha256(data).digest()
    reads = count_reads(monkeypatch)
    card = registry.register(dataset, "a/b", copy=False)
    assert sum(size for _, size in reads) <= 65536 < len(data)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(data)
    packed = registry.register(ImageDataset(image_dir=tmp_path / "images"), "a/c")
    assert card.dataset_digest == packed.dataset_digest


def test_a_zip_of_a_repo_is_pinned_and_named_in_the_card(
    hub: HubInMemory, registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(2)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for each in sorted(folder.iterdir()):
            packed.write(each, each.name)
    content = (tmp_path / "a.zip").read_bytes()
    first = commit({"data/a.zip": content})
    dataset = ImageDataset(image_dir=f"hf://datasets/{REPO}@main/data/a.zip")
    assert isinstance(dataset.source, ZipSource)
    card = registry.register(dataset, "a/b")
    [origin] = card.origins
    assert origin.place == f"hf://datasets/{REPO}@{first}/data/a.zip"
    assert (origin.size, origin.digest) == (len(content), f"sha256:{sha256(content).hexdigest()}")
    assert card.dataset_digest == registry.register(ImageDataset(image_dir=folder), "a/folder").dataset_digest
    commit({"data/a.zip": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 146\n"})
    with pytest.raises(FormatError, match="is a Git LFS pointer"):
        ImageDataset(image_dir=f"hf://datasets/{REPO}/data/a.zip")
    assert len(ImageDataset(image_dir=origin.place)) == 2


def test_what_is_not_there(hub: HubInMemory) -> None:
    commit({"images/a.png": png()})
    for url in (f"hf://datasets/{REPO}@gone/images", "hf://datasets/owner/gone/images", f"hf://datasets/{REPO}/gone"):
        with pytest.raises(ValidationError, match=r"no such dataset repository or revision|has no files"):
            ImageDataset(image_dir=url)
    with pytest.raises(ValidationError, match="is no place in a dataset repository"):
        ImageDataset(image_dir="hf://owner/model/images")
    with pytest.raises(ValidationError, match="doesn't exist"):
        ImageDataset(image_dir=f"hf://datasets/{REPO}/gone.zip")
