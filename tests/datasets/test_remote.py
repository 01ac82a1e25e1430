"""Datasets behind URLs: listed once, validated by the first bytes, read as they were listed."""

import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError
from tests.conftest import png
from tests.remote import count_reads, remove, upload, write

from imagecards import ImageDataset
from imagecards.datasets import examine_bytes
from imagecards.datasets.remote import ObjectChangedError, RemoteSource, check_url
from imagecards.datasets.remote.examine import examine_heads
from imagecards.datasets.remote.objects import RemoteObject
from imagecards.datasets.remote.plain import PlainObjects
from imagecards.errors import InvalidInputError, NotFoundError, StorageError

MakeFolder = Callable[..., Path]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    return count_reads(monkeypatch)


def test_a_folder_behind_a_url_is_the_dataset_that_it_is_on_disk(make_folder: MakeFolder) -> None:
    folder = make_folder({"a.png": {"caption": "one"}, "sub/b.png": {}, "c.png": None})
    (folder / ".hidden").mkdir()
    (folder / ".hidden" / "d.png").write_bytes(b"nothing")
    here, there = ImageDataset(image_dir=folder), ImageDataset(image_dir=upload(folder))
    assert there.image_dir is None
    assert there.names == here.names == ("a.png", "sub/b.png", "c.png")
    assert there.table.equals(here.table)
    assert there.facts.equals(here.facts)
    assert there.validate().render() == here.validate().render()
    assert list(there.read_many()) == list(here.read_many())
    assert list(pickle.loads(pickle.dumps(there)).read_many()) == list(here.read_many())


def test_sub_folders_with_metadata_are_splits(make_folder: MakeFolder) -> None:
    folder = make_folder({"a.png": {}}, name="both/train").parent
    make_folder({"b.png": {}}, name="both/test", seed=1)
    there = ImageDataset(image_dir=upload(folder))
    assert dict(there.splits) == {"test": ("test/b.png",), "train": ("train/a.png",)}


def test_it_is_listed_once(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    url = upload(make_folder(3))
    listed = []
    find = PlainObjects.list

    def counting(self: PlainObjects, url: str, *, deep: bool = True) -> list[RemoteObject]:
        listed.append(url)
        return find(self, url, deep=deep)

    monkeypatch.setattr(PlainObjects, "list", counting)
    dataset = ImageDataset(image_dir=url)
    assert len(dataset) == 3
    assert dataset.validate().ok
    assert dataset.summary["images"] == 3
    assert listed == [url]


def _noise(kind: str, side: int = 400) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file := BytesIO(), kind)
    return file.getvalue()


def test_only_the_first_bytes_of_large_images_are_read_to_validate(
    tmp_path: Path, reads: list[tuple[str, int]]
) -> None:
    files = {
        "a.png": _noise("PNG"),
        "b.jpg": _noise("JPEG", 800),
        "c.tif": _noise("TIFF"),
        "d.webp": _noise("WEBP", 900),
    }
    for name, data in files.items():
        assert len(data) > 3 * 65536
        (tmp_path / name).write_bytes(data)
    dataset = ImageDataset(image_dir=upload(tmp_path))
    assert dataset.validate().ok
    assert {name for name, _ in reads} == set(files)
    assert max(size for _, size in reads) <= 65536
    assert len(reads) <= 6  # of TIFF the directory may lie at the end


def test_headers_say_what_whole_files_say(tmp_path: Path) -> None:
    exif = b"\xff\xe1\xff\xfeExif\0\0" + bytes(65526)
    jpeg = _noise("JPEG", 300)
    samples = {kind: _noise(kind, 200) for kind in ("PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF")}
    samples["far.JPEG"] = jpeg[:2] + 3 * exif + jpeg[2:]  # the size comes behind 196 kB
    for kind, data in list(samples.items()):
        samples[f"half {kind}"] = data[: len(data) // 2]
        samples[f"head {kind}"] = data[:20]
    samples |= {"empty.PNG": b"", "text.PNG": b"no image " * 20_000}
    suffix = {"PNG": "png", "JPEG": "jpg", "TIFF": "tif", "WEBP": "webp", "BMP": "bmp", "GIF": "gif"}
    names = {kind: f"{number:02d}.{suffix[kind.split()[-1].split('.')[-1]]}" for number, kind in enumerate(samples)}
    for kind, data in samples.items():
        (tmp_path / names[kind]).write_bytes(data)
    source = RemoteSource.open(upload(tmp_path))
    heads = examine_heads(source, sorted(names.values()))
    whole = [examine_bytes(names[kind], data) for kind, data in samples.items()]
    columns = ("width", "height", "mode", "format")
    assert heads.facts.select(columns).to_pylist() == [
        dict(zip(columns, each.info or (None,) * 4, strict=True)) for each in whole
    ]
    errors = [each.issue for each in whole if each.issue is not None and each.issue.severity == "error"]
    assert [(issue.file, issue.rule) for issue in heads.issues] == [(issue.file, issue.rule) for issue in errors]


def test_what_was_replaced_or_deleted_since_it_was_listed_is_not_read(make_folder: MakeFolder) -> None:
    url = upload(make_folder(3))
    dataset = ImageDataset(image_dir=url)
    write(f"{url}/000.png", png(seed=0) + b"longer")
    write(f"{url}/001.png", b"shorter")
    remove(f"{url}/002.png")
    for name in ("000.png", "001.png"):
        with pytest.raises(ObjectChangedError, match="was changed"):
            dataset.read_bytes(name)
    with pytest.raises(NotFoundError, match="doesn't exist"):
        dataset.read_bytes("002.png")


def test_a_worker_pool_reads_as_well(make_folder: MakeFolder) -> None:
    folder = make_folder(5)
    dataset = ImageDataset(image_dir=upload(folder))
    from imagecards.datasets.remote.examine import examine_objects

    assert isinstance(dataset.source, RemoteSource)
    with ThreadPoolExecutor(2) as pool:
        found = examine_objects(dataset.source, dataset.names, executor=pool)
    assert found.facts.equals(ImageDataset(image_dir=folder).facts)


@pytest.mark.parametrize(
    "url",
    [
        "s3://AKIASECRETKEY:hidden/word@bucket/images",
        "s3://AKIASECRETKEY:hidden@bucket/images",
        "s3://bucket/images?X-Amz-Signature=hidden",
        "s3://bucket/images#hidden",
        "https://user:hidden@host/images",
        "file:///etc/hidden",
        "ftp://host/hidden",
        "zip://hidden.png::s3://bucket/a.zip",
        "simplecache::s3://bucket/hidden",
        "s3://bucket/a//hidden",
        "s3://bucket/../hidden",
        "s3:///hidden",
    ],
)
def test_urls_with_secrets_or_of_other_kinds_are_refused_and_not_shown(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_url(url)
    assert "hidden" not in str(caught.value)
    if "::" not in url.split("//")[0]:
        with pytest.raises(ValidationError) as refused:
            ImageDataset(image_dir=url)
        assert "hidden" not in str(refused.value)


def test_nothing_there_and_no_such_metadata(make_folder: MakeFolder) -> None:
    with pytest.raises(ValidationError, match="has no files"):
        ImageDataset(image_dir="memory://bucket/nowhere")
    url = upload(make_folder(1))
    with pytest.raises(ValidationError, match=r"metadata file blah\.jsonl does not exist"):
        ImageDataset(image_dir=url, metadata="blah.jsonl")
    assert len(ImageDataset(image_dir=url, metadata="metadata.jsonl")) == 1


def test_names_that_no_url_can_hold_are_issues(make_folder: MakeFolder) -> None:
    url = upload(make_folder(1))
    write(f"{url}/what?.png", png())
    report = ImageDataset(image_dir=url).validate()
    assert [(issue.file, issue.rule) for issue in report] == [("what?.png", "unsafe-name")]


def test_errors_of_the_store_tell_no_secrets(make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = ImageDataset(image_dir=upload(make_folder(1)))

    def fail(self: PlainObjects) -> None:
        raise OSError("https://host/?X-Amz-Signature=hidden failed")

    monkeypatch.setattr(PlainObjects, "system", fail)
    with pytest.raises(StorageError, match="can't be read") as caught:
        dataset.read_bytes("000.png")
    assert "hidden" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
