"""A whole registry in a dataset repo: the same cards and digests as in a folder, in few commits."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory
from tests.rounds import check_rounds, race, register_rounds
from tests.s3.proxy import Proxy, count_requests

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import NotFoundError, StorageError
from imagecards.registry import gc, pack
from imagecards.transforms import MinArea

MakeFolder = Callable[..., Path]
URL = f"hf://datasets/{REPO}/cards"


@pytest.fixture
def there() -> CardRegistry:
    return CardRegistry(URL)


def titles(hub: HubInMemory) -> list[str]:
    """What the commits are called, the oldest first, without their marks."""
    return [commit.title.partition(" (")[0] for commit in reversed(hub.repos[REPO].history("main"))][1:]


def test_everything_that_a_registry_does(
    there: CardRegistry, hub: HubInMemory, registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder(5)
    first = there.register(ImageDataset(image_dir=folder), "a/b", tags=["prod"], description="small")
    more = make_folder(7)
    second = there.register(ImageDataset(image_dir=more), "a/b")
    assert [str(version) for version in there.versions("a/b")] == ["1.0.0", "1.1.0"]
    assert there.load("a/b@prod") == first
    assert there.diff("a/b@1.0.0", "a/b@1.1.0").images.counts["added"] == 2
    opened = there.open("a/b@latest")
    assert isinstance(opened, ImageDataset)
    assert list(opened.read_many()) == [(more / name).read_bytes() for name in opened.names]

    there.tag("a/b@1.1.0", "prod")
    note = folder.parent / "note.txt"
    note.write_bytes(b"note")
    there.attach("a/b@1.1.0", "note", note)
    assert set(there.artifacts("a/b@1.1.0")) == {"note"}
    child = there.derive("a/b@1.1.0", MinArea(pixels=7), name="a/large")
    assert there.replay("a/large@1.0.0").ok
    there.fetch("a/b@prod", folder.parent / "out")
    assert (folder.parent / "out" / "006.png").read_bytes() == (more / "006.png").read_bytes()
    table = there.register(np.arange(6).reshape(2, 3), "a/table")
    found = there.verify(deep=True)
    assert found.ok, found.problems
    assert set(hub.repos[REPO].tags) == {"a/b/1.0.0", "a/b/1.1.0", "a/large/1.0.0", "a/table/1.0.0"}

    local = [
        registry.register(ImageDataset(image_dir=more), "a/b"),
        registry.derive("a/b", MinArea(pixels=7), "a/large"),
    ]
    assert [card.dataset_digest for card in local] == [second.dataset_digest, child.dataset_digest]
    assert registry.register(np.arange(6).reshape(2, 3), "a/table").dataset_digest == table.dataset_digest

    there.withdraw("a/b@1.0.0", "old")
    with pytest.raises(NotFoundError, match="withdrawn"):
        there.load("a/b@1.0.0")


def test_garbage(there: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    there.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    orphan = "data/a/b/20200101T000000Z-0123456789abcdef/shard-00000.tar"
    there.store.put_if_absent(orphan, [b"nobody's"])
    assert there.gc().keys == ()
    now = time.time()
    monkeypatch.setattr("imagecards.registry.gc.time.time", lambda: now + 2 * gc.GRACE)
    assert there.gc().keys == (orphan,)
    assert there.gc(delete=True).deleted
    assert there.store.stat(orphan) is None
    assert there.verify(deep=True).ok


# -- commits and requests ------------------------------------------------------------------------------------


def test_a_version_is_two_commits_however_many_files_it_has(
    there: CardRegistry, hub: HubInMemory, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.register(np.array([1]), "a/first")
    before = len(titles(hub))
    monkeypatch.setattr(pack, "SHARD_SIZE", 200)
    monkeypatch.setattr(pack.group_members, "__defaults__", (200,))
    card = there.register(ImageDataset(image_dir=make_folder(12)), "a/b")
    assert len(card.keys()) > 5
    assert titles(hub)[before:] == [f"Add {len(card.keys())} data files", "Add cards/a/b/1.0.0.json"]


def test_more_files_than_a_commit_takes(
    there: CardRegistry, hub: HubInMemory, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagecards.storage.hub.FILES_A_COMMIT", 2)
    artifacts = make_folder(5, name="kept")
    card = there.register(ImageDataset(image_dir=make_folder(2)), "a/b", artifacts={"kept": artifacts})
    assert titles(hub)[-6:-1] == ["Add 2 data files"] * 4 + ["Add 1 data files"]
    assert there.verify(deep=True).ok
    assert card.artifacts


@pytest.mark.parametrize("kind", ["threads", pytest.param("processes", marks=pytest.mark.campaign)])
def test_workers(there: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(pack.group_members, "__defaults__", (200,))
    pool = ThreadPoolExecutor(2) if kind == "threads" else ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with pool as executor:
        there.register(ImageDataset(image_dir=make_folder(6)), "a/b", executor=executor)
    assert there.verify(deep=True).ok


def test_what_fails_before_the_commit_leaves_nothing(
    there: CardRegistry, hub: HubInMemory, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.register(np.array([1]), "a/first")
    before = hub.files(REPO)

    def fail(*arguments: object) -> None:
        raise StorageError("no")

    monkeypatch.setattr("imagecards.registry.publish._check_ready", fail)
    with pytest.raises(StorageError, match="no"):
        there.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    assert hub.files(REPO) == before


def test_few_requests(proxy: Proxy, there: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(20)
    there.register(np.array([1]), "a/first")
    dataset = ImageDataset(image_dir=folder)
    assert count_requests(proxy, lambda: there.register(dataset, "a/b")) < 50
    assert count_requests(proxy, lambda: there.register(dataset, "a/b")) < 20
    opened = there.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert count_requests(proxy, lambda: list(opened.read_many())) < 4


def test_a_plan_says_what_would_be_stored(
    there: CardRegistry, hub: HubInMemory, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(5)
    kept = make_folder(60, name="kept")
    first = there.plan(ImageDataset(image_dir=folder), "a/b", artifacts={"kept": kept})
    assert not hub.repos, "nothing is made"
    assert (first.images, first.files, first.commits, first.warnings) == (5, 3 + 61, 3, ())
    card = there.register(ImageDataset(image_dir=folder), "a/b", artifacts={"kept": kept})
    assert len(card.keys()) == first.files
    assert titles(hub)[-3:-1] == ["Add 50 data files", "Add 14 data files"]
    size = sum((folder / f"{number:03d}.png").stat().st_size for number in range(5))
    assert first.size == size + sum(place.stat().st_size for place in kept.iterdir())
    again = there.plan(ImageDataset(image_dir=folder), "a/b")
    assert (again.images, again.files) in ((0, 2), (5, 3))  # files so young may be read again

    monkeypatch.setattr("imagecards.storage.hub.FILES_A_FOLDER", 50)
    (warning,) = there.plan(ImageDataset(image_dir=folder), "a/b", artifacts={"kept": kept}).warnings
    assert "an artifact of 61 files" in warning
    with pytest.raises(StorageError, match="51 files, where a folder on the Hub holds 50: tar it"):
        there.register(ImageDataset(image_dir=folder), "a/b", artifacts={"other": kept})


def test_a_plan_of_a_table_in_a_folder(registry: CardRegistry) -> None:
    found = registry.plan(np.arange(1000), "a/b")
    assert (found.files, found.commits, found.images) == (1, 0, 0)
    assert found.size == registry.register(np.arange(1000), "a/b").summary.bytes


# -- the repo ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("private", [True, False])
def test_the_repo_is_made(hub: HubInMemory, private: bool) -> None:
    CardRegistry(URL, private=private).register(np.array([1]), "a/b")
    assert hub.repos[REPO].private is private


def test_the_command_line_makes_it_too(hub: HubInMemory, make_folder: MakeFolder) -> None:
    from imagecards.cli import main

    with pytest.raises(SystemExit) as ended:
        main(["register", str(make_folder(2)), "a/b", "-r", URL, "--public", "--viewer", "none"])
    assert ended.value.code == 0
    assert not hub.repos[REPO].private
    assert not [path for path in hub.files(REPO) if path.startswith("viewer/a/")]


def test_a_branch(hub: HubInMemory) -> None:
    CardRegistry(URL).register(np.array([1]), "a/b")
    hub.repos[REPO].branches["dev"] = hub.repos[REPO].branches["main"]
    other = CardRegistry(f"hf://datasets/{REPO}@dev/cards")
    other.register(np.array([1, 2]), "a/b")
    assert [str(each) for each in other.versions("a/b")] == ["1.0.0", "1.1.0"]
    assert [str(each) for each in CardRegistry(URL).versions("a/b")] == ["1.0.0"]


def test_a_tag_that_the_repo_does_not_take_is_said_and_no_more(
    hub: HubInMemory, there: CardRegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(self: object, label: str) -> None:
        from imagecards.storage.hubanswers import hub_answered

        raise hub_answered("", 403)

    monkeypatch.setattr("imagecards.storage.hubrepo.HubRepo.tag", refuse)
    with caplog.at_level(logging.WARNING):
        card = there.register(np.array([1]), "a/b")
    assert there.load("a/b") == card
    assert "a/b@1.0.0 is registered; it has no tag in the repo" in caplog.text


def test_a_hub_that_takes_commits_on_old_heads_is_refused(hub: HubInMemory, there: CardRegistry) -> None:
    hub.ignores_parents = True
    with pytest.raises(StorageError, match="allow_unsafe_store=True"):
        there.register(np.array([1]), "a/b")
    with pytest.raises(NotFoundError, match="no registry"):
        there.versions("a/b")
    assert set(hub.files(REPO)) == {".gitattributes"}


# -- many writers --------------------------------------------------------------------------------------------


def test_every_success_is_a_version() -> None:
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(register_rounds, [URL] * 8, range(8), [1] * 8))
    check_rounds(URL, results, 8)


@pytest.mark.campaign
def test_every_success_of_many_processes_is_a_version() -> None:
    race(URL, workers=8, rounds=5)
