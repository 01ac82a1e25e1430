"""Large bodies: sent in parts, one object at the end or none, and nothing left behind."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.s3.conftest import client_of
from tests.s3.origin import server
from tests.s3.proxy import Proxy, before, count_requests

from imagecards.cards.document import LARGEST
from imagecards.errors import CommitUnknownError, StorageError
from imagecards.storage import multipart
from imagecards.storage.multipart import PART, cut
from imagecards.storage.s3 import S3Store

Call = Callable[..., dict[str, Any]]


@given(st.lists(st.binary(max_size=9)), st.integers(1, 7))
def test_parts_are_the_body(pieces: list[bytes], size: int) -> None:
    parts = list(cut(pieces, size))
    assert b"".join(parts) == b"".join(pieces)
    assert all(len(part) == size for part in parts[:-1])
    assert 0 < len(parts[-1]) <= size or parts == [b""]


def test_parts_grow_so_that_ten_thousand_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "_DOUBLED", 2)
    assert [len(part) for part in cut([bytes(20)], 1)] == [1, 1, 2, 2, 4, 4, 6]


def test_what_is_larger_than_a_part_is_cut() -> None:
    assert [len(part) for part in cut([bytes(PART), b"x"])] == [PART, 1]


def test_no_document_is_sent_in_parts() -> None:
    """Some servers keep ``If-None-Match`` for whole bodies only, and that is enough because of this."""
    assert len(list(cut([bytes(LARGEST)]))) == 1


@pytest.fixture
def call(bucket: str) -> Iterator[Call]:
    with client_of(bucket) as ready:
        yield ready


SMALL = 5 << 20  # what servers take as a part at least
BODY = [os.urandom(SMALL - 3), b"across the edge", os.urandom(2 * SMALL)]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.storage.s3.cut", lambda body: cut(body, SMALL))


def unfinished(call: Call) -> list[object]:
    return list(call("list_multipart_uploads").get("Uploads", ()))


def test_a_large_body_is_put_and_got(store: S3Store, call: Call) -> None:
    assert store.put_if_absent("a/b", BODY) is True
    assert store.get("a/b") == b"".join(BODY)
    assert store.get("a/b", SMALL - 3, 15) == b"across the edge"
    assert store.put_if_absent("a/b", reversed(BODY)) is False
    assert store.get("a/b") == b"".join(BODY)
    assert unfinished(call) == []


def test_a_body_that_raises_leaves_no_parts(store: S3Store, call: Call) -> None:
    def body() -> Iterator[bytes]:
        yield from BODY
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_if_absent("a/b", body())
    assert store.stat("a/b") is None
    assert unfinished(call) == []


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    with before(server(address)) as running:
        yield running


@pytest.mark.parametrize("server", ["moto"])
@pytest.mark.parametrize("kind", ["lost", "late 500", "twice", "lost for ever"])
def test_each_request_of_a_large_put_goes_wrong(
    store: S3Store, proxy: Proxy, bucket: str, call: Call, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = [bytes([number]) * (4 << 20) for number in range(2)]
    store.stat("a")  # connects past the proxy
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    failing = S3Store(bucket, "below/a prefix")
    last = count_requests(proxy, lambda: failing.put_if_absent("whole", body))
    assert last == 4
    for number in range(1, last + 1):
        key = f"{kind}/{number}"
        with proxy.failing(number, kind):
            try:
                assert failing.put_if_absent(key, body) is True
            except CommitUnknownError:
                assert kind == "lost for ever"
                assert number == last
            except StorageError:
                assert kind == "lost for ever"
                assert store.stat(key) is None
        if kind != "lost for ever":
            assert store.get(key) == b"".join(body)
    failing.close()
