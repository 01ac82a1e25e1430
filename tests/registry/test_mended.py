"""What a lost card, a stray file, a withdrawn parent and an empty column name come to."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import IntegrityError

MakeFolder = Callable[..., Path]
DAY = 24 * 3600


def age(registry: CardRegistry) -> None:
    for path in Path(registry.url).rglob("*"):
        stat = path.stat()
        os.utime(path, (stat.st_atime - 2 * DAY, stat.st_mtime - 2 * DAY))


@pytest.mark.parametrize("lost", ["a file", "a folder"])
def test_nothing_is_collected_while_a_card_is_lost(registry: CardRegistry, make_folder: MakeFolder, lost: str) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/b", tags=["prod"])
    root = Path(registry.url)
    place = root / ("cards/a/b/1.0.0.json" if lost == "a file" else "cards")
    kept = root / "kept"
    place.rename(kept)
    age(registry)
    with pytest.raises(IntegrityError, match="nothing was deleted"):
        registry.gc(delete=True)
    kept.rename(place)
    assert registry.verify(deep=True).ok


@pytest.mark.parametrize("stray", ["cards/.DS_Store", "cards/a/notes.txt", "cards/a/b/notes.txt", "artifacts/.nfs0001"])
def test_stray_files_keep_nothing_from_being_collected(
    registry: CardRegistry, make_folder: MakeFolder, stray: str
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    place = Path(registry.url) / stray
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("stray")
    age(registry)
    assert registry.gc(delete=True).keys == ()
    assert registry.load("a/b").summary.images == 2


def test_a_parent_that_was_withdrawn_long_ago_stays_in_the_history(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    parent = registry.register(pl.DataFrame({"id": [1]}), "a/parent")
    dataset = ImageDataset(image_dir=make_folder(2))
    registry.register(dataset, "a/child", parents=[parent])
    registry.withdraw("a/parent@1.0.0", reason="bad labels")
    card = registry.register(dataset, "a/child", description="better said")
    assert str(card.version) == "1.0.1"
    assert [each.ref.name for each in card.parents] == [parent.name]


def test_an_empty_column_name_stays_empty(registry: CardRegistry) -> None:
    frame = pl.DataFrame({"": [1, 2], "x": [3, 4]})
    registry.register(frame, "a/csv")
    opened = registry.open("a/csv")
    assert opened.to_polars().equals(frame)  # type: ignore[union-attr]  # a table


def test_categories_that_are_intervals_are_refused_without_rows_too(registry: CardRegistry) -> None:
    frame = pd.DataFrame({"v": [1.0, 2.0]})
    frame["bin"] = pd.cut(frame.v, 2)
    for rows in (frame, frame[frame.v > 5]):
        with pytest.raises(ValueError, match=r"bin|table"):
            registry.register(rows, "a/cut")
