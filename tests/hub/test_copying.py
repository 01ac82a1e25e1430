"""Versions that are copied to the Hub and back: the same cards, in few commits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory
from tests.hub.test_registry import URL, titles
from tests.hub.test_showing import readme, shown
from tests.s3.proxy import Proxy, count_requests

from imagecards import CardRegistry, ImageDataset

MakeFolder = Callable[..., Path]


def test_a_version_goes_to_the_hub_in_few_commits_and_comes_back(
    hub: HubInMemory, proxy: Proxy, registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    for number in range(60):
        (notes / f"{number}.txt").write_text(f"note {number}")
    folder = make_folder(3)
    first = registry.register(ImageDataset(image_dir=folder), "a/b", tags=["prod"], artifacts={"notes": notes})

    there = CardRegistry(URL)
    assert registry.copy("a/b@1.0.0", to=there).created
    assert len([title for title in titles(hub) if "data files" in title]) == 2  # of up to 50 files
    commits = len(titles(hub))
    assert not registry.copy("a/b@1.0.0", to=there).created
    assert len(titles(hub)) == commits
    assert there.load("a/b").digest == first.digest
    assert there.verify(deep=True).ok
    assert count_requests(proxy, lambda: registry.copy("a/b@1.0.0", to=there)) < 20

    back = CardRegistry(tmp_path / "back")
    there.sync("a/b", to=back)
    assert back.load("a/b#" + first.digest).dataset_digest == first.dataset_digest
    assert back.verify(deep=True).ok


def test_what_was_copied_is_shown_and_tagged(
    hub: HubInMemory, registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b", description="three")
    registry.register(ImageDataset(image_dir=make_folder(4)), "a/b", description="four")
    registry.register(np.array([1]), "a/table")
    there = CardRegistry(URL)
    registry.copy("a/b@1.1.0", to=there)
    registry.sync("a/b", to=there)
    registry.copy("a/table", to=there)
    front, body = readme(hub)
    assert "| a/b | 1.1.0 | 4 |" in body, "an older version that comes later takes nobody's place"
    assert "| a/table | 1.0.0 |" in body
    assert [each["config_name"] for each in front["configs"]] == ["a--b"]
    place = tmp_path / "shown.parquet"
    place.write_bytes(hub.files(REPO)["viewer/a/b/train-00000-of-00001.parquet"])
    assert pq.read_metadata(place).num_rows == 4
    assert set(hub.repos[REPO].tags) == {"a/b/1.0.0", "a/b/1.1.0", "a/table/1.0.0"}
    assert there.verify(deep=True).ok


def test_copies_show_as_much_as_the_target_says(
    hub: HubInMemory, registry: CardRegistry, make_folder: MakeFolder
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    registry.copy("a/b", to=CardRegistry(URL, viewer="none"))
    assert shown(hub) == []
    assert "| a/b | 1.0.0 | 3 |" in readme(hub)[1]


def test_a_withdrawal_that_follows_is_shown_too(
    hub: HubInMemory, registry: CardRegistry, make_folder: MakeFolder
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    registry.register(ImageDataset(image_dir=make_folder(4)), "a/b")
    registry.sync("a/b", to=CardRegistry(URL))
    assert "| a/b | 1.1.0 | 4 |" in readme(hub)[1]
    registry.withdraw("a/b@1.1.0", "a face")
    registry.sync("a/b", to=CardRegistry(URL))
    assert "| a/b | 1.0.0 | 3 |" in readme(hub)[1]
    assert len(shown(hub)) == 1
