"""Reading from a server through the cache: the second time nothing is asked for, and nothing wrong is ever believed."""

import pickle
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import png

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets import TableDataset
from imagecards.errors import IntegrityError, InvalidInputError
from imagecards.storage import MemoryStore
from imagecards.storage.cache import open_cache
from imagecards.storage.eviction import usage

MakeFolder = Callable[..., Path]


class Server(MemoryStore):
    """A store that counts what is read from it as from a server.

    Attributes:
        reads: The keys of data that were read, one for each request.
    """

    remote = True

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[str] = []

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if key.startswith("data/"):
            self.reads.append(key.rpartition("/")[2])
        return super().get(key, start, length)

    def replace(self, key: str, data: bytes) -> None:
        self.delete([key])
        self.put_if_absent(key, [data])


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    return make_folder(6)


@pytest.fixture
def there(server: Server, folder: Path) -> CardRegistry:
    registry = CardRegistry(server)
    registry.register(ImageDataset(image_dir=folder), "a/b")
    server.reads.clear()
    return registry


def opened(registry: CardRegistry, reference: str = "a/b") -> ImageDataset:
    dataset = registry.open(reference)
    assert isinstance(dataset, ImageDataset)
    return dataset


def kept() -> list[Path]:
    cache = open_cache()
    assert cache is not None
    return [path for path in Path(cache.root, "bytes").glob("??/*") if path.is_file()]


def bodies(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.png"))]


def test_the_second_time_nothing_is_read_from_the_server(server: Server, there: CardRegistry, folder: Path) -> None:
    assert list(opened(there).read_many()) == bodies(folder)
    assert server.reads == ["records.parquet", "shard-00000.tar"]
    server.reads.clear()
    dataset = opened(there)
    assert list(dataset.read_many()) == bodies(folder)
    assert [dataset.read_bytes(name) for name in dataset.names] == bodies(folder)
    assert server.reads == []


def test_what_is_missing_between_cached_images_comes_in_one_request(
    server: Server, there: CardRegistry, folder: Path
) -> None:
    for name in ("001.png", "003.png"):
        opened(there).read_bytes(name)
    server.reads.clear()
    assert list(opened(there).read_many()) == bodies(folder)
    assert server.reads == ["shard-00000.tar"]


def test_images_far_from_each_other_do_not_come_with_what_is_cached(
    server: Server, there: CardRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(there).read_bytes("002.png")
    server.reads.clear()
    monkeypatch.setattr("imagecards.registry.reading._GAP", 1000)
    assert list(opened(there).read_many()) == bodies(folder)
    assert server.reads == ["shard-00000.tar"] * 2


def test_the_same_images_of_another_version_are_there_already(
    server: Server, there: CardRegistry, folder: Path
) -> None:
    list(opened(there).read_many())
    (folder / "new.png").write_bytes(png(seed=77))
    other = CardRegistry(Server())
    other.register(ImageDataset(image_dir=folder), "c/d")
    assert isinstance(other.store, Server)
    other.store.reads.clear()
    dataset = opened(other, "c/d")
    assert dataset.read_bytes("000.png") == (folder / "000.png").read_bytes()
    assert dataset.read_bytes("new.png") == png(seed=77)
    assert other.store.reads == ["records.parquet", "shard-00000.tar"]


def test_tables_and_artifacts_are_kept_too(server: Server, tmp_path: Path) -> None:
    registry = CardRegistry(server)
    note = tmp_path / "note.txt"
    note.write_bytes(b"note")
    registry.register(np.arange(6), "a/table", artifacts={"note": note})
    for _ in range(2):
        server.reads.clear()
        table = registry.open("a/table")
        assert isinstance(table, TableDataset)
        assert table.to_numpy().tolist() == list(range(6))
        assert registry.artifact("a/table", "note").read() == b"note"
    assert server.reads == []


def test_damage_in_the_cache_costs_a_request_and_no_more(server: Server, there: CardRegistry, folder: Path) -> None:
    list(opened(there).read_many())
    for path in kept():
        path.write_bytes(path.read_bytes()[::-1])
    server.reads.clear()
    assert list(opened(there).read_many()) == bodies(folder)
    assert server.reads == ["records.parquet", "shard-00000.tar"]
    server.reads.clear()
    assert list(opened(there).read_many()) == bodies(folder)
    assert server.reads == []


def test_wrong_bytes_of_the_server_are_not_kept(server: Server, there: CardRegistry) -> None:
    card = there.load("a/b")
    shard = card.shards[0].key
    whole = server.get(shard)
    at = whole.index(b"IHDR")
    server.replace(shard, whole[:at] + b"iHDR" + whole[at + 4 :])
    dataset = opened(there)
    with pytest.raises(IntegrityError, match=r"000\.png .* has other bytes"):
        list(dataset.read_many())
    with pytest.raises(IntegrityError):
        dataset.read_bytes("000.png")
    assert len(kept()) == 1, "the records"
    assert card.records is not None
    for path in kept():
        path.unlink()
    server.replace(card.records.key, b"PAR1")
    with pytest.raises(IntegrityError):
        opened(there)
    assert kept() == []


def test_verify_looks_at_the_server(server: Server, there: CardRegistry) -> None:
    list(opened(there).read_many())
    card = there.load("a/b")
    assert card.records is not None
    for stored in (card.shards[0], card.records):
        server.replace(stored.key, bytes(stored.size))
    found = {problem.place for problem in there.verify(deep=True).problems}
    assert found == {card.shards[0].key, card.records.key}


def test_without_a_cache_everything_is_read_again(
    server: Server, there: CardRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE", "off")
    for _ in range(2):
        server.reads.clear()
        assert list(opened(there).read_many()) == bodies(folder)
        assert server.reads == ["records.parquet", "shard-00000.tar"]


def test_a_wrong_size_is_told_when_it_is_first_needed(there: CardRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE_SIZE", "plenty")
    with pytest.raises(InvalidInputError, match="'plenty'"):
        there.open("a/b")


def test_a_dataset_that_does_not_fit_is_written_once(
    server: Server, there: CardRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGECARDS_CACHE_SIZE", "600")
    dataset = opened(there)
    for _ in range(3):
        assert list(dataset.read_many()) == bodies(folder)
    cache = open_cache()
    assert cache is not None
    left = usage(cache.root)
    assert 0 < left.size <= 600
    server.reads.clear()
    stays = set(kept())
    assert list(dataset.read_many()) == bodies(folder)
    assert set(kept()) == stays, "what stays is found by each later epoch"


def test_a_folder_needs_no_cache(registry: CardRegistry, folder: Path) -> None:
    registry.register(ImageDataset(image_dir=folder), "a/b")
    list(opened(registry).read_many())
    assert kept() == []


def test_a_dataset_takes_no_cache_along(there: CardRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    dataset = opened(there)
    monkeypatch.setattr(Server, "__reduce__", lambda store: (MemoryStore, ()))
    sent = pickle.dumps(dataset)
    cache = open_cache()
    assert cache is not None
    assert cache.root.encode() not in sent
    assert pickle.loads(sent).names == dataset.names


def test_what_lies_between_small_images_takes_no_more_memory_than_they_may(
    server: Server, there: CardRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = opened(there)
    names, expected = dataset.names[::2], bodies(folder)[::2]
    asked: list[int] = []

    def ranges(key: str, wanted: Sequence[tuple[int, int]]) -> list[bytes]:
        asked.extend(length for _, length in wanted)
        return [server.get(key, start, length) for start, length in wanted]

    monkeypatch.setattr(server, "get_ranges", ranges)
    monkeypatch.setattr("imagecards.registry.reading._GAPS", 3000)  # one gap, and not two
    assert list(dataset.read_many(names)) == expected
    needed = sum(map(len, expected))
    assert needed < sum(asked) <= needed + 3000
    assert len(asked) == 2
