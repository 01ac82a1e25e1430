"""Loading from opsml: the version that is meant, as it was registered, or an error that says what is wrong."""

import json
import os
import pickle
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.conftest import MakeFolder, png
from tests.opsml.servers import Mode

import imagecards as ic
from imagecards.cards import Version
from imagecards.datasets import FolderSource
from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError, StorageError
from imagecards.opsml import host

pytest.importorskip("opsml")


def register(images: str, name: str = "cats", **how: Any) -> Any:
    return ic.opsml.register(ic.opsml.ImageDataset(image_dir=images, **how), space="lab", name=name)


def load(name: str = "cats", **which: Any) -> ic.ImageDataset:
    return ic.opsml.load(space="lab", name=name, **which)


def test_a_folder_comes_back_as_it_was(sqlite: Mode, make_folder: MakeFolder) -> None:
    images = make_folder({"a.png": {"caption": "é", "weather": {"rain": [1, None]}}, "b/c.png": None, "d.png": {}})
    sqlite.run(_there_and_back, str(images))


def _there_and_back(images: str) -> None:
    here = ic.ImageDataset(image_dir=images)
    for embed in (False, True):
        card = register(images, embed=embed)
        assert card.tags[0] == "imagecards"
        there = load(version=card.version)
        assert there.names == here.names
        assert there.table.select(here.table.column_names).equals(here.table)
        assert list(there.read_many()) == list(here.read_many())
        again = pickle.loads(pickle.dumps(there))
        assert again.read_bytes("a.png") == here.read_bytes("a.png")


def test_a_card_of_ours_comes_back_from_its_registry(sqlite: Mode, make_folder: MakeFolder, tmp_path: Path) -> None:
    images = make_folder(2)
    sqlite.run(_card_of_ours, str(images), str(tmp_path / "registry"))


def _card_of_ours(images: str, place: str) -> None:
    registry = ic.CardRegistry(place)
    first = registry.register(ic.ImageDataset(image_dir=images), "vision/cats")
    second = registry.derive(first, [ic.transforms.MinArea(pixels=1)], "vision/large-cats")
    interface = ic.opsml.ImageDataset.from_card(registry, "vision/large-cats@^1")
    made = ic.opsml.register(interface, space="lab", name="cats", tags=["note=1"])
    assert set(made.tags) == {"imagecards", "note=1", f"digest={second.digest}", f"parent={first.digest}"}
    assert load().source.name == str(second.ref)  # type: ignore[attr-defined]

    moved = Path(place).with_name("moved")
    shutil.move(place, moved)
    with pytest.raises(NotFoundError, match=r"is vision/large-cats@1\.0\.0#sha256.* load\(\.\.\., at="):
        load()
    assert load(at=moved).names == ("000.png", "001.png")
    other = ic.CardRegistry(Path(place).with_name("other"))
    other.register(ic.ImageDataset(image_dir=images), "vision/large-cats")
    with pytest.raises(IntegrityError, match="large-cats"):
        load(at=other.url)

    ic.opsml.register(
        ic.opsml.ImageDataset.from_card(ic.CardRegistry(moved), "vision/cats", embed=True), space="lab", name="embedded"
    )
    shutil.rmtree(moved)
    assert load("embedded").read_bytes("000.png") == Path(images, "000.png").read_bytes()


def test_images_that_changed_are_found_when_they_are_read(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_changed, str(make_folder(3)))


def _changed(images: str) -> None:
    register(images)
    Path(images, "001.png").write_bytes(png(seed=9))
    Path(images, "002.png").unlink()
    dataset = load()
    assert dataset.read_bytes("000.png")
    with pytest.raises(IntegrityError, match=r"001\.png of lab/cats 0\.1\.0 .* was changed") as caught:
        dataset.read_bytes("001.png")
    assert caught.value.expected != caught.value.actual
    with pytest.raises(IntegrityError, match=r"002\.png of lab/cats .* is gone"):
        dataset.read_bytes("002.png")
    with pytest.raises(NotFoundError, match=r"no image 'x\.png'"):
        dataset.read_bytes("x.png")

    moved = Path(images).with_name("moved")
    shutil.move(images, moved)
    with pytest.raises(NotFoundError, match=r"were in .*images, which is not there; load\(\.\.\., at="):
        load()
    assert load(at=moved).read_bytes("000.png")

    import_module("imagecards.opsml.loading").__dict__["pinned_digest"] = lambda _: f"sha256:{0:064}"
    with pytest.raises(IntegrityError, match="is of another dataset than its card"):
        load(at=moved)


def test_a_folder_is_looked_at_anew_when_it_is_registered_again(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_anew, str(make_folder(2)))


def _anew(images: str) -> None:
    interface = ic.opsml.ImageDataset(image_dir=images)
    first = ic.opsml.register(interface, space="lab", name="cats", tags=["of=lab/cats", "version=0.2.0"])
    Path(images, "001.png").write_bytes(png(seed=9))
    Path(images, "002.png").write_bytes(png(seed=10))
    second = ic.opsml.register(interface, space="lab", name="cats")
    assert (first.version, second.version) == ("0.1.0", "0.2.0")
    assert set(first.tags) & set(second.tags) == {"imagecards"}
    assert list(load().read_many())[1:] == [png(seed=9), png(seed=10)]


def test_which_version(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_which, str(make_folder(1)))


def _which(images: str) -> None:
    for version in ("1.0.0", "1.2.1", "1.3.0", "2.0.0"):
        metadata = ic.ImageMetadata(records=[ic.ImageRecord(file_name="000.png", caption=version)])
        interface = ic.opsml.ImageDataset(image_dir=images, metadata=metadata)
        ic.opsml.register(interface, space="lab", name="cats", version=version)
    for wanted, there in (
        (None, "2.0.0"),
        ("^1.2.1", "1.3.0"),
        ("^1.2", "1.3.0"),
        ("~1.2", "1.2.1"),
        ("1.0.0", "1.0.0"),
        (Version(1, 2, 1), "1.2.1"),
    ):
        assert load(version=wanted).records[0].caption == there
    with pytest.raises(NotFoundError, match=r"there are 1\.0\.0, 1\.2\.1, 1\.3\.0, 2\.0\.0"):
        load(version="^3")
    rows = host.rows
    gone = replace(rows(name="cats")[0], uid="01a2279f-376a-7e52-aa04-4e6534d74155", version="2.1.0")
    host.__dict__["rows"] = lambda **wanted: (*rows(**wanted), gone) if "name" in wanted else rows(**wanted)
    assert load().records[0].caption == "2.0.0", "a registration that fails just now is passed over"
    host.__dict__["rows"] = rows
    with pytest.raises(NotFoundError, match="opsml has no data card lab/dogs"):
        load("dogs")
    with pytest.raises(NotFoundError, match="no data card of the uid"):
        ic.opsml.load(uid="01a2279f-376a-7e52-aa04-4e6534d74155")
    with pytest.raises(InvalidInputError, match="give the space= and name="):
        ic.opsml.load(name="cats")


def test_a_version_that_opsml_has_twice_is_told(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_twice, str(make_folder(1)))


def _twice(images: str) -> None:
    from opsml import CardRegistry, DataCard

    registry = CardRegistry("data")
    uids = []
    for _ in range(2):  # what two processes do that use opsml's own ways at once
        card = DataCard(interface=ic.opsml.ImageDataset(image_dir=images), space="lab", name="cats")
        registry.register_card(card)
        uids.append(card.uid)
        _database("update opsml_data_registry set version = '9.0.0', major = 9, minor = 0 where uid = ?", card.uid)
    _database("update opsml_data_registry set version = '0.1.0', major = 0, minor = 1")
    with pytest.raises(IntegrityError, match=r"lab/cats 0\.1\.0 was registered 2 times") as caught:
        load()
    lost, left = caught.value.expected, caught.value.actual
    assert {lost, left} == {*uids} or left  # whichever the folder is of now
    assert f"load(uid={left.split(', ')[0]!r})" in str(caught.value)
    assert ic.opsml.load(uid=left.split(", ")[0]).names == ("000.png",)


def _database(statement: str, *values: str) -> None:
    with sqlite3.connect(os.environ["OPSML_TRACKING_URI"].removeprefix("sqlite://")) as connection:
        connection.execute(statement, values)
    connection.close()


def test_registering_beside_plain_opsml_finds_who_is_left(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_beside, str(make_folder(1)))


def _beside(images: str) -> None:
    """Somebody takes the version by opsml's own ways while it is being registered, and overwrites the folder."""
    plainly, load_card = host.register_card, host.load_card
    mine: list[str] = []

    def register_twice(interface: Any, **options: Any) -> Any:
        made = plainly(interface, **options)
        if options["space"] == "lab":
            mine.append(made.uid)
            other = plainly(ic.opsml.ImageDataset(image_dir=images), space="lab", name="other")
            changed = "update opsml_data_registry set version = ?, name = 'cats' where uid = ?"
            _database(changed, made.version, other.uid)
        return made

    def load_not(uid: str, *arguments: Any, **options: Any) -> Any:
        if uid == mine[-1] and len(mine) == 2:
            raise ic.errors.StorageError("opsml can't decrypt it")
        return load_card(uid, *arguments, **options)

    host.__dict__.update(register_card=register_twice, load_card=load_not)
    assert register(images).uid == mine[0], "this one is left"
    with pytest.raises(IntegrityError, match=r"lab/cats 0\.2\.0 is there twice: .* destroyed this card") as caught:
        register(images)
    assert caught.value.expected == mine[1]


def test_cards_of_others_are_not_run(sqlite: Mode, make_folder: MakeFolder) -> None:
    sqlite.run(_foreign)


def _foreign() -> None:
    """A plain interface is a pickle, which would be executed."""
    from opsml.data import DataInterface

    from opsml import CardRegistry, DataCard

    card = DataCard(interface=DataInterface(data=[1]), space="lab", name="cats")
    CardRegistry("data").register_card(card)
    with pytest.raises(IntegrityError, match="is not a dataset of imagecards"):
        load()


DAMAGES: list[Callable[[Path], object]] = [
    lambda folder: (folder / "manifest.json").unlink(),
    lambda folder: (folder / "manifest.json").write_text("{}"),
    lambda folder: (folder / "manifest.json").write_text("[" * 100_000),
    lambda folder: _edit(folder, b'"images-00000.zip"', b'"../../etc/passwd"'),
    lambda folder: _edit(folder, b'"images":2', b'"images":-2'),
    lambda folder: _edit(folder, b'"digest":"sha256:', b'"digest":"sha256:00'),
    lambda folder: (folder / "records.parquet").unlink(),
    lambda folder: (folder / "records.parquet").write_bytes(b"PAR1"),
    lambda folder: (folder / "images-00000.zip").unlink(),
    lambda folder: (folder / "images-00000.zip").write_bytes(b"PK"),
]


def test_what_is_in_a_card_is_not_trusted(tmp_path: Path, make_folder: MakeFolder) -> None:
    from imagecards.opsml.packing import open_packed

    interface = ic.opsml.ImageDataset(image_dir=make_folder(2), embed=True)

    def packed(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        interface.save(folder)
        return folder

    assert len(open_packed(packed("whole"), "it")) == 2
    for number, damage in enumerate(DAMAGES):
        folder = packed(str(number))
        damage(folder)
        with pytest.raises(IntegrityError):
            open_packed(folder, "it")


NO_TEXT = pa.array([b"\xff", b""], pa.binary()).view(pa.string())


def _with_table(folder: Path, column: str, values: "list[Any] | pa.Array") -> None:
    """Another table of records, and a manifest with its digest."""
    from imagecards.opsml.table import digest_of, splits_of

    table = pq.read_table(folder / "records.parquet")
    place = table.schema.get_field_index(column)
    column_of = values if isinstance(values, pa.Array) else pa.array(values, table.schema.field(place).type)
    table = table.set_column(place, table.schema.field(place), column_of)
    pq.write_table(table, folder / "records.parquet")
    said = json.loads((folder / "manifest.json").read_text())
    said["digest"] = digest_of(table, splits_of(table, ()), {})
    (folder / "manifest.json").write_text(json.dumps(said))


def _claim_digest(folder: Path) -> None:
    """A manifest with the digest of another dataset."""
    digest = json.loads((folder / "manifest.json").read_text())["digest"]
    _edit(folder, b'"digest":"' + digest.encode(), b'"digest":"sha256:' + b"0" * 64)


def _with_zip(folder: Path, member: str | None) -> None:
    """Another zip of images, or what is none, and a manifest with its digest."""
    place = folder / "images-00000.zip"
    old = sha256(place.read_bytes()).hexdigest().encode()
    place.write_bytes(b"PK")
    if member is not None:
        with ZipFile(place, "w") as written:
            written.writestr(member, png())
    _edit(folder, old, sha256(place.read_bytes()).hexdigest().encode())


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: _with_table(folder, "splits", [[None], []]), r"damaged in \['splits'\]"),
        (lambda folder: _with_table(folder, "splits", [["../../out"], []]), r"damaged in \['splits'\]"),
        (lambda folder: _with_table(folder, "file_name", ["000.png", "000.png"]), r"damaged in \['file_name'\]"),
        (lambda folder: _with_table(folder, "file_name", ["../000.png", "001.png"]), r"has a '\.\.' part"),
        (lambda folder: _with_table(folder, "size", [-1, 2**62]), r"damaged in \['size'\]"),
        (lambda folder: _with_table(folder, "size", [None, 3]), r"damaged in \['size'\]"),
        (lambda folder: _with_table(folder, "width", [-1, 3]), r"damaged in \['width'\]"),
        (lambda folder: _with_table(folder, "caption", NO_TEXT), "the records of it can't be read .*UTF"),
        (lambda folder: _claim_digest(folder), "not those of its manifest"),
        (lambda folder: _edit(folder, b'"card":null', b'"card":"lab/cats@1.0.0"'), "is not pinned"),
        (lambda folder: _edit(folder, b'"splits":[]', b'"splits":["../../out"]'), "a split has a name"),
        (lambda folder: _edit(folder, b'"attributes":{}', b'"attributes":{"a":NaN}'), "no JSON form"),
        (lambda folder: _edit(folder, b'"attributes":{}', b'"attributes":{"a":1' + b"0" * 4200 + b"}"), "manifest of"),
        (lambda folder: _with_zip(folder, None), "no zip that can be read"),
        (lambda folder: _with_zip(folder, "../000.png"), r"has a '\.\.' part"),
    ],
)
def test_what_fits_its_digest_is_not_trusted_either(
    tmp_path: Path, make_folder: MakeFolder, damage: Callable[[Path], object], said: str
) -> None:
    from imagecards.opsml.packing import open_packed

    folder = tmp_path / "packed"
    folder.mkdir()
    ic.opsml.ImageDataset(image_dir=make_folder(2), embed=True).save(folder)
    damage(folder)
    with pytest.raises(IntegrityError, match=said):
        open_packed(folder, "it")


def test_a_card_of_ours_must_be_of_the_dataset(
    tmp_path: Path, make_folder: MakeFolder, registry: ic.CardRegistry
) -> None:
    from imagecards.opsml.packing import open_packed

    registry.register(ic.ImageDataset(image_dir=make_folder(1)), "lab/cats")
    ic.opsml.ImageDataset.from_card(registry, "lab/cats").save(tmp_path)
    assert len(open_packed(tmp_path, "it")) == 1
    _claim_digest(tmp_path)
    with pytest.raises(IntegrityError, match=r"lab/cats@1\.0\.0#sha256:.* is not the dataset that it says it is"):
        open_packed(tmp_path, "it")


@pytest.mark.parametrize("place", ["../victim.zip", "{folder}/victim.zip", "records.parquet"])
def test_a_card_names_no_files_of_others(tmp_path: Path, make_folder: MakeFolder, place: str) -> None:
    from imagecards.opsml.packing import open_packed

    folder, victim = tmp_path / "packed", tmp_path / "victim.zip"
    folder.mkdir()
    ic.opsml.ImageDataset(image_dir=make_folder(1), embed=True).save(folder)
    victim.write_bytes((folder / "images-00000.zip").read_bytes())
    _edit(folder, b'"images-00000.zip"', json.dumps(place.format(folder=tmp_path)).encode())
    with pytest.raises(IntegrityError, match=r"the manifest of it can't be read \(String should"):
        open_packed(folder, "it")
    assert victim.exists()


def test_where_a_card_says_that_its_images_are_is_shown_without_secrets(
    tmp_path: Path, make_folder: MakeFolder
) -> None:
    from imagecards.opsml.packing import open_packed

    ic.opsml.ImageDataset(image_dir=make_folder(1)).save(tmp_path)
    uri = json.loads((tmp_path / "manifest.json").read_text())["uri"]
    _edit(tmp_path, uri.encode(), rb"none://me:secret@host/\u001b[2J.zip")
    with pytest.raises(NotFoundError, match=r"were in none://\*\*\*@host/\\x1b\[2J\.zip, which is not there") as caught:
        open_packed(tmp_path, "it")
    assert "secret" not in str(caught.value)


def _edit(folder: Path, old: bytes, new: bytes) -> None:
    text = (folder / "manifest.json").read_bytes()
    assert old in text
    (folder / "manifest.json").write_bytes(text.replace(old, new))


def test_the_same_dataset_gives_the_same_files(tmp_path: Path, make_folder: MakeFolder) -> None:
    images = make_folder(3)
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        ic.opsml.ImageDataset(image_dir=images, embed=True).save(folder)
    first, second = (sorted((tmp_path / str(number)).iterdir()) for number in range(2))
    assert [path.name for path in first] == ["images-00000.zip", "manifest.json", "records.parquet"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_large_datasets_are_in_several_zips(tmp_path: Path, make_folder: MakeFolder) -> None:
    from imagecards.opsml.shards import read_shards, write_shards

    dataset = ic.ImageDataset(image_dir=make_folder(5))
    table = dataset.facts
    shards = write_shards(tmp_path, dataset.source, table, most=2 * table["size"][0].as_py())
    assert [shard.file for shard in shards] == [f"images-{number:05d}.zip" for number in range(3)]
    source = read_shards(tmp_path, shards, "it")
    assert list(source.read_many(dataset.names)) == list(dataset.read_many())


def test_large_images_are_read_in_pieces_and_held_to_their_digest(
    monkeypatch: pytest.MonkeyPatch, make_folder: MakeFolder
) -> None:
    from imagecards.opsml.pinned import PinnedSource

    images = make_folder(1)
    dataset = ic.ImageDataset(image_dir=images)
    pinned = PinnedSource(dataset.source, "it", dataset.facts)
    monkeypatch.setattr("imagecards.datasets.folder.LARGE_BYTES", 10)
    found, whole = pinned.large("000.png"), (images / "000.png").read_bytes()
    assert found is not None
    assert b"".join(found.pieces()) == whole
    (images / "000.png").write_bytes(bytes([*whole[:-1], 0]))
    with pytest.raises(ic.errors.StorageError, match="changed"):
        list(found.pieces())
    assert pinned.large("none.png") is None


def test_images_that_are_too_large_for_a_zip_are_not_embedded(
    monkeypatch: pytest.MonkeyPatch, make_folder: MakeFolder, tmp_path: Path
) -> None:
    monkeypatch.setattr("imagecards.opsml.shards.MAX_WHOLE_BYTES", 10)
    with pytest.raises(InvalidInputError, match=r"000\.png has .* without embed=True"):
        ic.opsml.ImageDataset(image_dir=make_folder(1), embed=True).save(tmp_path)


def test_images_that_change_while_they_are_embedded_are_told(make_folder: MakeFolder, tmp_path: Path) -> None:
    images = make_folder(2)
    interface = ic.opsml.ImageDataset(image_dir=images, embed=True)
    assert interface.manifest.images == 2
    (images / "001.png").write_bytes(png(seed=9))
    with pytest.raises(StorageError, match=r"001\.png was changed while it was being registered"):
        interface.save(tmp_path)


def test_hidden_images_are_not_lost_in_zips(make_folder: MakeFolder, tmp_path: Path) -> None:
    from imagecards.opsml.shards import write_shards

    images = make_folder(1)
    (images / "000.png").rename(images / ".hidden.png")
    source = FolderSource(images)
    digest = sha256(source.read(".hidden.png")).digest()
    table = pa.table({"file_name": [".hidden.png"], "size": [1], "sha256": [digest]})
    with pytest.raises(InvalidInputError, match=r"hidden files can't be packed, .*'\.hidden\.png'"):
        write_shards(tmp_path, source, table)
