"""Zips: a folder in one file, read member by member, and hostile ones refused before anything is read."""

import gc
import os
import pickle
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import ValidationError
from tests.conftest import png
from tests.remote import upload, write

from imagecards import ImageDataset
from imagecards.datasets.source import origins_of
from imagecards.datasets.zips import ZipSource, open_zip, unpack
from imagecards.datasets.zips import source as zip_source
from imagecards.errors import FormatError, IntegrityError, NotFoundError, StorageError
from imagecards.temporary import TemporaryPlace

MakeFolder = Callable[..., Path]


def pack(folder: Path, to: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip of what is in a folder."""
    with zipfile.ZipFile(to, "w", method) as made:
        for place in sorted(folder.rglob("*")):
            made.write(place, place.relative_to(folder))
    return to


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_is_the_dataset_that_its_folder_is(make_folder: MakeFolder, tmp_path: Path, method: int) -> None:
    folder = make_folder({"a.png": {"caption": "one"}, "sub/ü.png": {}, "c.png": None})
    for hidden in (".hidden/d.png", "__MACOSX/._a.png", "sub/.DS_Store"):
        (folder / hidden).parent.mkdir(exist_ok=True)
        (folder / hidden).write_bytes(b"nothing")
    packed = pack(folder, tmp_path / "Images.ZIP", method)
    there = ImageDataset(image_dir=packed)
    for hidden in ("__MACOSX/._a.png", "__MACOSX"):
        os.unlink(folder / hidden) if "." in hidden else os.rmdir(folder / hidden)
    here = ImageDataset(image_dir=folder)
    assert there.image_dir is None
    assert there.names == here.names
    assert there.table.equals(here.table)
    assert there.facts.equals(here.facts)
    assert there.validate().render() == here.validate().render()
    assert list(there.read_many()) == list(here.read_many())
    assert list(pickle.loads(pickle.dumps(there)).read_many()) == list(here.read_many())
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(there.read_bytes, there.names * 8)) == list(here.read_many(here.names * 8))
    there.source.close()
    assert there.read_bytes("a.png") == png(seed=0)
    [origin] = origins_of(there.source)
    content = packed.read_bytes()
    assert origin == ("Images.ZIP", len(content), sha256(content).digest())
    with pytest.raises(NotFoundError):
        there.read_bytes("no.png")


def test_a_zip_behind_a_url_is_downloaded_once_and_goes_with_its_dataset(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(3)
    (tmp_path / "there").mkdir()
    packed = pack(folder, tmp_path / "there" / "images.zip")
    url = f"{upload(packed.parent)}/images.zip"
    dataset = ImageDataset(image_dir=url)
    write(url, b"replaced")
    assert list(dataset.read_many()) == list(ImageDataset(image_dir=folder).read_many())
    assert isinstance(dataset.source, ZipSource)
    assert dataset.source.origin == (url, packed.stat().st_size, sha256(packed.read_bytes()).digest())
    kept = Path(dataset.source.path)
    assert kept.exists()
    del dataset
    assert not kept.exists()
    with pytest.raises(ValidationError, match="doesn't exist"):
        ImageDataset(image_dir=f"{url[:-4]}-not.zip")


def made(tmp_path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    place = tmp_path / "hostile.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as packed:
        warnings.simplefilter("ignore")  # of names that are there twice
        for name, data in members:
            packed.writestr(name, data)
    return place


def member(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


@pytest.mark.parametrize(
    "name",
    [
        "../a.png",
        "/etc/a.png",
        "a/../../b.png",
        "..\\a.png",
        "C:/a.png",
        "file:///a.png",
        "a//b.png",
        "./a.png",
        "com1.png",
        "a\u202e.png",
        "a\n.png",
        "~/a.png",
        "../",
        "x" * 300 + ".png",
    ],
)
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(FormatError, match="is not read: its member"):
        ImageDataset(image_dir=made(tmp_path, ("good.png", png()), (name, png())))


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([("a.png", b"1"), ("a.png", b"2")], "is there twice"),
        ([("a.png", b"1"), ("A.PNG", b"2")], "is one file with a.png"),
        ([("straße.png", b"1"), ("STRASSE.png", b"2")], "is one file with"),
        ([("a", b"1"), ("a/b.png", b"2")], "is a file, and a folder of"),
        ([("A", b"1"), ("a/b.png", b"2")], "is a file, and a folder of"),
        ([(member("a.png", stat.S_IFLNK | 0o777), b"/etc/passwd")], "is a symbolic link"),
        ([(member("a.png", stat.S_IFIFO | 0o644), b"")], "is neither a file nor a folder"),
        ([(member("a.png", stat.S_IFCHR | 0o644), b"")], "is neither a file nor a folder"),
    ],
)
def test_members_that_are_no_plain_files_are_refused(
    tmp_path: Path, members: list[tuple[str | zipfile.ZipInfo, bytes]], reason: str
) -> None:
    with pytest.raises(FormatError, match=reason):
        ImageDataset(image_dir=made(tmp_path, *members))


def changed(place: Path, offset: int, code: str, value: int, *, local: bool = False) -> Path:
    """Let the directory (or the header) of the first member say something else."""
    data = bytearray(place.read_bytes())
    start = data.find(b"PK\x03\x04" if local else b"PK\x01\x02")
    struct.pack_into(code, data, start + offset, value)
    place.write_bytes(data)
    return place


_FLAGS, _METHOD, _CRC, _PACKED, _SIZE, _HEADER = 8, 10, 16, 20, 24, 42


def test_encrypted_members_and_other_methods_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="is encrypted"):
        ImageDataset(image_dir=changed(made(tmp_path, ("a.png", png())), _FLAGS, "<H", 1))
    with pytest.raises(FormatError, match="is packed by method 14"):
        ImageDataset(image_dir=changed(made(tmp_path, ("a.png", png())), _METHOD, "<H", 14))


def test_sizes_that_lie_are_found(tmp_path: Path) -> None:
    image = os.urandom(5000)
    for size in (4999, 5001, 100):
        dataset = ImageDataset(image_dir=changed(made(tmp_path, ("a.png", image)), _SIZE, "<L", size))
        with pytest.raises(IntegrityError, match="is damaged"):
            dataset.read_bytes("a.png")
        assert [issue.rule for issue in dataset.validate()] == ["damaged-image"]
    with pytest.raises(FormatError, match="which no packing can do"):
        ImageDataset(image_dir=changed(made(tmp_path, ("a.png", png())), _SIZE, "<L", 2**30))
    with pytest.raises(FormatError, match="the limit in a zip"):
        ImageDataset(image_dir=changed(made(tmp_path, ("a.png", png())), _SIZE, "<L", 2**31))
    with pytest.raises(FormatError, match="reaches beyond the end"):
        ImageDataset(image_dir=changed(made(tmp_path, ("a.png", png())), _PACKED, "<L", 2**20))
    dataset = ImageDataset(image_dir=changed(made(tmp_path, ("a.png", image)), _CRC, "<L", 1))
    with pytest.raises(IntegrityError, match="CRC"):
        dataset.read_bytes("a.png")


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = made(tmp_path, ("a.png", bytes(30 << 20)))
    assert bomb.stat().st_size < 100_000
    dataset = ImageDataset(image_dir=bomb)  # 1,029 : 1, which deflate can do, and 30 MB, which anybody can hold
    assert len(dataset.read_bytes("a.png")) == 30 << 20
    with pytest.raises(FormatError, match="which no packing can do"):
        ImageDataset(image_dir=changed(bomb, _SIZE, "<L", 100 << 20))


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    place = made(tmp_path, ("a.png", png(seed=1)), ("b.png", png(seed=2)))
    data = bytearray(place.read_bytes())
    second = data.find(b"PK\x01\x02", data.find(b"PK\x01\x02") + 4)
    struct.pack_into("<L", data, second + _HEADER, 0)
    place.write_bytes(data)
    with pytest.raises(FormatError, match=r"lies in the bytes of"):
        ImageDataset(image_dir=place)


def test_a_directory_that_takes_too_much_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_source, "_LARGEST_READ", 2000)
    with pytest.raises(FormatError, match="its directory is larger"):
        ImageDataset(image_dir=made(tmp_path, *((f"{number:05d}.png", b"") for number in range(100))))


def test_a_pointer_is_not_the_zip(tmp_path: Path) -> None:
    place = tmp_path / "xami.zip"
    place.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 50886551\n")
    for given in (place, f"{upload(tmp_path)}/xami.zip"):
        with pytest.raises(FormatError, match="is a Git LFS pointer"):
            ImageDataset(image_dir=given)


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04", b"PK\x05\x06" + bytes(18), png()])
def test_what_is_no_zip(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "a.zip"
    place.write_bytes(data)
    if data.startswith(b"PK\x05"):
        assert len(ImageDataset(image_dir=place)) == 0
    else:
        with pytest.raises(FormatError, match="is no zip"):
            ImageDataset(image_dir=place)


def test_no_changed_byte_is_believed(tmp_path: Path) -> None:
    whole = made(tmp_path, ("a.png", png(seed=1)), ("metadata.jsonl", b'{"file_name": "a.png"}\n')).read_bytes()
    place = tmp_path / "changed.zip"
    for number in range(0, len(whole), 3):
        data = bytearray(whole)
        data[number] ^= 0x41
        place.write_bytes(data)
        try:
            source = ZipSource(place)
            found = {file.name: source.read(file.name) for file in source.scan().files}
        except (FormatError, IntegrityError):
            continue
        assert set(found.values()) <= {png(seed=1), b'{"file_name": "a.png"}\n'}


def test_a_zip_that_is_replaced_is_not_read_on(tmp_path: Path) -> None:
    source = ZipSource(made(tmp_path, ("a.png", png())))
    copy = pickle.loads(pickle.dumps(source))
    made(tmp_path, ("a.png", png(seed=7)))
    with pytest.raises(StorageError, match="was changed"):
        copy.read("a.png")
    with pytest.raises(StorageError, match="was changed"):
        _ = source.origin


def test_unpacking_stays_in_its_folder_and_leaves_nothing(
    tmp_path: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a.png": {}, "sub/b.png": {}})
    place = unpack(open_zip(str(pack(folder, tmp_path / "a.zip"))))
    path = place.path
    files = {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}
    assert files == {"zip/a.png", "zip/sub/b.png", "zip/metadata.jsonl"}
    del place
    assert not path.exists()
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10})())
    with pytest.raises(StorageError, match="bytes unpacked"):
        unpack(open_zip(str(tmp_path / "a.zip")))


def test_a_download_is_held_against_what_its_store_says(
    make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"memory://zips-{tmp_path.name}/x.zip"
    content = pack(make_folder(2), tmp_path / "x.zip").read_bytes()
    write(url, content)
    stated = sha256(content).digest()
    monkeypatch.setattr("imagecards.datasets.remote.plain.PlainObjects.sha256", lambda self, entry: stated)
    assert open_zip(url).origin.sha256 == stated
    stated = bytes(32)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    with pytest.raises(IntegrityError, match=r"x\.zip has other bytes than its store says"):
        open_zip(url)
    monkeypatch.setattr("imagecards.datasets.zips.opening.MAX_FILE_BYTES", 99)
    with pytest.raises(FormatError, match="the limit of a zip is 99"):
        open_zip(url)
    gc.collect()
    assert [*(tmp_path / "t").iterdir()] == []


def in_a_fork(work: Callable[[], bool]) -> bool:
    """What a forked process finds."""
    process = os.fork()
    if not process:
        found = False
        try:
            found = work()
        finally:
            os._exit(0 if found else 1)
    return os.waitpid(process, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux tells what a process has open")
def test_a_forked_process_opens_the_zip_itself(make_folder: MakeFolder, tmp_path: Path) -> None:
    """What it has from its parent has one position for both."""
    source = ZipSource(pack(make_folder(3), tmp_path / "x.zip"))
    expected = [*source.read_many(["000.png", "002.png"])]

    def handles() -> int:
        links = [path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
        return links.count(tmp_path / "x.zip")

    def opens_it() -> bool:
        before = handles()
        return [*source.read_many(["000.png", "002.png"])] == expected and handles() == before + 1

    assert handles() == 1
    assert in_a_fork(opens_it)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_does_not_take_the_folder_along() -> None:
    places = [TemporaryPlace("zip")]
    path = places[0].path

    def drops_it() -> bool:
        places.clear()
        gc.collect()
        return path.is_dir()

    assert in_a_fork(drops_it)
    assert path.is_dir()
    places.clear()
    assert not path.exists()


def test_an_empty_member_is_held_against_its_checksum_too(tmp_path: Path) -> None:
    place = made(tmp_path, ("a.txt", b""))
    data = bytearray(place.read_bytes())
    directory = data.index(b"PK\1\2")
    data[directory + 16] ^= 1
    place.write_bytes(data)
    with pytest.raises(IntegrityError, match=r"a\.txt in .* is damaged"):
        ZipSource(place).read("a.txt")
