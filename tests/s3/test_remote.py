"""Images in a bucket, registered or read from where they lie."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from s3fs import S3FileSystem
from tests.conftest import png
from tests.s3.conftest import client_of

from imagecards import ImageDataset
from imagecards.datasets.remote import ObjectChangedError, RemoteSource, s3
from imagecards.errors import NotFoundError, StorageError

MakeFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_old_connection() -> Iterator[None]:
    """The connection of a test before leads to another server."""
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


def put(bucket: str, objects: dict[str, bytes]) -> None:
    with client_of(bucket) as call:
        for key, data in objects.items():
            call("put_object", Key=key, Body=data)


def upload(bucket: str, folder: Path) -> str:
    files = {f"im ages/{place.relative_to(folder)}": place for place in folder.rglob("*") if place.is_file()}
    put(bucket, {key: place.read_bytes() for key, place in files.items()})
    return f"s3://{bucket}/im ages"


def test_a_bucket_is_listed_and_read(bucket: str, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder({"a.png": {"caption": "x"}, "sub/ü b.png": {}, "c%41.png": {}})
    url = upload(bucket, folder)
    put(bucket, {"im ages/": b"", "im ages/sub/": b"", "im agesX/d.png": png()})
    ask = s3._ask

    def in_small_pages(url: str, operation: str, etag: str | None = None, **arguments: object) -> dict[str, object]:
        more = {"MaxKeys": 2} if operation == "list_objects_v2" else {}
        return ask(url, operation, etag, **arguments, **more)

    monkeypatch.setattr(s3, "_ask", in_small_pages)
    here, there = ImageDataset(image_dir=folder), ImageDataset(image_dir=url + "/")
    assert there.names == here.names
    assert there.validate().ok
    assert there.facts.equals(here.facts)
    assert list(there.read_many()) == list(here.read_many())
    assert isinstance(there.source, RemoteSource)
    assert all(each.etag for each in there.source.objects.values())


def test_what_changed_since_the_listing_is_not_read(bucket: str, make_folder: MakeFolder) -> None:
    dataset = ImageDataset(image_dir=upload(bucket, make_folder(2)))
    put(bucket, {"im ages/000.png": png(seed=9)})
    with pytest.raises(ObjectChangedError, match="its ETag is"):
        dataset.read_bytes("000.png")
    with client_of(bucket) as call:
        call("delete_object", Key="im ages/001.png")
    with pytest.raises(NotFoundError, match="doesn't exist"):
        dataset.read_bytes("001.png")


def test_no_such_bucket(bucket: str) -> None:
    with pytest.raises(StorageError, match="there is no such bucket"):
        ImageDataset(image_dir=f"s3://{bucket}-not/images")
