"""Where images that are not stored, copies and what the Hub shows meet."""

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory
from tests.hub.test_registry import URL, titles
from tests.hub.test_showing import readme, shown
from tests.remote import upload, write
from tests.s3.proxy import Proxy, count_requests

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import InvalidInputError, StorageError, VersionConflictError
from imagecards.formats import write as write_format
from imagecards.storage import hubrepo, hubstaging
from imagecards.storage.cache import open_cache
from imagecards.storage.hub import HubStore
from imagecards.storage.hubfiles import HubFiles
from imagecards.transforms import MinArea

MakeFolder = Callable[..., Path]


@pytest.fixture
def there() -> CardRegistry:
    return CardRegistry(URL)


def test_linked_images_are_not_stored_to_be_shown(hub: HubInMemory, make_folder: MakeFolder) -> None:
    dataset = ImageDataset(image_dir=upload(make_folder(4)))
    there = CardRegistry(URL)
    card = there.register(dataset, "a/b", copy=False)
    there.derive("a/b", MinArea(pixels=2), "a/large")
    assert shown(hub) == []
    front, body = readme(hub)
    assert "configs" not in front
    assert "| a/b | 1.0.0 | 4 |" in body
    assert card.summary.linked == 4


@pytest.mark.parametrize(("viewer", "files"), [("none", 0), ("sample", 1)])
def test_materialized_images_are_shown_as_the_registry_says(
    hub: HubInMemory, make_folder: MakeFolder, viewer: str, files: int
) -> None:
    there = CardRegistry(URL, viewer=viewer)  # type: ignore[arg-type]
    there.register(ImageDataset(image_dir=upload(make_folder(4))), "a/b", copy=False)
    assert there.materialize("a/b").summary.linked == 0
    assert len(shown(hub)) == files
    assert there.verify(deep=True).ok


def test_a_plan_of_images_that_stay_where_they_lie(hub: HubInMemory, make_folder: MakeFolder) -> None:
    folder = make_folder(4)
    dataset = ImageDataset(image_dir=upload(folder))
    there = CardRegistry(URL)
    plan = there.plan(dataset, "a/b", copy=False)
    assert (plan.files, plan.size, plan.images, plan.commits) == (2, 0, 0, 2)
    card = there.register(dataset, "a/b", copy=False)
    assert len(card.keys()) == plan.files
    assert titles(hub)[-2:] == ["Add 2 data files", "Add cards/a/b/1.0.0.json"]
    assert there.plan(dataset, "a/b").images == 4
    with pytest.raises(InvalidInputError, match=r"the folder .* can't be registered with copy=False"):
        there.plan(ImageDataset(image_dir=folder), "a/b", copy=False)
    with pytest.raises(InvalidInputError, match="parents"):
        there.plan(dataset, "a/b", parents="a/b")
    with pytest.raises(InvalidInputError, match=r"is a path: register ImageDataset"):
        there.plan(str(folder), "a/b")


def test_a_plan_counts_the_files_that_annotations_were_read_from(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    write_format(ImageDataset(image_dir=make_folder(3)), tmp_path / "out", "coco")
    dataset = ImageDataset.read(tmp_path / "out", "coco")
    assert registry.plan(dataset, "a/b").files == len(registry.register(dataset, "a/b").keys())


@pytest.mark.parametrize("where", ["disk", "bucket"])
def test_a_zip_is_not_registered_where_it_lies(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path, where: str
) -> None:
    place = shutil.make_archive(str(tmp_path / "images"), "zip", make_folder(2))
    if where == "bucket":
        write("memory://bucket/images.zip", Path(place).read_bytes())
        place = "memory://bucket/images.zip"
    dataset = ImageDataset(image_dir=place)
    for call in (registry.plan, registry.register):
        with pytest.raises(InvalidInputError, match=r"the images in .*images\.zip can't be registered with copy=False"):
            call(dataset, "a/b", copy=False)


def test_two_copies_of_a_version_at_once(
    hub: HubInMemory, registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    there = CardRegistry(URL)
    there.register(np.array([1]), "a/first")
    real = HubFiles.create
    others = iter([True])

    def create(self: HubFiles, *arguments: Any) -> bool:
        if "data files" in arguments[1] and next(others, False):
            registry.copy("a/b", to=CardRegistry(URL))
        return real(self, *arguments)

    monkeypatch.setattr(HubFiles, "create", create)
    assert registry.copy("a/b", to=there).card == there.load("a/b")
    assert there.verify(deep=True).ok
    assert not list(there.store.list("arrivals/"))


def test_a_file_of_other_content_is_no_other_copy(hub: HubInMemory) -> None:
    there = CardRegistry(URL)
    there.register(np.array([1]), "a/first")
    batch = there.store.batch()
    batch.put_if_absent("data/a/b/x/y", [b"mine"])
    there.store.put_if_absent("data/a/b/x/y", [b"theirs"])
    with pytest.raises(StorageError, match="data/a/b/x/y is there with other content: remove it"):
        batch.finish()
    batch.drop()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), StorageError("no")])
def test_what_stops_a_registration_leaves_no_temporary_file(
    there: CardRegistry,
    make_folder: MakeFolder,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    error: BaseException,
) -> None:
    there.register(np.array([1]), "a/first")
    waiting = tmp_path / "waiting"
    waiting.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(waiting))
    monkeypatch.setattr(hubstaging, "_IN_MEMORY", 10)

    def stop(*arguments: object) -> None:
        assert list(waiting.iterdir())
        raise error

    monkeypatch.setattr(HubFiles, "send_ahead", stop)
    with pytest.raises(type(error)):
        there.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    assert list(waiting.iterdir()) == []


def test_a_key_that_is_put_twice_leaves_no_temporary_file(
    there: CardRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there.register(np.array([1]), "a/first")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(hubstaging, "_IN_MEMORY", 10)
    batch = there.store.batch()
    assert batch.put_if_absent("data/x", [b"a" * 100])
    assert not batch.put_if_absent("data/x", [b"b" * 100])
    assert len(list(tmp_path.iterdir())) == 1
    batch.finish()
    assert there.store.get("data/x") == b"a" * 100
    assert list(tmp_path.iterdir()) == []


def test_bars_of_the_client_stay_hidden_while_any_thread_sends() -> None:
    from huggingface_hub.utils import are_progress_bars_disabled  # type: ignore[attr-defined]  # documented

    with ExitStack() as first:
        first.enter_context(hubrepo._no_bars())
        with hubrepo._no_bars():
            first.close()
            assert are_progress_bars_disabled()
    assert not are_progress_bars_disabled()


def test_no_repo_is_made_for_a_branch_that_it_would_not_have(hub: HubInMemory) -> None:
    there = CardRegistry(f"hf://datasets/{REPO}@dev/cards")
    with pytest.raises(StorageError, match="a new one has the branch main alone: leave @dev out"):
        there.register(np.array([1]), "a/b")
    assert not hub.repos


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("hf://models/owner/repo", "that names a model, where a registry was meant: name it as hf://datasets/"),
        ("hf://spaces/owner/repo/cards", "names a space"),
        ("hf://owner:hidden@x/repo", "names no dataset repo"),
        ("hf://datasets/owner", "names no dataset repo"),
    ],
)
def test_what_is_no_dataset_repo_is_told(url: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told) as caught:
        CardRegistry(url)
    assert "hidden" not in str(caught.value)


def test_a_registration_while_a_copy_of_the_same_name_arrives(
    hub: HubInMemory,
    there: CardRegistry,
    registry: CardRegistry,
    make_folder: MakeFolder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copied = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    there.register(np.array([1]), "a/first")
    mine = ImageDataset(image_dir=make_folder(4, name="mine", seed=50))
    real = HubStore.put_and_show
    arriving = iter([True])

    def put_and_show(self: HubStore, *arguments: Any) -> bool:
        if next(arriving, False):
            registry.copy(copied, to=CardRegistry(URL))
        return real(self, *arguments)

    monkeypatch.setattr(HubStore, "put_and_show", put_and_show)
    card = there.register(mine, "a/b")
    assert card.version != copied.version
    assert there.load("a/b@1.0.0") == copied
    assert there.verify(deep=True).ok
    assert f"| a/b | {card.version} | 4 |" in readme(hub)[1]


def test_a_copy_finds_that_another_version_was_registered_meanwhile(
    there: CardRegistry, registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    there.register(np.array([1]), "a/first")
    mine = ImageDataset(image_dir=make_folder(4, name="mine", seed=50))
    real = HubStore.put_and_show
    registering = iter([True])

    def put_and_show(self: HubStore, *arguments: Any) -> bool:
        if next(registering, False):
            CardRegistry(URL).register(mine, "a/b")
        return real(self, *arguments)

    monkeypatch.setattr(HubStore, "put_and_show", put_and_show)
    with pytest.raises(VersionConflictError, match=r"a/b@1\.0\.0 is registered in hf://.* with another card"):
        registry.copy(copied, to=there)
    assert there.load("a/b").summary.images == 4
    assert not list(there.store.list("arrivals/"))
    assert there.verify(deep=True).ok


def test_stored_images_are_kept_in_the_cache_and_linked_ones_are_not(
    proxy: Proxy, there: CardRegistry, make_folder: MakeFolder
) -> None:
    def read(name: str) -> list[bytes]:
        opened = CardRegistry(URL).open(name)
        assert isinstance(opened, ImageDataset)
        return list(opened.read_many())

    folder = make_folder(2)
    there.register(ImageDataset(image_dir=folder), "a/b")
    there.register(ImageDataset(image_dir=upload(make_folder(2, name="linked", seed=70))), "a/linked", copy=False)
    images = read("a/b")
    again = count_requests(proxy, lambda: read("a/b"))
    assert again == count_requests(proxy, lambda: there.open("a/b")), "no image is fetched a second time"
    cache = open_cache()
    assert cache is not None
    assert [cache.get(sha256(data).digest(), len(data)) for data in images] == images
    assert [cache.get(sha256(data).digest(), len(data)) for data in read("a/linked")] == [None, None]
