"""Copies into a bucket and out of it: the same card and bytes, in few requests, past a collection on the server."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
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
