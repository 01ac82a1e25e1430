"""Verification: any changed byte of any file is found, and named."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import IntegrityError

MakeFolder = Callable[..., Path]


@pytest.fixture
def filled(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> CardRegistry:
    (tmp_path / "plot.txt").write_bytes(b"plot")
    folder = make_folder(2, name="both/train")
    make_folder(1, name="both/test", seed=90)
    registry.register(
        ImageDataset(image_dir=folder.parent), "a/b", tags=["prod"], artifacts={"plot": tmp_path / "plot.txt"}
    )
    registry.attach("a/b", "later", tmp_path / "plot.txt")
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    registry.register(pl.DataFrame({"x": [2]}), "a/t")
    registry.withdraw("a/t@1.1.0", reason="wrong")
    return registry


def files(registry: CardRegistry) -> list[Path]:
    return sorted(path for path in Path(registry.url).rglob("*") if path.is_file())


def test_all_is_well_after_registration(filled: CardRegistry) -> None:
    quick, deep = filled.verify(), filled.verify(deep=True)
    assert quick.ok
    assert deep.ok
    assert (deep.cards, deep.deep) == (2, True)
    one = filled.verify("a/b@^1", deep=True)
    assert one.ok
    assert one.cards == 1


def test_a_flipped_byte_in_any_file_is_found_and_the_file_is_named(filled: CardRegistry) -> None:
    for path in files(filled):
        key = path.relative_to(filled.url).as_posix()
        if key.startswith("data/a/t/") and path.parent.name in _withdrawn_attempts(filled):
            continue  # the bytes of a withdrawn version may go at any time
        data = path.read_bytes()
        path.chmod(0o644)
        step = max(1, len(data) // 40)
        for position in [*range(0, len(data), step), len(data) - 1]:
            changed = bytearray(data)
            changed[position] ^= 0x10
            path.write_bytes(changed)
            filled.store.close()
            found = filled.verify(deep=True)
            assert any(problem.place == key for problem in found.problems), (key, position, found.problems)
        path.write_bytes(data)
    filled.store.close()
    assert filled.verify(deep=True).ok


def _withdrawn_attempts(registry: CardRegistry) -> set[str]:
    from imagecards.cards import CardName, CardRef, Version
    from imagecards.registry import lookup

    return {lookup.read_card(registry.store, CardRef(CardName("a", "t"), Version.parse("1.1.0"))).attempt}


def test_the_image_whose_bytes_changed_is_named(filled: CardRegistry) -> None:
    card = filled.load("a/b")
    shard = Path(filled.url) / card.shards[0].key
    data = bytearray(shard.read_bytes())
    image = ImageDataset(image_dir=Path(filled.url).parent / "both").read("train/001.png")
    position = data.index(image) + len(image) // 2
    data[position] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(data)
    found = filled.verify("a/b", deep=True)
    assert [(problem.place, problem.image, problem.card) for problem in found.problems] == [
        (card.shards[0].key, "", "a/b@1.0.0"),
        (card.shards[0].key, "train/001.png", "a/b@1.0.0"),
    ]
    opened = filled.open("a/b")
    assert isinstance(opened, ImageDataset)
    with pytest.raises(IntegrityError, match=r"train/001\.png of a/b@1\.0\.0 has other bytes"):
        opened.read("train/001.png")
    assert opened.read("train/000.png"), "the other images are still readable"


def test_presence_and_size_are_seen_without_reading(filled: CardRegistry) -> None:
    card = filled.load("a/b")
    shard = Path(filled.url) / card.shards[0].key
    data = shard.read_bytes()
    shard.chmod(0o644)
    shard.write_bytes(data[:-1])
    filled.store.close()
    assert [problem.place for problem in filled.verify().problems] == [card.shards[0].key]
    shard.unlink()
    filled.store.close()
    (problem,) = filled.verify().problems
    assert problem.message.startswith("is missing")
    assert filled.verify("a/t").ok, "the other card is not concerned"


def test_a_missing_tag_folder_or_tomb_is_not_an_error_but_a_damaged_one_is(filled: CardRegistry) -> None:
    tag = Path(filled.url) / "tags/a/b/prod/00000001.json"
    tag.chmod(0o644)
    tag.write_bytes(tag.read_bytes() + b" ")
    (problem,) = filled.verify().problems
    assert problem.place == "tags/a/b/prod/00000001.json"
