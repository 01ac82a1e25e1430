"""Datasets of opsml 1 and 2 in a registry of ours: every pixel, every record, every split."""

import json
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.cli.conftest import Run, run
from tests.conftest import MakeFolder, png

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import FormatError, InvalidMetadataError, NotFoundError
from imagecards.images import MAX_PIXELS
from imagecards.opsml.importing import import_dataset, read
from imagecards.opsml.importing.naming import new_names
from imagecards.opsml.importing.pixels import MODES, encoded
from imagecards.opsml.importing.shards import ShardRow
from imagecards.paths import collision_key

__all__ = ["run"]

GOLDEN = Path(__file__).parent / "golden" / "version2"
SCHEMA = pa.schema(
    [
        ("split_label", pa.string()),
        ("path", pa.string()),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("bytes", pa.binary()),
        ("mode", pa.string()),
    ]
)


def row(path: Any = "a.jpg", width: int = 3, height: int = 2, mode: Any = "RGB", **other: Any) -> dict[str, Any]:
    data = bytes(range(18))
    return {"split_label": None, "path": path, "height": height, "width": width, "bytes": data, "mode": mode} | other


def shard(folder: Path, *rows: dict[str, Any], records: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    number = len(list(folder.glob("shard-*")))
    pq.write_table(pa.Table.from_pylist(list(rows), SCHEMA), folder / f"shard-{number:032x}.parquet")
    if records is not None:
        (folder / "metadata.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return folder


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    with Image.open(BytesIO(data)) as image:
        return np.asarray(image.convert("L") if image.mode in ("1", "P") else image)


def test_a_dataset_that_opsml_2_wrote_comes_back_pixel_by_pixel(registry: CardRegistry) -> None:
    card, found = import_dataset(GOLDEN / "stored", registry, "lab/old")
    opened = registry.open(card.ref)
    assert isinstance(opened, ImageDataset)
    assert found.layout == 2
    given_files = sorted(path for path in (GOLDEN / "given").rglob("*") if path.is_file())
    assert len(opened) == len(given_files) == 11
    for file in given_files:
        old = file.relative_to(GOLDEN / "given").as_posix()
        data = opened.read_bytes(found.renamed.get(old, old))
        with Image.open(file) as image:
            if image.mode == "P":
                assert np.array_equal(pixels(data), np.asarray(image))  # the numbers of its colours
            elif image.mode == "1":
                assert np.array_equal(pixels(data), np.asarray(image) * np.uint8(255))
            else:
                assert np.array_equal(pixels(data), np.asarray(image)), old
    assert found.renamed == {
        "test/a.jpg": "test/a.png",
        "test/g.tif": "test/g.tiff",
        "test/i.tif": "test/i.tiff",
        "test/j.tif": "test/j.tiff",
        "train/a.jpg": "train/a.png",
    }
    assert "palette" in found.notes[0]
    # its metadata of "test" had the records of "train", too
    assert {split: len(names) for split, names in opened.splits.items()} == {"test": 11, "train": 6}
    records = {record.file_name: record for record in opened.records}
    assert records["train/a.png"].caption == "train a.jpg"
    assert records["train/a.png"].objects is not None
    assert records["train/a.png"].objects.bbox == [[0.0, 1.0, 2.0, 2.5]]
    assert records["train/b.png"].categories == ["x"]


def test_the_folder_of_a_version_is_taken_and_no_pickle_opened(tmp_path: Path) -> None:
    shard(tmp_path / "data", row("a.png"))
    (tmp_path / "card.joblib").write_bytes(b"cos\nabort\n(tR.")  # ends the process that loads it
    with read(tmp_path) as found:
        assert (found.dataset.names, dict(found.dataset.splits)) == (("a.png",), {})


def test_importing_again_makes_no_version(registry: CardRegistry) -> None:
    first, _ = import_dataset(GOLDEN / "stored", registry, "lab/old")
    again, _ = import_dataset(GOLDEN / "stored", registry, "lab/old")
    assert (again.ref, again.digest) == (first.ref, first.digest)


@given(
    mode=st.sampled_from(sorted(MODES)), width=st.integers(1, 20), height=st.integers(1, 20), seed=st.integers(0, 99)
)
def test_no_pixel_of_any_mode_is_lost(mode: str, width: int, height: int, seed: int) -> None:
    kind = MODES[mode]
    samples = np.random.default_rng(seed).integers(0, 256, height * width * kind.channels, dtype=np.uint8)
    if mode == "1":
        image = Image.fromarray((samples.reshape(height, width) > 127).astype(np.uint8) * 255).convert("1")
    elif kind.channels > 1:
        image = Image.frombytes(mode, (width, height), samples.tobytes())
    else:
        shape = (height, width)
        image = Image.frombytes(mode, (width, height), samples.reshape(shape).astype(kind.dtype).tobytes())
    data = encoded(ShardRow("here", "a", height, width, mode, image.tobytes()))
    wanted = np.asarray(image)
    wanted = wanted * np.uint8(255) if mode == "1" else wanted
    assert np.array_equal(pixels(data), wanted)
    assert data == encoded(ShardRow("there", "b", height, width, mode, image.tobytes()))


def test_shards_without_splits_and_without_records(tmp_path: Path) -> None:
    folder = shard(tmp_path / "stored", row("x/a.jpg"), row("b.PNG"))
    with read(folder) as found:
        assert dict(found.dataset.splits) == {}
        assert sorted(found.dataset.names) == ["b.PNG", "x/a.png"]
        assert pixels(found.dataset.read_bytes("b.PNG")).tobytes() == bytes(range(18))
        assert all(record.caption is None for record in found.dataset.records)


@pytest.mark.parametrize("prefix", ["", "images/", "/home/me/a/b/images/"])
def test_records_name_paths_of_somebody_elses_disk(prefix: str, tmp_path: Path) -> None:
    records = [
        {"filepath": f"{prefix}train/a.jpg", "size": 9, "caption": "one", "categories": None, "objects": None},
        {"filepath": f"{prefix}train/train/a.jpg", "size": 9, "caption": "two", "categories": [1], "objects": None},
    ]
    rows = [row("train/a.jpg"), row("train/train/a.jpg")]
    folder = shard(tmp_path / "train", *rows, records=records).parent
    with read(folder) as found:
        captions = {record.file_name: record.caption for record in found.dataset.records}
    assert captions == {"train/a.png": "one", "train/train/a.png": "two"}


def test_a_path_of_many_folders_takes_no_time(tmp_path: Path) -> None:
    folder = shard(tmp_path, row(), records=[{"filepath": "a/" * 200_000 + "a.jpg", "size": 1}])
    with pytest.raises(InvalidMetadataError, match="no shard has this image"), read(folder):
        pass


def test_only_the_path_says_which_image_a_line_is_of(tmp_path: Path) -> None:
    line = {"filepath": "data/a.jpg", "file_name": "b.png", "size": 1, "caption": "of a"}
    with read(shard(tmp_path, row("a.jpg"), row("b.jpg"), records=[line])) as found:
        assert {record.file_name: record.caption for record in found.dataset} == {"a.png": "of a", "b.png": None}


@pytest.mark.parametrize("path", [".a.jpg", "b/.hidden/a.jpg"])
def test_images_that_would_be_hidden_are_refused_and_not_lost(path: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="would be passed over"), read(shard(tmp_path, row("c.jpg"), row(path))):
        pass


def test_a_path_that_fits_two_images_is_the_longer_one(tmp_path: Path) -> None:
    folder = shard(
        tmp_path, row("a/x.jpg"), row("x.jpg"), records=[{"filepath": "a/x.jpg", "size": 9, "caption": "one"}]
    )
    with read(folder) as found:
        assert {record.file_name: record.caption for record in found.dataset.records} == {
            "a/x.png": "one",
            "x.png": None,
        }


def test_an_image_in_two_splits_is_one_image(tmp_path: Path) -> None:
    record = {"filepath": "train/a.jpg", "size": 9, "caption": "one"}
    shard(tmp_path / "train", row("train/a.jpg"), records=[record])
    shard(tmp_path / "test", row("train/a.jpg"), row("test/b.jpg"), records=[record])
    with read(tmp_path) as found:
        assert dict(found.dataset.splits) == {"train": ("train/a.png",), "test": ("train/a.png", "test/b.png")}
        assert len(found.dataset) == 2
    shard(tmp_path / "eval", row("train/a.jpg", bytes=bytes(18)))
    with pytest.raises(FormatError, match=r"train/a\.jpg has other pixels than in a row before"), read(tmp_path):
        pass


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (row(bytes=bytes(17)), r"row 2: 3 x 2 pixels of the type RGB are 18 bytes, and 17 are there"),
        (row(height=0, bytes=b""), "row 2: an image has 1 to"),
        (row(height=-2), "row 2: an image has 1 to"),
        (row(height=MAX_PIXELS, width=2), "row 2: an image has 1 to"),
        (row(mode="YCbCr"), r"row 2: pixels of the type 'YCbCr' can't be imported"),
        (row(mode="\x1b[2J"), r"row 2: pixels of the type '\\x1b\[2J'"),
        (row(mode=None), "row 2: there is no mode"),
        (row(path=None), "row 2: there is no path"),
        (row(bytes=None), "row 2: there is no bytes"),
        (row(path="../../etc/passwd"), r"row 2: the path '../../etc/passwd' has a '\.\.' part"),
        (row(path="/etc/passwd"), "row 2: the path '/etc/passwd' is absolute"),
        (row(path="A.jpg"), "would both be called"),
    ],
)
def test_what_can_be_no_image_is_refused(
    damaged: dict[str, Any], said: str, tmp_path: Path, registry: CardRegistry
) -> None:
    first = row("a.jpg.png") if damaged["path"] == "A.jpg" else row("sound.jpg")
    more = [row("a.png")] if damaged["path"] == "A.jpg" else []
    folder = shard(tmp_path / "stored" / "train", first, damaged, *more).parent
    with pytest.raises(FormatError, match=said) as caught:
        import_dataset(folder, registry, "lab/old")
    if "row" in said:
        assert str(caught.value).startswith("train/shard-")
    assert registry.store.children("") == []


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    folder = shard(tmp_path / "stored", row())
    (file,) = folder.glob("shard-*")
    whole = file.read_bytes()
    for damaged in (b"", whole[:-9], whole[: len(whole) // 2], b"PAR1" + bytes(99) + b"PAR1"):
        file.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"shard-0+\.parquet can't be read as Parquet"), read(folder):
            pass
    pq.write_table(pa.table({"path": ["a"], "mode": ["L"]}), file)
    with pytest.raises(FormatError, match="has no column height: opsml 2 wrote path"), read(folder):
        pass
    other = {"path": ["a"], "mode": ["L"], "height": ["1"], "width": [1], "bytes": [b"1"]}
    pq.write_table(pa.table(other), file)
    with pytest.raises(FormatError, match=r"the column height of .* is string, not int32"), read(folder):
        pass


@given(data=st.data())
def test_damage_anywhere_is_an_error_of_ours_or_harmless(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stored")
    shard(folder, row(), row("b.jpg"), records=[{"filepath": "images/a.jpg", "size": 1, "caption": "one"}])
    file = data.draw(st.sampled_from(sorted(folder.iterdir())))
    content = bytearray(file.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    with suppress(FormatError, InvalidMetadataError), read(folder) as found:
        assert len(found.dataset) <= 2


@pytest.mark.parametrize(
    ("line", "rule", "number"),
    [
        ('{"filepath": "images/nothing.jpg", "size": 1}', "missing-file", 3),
        ('{"filepath": "images/a.jpg", "objects": {"bbox": [[0, 0, 1, 1]], "categories": []}}', "bbox-length", 3),
        ('{"filepath": 7}', "", 3),
        ("nonsense", "", 3),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_its_number(line: str, rule: str, number: int, tmp_path: Path) -> None:
    folder = shard(tmp_path / "stored" / "train", row("a.jpg"))
    (folder / "metadata.jsonl").write_text('\ufeff{"filepath": "images/a.jpg", "size": 1}\n\n' + line + "\n")
    with pytest.raises(InvalidMetadataError) as caught, read(folder.parent):
        pass
    (issue,) = caught.value.issues
    assert (issue.file, issue.line) == ("train/metadata.jsonl", number)
    assert rule in ("", "bbox-length") or issue.rule == rule


def test_a_split_that_lost_its_shards_is_told(tmp_path: Path) -> None:
    shard(tmp_path / "train", row("train/a.jpg"))
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "metadata.jsonl").write_text('{"filepath": "images/test/b.jpg", "size": 1}\n')
    with pytest.raises(InvalidMetadataError, match=r"test/metadata\.jsonl:1: filepath: no shard has"), read(tmp_path):
        pass


@pytest.mark.parametrize("link", ["train/shard-x.parquet", "train/metadata.jsonl", "test"])
def test_links_are_refused_and_not_left_out(link: str, tmp_path: Path) -> None:
    elsewhere = shard(tmp_path / "elsewhere", row("test/a.jpg"), records=[{"filepath": "test/a.jpg", "size": 1}])
    (elsewhere / "file").write_bytes(b"")
    shard(tmp_path / "stored" / "train", row("train/a.jpg"))
    (tmp_path / "stored" / link).symlink_to(elsewhere if link == "test" else elsewhere / "file")
    with pytest.raises(FormatError, match="is a symbolic link"), read(tmp_path / "stored"):
        pass


def test_a_folder_of_opsml_1_is_registered_as_it_is(tmp_path: Path, registry: CardRegistry) -> None:
    folder = tmp_path / "image_dir"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("0001.png", "sub/0002.png")):
        (folder / name).write_bytes(png(seed=number))
    objects = {"bbox": [[0.0, 1.0, 2.0, 2.5]], "categories": ["cat"]}
    first = {"file_name": "0001.png", "caption": "Größe", "categories": None, "objects": objects}
    second = {"file_name": "sub/0002.png", "caption": None, "categories": ["a"], "objects": None}
    text = f"\ufeff{json.dumps(first)}\n\n{json.dumps(second)}\n{json.dumps(second)}\n"
    (folder / "metadata.jsonl").write_text(text)
    card, found = import_dataset(folder, registry, "lab/old", version="1.0.0", description="from before")
    opened = registry.open(card.ref)
    assert isinstance(opened, ImageDataset)
    assert (found.layout, found.renamed, found.notes) == (1, {}, ())
    assert [record.file_name for record in opened.records] == ["0001.png", "sub/0002.png"]
    assert opened.read_bytes("sub/0002.png") == png(seed=1)
    assert opened.records[0].caption == "Größe"
    assert opened.records[0].objects is not None
    assert opened.records[0].objects.categories == ["cat"]
    assert opened.records[1].objects is None
    assert (str(card.version), card.description) == ("1.0.0", "from before")


def test_a_folder_of_opsml_1_is_validated_when_it_is_read(make_folder: MakeFolder) -> None:
    folder = make_folder(1)
    (folder / "metadata.jsonl").write_text(
        '{"file_name":"000.png"}\n{"file_name":"../../a.png"}\n{"file_name":"b.png"}\n'
    )
    with pytest.raises(InvalidMetadataError) as caught, read(folder):
        pass
    assert [(issue.line, issue.rule) for issue in caught.value.issues] == [(2, "unsafe-path"), (3, "missing-file")]


def test_what_opsml_1_did_not_see_is_told(make_folder: MakeFolder, registry: CardRegistry) -> None:
    folder = make_folder(1)
    lines = [
        {"file_name": "gone.png", "caption": None, "categories": None, "objects": None},
        {"file_name": "000.png", "caption": None, "categories": None, "objects": {"bbox": [[1]], "categories": ["a"]}},
        {"file_name": "../../etc/passwd", "caption": None, "categories": None, "objects": None},
    ]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(InvalidMetadataError) as caught:
        import_dataset(folder, registry, "lab/old")
    assert {1, 2, 3} >= {issue.line for issue in caught.value.issues} >= {2, 3}
    assert registry.store.children("") == []


def test_other_folders_are_none_of_opsmls(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"), read(tmp_path / "nothing"):
        pass
    with pytest.raises(NotFoundError, match="no shard-"), read(tmp_path):
        pass


ENDINGS = st.sampled_from(["", ".jpg", ".JPG", ".png", ".PNG", ".tif", ".jpg.png", ".png.png"])
NAMES = st.tuples(st.sampled_from(["", "a/"]), st.sampled_from("abA"), ENDINGS).map("".join)


@given(st.dictionaries(NAMES, st.sampled_from([".png", ".tiff"]), max_size=6))
def test_no_two_images_get_one_name(endings: dict[str, str]) -> None:
    try:
        names = new_names(endings)
    except FormatError:
        return
    assert list(names) == list(endings)
    assert len({collision_key(name) for name in names.values()}) == len(endings)
    assert all(new.lower().endswith(endings[old]) for old, new in names.items())
    assert new_names(dict(reversed(endings.items()))) == names


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["a.jpg", "b.jpeg"], ["a.png", "b.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png"]),
        (["a.jpg", "A.png"], ["a.jpg.png", "A.png"]),
        (["a.jpg", "a.bmp"], ["a.jpg.png", "a.bmp.png"]),
        (["a.jpg", "b/a.jpg", "v1.2/c"], ["a.png", "b/a.png", "v1.2/c.png"]),
    ],
)
def test_names_say_what_the_files_are_now(old: list[str], new: list[str]) -> None:
    assert list(new_names(dict.fromkeys(old, ".png")).values()) == new


def test_the_command_says_what_became_of_it(run: Run, tmp_path: Path) -> None:
    registry = ("--registry", tmp_path / "cards")
    done = run("opsml", "import", GOLDEN / "stored", "lab/old", *registry)
    assert done.code == 0
    assert done.out.startswith("registered lab/old@1.0.0: 11 images")
    assert "5 images got another ending: test/a.jpg is test/a.png" in done.out
    assert "palette" in done.err
    again = run("opsml", "import", GOLDEN / "stored", "lab/old", *registry, "--json")
    assert (again.json["new"], again.json["opsml"], len(again.json["renamed"])) == (False, 2, 5)
    assert run("opsml", "import", tmp_path / "nowhere", "lab/old", *registry).code == 3
    damaged = shard(tmp_path / "stored", row(bytes=b"x"))
    assert run("opsml", "import", damaged, "lab/old", *registry).code == 1


def test_importing_needs_no_opsml(monkeypatch: pytest.MonkeyPatch, registry: CardRegistry) -> None:
    monkeypatch.setitem(__import__("sys").modules, "opsml", None)
    assert import_dataset(GOLDEN / "stored", registry, "lab/old")[1].layout == 2
