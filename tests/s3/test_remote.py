"""Images in a bucket, registered or read from where they lie."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from s3fs import S3FileSystem
from tests.conftest import png

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets.remote import ObjectChangedError, RemoteSource, s3
from imagecards.errors import IntegrityError, NotFoundError, StorageError
from imagecards.registry.linked_source import LinkedSource

MakeFolder = Callable[..., Path]
Call = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _no_old_connection() -> Iterator[None]:
    """The connection of a test before leads to another server."""
    S3FileSystem.clear_instance_cache()
    yield
    S3FileSystem.clear_instance_cache()


@pytest.fixture
def call(bucket: str) -> Call:
    """Requests past the package, on the connection that it uses itself."""
    ask = s3._ask
    return lambda operation, **arguments: ask(f"s3://{bucket}", operation, {"Bucket": bucket, **arguments})


def put(call: Call, objects: dict[str, bytes]) -> None:
    for key, data in objects.items():
        call("put_object", Key=key, Body=data)


def upload(call: Call, bucket: str, folder: Path) -> str:
    files = {f"im ages/{place.relative_to(folder)}": place for place in folder.rglob("*") if place.is_file()}
    put(call, {key: place.read_bytes() for key, place in files.items()})
    return f"s3://{bucket}/im ages"


def test_a_bucket_is_listed_and_read(
    bucket: str, call: Call, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a.png": {"caption": "x"}, "sub/ü b.png": {}, "c%41.png": {}})
    url = upload(call, bucket, folder)
    put(call, {"im ages/": b"", "im ages/sub/": b"", "im agesX/d.png": png()})
    ask = s3._ask

    def in_small_pages(url: str, operation: str, arguments: dict[str, Any], *wanted: Any) -> dict[str, Any]:
        more = {"MaxKeys": 2} if operation == "list_objects_v2" else {}
        return ask(url, operation, arguments | more, *wanted)

    monkeypatch.setattr(s3, "_ask", in_small_pages)
    here, there = ImageDataset(image_dir=folder), ImageDataset(image_dir=url + "/")
    assert there.names == here.names
    assert there.validate().ok
    assert there.facts.equals(here.facts)
    assert list(there.read_many()) == list(here.read_many())
    assert isinstance(there.source, RemoteSource)
    assert all(each.etag for each in there.source.objects.values())


def test_what_changed_since_the_listing_is_not_read(bucket: str, call: Call, make_folder: MakeFolder) -> None:
    dataset = ImageDataset(image_dir=upload(call, bucket, make_folder(2)))
    put(call, {"im ages/000.png": png(seed=9)})
    with pytest.raises(ObjectChangedError, match="its ETag is"):
        dataset.read_bytes("000.png")
    call("delete_object", Key="im ages/001.png")
    with pytest.raises(NotFoundError, match="doesn't exist"):
        dataset.read_bytes("001.png")


def test_no_such_bucket(bucket: str) -> None:
    with pytest.raises(StorageError, match="there is no such bucket"):
        ImageDataset(image_dir=f"s3://{bucket}-not/images")


def test_images_of_a_bucket_are_registered_where_they_lie(
    bucket: str, call: Call, registry: CardRegistry, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(4)
    url = upload(call, bucket, folder)
    linked = registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    assert linked.dataset_digest == registry.register(ImageDataset(image_dir=folder), "a/folder").dataset_digest
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert list(opened.read_many()) == list(ImageDataset(image_dir=folder).read_many())

    asked: list[str] = []
    ask = s3._ask

    def counting(url: str, operation: str, arguments: dict[str, Any], *wanted: Any) -> dict[str, Any]:
        asked.append(operation)
        return ask(url, operation, arguments, *wanted)

    monkeypatch.setattr(s3, "_ask", counting)
    assert registry.register(ImageDataset(image_dir=url), "a/b", copy=False) == linked
    assert sorted(asked) == ["get_object", "list_objects_v2"]  # the metadata; no image is read again
    del asked[:]
    assert registry.verify("a/b").ok
    assert asked == ["list_objects_v2"]
    assert registry.verify("a/b", deep=True).ok

    put(call, {"im ages/000.png": png(seed=9)})
    call("delete_object", Key="im ages/001.png")
    for deep in (False, True):
        found = [(problem.image, problem.actual == "missing") for problem in registry.verify("a/b", deep=deep).problems]
        assert found == [("000.png", False), ("001.png", True)]
    for name, what in (("000.png", "was changed"), ("001.png", "is gone")):
        with pytest.raises(IntegrityError, match=what):
            opened.read_bytes(name)
    put(call, {"im ages/000.png": png(seed=0), "im ages/001.png": png(seed=1)})
    packed = registry.materialize("a/b")
    assert (packed.dataset_digest, packed.summary.linked) == (linked.dataset_digest, 0)


def test_a_version_that_the_bucket_keeps_can_be_read_when_it_was_replaced(
    bucket: str, call: Call, registry: CardRegistry, make_folder: MakeFolder
) -> None:
    call("put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
    url = upload(call, bucket, make_folder(2))
    registry.register(ImageDataset(image_dir=url), "a/b", copy=False)
    put(call, {"im ages/000.png": png(seed=9)})
    call("delete_object", Key="im ages/001.png")
    assert registry.verify("a/b").ok
    assert registry.verify("a/b", deep=True).ok
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert list(opened.read_many()) == [png(seed=0), png(seed=1)]
    assert isinstance(opened.source, LinkedSource)
    link = opened.source.link("000.png")
    assert link is not None
    call("delete_object", Key="im ages/000.png", VersionId=link.version)
    [problem] = registry.verify("a/b").problems
    assert (problem.image, problem.actual) == ("000.png", "missing")
    with pytest.raises(IntegrityError, match="is gone"):
        opened.read_bytes("000.png")
