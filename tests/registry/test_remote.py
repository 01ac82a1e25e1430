"""Registering images that lie behind URLs: packed like a folder, or named where they lie."""

import json
import pickle
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import png
from tests.remote import count_reads, remove, upload, with_etags, write

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import DataCard, Origin
from imagecards.datasets.remote import access
from imagecards.errors import IntegrityError, InvalidInputError, InvalidMetadataError, StorageError
from imagecards.registry import contents, linked_source
from imagecards.registry.attempt import attempting
from imagecards.registry.link_check import link_problems
from imagecards.registry.opening import open_images
from imagecards.storage.memory import MemoryStore
from imagecards.transforms import Merge, MinArea, Tile

MakeFolder = Callable[..., Path]


def test_a_url_is_packed_like_a_folder(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(4)
    url = upload(folder)
    packed = registry.register(ImageDataset(image_dir=url), "a/url")
    assert packed.dataset_digest == registry.register(ImageDataset(image_dir=folder), "a/folder").dataset_digest
    assert [document.path for document in packed.documents] == ["metadata.jsonl"]
    registry.fetch("a/url", tmp_path / "out")
    assert {place.name: place.read_bytes() for place in (tmp_path / "out").iterdir()} == {
        place.name: place.read_bytes() for place in folder.iterdir()
    }
    assert registry.register(ImageDataset(image_dir=url), "a/url") == packed
    assert registry.verify(deep=True).ok


def test_images_are_registered_where_they_lie(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(4)
    url = upload(folder)
    card = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    assert card.shards == ()
    assert card.summary.linked == 4
    assert [origin.place for origin in card.origins] == [url]
    assert card.dataset_digest == registry.register(ImageDataset(image_dir=folder), "a/folder").dataset_digest
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    here = ImageDataset(image_dir=folder)
    assert list(opened.read_many()) == list(here.read_many())
    assert opened.read_bytes("002.png") == here.read_bytes("002.png")
    assert opened.facts.equals(here.facts)
    assert list(pickle.loads(pickle.dumps(opened)).read_many()) == list(here.read_many())
    registry.fetch("a/b", tmp_path / "out")
    assert {place.name: place.read_bytes() for place in (tmp_path / "out").iterdir()} == {
        place.name: place.read_bytes() for place in folder.iterdir()
    }
    assert registry.register(ImageDataset(image_dir=url), "a/b", copy=False) == card
    for deep in (False, True):
        found = registry.verify("a/b", deep=deep)
        assert found.ok, found.problems
        assert found.files == 2 + 4


def images(registry: CardRegistry, reference: str) -> ImageDataset:
    opened = registry.open(reference)
    assert isinstance(opened, ImageDataset)
    return opened


def test_what_is_gone_or_changed_is_named(registry: CardRegistry, make_folder: MakeFolder) -> None:
    url = upload(make_folder(4))
    registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    same_size = bytearray(png(seed=1))
    same_size[-20] ^= 1
    remove(f"{url}/000.png")
    write(f"{url}/001.png", bytes(same_size))
    write(f"{url}/002.png", b"short")
    opened = images(registry, "a/b")
    assert opened.read_bytes("003.png") == png(seed=3)
    for name, what in (("000.png", "is gone"), ("001.png", "other bytes"), ("002.png", "was changed")):
        with pytest.raises(IntegrityError, match=what) as caught:
            opened.read_bytes(name)
        assert f"{url}/{name}" in caught.value.place
    shallow, deep = registry.verify("a/b"), registry.verify("a/b", deep=True)
    assert [(problem.image, problem.place, problem.actual) for problem in shallow.problems] == [
        ("000.png", f"{url}/000.png", "missing"),
        ("002.png", f"{url}/002.png", "5 bytes"),
    ]
    assert [problem.image for problem in deep.problems] == ["000.png", "001.png", "002.png"]
    assert deep.problems[1].actual.startswith("sha256:")
    with pytest.raises(IntegrityError, match="is gone"):
        registry.materialize("a/b")
    assert [str(version) for version in registry.versions("a/b")] == ["1.0.0"]
    registry.withdraw("a/b@1.0.0", "the bucket is no more")
    assert registry.verify().ok


def test_an_etag_tells_another_object_without_reading_it(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_etags(monkeypatch)
    url = upload(make_folder(2))
    registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    changed = bytearray(png(seed=1))
    changed[-20] ^= 1
    write(f"{url}/001.png", bytes(changed))
    [problem] = registry.verify("a/b").problems
    assert problem.image == "001.png"
    assert "ETag" in problem.expected


def test_only_new_objects_are_read_again(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_etags(monkeypatch)
    url = upload(make_folder(3))
    first = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    reads = count_reads(monkeypatch)
    assert registry.register(ImageDataset(image_dir=url), "a/b", copy=False) == first
    assert {name for name, _ in reads} == {"metadata.jsonl"}
    write(f"{url}/001.png", png(seed=7))
    write(f"{url}/003.png", png(seed=8))
    del reads[:]
    second = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    assert {name for name, _ in reads} == {"metadata.jsonl", "001.png", "003.png"}
    assert str(second.version) == "2.0.0"
    assert second.summary.linked == 4
    assert registry.verify("a/b@2.0.0", deep=True).ok
    del reads[:]
    assert registry.register(ImageDataset(image_dir=url), "a/b", copy=False, reread=True) == second
    assert len(reads) == 5


def test_copying_decides_whether_the_same_data_are_a_new_version(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder(3)
    url, moved = upload(folder), upload(folder)
    linked = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    again = registry.register(ImageDataset(image_dir=moved), "a/b", copy=False)
    assert (str(again.version), again.bump_reason) == ("1.0.1", "patch: the same data, linked anew")
    assert [origin.place for origin in again.origins] == [moved]
    packed = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert (str(packed.version), packed.bump_reason) == ("1.0.2", "patch: the same data, stored here now")
    assert packed.summary.linked == 0
    assert len(packed.shards) == 1
    assert {card.dataset_digest for card in (linked, again, packed)} == {linked.dataset_digest}
    # what is held here is more than a name of it, so that makes no version
    assert registry.register(ImageDataset(image_dir=url), "a/b", copy=False) == packed
    described = registry.register(ImageDataset(image_dir=folder), "a/b", description="new")
    assert described.shards == packed.shards


def test_a_remembered_folder_is_stored_although_a_version_links_the_same(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    folder = make_folder(2)
    registry.register(ImageDataset(image_dir=folder), "a/other")
    registry.register(ImageDataset(image_dir=upload(folder)), "a/b", copy=False)
    assert registry.register(ImageDataset(image_dir=folder), "a/b").summary.linked == 0


def test_describing_links_anew_keeps_them(registry: CardRegistry, make_folder: MakeFolder) -> None:
    url = upload(make_folder(2))
    first = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    second = registry.register(ImageDataset(image_dir=url), "a/b", copy=False, description="in a bucket")
    assert second.records == first.records
    assert second.origins == first.origins
    assert second.summary.linked == 2


def test_what_a_card_can_not_name_is_refused(registry: CardRegistry, make_folder: MakeFolder) -> None:
    folder = make_folder(2)
    with pytest.raises(InvalidInputError, match=r"the folder .* can't be registered with copy=False"):
        registry.register(ImageDataset(image_dir=folder), "a/b", copy=False)
    with pytest.raises(InvalidInputError, match="a table is always stored"):
        registry.register(np.arange(3), "a/b", copy=False)
    tiles = Tile(width=4, height=3).apply(ImageDataset(image_dir=upload(folder)))
    with pytest.raises(InvalidInputError, match=r"the image .* can't be registered with copy=False"):
        registry.register(tiles, "a/b", copy=False)
    url = upload(folder)
    write(f"{url}/bad.png", b"no image")
    with pytest.raises(InvalidMetadataError):
        registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    assert registry.store.children("cards/") == []
    registry.register(ImageDataset(image_dir=folder), "a/b")
    pointing = registry.register(images(registry, "a/b"), "a/c", copy=False)
    assert pointing.shards == registry.load("a/b").shards


def test_children_leave_images_where_they_are(registry: CardRegistry, make_folder: MakeFolder) -> None:
    url = upload(make_folder(3))
    parent = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    child = registry.derive("a/b", MinArea(pixels=1), "a/large")
    assert (child.summary.linked, child.shards) == (3, ())
    assert registry.replay("a/large").ok
    tiles = registry.derive("a/b", Tile(width=4, height=3), "a/tiles")
    assert tiles.summary.linked == 0
    assert len(tiles.shards) == 1
    registry.register(ImageDataset(image_dir=make_folder(2, name="more", seed=50)), "a/more")
    both = registry.derive(["a/b", "a/more"], Merge(prefixes=["one-", "two-"]), "a/both")
    assert (both.summary.images, both.summary.linked, len(both.shards)) == (5, 3, 1)
    assert registry.verify(deep=True).ok
    opened = images(registry, "a/both")
    assert list(opened.read_many()) == [opened.read_bytes(name) for name in opened.names]
    assert registry.diff("a/b", "a/large").images.counts == registry.diff("a/b", "a/b").images.counts
    stored = registry.register(opened, "a/stored")
    assert (stored.summary.linked, stored.dataset_digest) == (0, both.dataset_digest)
    assert stored.shards[0] in both.shards or len(stored.shards) == 2
    assert parent.origins
    assert not child.origins


def test_materialize_keeps_the_data_and_their_digest(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a.png": {"caption": "one"}, "b.png": {}, "c.png": None})
    url = upload(folder)
    linked = registry.register(ImageDataset(image_dir=url), "a/b", copy=False, description="said", metadata={"k": 1})
    write(f"{url}/c.png", png(seed=9))
    registry.register(ImageDataset(image_dir=url), "a/b")
    write(f"{url}/c.png", png(seed=2))
    card = registry.materialize("a/b@1.0.0")
    assert str(card.ref) == "a/b@1.0.1"
    assert card.bump_reason == "patch: the images of 1.0.0, stored in the registry"
    assert card.dataset_digest == linked.dataset_digest
    assert [parent.ref for parent in card.parents] == [linked.ref]
    assert card.documents == linked.documents
    assert (card.description, card.metadata, card.origins) == (linked.description, linked.metadata, linked.origins)
    assert card.summary.linked == 0
    reads = count_reads(monkeypatch)
    assert registry.materialize("a/b@1.0.0") == card
    assert registry.materialize(card) == card
    assert not reads
    remove(url)
    registry.fetch("a/b@1.0.1", tmp_path / "out")
    assert {place.name: place.read_bytes() for place in (tmp_path / "out").iterdir()} == {
        place.name: place.read_bytes() for place in folder.iterdir()
    }
    registry.withdraw("a/b@1.0.1", "not wanted")
    with pytest.raises(IntegrityError, match="is gone"):
        registry.materialize("a/b@1.0.0")
    with pytest.raises(InvalidInputError, match="is a table"):
        registry.materialize(registry.register(np.arange(3), "a/table"))


def test_a_large_linked_image_is_stored_in_pieces(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = upload(make_folder(2))
    linked = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    monkeypatch.setattr(linked_source, "LARGE_BYTES", 10)
    monkeypatch.setattr(access, "_PIECE", 50)
    reads = count_reads(monkeypatch)
    assert registry.materialize("a/b").dataset_digest == linked.dataset_digest
    assert {name for name, _ in reads} == {"000.png", "001.png"}
    changed = bytearray(png(seed=1))
    changed[-20] ^= 1
    write(f"{url}/001.png", bytes(changed))
    registry.withdraw("a/b@1.0.1", "to make it again")
    with pytest.raises(StorageError, match="was changed"):
        registry.materialize("a/b@1.0.0")


def forge(registry: CardRegistry, column: str, values: list[object]) -> DataCard:
    """A copy of the card ``a/b`` whose records say something else in a column."""
    card = registry.load("a/b")
    assert card.records is not None
    table = contents.read_records(registry.store, card.records)
    place = table.column_names.index(column)
    table = table.set_column(place, column, pa.array(values, table.schema.field(column).type))
    with attempting(registry.store, card.name) as attempt:
        stored = attempt.put("records.parquet", [contents.encode_records(table)])
    return card.model_copy(update={"records": stored})


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "/etc/passwd",
        "local:///etc/passwd",
        "s3://key:word@bucket/a.png",
        "memory://bucket/../a.png",
        "memory://bucket/a.png?x=1",
        "simplecache::memory://bucket/a.png",
        "MEMORY://bucket/a.png",
        "hf://datasets/owner/repo@main/a.png",
        "hf://spaces/owner/repo@0123456789012345678901234567890123456789/a.png",
    ],
)
def test_a_card_makes_nobody_read_what_is_no_object(
    registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    registry.register(ImageDataset(image_dir=upload(make_folder(2))), "a/b", copy=False)
    forged = forge(registry, "url", [url, url])
    reads = count_reads(monkeypatch)
    with pytest.raises(IntegrityError, match="by a URL that is not read"):
        open_images(registry.store, forged)
    assert not reads


def test_what_no_etag_tells_apart_is_read_again(registry: CardRegistry, make_folder: MakeFolder) -> None:
    """An object of the same name and size may be another one."""
    url = upload(make_folder(2))
    first = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    old = images(registry, "a/b").read_bytes("000.png")
    new = next(data for seed in range(5, 999) if len(data := png(seed=seed)) == len(old) and data != old)
    write(f"{url}/000.png", new)
    again = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    assert again.ref != first.ref
    assert images(registry, "a/b@latest").read_bytes("000.png") == new


def test_a_card_that_says_other_numbers_of_links_is_told(registry: CardRegistry, make_folder: MakeFolder) -> None:
    card = registry.register(ImageDataset(image_dir=upload(make_folder(3))), "a/b", copy=False)
    wrong = card.model_copy(update={"summary": card.summary.model_copy(update={"linked": 2})})
    assert list(link_problems(registry.store, card, {}, deep=False)) == []
    (problem,) = link_problems(registry.store, wrong, {}, deep=False)
    assert problem.message.startswith("links 3 images, and the card says 2")


def test_an_image_lies_in_one_place(registry: CardRegistry, make_folder: MakeFolder) -> None:
    registry.register(ImageDataset(image_dir=upload(make_folder(2))), "a/b", copy=False)
    for column, values in (("url", ["memory://bucket/a.png", None]), ("shard", [0, None]), ("offset", [None, 3])):
        with pytest.raises(IntegrityError, match="nulls in"):
            open_images(registry.store, forge(registry, column, list(values)))


def test_records_without_links_are_written_as_before(registry: CardRegistry, make_folder: MakeFolder) -> None:
    card = registry.register(ImageDataset(image_dir=upload(make_folder(2))), "a/b")
    assert card.records is not None
    columns = pq.read_schema(f"{registry.url}/{card.records.key}").names
    assert not set(contents.LINK_COLUMNS.names) & set(columns)


names = st.lists(
    st.from_regex(r"([a-c]/)?[a-e]{1,3}\.png", fullmatch=True),
    min_size=1,
    max_size=6,
    unique_by=lambda name: name.casefold(),
)
captions = st.dictionaries(st.sampled_from(["caption", "weather"]), st.text(max_size=5), max_size=2)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=st.fixed_dictionaries({"names": names}), said=st.lists(captions.map(json.dumps), min_size=6, max_size=6))
def test_folder_url_and_zip_of_the_same_images_are_the_same_dataset(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, list[str]], said: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("same")
    images = folder / "images"
    with zipfile.ZipFile(folder / "images.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        lines = []
        for number, (name, more) in enumerate(zip(files["names"], said, strict=False)):
            (images / name).parent.mkdir(parents=True, exist_ok=True)
            (images / name).write_bytes(png(seed=number % 4))
            lines.append(json.dumps({"file_name": name, **json.loads(more)}) + "\n")
        (images / "metadata.jsonl").write_text("".join(lines))
        for place in sorted(images.rglob("*")):
            packed.write(place, place.relative_to(images))
    registry = CardRegistry(MemoryStore())
    url = upload(images)
    cards = [
        registry.register(ImageDataset(image_dir=images), "a/folder"),
        registry.register(ImageDataset(image_dir=folder / "images.zip"), "a/zip"),
        registry.register(ImageDataset(image_dir=f"{upload(folder)}/images.zip"), "a/zip-url"),
        registry.register(ImageDataset(image_dir=url), "a/url"),
        registry.register(ImageDataset(image_dir=url), "a/linked", copy=False),
        registry.materialize("a/linked"),
    ]
    assert len({card.dataset_digest for card in cards}) == 1
    assert len({card.documents[0].digest for card in cards}) == 1


def test_a_card_says_which_zip_its_images_are_from(
    registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(2)
    place = tmp_path / "images.zip"
    with zipfile.ZipFile(place, "w") as packed:
        for each in sorted(folder.iterdir()):
            packed.write(each, each.name)
    card = registry.register(ImageDataset(image_dir=place), "a/b")
    digest = f"sha256:{sha256(place.read_bytes()).hexdigest()}"
    assert card.origins == (Origin(place="images.zip", size=place.stat().st_size, digest=digest),)
    assert str(tmp_path) not in card.to_json().decode()
    assert DataCard.from_json(card.to_json()) == card
    # the same data from elsewhere say nothing new; described anew, they are still from there
    assert registry.register(ImageDataset(image_dir=folder), "a/b") == card
    assert registry.register(ImageDataset(image_dir=folder), "a/b", description="new").origins == card.origins
    with pytest.raises(InvalidInputError, match="copy=False"):
        registry.register(ImageDataset(image_dir=place), "a/c", copy=False)
