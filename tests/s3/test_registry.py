"""A whole registry in a bucket: the same cards and digests as in a folder, in few requests."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.s3.origin import server
from tests.s3.proxy import Proxy, before, count_requests

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets.statcache import RACY_NS
from imagecards.errors import NotFoundError
from imagecards.registry import gc
from imagecards.transforms import MinArea

MakeFolder = Callable[..., Path]


@pytest.fixture
def there(bucket: str) -> Iterator[CardRegistry]:
    opened = CardRegistry(f"s3://{bucket}/cards")
    yield opened
    opened.store.close()


def test_everything_that_a_registry_does(there: CardRegistry, registry: CardRegistry, make_folder: MakeFolder) -> None:
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
    assert opened.read_bytes("003.png") == (more / "003.png").read_bytes()

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

    local = [
        registry.register(ImageDataset(image_dir=more), "a/b"),
        registry.derive("a/b", MinArea(pixels=7), "a/large"),
    ]
    assert [card.dataset_digest for card in local] == [second.dataset_digest, child.dataset_digest]
    assert registry.register(np.arange(6).reshape(2, 3), "a/table").dataset_digest == table.dataset_digest
    assert sorted(there.list()["name"].to_list()) == ["a/b", "a/large", "a/table"]

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


# -- how many requests ---------------------------------------------------------------------------------------


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    with before(server(address)) as running:
        yield running


def write_images(folder: Path, count: int, size: int) -> Path:
    """Grey images of about ``size`` bytes that can't be compressed."""
    from PIL import Image

    folder.mkdir()
    side = int(size**0.5)
    random = np.random.default_rng(7)
    for number in range(count):
        pixels = random.integers(0, 256, (side, side), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:05d}.png", compress_level=0)
    lines = (json.dumps({"file_name": f"{number:05d}.png", "caption": "noise"}) + "\n" for number in range(count))
    (folder / "metadata.jsonl").write_text("".join(lines))
    time.sleep(RACY_NS / 1e9)  # files that are younger are read again each time
    return folder


def counts(proxy: Proxy, bucket: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Requests to register, to register again, to open and read up to 1,000 images, and to do that again."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)

    def registry() -> CardRegistry:
        return CardRegistry(f"s3://{bucket}/counted")

    def register() -> None:
        registry().register(ImageDataset(image_dir=folder), "a/b")

    def read() -> None:
        opened: Any = registry().open("a/b")
        names = opened.names[:1000]
        for name, data in zip(names, opened.read_many(names), strict=True):
            assert data == (folder / name).read_bytes()

    return [count_requests(proxy, call) for call in (register, register, read, read)]


def test_few_requests(proxy: Proxy, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = counts(proxy, bucket, write_images(tmp_path / "images", 1000, 20_000), monkeypatch)
    assert found[0] < 40
    assert found[1] < 8
    assert found[2] < 30
    assert found[3] <= 4, "the registry's marker, what is withdrawn, which versions there are, the card"


@pytest.mark.campaign
def test_few_requests_for_ten_thousand_images(
    proxy: Proxy, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = counts(proxy, bucket, write_images(tmp_path / "images", 10_000, 20_000), monkeypatch)
    assert found[0] < 60
    assert found[1] < 8
    assert found[2] < 30
    assert found[3] <= 4
