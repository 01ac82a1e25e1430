"""What goes wrong for good: one typed error that says what to do, and nothing of the keys."""

import logging
import os
import pickle
import traceback
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import get_context
from pathlib import Path

import pytest
from tests.s3.origin import Answer, BucketInMemory
from tests.s3.proxy import before
from tests.s3.servers import KEY, SECRET

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import InvalidInputError, NotFoundError, ReadOnlyError, StorageError
from imagecards.storage import bucket as requests
from imagecards.storage import open_store
from imagecards.storage.s3 import S3Store

MakeFolder = Callable[..., Path]
TOKEN = "planted-session-token-000000000000001"
CALLS: Mapping[str, Callable[[S3Store], object]] = {
    "get": lambda store: store.get("a/b"),
    "stat": lambda store: store.stat("a/b"),
    "list": lambda store: list(store.list("")),
    "children": lambda store: store.children("a/"),
    "put": lambda store: store.put_if_absent("a/b", [b"data"]),
    "delete": lambda store: store.delete(["a/b"]),
}


class Refusing:
    """A server that refuses everything, and repeats in its answers what it was told."""

    def __init__(self, status: int, code: str) -> None:
        self.status = status
        self.code = code
        self.requests = 0

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.requests += 1
        authorization = headers.get("Authorization") or headers["authorization"]
        told = f"<Message>{authorization}</Message><AWSAccessKeyId>{KEY}</AWSAccessKeyId>"
        told += f"<StringToSign>{SECRET} {headers.get('X-Amz-Security-Token')}</StringToSign>"
        return self.status, {}, f"<Error><Code>{self.code}</Code>{told}</Error>".encode()


def check_secrets(text: str) -> None:
    for secret in (KEY, SECRET, TOKEN, "AWS4-HMAC", "Signature="):
        assert secret not in text


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "code", "step"),
    [
        (404, "NoSuchBucket", "create it, or correct the name"),
        (403, "AccessDenied", "ask for s3:"),
        (400, "ExpiredToken", "log in again"),
        (403, "InvalidAccessKeyId", "AWS_PROFILE"),
        (403, "SignatureDoesNotMatch", "AWS_PROFILE"),
        (403, "RequestTimeTooSkewed", "clock"),
        (501, "NotImplemented", "another one"),
        (503, "SlowDown", "fewer workers"),
        (418, "Teapot", "ask whoever runs the server"),
    ],
)
def test_refusals(
    call: str, status: int, code: str, step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    origin = Refusing(status, code)
    with before(origin) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = S3Store("bucket", "cards")
        if call == "stat" and status == 404:
            assert store.stat("a/b") is None  # the answer to HEAD doesn't say what is missing
        else:
            with pytest.raises(StorageError) as caught:
                CALLS[call](store)
            error = caught.value
            if status != 503 and call != "stat":  # an answer to HEAD has no code
                assert step in str(error)
            writing = call in ("put", "delete")
            assert isinstance(error, ReadOnlyError) == (writing and code == "AccessDenied")
            assert "s3://bucket/cards" in str(error)
            check_secrets("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + caplog.text)
            assert error.__cause__ is None
            assert error.__context__ is None
        check_secrets(repr(store) + store.url + repr(vars(store)))
        assert KEY.encode() not in pickle.dumps(store)
        assert SECRET.encode() not in pickle.dumps(store)
        assert origin.requests <= 10
        store.close()


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="no credentials were found: set AWS_PROFILE"):
        S3Store("bucket").get("a")


@pytest.mark.parametrize("call", CALLS)
def test_a_profile_that_does_not_exist(call: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "none")
    with pytest.raises(StorageError, match=r"set AWS_PROFILE.*\(ProfileNotFound\)") as caught:
        CALLS[call](S3Store("bucket"))
    assert caught.value.__context__ is None


def test_each_store_finds_the_credentials_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = BucketInMemory()
    seen: list[str] = []

    def watched(method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        seen.append(headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        return origin(method, path, headers, body)

    with before(watched) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        for key in ("FIRST", "SECOND"):
            monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
            store = S3Store("bucket")
            store.children("")
            store.close()
    assert seen == ["FIRST", "SECOND"]


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StorageError, match="check the network") as caught:
        S3Store("bucket").put_if_absent("a", [b"data"])
    assert type(caught.value) is StorageError, "nothing was sent, so nothing is in doubt"


def test_tries_that_take_long_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request may arrive 20 minutes late at most, since garbage collection relies on that."""
    assert len(list(requests.pauses())) == 5
    seconds = iter([0.0, 0.0, 119.0, 121.0])
    monkeypatch.setattr(requests, "monotonic", lambda: next(seconds))
    assert [pause is None for pause in requests.pauses()] == [False, False, True]


def test_a_password_in_the_server_s_address_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://user:planted-password@127.0.0.1:9")
    with pytest.raises(StorageError) as caught:
        S3Store("bucket").get("a")
    assert "planted-password" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url",
    ["s3://", "s3://key:planted@bucket/x", "s3://bucket/x?X-Amz-Signature=planted", "s3://B/x", "s3://bucket/../x"],
)
def test_urls_that_name_no_store(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        open_store(url)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/", "s3://bucket/a/b/", "S3://bucket/a b"])
def test_urls(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, S3Store)
    assert store.url == "s3" + url[2:].rstrip("/")


def test_a_key_too_long_for_s3_below_its_prefix() -> None:
    with pytest.raises(InvalidInputError, match="1024 bytes"):
        S3Store("bucket", "p" * 200).stat("/".join("k" * 90 for _ in range(10)))


# -- servers that can't keep what everything rests on --------------------------------------------------------


class Forgetful(BucketInMemory):
    """A server that ignores ``If-None-Match``, as several do."""

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if method == "PUT":
            self.store.delete([path.partition("?")[0].removeprefix("/bucket/")])
        return super().__call__(method, path, headers, body)


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> Iterator[Forgetful]:
    origin = Forgetful()
    with before(origin) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        yield origin


def test_a_server_that_lets_everybody_win_is_refused(forgetful: Forgetful, make_folder: MakeFolder) -> None:
    dataset = ImageDataset(image_dir=make_folder(1))
    registry = CardRegistry("s3://bucket")
    with pytest.raises(StorageError, match=r"ignores If-None-Match.*allow_unsafe_store=True"):
        registry.register(dataset, "a/b")
    assert forgetful.bodies() == {}
    with pytest.raises(NotFoundError, match="no registry"):
        registry.versions("a/b")
    allowed = CardRegistry("s3://bucket", allow_unsafe_store=True)
    assert str(allowed.register(dataset, "a/b").version) == "1.0.0"
    for each in (registry, allowed):
        each.store.close()


# -- processes -----------------------------------------------------------------------------------------------


def _read_in_child(store: S3Store) -> None:
    assert store.get("a") == b"data"
    store.close()
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_that_was_used_goes_on_after_a_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    origin = BucketInMemory()
    origin.store.put_if_absent("a", [b"data"])
    with before(origin) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = S3Store("bucket")
        assert store.get("a") == b"data"
        child = get_context("fork").Process(target=_read_in_child, args=(store,))
        child.start()
        child.join(30)
        assert child.exitcode == 0
        assert store.get("a") == b"data"
        store.close()
