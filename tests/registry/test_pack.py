"""Packing small images and large ones: by other threads, and in all other respects alike."""

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from imagecards.datasets import FolderSource
from imagecards.digests import digest
from imagecards.errors import NotFoundError, StorageError
from imagecards.registry import pack
from imagecards.registry.pack import Member, pack_group
from imagecards.storage.memory import MemoryStore
from imagecards.storage.shards import check_shard

KEY = "data/bench/images/20261120T123526Z-0123456789abcdef/shard-00000.tar"
COUNT = 40


class FullStore(MemoryStore):
    """Its disk is full after the first piece."""

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        next(iter(body))
        raise StorageError("no space left on device")


@pytest.fixture(params=["small", "large"])
def members(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Member]:
    """Images of any size; what counts as large is less than they have, or more."""
    monkeypatch.setattr(pack, "_LARGE", 1 if request.param == "large" else 10**9)
    monkeypatch.setattr(pack, "_BATCH_IMAGES", 3)
    monkeypatch.setattr("imagecards.storage.shards._CHUNK", 1000)  # so that there are many pieces
    for number in range(COUNT):
        Image.new("L", (number + 1, 5), number).save(tmp_path / f"{number:02d}.png")
    return [Member(path.name, path.stat().st_size) for path in sorted(tmp_path.glob("*.png"))]


def test_the_shard_has_every_image_and_the_digest_of_its_bytes(members: list[Member], tmp_path: Path) -> None:
    store = MemoryStore()
    group = pack_group(store, KEY, FolderSource(tmp_path), members, frozenset())
    shard = store.get(KEY)
    assert group.shard is not None
    assert (group.shard.size, group.shard.digest) == (len(shard), digest(shard))
    entries = list(check_shard(lambda start, length: shard[start : start + length], len(shard)))
    assert [entry.name for entry in entries] == [member.name for member in members]
    for entry, found in zip(entries, group.examined, strict=True):
        assert shard[entry.offset :][: entry.size] == (tmp_path / entry.name).read_bytes()
        assert group.offsets[found.sha256] == entry.offset


def test_a_full_disk_stops_all_threads(members: list[Member], tmp_path: Path) -> None:
    before = threading.active_count()
    with pytest.raises(StorageError, match="no space"):
        pack_group(FullStore(), KEY, FolderSource(tmp_path), members, frozenset())
    assert threading.active_count() == before


def test_an_image_that_went_away_is_told_and_nothing_is_stored(members: list[Member], tmp_path: Path) -> None:
    before = threading.active_count()
    (tmp_path / members[-1].name).unlink()
    store = MemoryStore()
    with pytest.raises(NotFoundError, match=members[-1].name):
        pack_group(store, KEY, FolderSource(tmp_path), members, frozenset())
    assert store.stat(KEY) is None
    assert threading.active_count() == before
