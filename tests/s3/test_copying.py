"""Copies into a bucket and out of it: the same card and bytes, in few requests, past a collection on the server."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from s3fs import S3FileSystem
from tests.s3.conftest import client_of
from tests.s3.origin import server as origin_server
from tests.s3.proxy import before, count_requests

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import StorageError
from imagecards.registry import gc
from imagecards.storage import MemoryStore

MakeFolder = Callable[..., Path]


def bodies(registry: CardRegistry) -> dict[str, bytes]:
    keys = [entry.key for entry in registry.store.list("")]
    return {key: registry.store.get(key) for key in keys if key != "imagecards.json"}


@pytest.mark.parametrize("server", ["moto"], indirect=True)
def test_into_a_bucket_and_out_of_it(
    bucket: str,
    address: str,
    registry: CardRegistry,
    make_folder: MakeFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "note").write_text("a note")
    dataset = ImageDataset(image_dir=make_folder(4))
    first = registry.register(dataset, "a/b", tags=["prod"], artifacts={"note": tmp_path / "note"})
    registry.attach("a/b", "later", tmp_path / "note")
    with before(origin_server(address)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        sent = count_requests(proxy, lambda: registry.copy("a/b", to=f"s3://{bucket}/cards"))
        again = count_requests(proxy, lambda: registry.copy("a/b", to=f"s3://{bucket}/cards"))
    assert (sent < 35, again < 9) == (True, True), (sent, again)
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    there = CardRegistry(f"s3://{bucket}/cards")
    assert registry.sync("a/b", to=there).tags == {"prod": first.version}
    assert bodies(there) == bodies(registry)
    assert there.verify(deep=True).ok
    back = CardRegistry(MemoryStore("back"))
    assert there.copy("a/b@prod", to=back).card == first
    assert back.verify(deep=True).ok

    second = registry.register(ImageDataset(image_dir=make_folder(5)), "a/b")
    there.store.put_if_absent(f"data/a/b/{second.attempt}/orphan", [b"nobody's"])
    with monkeypatch.context() as later:
        now = time.time()
        later.setattr("imagecards.registry.gc.time.time", lambda: now + 2 * gc.GRACE)
        assert len(there.gc(delete=True).keys) == 1
    with pytest.raises(StorageError, match="garbage collection is deleting files in s3://"):
        registry.copy(second, to=there)
    assert there.versions("a/b") == [first.version]
    there.store.close()


def test_a_version_that_links_its_images_is_copied_with_its_links(
    bucket: str, make_folder: MakeFolder, registry: CardRegistry
) -> None:
    S3FileSystem.clear_instance_cache()  # the connection of a test before leads to another server
    folder = make_folder(3)
    with client_of(bucket) as call:
        for place in folder.iterdir():
            call("put_object", Key=f"images/{place.name}", Body=place.read_bytes())
    dataset = ImageDataset(image_dir=f"s3://{bucket}/images")
    here, there = CardRegistry(f"s3://{bucket}/here"), CardRegistry(f"s3://{bucket}/there")
    linked = here.register(dataset, "a/b", copy=False)
    done = here.copy("a/b", to=there)
    assert (done.card, done.card.summary.linked) == (linked, 3)
    assert not [key for key in bodies(there) if key.endswith(".tar")], "its images stay where they lie"
    assert bodies(there) == bodies(here)
    for each in (here, there, registry):
        if each is registry:
            there.copy("a/b", to=registry)
        assert each.verify(deep=True).ok
        opened = each.open("a/b")
        assert isinstance(opened, ImageDataset)
        assert list(opened.read_many()) == [place.read_bytes() for place in sorted(folder.glob("*.png"))]
    stored = there.materialize("a/b")
    assert (stored.dataset_digest, stored.summary.linked) == (linked.dataset_digest, 0)
    with client_of(bucket) as call:
        call("delete_object", Key="images/001.png")
    assert there.verify(stored, deep=True).ok
    [problem] = there.verify(linked).problems
    assert (problem.image, problem.actual) == ("001.png", "missing")
    for each in (here, there):
        each.store.close()
