"""Reading registered versions: opened, fetched, in other processes, on real images."""

import filecmp
import pickle
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from imagecards import CardRegistry, ImageDataset, ImageMetadata, ImageRecord
from imagecards.datasets import Placed
from imagecards.errors import AlreadyExistsError, IntegrityError, InvalidInputError, NotFoundError
from imagecards.registry import reading
from imagecards.storage import MemoryStore

MakeFolder = Callable[..., Path]
DATA = Path(__file__).parents[2].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the real images are not kept in this repository")


def opened(registry: CardRegistry, reference: str) -> ImageDataset:
    dataset = registry.open(reference)
    assert isinstance(dataset, ImageDataset)
    return dataset


def assert_same_files(one: Path, other: Path) -> None:
    names = sorted(path.relative_to(one).as_posix() for path in one.rglob("*") if path.is_file())
    assert names == sorted(path.relative_to(other).as_posix() for path in other.rglob("*") if path.is_file())
    assert filecmp.cmpfiles(one, other, names, shallow=False) == (names, [], [])


@needs_data
@pytest.mark.parametrize("name", ["maskterial/GrapheneH/images", "opsml", "xmm_om"])
def test_real_folders_come_back_byte_for_byte(registry: CardRegistry, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for path in (DATA / name).iterdir():
        if path.suffix in (".jpg", ".png", ".jsonl"):
            (folder / path.name).write_bytes(path.read_bytes())
    card = registry.register(ImageDataset(image_dir=folder), "real/images")
    dataset = opened(registry, "real/images")
    images = sorted(path.name for path in folder.iterdir() if path.suffix != ".jsonl")
    assert sorted(dataset.names) == images
    assert all(dataset.read_bytes(image) == (folder / image).read_bytes() for image in images)
    assert_same_files(folder, registry.fetch("real/images@^1", to=tmp_path / "out"))
    assert registry.verify(deep=True).ok
    assert registry.register(ImageDataset(image_dir=tmp_path / "out"), "real/images") == card
    for stored in card.files():
        path = Path(registry.url) / stored.key
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :])
        assert {problem.place for problem in registry.verify(deep=True).problems} == {stored.key}
        path.write_bytes(data)


def test_metadata_comes_back_as_it_was_typed(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder({"a.png": None, "b.png": None})
    lines = [
        b'\xef\xbb\xbf{"objects": null, "file_name":"b.png",  "n": 1.50}',
        b"",
        b'{"file_name": "b.png", "caption": "\\u00fc"}',
    ]
    (folder / "metadata.jsonl").write_bytes(b"\r\n".join(lines))
    registry.register(ImageDataset(image_dir=folder), "a/b")
    assert_same_files(folder, registry.fetch("a/b", to=tmp_path / "out"))


def test_metadata_of_an_object_is_written_when_it_is_fetched(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder({"a.png": None, "b.png": None})
    metadata = ImageMetadata(records=[ImageRecord(file_name="b.png", caption="ü", weather={"rain": True})])
    registry.register(ImageDataset(image_dir=folder, metadata=metadata), "a/b")
    out = registry.fetch("a/b", to=tmp_path / "out")
    written = (out / "metadata.jsonl").read_text(encoding="utf-8").splitlines()
    assert '{"file_name": "b.png", "caption": "ü", "weather": {"rain": true}}' in written
    assert registry.register(ImageDataset(image_dir=out), "a/b").version == registry.load("a/b").version


def test_images_alone_are_fetched_without_metadata(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder({"deep/er/a.png": None, "b.png": None})
    registry.register(ImageDataset(image_dir=folder), "a/b")
    assert_same_files(folder, registry.fetch("a/b", to=tmp_path / "out"))


def test_a_folder_appears_whole_or_not_at_all(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    card = registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(AlreadyExistsError, match="choose another folder"):
        registry.fetch("a/b", to=tmp_path / "full")
    shard = Path(registry.url) / card.shards[0].key
    shard.write_bytes(shard.read_bytes()[:-2000] + bytes(2000))
    registry.store.close()
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(IntegrityError, match=r"00\d\.png of a/b@1\.0\.0 has other bytes"):
        registry.fetch("a/b", to=tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def read_all(dataset: ImageDataset) -> list[bytes]:
    return [dataset.read_bytes(name) for name in dataset.names]


def test_a_version_without_images_opens(registry: CardRegistry, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    registry.register(ImageDataset(image_dir=tmp_path / "none"), "a/b")
    assert len(pickle.loads(pickle.dumps(opened(registry, "a/b")))) == 0


def test_an_open_dataset_goes_to_other_processes(registry: CardRegistry, make_folder: MakeFolder) -> None:
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    dataset = opened(registry, "a/b")
    assert read_all(pickle.loads(pickle.dumps(dataset))) == read_all(dataset)
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        assert pool.submit(read_all, dataset).result() == read_all(dataset)


def test_what_a_forked_process_has_checked_is_checked(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.register(ImageDataset(image_dir=make_folder({"a.png": None, "b.png": None, "c.png": None})), "a/b")
    dataset = opened(registry, "a/b")
    before = pickle.dumps(dataset)
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as pool:
        read = list(pool.map(dataset.read_bytes, ["a.png", "b.png"]))
    # the executor pickles what it calls, so it read from a copy: nothing is checked here
    assert checked(dataset, monkeypatch) == 3
    dataset, other = opened(registry, "a/b"), pickle.loads(before)
    worker = get_context("fork").Process(target=lambda: [dataset.read_bytes(name) for name in ("a.png", "b.png")])
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    started_later = pickle.loads(pickle.dumps(dataset))
    assert checked(dataset, monkeypatch) == 1
    assert checked(started_later, monkeypatch) == 1
    assert checked(other, monkeypatch) == 3
    assert [dataset.read_bytes(name) for name in ("a.png", "b.png")] == read


def checked(dataset: ImageDataset, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many images are checked when all are read."""
    names: list[str] = []
    check = reading.ShardSource._check

    def noted(self: reading.ShardSource, name: str, *rest: Any) -> None:
        names.append(name)
        check(self, name, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(reading.ShardSource, "_check", noted)
        for name in dataset.names:
            dataset.read_bytes(name)
    return len(names)


def test_an_executor_packs_the_same_version(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(20)
    here = registry.register(ImageDataset(image_dir=folder), "a/b")
    elsewhere = CardRegistry(tmp_path / "elsewhere")
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        there = elsewhere.register(ImageDataset(image_dir=folder), "a/b", executor=pool)
    assert there.dataset_digest == here.dataset_digest
    assert [shard.digest for shard in there.shards] == [shard.digest for shard in here.shards]
    assert elsewhere.verify(deep=True).ok


def test_a_card_means_itself_and_no_other_of_its_name(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    other = CardRegistry(tmp_path / "other")
    card = other.register(ImageDataset(image_dir=make_folder(1, name="one")), "a/b")
    registry.register(ImageDataset(image_dir=make_folder(2, name="two")), "a/b")
    assert not registry.verify(card).ok
    for use in (registry.load, registry.open):
        with pytest.raises(IntegrityError, match="pins"):
            use(card)
    with pytest.raises(IntegrityError, match="pins"):
        registry.register(ImageDataset(image_dir=make_folder(3, name="three")), "a/c", parents=[card])
    assert other.load(card) == card


def test_a_store_of_any_kind_is_a_registry(make_folder: MakeFolder, tmp_path: Path) -> None:
    registry = CardRegistry(MemoryStore())
    folder = make_folder(3)
    registry.register(ImageDataset(image_dir=folder), "a/b")
    assert_same_files(folder, registry.fetch("a/b", to=tmp_path / "out"))
    assert registry.verify(deep=True).ok


def test_one_text_is_not_a_list_of_tags(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(1)
    with pytest.raises(InvalidInputError, match=r"tags='prod' is one value: give a list"):
        registry.register(ImageDataset(image_dir=folder), "a/b", tags="prod")
    with pytest.raises(InvalidInputError, match=r"parents='a/b' is one value"):
        registry.register(ImageDataset(image_dir=folder), "a/b", parents="a/b")
    with pytest.raises(InvalidInputError, match=r"is a path: register ImageDataset\(image_dir="):
        registry.register(str(folder), "a/b")


def test_what_has_no_registry_can_not_be_verified(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no registry"):
        CardRegistry(tmp_path / "none").verify()


def test_images_of_any_kind_are_kept(registry: CardRegistry, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "kinds"
    folder.mkdir()
    for name, mode in [
        ("a.tif", "F"),
        ("b.tif", "I;16"),
        ("c.png", "I;16"),
        ("d.webp", "RGBA"),
        ("e.gif", "P"),
        ("f.bmp", "L"),
    ]:
        Image.new(mode, (7, 5)).save(folder / name)
    card = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert dict(card.summary.modes) == {"F": 1, "I;16": 2, "L": 1, "P": 1, "RGBA": 1}
    assert_same_files(folder, registry.fetch("a/b", to=tmp_path / "out"))


def test_an_empty_split_is_one(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    make_folder(2, name="both/train")
    (tmp_path / "both" / "test").mkdir()
    (tmp_path / "both" / "test" / "metadata.jsonl").write_bytes(b"")
    registry.register(ImageDataset(image_dir=tmp_path / "both"), "a/b")
    assert {name: len(names) for name, names in opened(registry, "a/b").splits.items()} == {"test": 0, "train": 2}
    assert registry.verify(deep=True).ok


def test_places_tell_shard_and_first_byte(registry: CardRegistry, make_folder: MakeFolder) -> None:
    registry.register(ImageDataset(image_dir=make_folder(4)), "a/b")
    dataset = registry.open("a/b")
    assert isinstance(dataset, ImageDataset)
    source = dataset.source
    assert isinstance(source, Placed)
    (shard,) = (Path(registry.url) / "data").rglob("*.tar")
    names = pa.chunked_array([["002.png", "000.png"]])
    for name, (number, offset) in zip(names.to_pylist(), source.places(names).tolist(), strict=True):
        data = dataset.read_bytes(name)
        assert (number, shard.read_bytes()[offset : offset + len(data)]) == (0, data)
