"""A registry that is newer, half-written or of other bytes, in a folder or a bucket: one error that says what to do."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from tests.conftest import png
from tests.s3.origin import BucketInMemory
from tests.s3.proxy import before

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.cards import seal, unseal
from imagecards.errors import FormatError, IntegrityError
from imagecards.storage import MemoryStore, Store
from imagecards.storage.s3 import S3Store


class Scene(NamedTuple):
    """A registry with one version.

    Attributes:
        registry: The registry.
        card: The version.
        behind: Where its files can be spoilt.
    """

    registry: CardRegistry
    card: DataCard
    behind: Store

    def spoil(self, key: str, change: Callable[[bytes], bytes | None]) -> None:
        """Let a file have other bytes, or none."""
        data = change(self.behind.get(key))
        self.behind.delete([key])
        if data is not None:
            self.behind.put_if_absent(key, [data])


Whole = tuple[DataCard, dict[str, bytes]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A version, and all files of its registry."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(2):
        (folder / f"00{number}.png").write_bytes(png(seed=number))
    store = MemoryStore()
    card = CardRegistry(store).register(ImageDataset(image_dir=folder), "a/b")
    return card, {entry.key: store.get(entry.key) for entry in store.list("")}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[BucketInMemory, str, S3Store]]:
    """A bucket, where it is, and one connection for all tests."""
    store = S3Store("bucket")
    with before(origin := BucketInMemory()) as proxy:
        yield origin, proxy.address, store
        store.close()


@pytest.fixture(params=["folder", "bucket"])
def scene(
    request: pytest.FixtureRequest,
    whole: Whole,
    registry: CardRegistry,
    served: tuple[BucketInMemory, str, S3Store],
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    card, bodies = whole
    if request.param == "folder":
        for key, body in bodies.items():
            registry.store.put_if_absent(key, [body])
        return Scene(registry, card, registry.store)
    origin, address, store = served
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    origin.refill(bodies)
    return Scene(CardRegistry(store), card, origin.store)


def read_image(scene: Scene) -> object:
    opened = scene.registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    return opened.read_bytes("000.png")


def newer(data: bytes) -> bytes:
    return seal(unseal(data, "it") | {"format": "2.0"})


def begun(data: bytes) -> bytes:
    return data[: len(data) // 9]


def nothing(data: bytes) -> bytes:
    return b""


def gone(data: bytes) -> None:
    return None


def other(data: bytes) -> bytes:
    return bytes(byte ^ 1 for byte in data)


CARD = "cards/a/b/1.0.0.json"
READS: dict[str, Callable[[Scene], object]] = {
    "load": lambda scene: scene.registry.load("a/b@1.0.0"),
    "open": lambda scene: scene.registry.open("a/b@1.0.0"),
    "read": read_image,
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("key", ["imagecards.json", CARD])
def test_a_newer_format_is_named_and_the_remedy_too(scene: Scene, key: str, read: str) -> None:
    scene.spoil(key, newer)
    with pytest.raises(FormatError, match=r"format '?2\.0.*upgrade imagecards"):
        READS[read](scene)


@pytest.mark.parametrize("change", [begun, nothing, other])
@pytest.mark.parametrize("key", ["imagecards.json", CARD])
def test_a_document_that_is_half_or_other_is_to_be_restored(
    scene: Scene, key: str, change: Callable[[bytes], bytes]
) -> None:
    scene.spoil(key, change)
    with pytest.raises(IntegrityError, match="restore") as caught:
        scene.registry.load("a/b@1.0.0")
    assert key in str(caught.value)


@pytest.mark.parametrize("change", [begun, nothing, other, gone])
@pytest.mark.parametrize("file", ["shard-00000.tar", "records.parquet"])
def test_a_data_file_that_is_half_other_or_gone_is_to_be_restored(
    scene: Scene, file: str, change: Callable[[bytes], bytes | None]
) -> None:
    key = next(stored.key for stored in scene.card.files() if stored.key.endswith(file))
    scene.spoil(key, change)
    with pytest.raises(IntegrityError, match=r"[Rr]estore") as caught:
        read_image(scene)
    assert file in str(caught.value)
    found = scene.registry.verify("a/b@1.0.0", deep=True)
    assert key in {problem.place.partition(" ")[0] for problem in found.problems}
