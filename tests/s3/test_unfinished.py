"""Uploads that nobody finished: garbage collection finds those of the registry, and aborts them once they are old."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from tests.s3.conftest import client_of
from tests.s3.origin import BucketInMemory
from tests.s3.proxy import before
from tests.s3.test_refusals import Refusing

from imagecards import CardRegistry
from imagecards.errors import StorageError
from imagecards.registry import gc
from imagecards.storage.s3 import S3Store

Call = Callable[..., dict[str, Any]]
ATTEMPT = "data/a/b/20200101T000000Z-0123456789abcdef/"


@pytest.fixture
def call(bucket: str) -> Iterator[Call]:
    with client_of(bucket) as ready:
        yield ready


def begin(call: Call, key: str, parts: int = 1) -> str:
    upload: str = call("create_multipart_upload", Key=key)["UploadId"]
    for number in range(1, parts + 1):
        call("upload_part", Key=key, UploadId=upload, PartNumber=number, Body=bytes(1000))
    return upload


def begun(call: Call) -> list[str]:
    return sorted(upload["Key"] for upload in call("list_multipart_uploads").get("Uploads", ()))


def test_gc_aborts_old_uploads_of_its_registry(bucket: str, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CardRegistry(f"s3://{bucket}/below/cards")
    registry.register(np.arange(3), "a/b")
    ours = f"below/cards/{ATTEMPT}shard-00000.tar"
    others = ["below/cards/elsewhere/film.mp4", "below/cards-2/data/a/b/c/shard-00000.tar", "data/a/b/c/film.mp4"]
    for key in (ours, ours, *others):
        begin(call, key, parts=2)
    assert registry.gc(delete=True).keys == (), "somebody may be sending them"
    now = time.time()
    monkeypatch.setattr("imagecards.registry.gc.time.time", lambda: now + gc.GRACE + 60)
    found = registry.gc()
    assert len(set(found.keys)) == 2
    assert all(key.startswith(f"{ATTEMPT}.tmp-") for key in found.keys)
    assert found.size == 4000
    assert begun(call) == sorted([ours, ours, *others]), "a dry run aborts nothing"
    assert registry.gc(delete=True).keys == found.keys
    assert begun(call) == sorted(others)
    assert [key.partition("/")[0] for key in registry.gc(delete=True).keys] == ["sweeps"], "what the last one announced"
    assert registry.gc(delete=True).keys == ()
    assert registry.verify(deep=True).ok
    registry.store.close()


def test_what_an_interrupted_copy_sent_in_parts_is_swept_and_copied_again(
    bucket: str, call: Call, registry: CardRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload is old, and so nobody's; who copies into its folder while it is swept is told to come back."""
    there = CardRegistry(f"s3://{bucket}/below/cards")
    there.register(np.arange(3), "a/b")
    card = registry.register(np.arange(4), "a/c")
    [table] = [stored.key for stored in card.files()]
    begin(call, f"below/cards/{table}", parts=2)
    swept: list[str] = []
    delete = S3Store.delete

    def copy_meanwhile(self: S3Store, keys: Iterable[str]) -> None:
        gone = list(keys)
        if gone[0].startswith("data/"):
            swept.extend(gone)
            with pytest.raises(StorageError, match="garbage collection is deleting files in s3://"):
                registry.copy(card, to=there)
        delete(self, gone)

    with monkeypatch.context() as later:
        now = time.time()
        later.setattr("imagecards.registry.gc.time.time", lambda: now + gc.GRACE + 60)
        later.setattr(S3Store, "delete", copy_meanwhile)
        assert there.gc(delete=True).keys == tuple(swept)
    assert [key.rpartition("/")[0] for key in swept] == [table.rpartition("/")[0]]
    assert begun(call) == []
    there.store.delete([f"sweeps/{name}" for name in there.store.children("sweeps/")])  # as a day later
    assert registry.copy(card, to=there).created
    assert there.verify(deep=True).ok
    there.store.close()


def test_only_the_upload_that_was_named_is_aborted(store: S3Store, call: Call) -> None:
    key = f"below/a prefix/{ATTEMPT}shard-00000.tar"
    begin(call, key)
    (first,) = store.unfinished("data/")
    begin(call, key)
    store.put_if_absent(f"{ATTEMPT}shard-00000.tar", [b"data"])
    store.delete([first.key])
    (second,) = store.unfinished("")
    assert second.key != first.key
    assert begun(call) == [key]
    assert store.get(f"{ATTEMPT}shard-00000.tar") == b"data"
    store.delete([first.key, second.key, f"{ATTEMPT}.tmp-none"])
    assert list(store.unfinished("")) == []


@pytest.mark.parametrize(
    ("status", "code", "warned"), [(403, "AccessDenied", True), (501, "NotImplemented", False), (405, "405", False)]
)
def test_without_the_right_to_see_them_the_rest_goes_on(
    status: int, code: str, warned: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with before(Refusing(status, code)) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = S3Store("bucket")
        assert list(store.unfinished("data/")) == []
        assert ("s3:ListBucketMultipartUploads" in caplog.text) is warned
        store.close()


def test_a_server_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with before(Refusing(503, "SlowDown")) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = S3Store("bucket", "cards")
        with pytest.raises(StorageError, match=r"s3://bucket/cards/data/ can't be read.*SlowDown"):
            list(store.unfinished("data/"))
        store.close()


class Paging(BucketInMemory):
    """A server that tells of uploads, and of their parts, one at a time."""

    def __call__(self, method: str, path: str, headers: Any, body: bytes) -> Any:
        _, _, query = path.partition("?")
        written = "2026-01-01T00:00:00Z"
        if "uploads" in query:
            number = int(query.partition("upload-id-marker=")[2].partition("&")[0] or 0) + 1
            upload = f"<Key>data/{number}</Key><UploadId>{number}</UploadId><Initiated>{written}</Initiated>"
            more = f"<NextKeyMarker>data/{number}</NextKeyMarker><NextUploadIdMarker>{number}</NextUploadIdMarker>"
            kind, told = "ListMultipartUploadsResult", f"<Upload>{upload}</Upload>{more}"
        else:
            number = int(query.partition("part-number-marker=")[2].partition("&")[0] or 0) + 1
            part = (
                f"<Part><PartNumber>{number}</PartNumber><LastModified>{written}</LastModified><Size>10</Size></Part>"
            )
            kind, told = "ListPartsResult", f"{part}<NextPartNumberMarker>{number}</NextPartNumberMarker>"
        told += f"<IsTruncated>{str(number < 3).lower()}</IsTruncated>"
        return 200, {}, f"<{kind}>{told}</{kind}>".encode()


def test_all_pages_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with before(Paging()) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = S3Store("bucket")
        assert [entry.size for entry in store.unfinished("")] == [30, 30, 30]
        store.close()
