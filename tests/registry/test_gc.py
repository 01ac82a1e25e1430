"""Garbage collection: what nothing needs, and nothing else."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import seal, unseal
from imagecards.errors import FormatError, IntegrityError, InvalidInputError, NotFoundError

MakeFolder = Callable[..., Path]


def age(registry: CardRegistry, hours: float) -> None:
    """Let every file of a registry be older than it is."""
    for path in Path(registry.url).rglob("*"):
        then = time.time() - hours * 3600
        os.utime(path, (then, then))


def keys(registry: CardRegistry) -> list[str]:
    return [entry.key for entry in registry.store.list("")]


def test_nothing_of_a_live_version_is_garbage(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    (tmp_path / "plot.png").write_bytes(b"plot")
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b", artifacts={"plot": tmp_path / "plot.png"})
    registry.attach("a/b", "later", tmp_path / "plot.png")
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    age(registry, 1000)
    before = keys(registry)
    assert registry.gc(delete=True).keys == ()
    assert keys(registry) == before
    assert registry.verify(deep=True).ok


def test_what_an_interrupted_registration_left_goes_once_it_is_old(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    card = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    orphan = "data/a/b/20200101T000000Z-0123456789abcdef/shard-00000.tar"
    registry.store.put_if_absent(orphan, [b"x" * 100])
    leftover = Path(registry.url) / "cards" / "a" / "b" / ".tmp-0123"
    leftover.write_bytes(b"half a card")
    assert registry.gc().keys == (), "it could belong to a registration that is still running"
    age(registry, 25)
    found = registry.gc()
    assert found.keys == ("cards/a/b/.tmp-0123", orphan)
    assert not found.deleted
    assert found.size == 111
    assert leftover.exists(), "a dry run deletes nothing"
    assert registry.gc(delete=True).deleted
    assert not leftover.exists()
    assert registry.store.stat(orphan) is None
    assert registry.load("a/b") == card
    assert registry.verify(deep=True).ok


def test_a_withdrawn_version_keeps_its_files_for_the_grace_period(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder(3)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    second_folder = make_folder(3, name="other", seed=50)
    second = registry.register(ImageDataset(image_dir=second_folder), "a/b")
    age(registry, 1000)
    registry.withdraw(second.ref, reason="wrong")
    assert registry.gc().keys == ()
    age(registry, 25)
    assert set(registry.gc(delete=True).keys) == set(second.keys()) - set(first.keys())
    assert registry.verify(deep=True).ok
    assert registry.open(first)
    with pytest.raises(NotFoundError, match="withdrawn: wrong"):
        registry.open(second.ref)
    assert registry.store.stat("cards/a/b/2.0.0.json"), "the card stays: its number is never used again"


def test_what_a_later_version_borrows_outlives_the_lender(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(3)
    first = registry.register(ImageDataset(image_dir=folder), "a/b")
    (folder / "metadata.jsonl").write_text('{"file_name": "000.png", "caption": "new"}\n')
    registry.register(ImageDataset(image_dir=folder), "a/b")
    registry.withdraw(first.ref, reason="old")
    age(registry, 1000)
    assert registry.gc(delete=True).size > 0
    assert registry.store.stat(first.shards[0].key)
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert opened.read_bytes("001.png") == (folder / "001.png").read_bytes()
    assert registry.verify(deep=True).ok


def test_too_short_a_grace_is_refused(registry: CardRegistry) -> None:
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    with pytest.raises(InvalidInputError, match=r"at least 6\.33 h"):
        registry.gc(grace_hours=6, delete=True)


def test_a_damaged_card_stops_it(registry: CardRegistry) -> None:
    card = registry.register(pl.DataFrame({"x": [1]}), "a/t")
    path = Path(registry.url) / "cards" / "a" / "t" / "1.0.0.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"polars", b"pandas"))
    age(registry, 1000)
    with pytest.raises(IntegrityError):
        registry.gc(delete=True)
    assert all(registry.store.stat(file.key) for file in card.files())


def test_what_a_newer_minor_format_names_is_kept(registry: CardRegistry) -> None:
    card = registry.register(pl.DataFrame({"x": [1]}), "a/t")
    future = f"data/a/t/{card.attempt}/masks.parquet"
    registry.store.put_if_absent(future, [b"masks"])
    path = Path(registry.url) / "cards/a/t/1.0.0.json"
    body = unseal(path.read_bytes(), "card")
    body["format"] = "1.1"
    body["masks"] = [{"key": future, "size": 5}]
    path.write_bytes(seal(body))
    age(registry, 1000)
    assert registry.gc(delete=True).keys == ()
    body["format"] = "2.0"
    path.write_bytes(seal(body))
    with pytest.raises(FormatError, match="upgrade"):
        registry.gc(delete=True)
    assert registry.store.stat(future)


@pytest.mark.parametrize("lost", ["a file", "a folder"])
def test_nothing_is_collected_while_a_card_is_lost(registry: CardRegistry, make_folder: MakeFolder, lost: str) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/b", tags=["prod"])
    root = Path(registry.url)
    place = root / ("cards/a/b/1.0.0.json" if lost == "a file" else "cards")
    kept = root / "kept"
    place.rename(kept)
    age(registry, 48)
    with pytest.raises(IntegrityError, match="nothing was deleted"):
        registry.gc(delete=True)
    kept.rename(place)
    assert registry.verify(deep=True).ok


@pytest.mark.parametrize("lost", ["cards/a/b/1.0.0.json", "cards/a/b", "cards/a"])
@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_lost_card_that_only_a_child_names_stops_it(
    registry: CardRegistry, make_folder: MakeFolder, lost: str, withdrawn: bool
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    registry.register(pl.DataFrame({"x": [1]}), "c/child", parents=["a/b@1.0.0"])
    if withdrawn:
        registry.withdraw("c/child@1.0.0", reason="wrong")
    place = Path(registry.url) / lost
    place.rename(Path(registry.url) / "kept")
    age(registry, 48)
    with pytest.raises(IntegrityError, match=r"nothing was deleted.*names the parent a/b@1\.0\.0") as caught:
        registry.gc(delete=True)
    assert caught.value.place == "cards/a/b/1.0.0.json"
    (Path(registry.url) / "kept").rename(place)
    assert registry.verify("a/b", deep=True).ok


@pytest.mark.parametrize("stray", ["cards/.DS_Store", "cards/a/notes.txt", "cards/a/b/notes.txt", "artifacts/.nfs0001"])
def test_stray_files_keep_nothing_from_being_collected(
    registry: CardRegistry, make_folder: MakeFolder, stray: str
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    place = Path(registry.url) / stray
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("stray")
    age(registry, 48)
    assert registry.gc(delete=True).keys == ()
    assert registry.load("a/b").summary.images == 2
