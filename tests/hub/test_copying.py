"""Versions that are copied to the Hub and back: the same cards, in few commits."""

from collections.abc import Callable
from pathlib import Path

from tests.hub.origin import HubInMemory
from tests.hub.test_registry import URL, titles
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
