"""Ranges through obstore: the same bytes and the same errors, from the same server and with the same credentials."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from tests.s3.origin import Answer, BucketInMemory
from tests.s3.proxy import KINDS, ONCE, Proxy, before
from tests.s3.servers import KEY

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import ImageCardsError, IntegrityError, NotFoundError, StorageError
from imagecards.storage import fastreads
from imagecards.storage.s3 import S3Store

MakeFolder = Callable[..., Path]
BODY = bytes(range(256))
RANGES = [(1, 3), (100, 5), (0, 256), (2, 4)]
RIGHT = [BODY[start : start + length] for start, length in RANGES]


class Watched(BucketInMemory):
    """A bucket that tells who asks.

    Attributes:
        asked: The headers of all requests.
        answer: What is answered instead, where there is something.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store.put_if_absent("a", [BODY])
        self.asked: list[dict[str, str]] = []
        self.answer: Callable[[Answer, bool], Answer] = lambda usual, fast: usual

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        told = {name.lower(): value for name, value in headers.items()}
        self.asked.append(told)
        return self.answer(super().__call__(method, path, headers, body), is_fast(told))

    @property
    def fast(self) -> list[bool]:
        """Of each request, whether it was obstore's."""
        return [is_fast(each) for each in self.asked]


def is_fast(headers: Mapping[str, str]) -> bool:
    return "object_store" in headers.get("user-agent", "")


@pytest.fixture
def origin() -> Watched:
    return Watched()


@pytest.fixture
def proxy(origin: Watched, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with before(origin) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.address)
        yield running


@pytest.fixture
def store(proxy: Proxy) -> Iterator[S3Store]:
    opened = S3Store("bucket")
    yield opened
    opened.close()


def credential(headers: Mapping[str, str]) -> str:
    return headers.get("authorization", "").partition("Credential=")[2].partition("/")[0]


def test_ranges_come_by_obstore(store: S3Store, origin: Watched) -> None:
    assert store.get_ranges("a", RANGES) == RIGHT
    assert store.get_ranges("a", [(3, 2)])[0] == BODY[3:5]
    assert origin.fast
    assert all(origin.fast)
    assert {credential(each) for each in origin.asked} == {KEY}


def test_opening_a_dataset_leaves_obstore_to_the_processes_that_are_forked_then(
    proxy: Proxy, origin: Watched, make_folder: MakeFolder
) -> None:
    registry = CardRegistry("s3://bucket/cards")
    registry.register(ImageDataset(image_dir=make_folder(3)), "a/b")
    opened = registry.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert not any(origin.fast)
    assert len(list(opened.read_many())) == 3
    assert origin.fast[-1]
    registry.store.close()


def test_without_obstore_they_come_all_the_same(
    store: S3Store, origin: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    assert store.get_ranges("a", RANGES) == RIGHT
    assert origin.fast == [False] * len(RANGES)


@pytest.mark.parametrize("kind", KINDS)
def test_what_goes_wrong_is_as_without_it(store: S3Store, proxy: Proxy, kind: str) -> None:
    with proxy.failing(1, kind):
        if kind in ONCE:
            assert store.get_ranges("a", [(1, 3)]) == [BODY[1:4]]
        else:
            with pytest.raises(StorageError, match="can't be read"):
                store.get_ranges("a", [(1, 3)])


def forbidden(usual: Answer, fast: bool) -> Answer:
    return 403, {}, b"<Error><Code>AccessDenied</Code><Message>injected</Message></Error>"


def whole(usual: Answer, fast: bool) -> Answer:
    return (200, usual[1], BODY) if fast else usual


def short(usual: Answer, fast: bool) -> Answer:
    return (206, {**usual[1], "Content-Range": "bytes 1-2/256"}, BODY[1:3]) if fast else usual


def elsewhere(usual: Answer, fast: bool) -> Answer:
    return (206, {**usual[1], "Content-Range": "bytes 11-13/256"}, BODY[11:14]) if fast else usual


@pytest.mark.parametrize("answer", [whole, short, elsewhere])
def test_an_answer_to_another_question_is_not_taken(
    store: S3Store, origin: Watched, answer: Callable[[Answer, bool], Answer]
) -> None:
    origin.answer = answer
    assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]
    assert origin.fast == [True, False]


def test_errors_are_those_of_the_store_and_tell_nothing_of_a_server_s_words(store: S3Store, origin: Watched) -> None:
    with pytest.raises(NotFoundError, match="s3://bucket/b doesn't exist"):
        store.get_ranges("b", [(0, 1)])
    with pytest.raises(IntegrityError, match="truncated"):
        store.get_ranges("a", [(0, 1), (255, 2)])
    origin.answer = forbidden
    with pytest.raises(StorageError, match="s3:GetObject") as caught:
        store.get_ranges("a", [(0, 1)])[0]
    assert "injected" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_server_that_only_the_usual_way_understands_is_left_to_it(store: S3Store, origin: Watched) -> None:
    origin.answer = whole
    for _ in range(fastreads._FAILURES + 2):
        assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]
    assert origin.fast.count(True) == fastreads._FAILURES


# -- which server, and who asks ------------------------------------------------------------------------------


def test_a_profile_s_keys_and_server_are_used_and_none_of_obstore_s_own(
    proxy: Proxy, origin: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "config").write_text(f"[profile other]\nregion = eu-north-1\nendpoint_url = {proxy.address}\n")
    keys = "[other]\naws_access_key_id = PROFILE\naws_secret_access_key = s\naws_session_token = TOKEN\n"
    (tmp_path / "credentials").write_text(keys)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "other")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    # what obstore alone looks at
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_REGION", "us-west-2")
    store = S3Store("bucket")
    assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]
    store.close()
    assert origin.fast == [True]
    assert credential(origin.asked[0]) == "PROFILE"
    assert "/eu-north-1/s3/" in origin.asked[0]["authorization"]
    assert origin.asked[0]["x-amz-security-token"] == "TOKEN"


def test_keys_that_are_renewed_are_asked_for_anew(
    store: S3Store, origin: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from aiobotocore.credentials import AioCredentials
    from botocore.credentials import ReadOnlyCredentials

    monkeypatch.setattr(fastreads, "_VALID", timedelta(seconds=1))
    now = ["FIRST"]

    async def frozen(self: AioCredentials) -> ReadOnlyCredentials:
        return ReadOnlyCredentials(now[0], "secret", "token")

    monkeypatch.setattr(AioCredentials, "get_frozen_credentials", frozen)
    store.get_ranges("a", [(0, 1)])[0]
    now[0] = "SECOND"
    time.sleep(0.3)  # obstore asks no sooner
    store.get_ranges("a", [(0, 1)])[0]
    assert origin.fast == [True, True]
    assert [credential(each) for each in origin.asked] == ["FIRST", "SECOND"]


def test_who_asks_without_keys_asks_without_them_here_too(
    store: S3Store, origin: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.config import conf

    monkeypatch.setitem(conf, "s3", {"anon": True})
    assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]
    assert origin.fast == [True]
    assert "authorization" not in origin.asked[0]


@pytest.mark.parametrize("option", ["addressing_style = virtual", "use_accelerate_endpoint = true"])
def test_what_would_ask_another_address_is_left_to_the_usual_way(
    proxy: Proxy, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(f"[default]\ns3 =\n    {option}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    bucket = S3Store("bucket")._bucket
    assert bucket.read_fast("a", [(1, 3)]) is None
    bucket.close()


def test_a_password_in_the_address_is_not_given_on(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address.replace("//", "//me:planted@"))
    bucket = S3Store("bucket")._bucket
    assert bucket.read_fast("a", [(1, 3)]) is None
    bucket.close()


def test_certificates_that_can_t_be_read_are_left_to_the_usual_way(
    store: S3Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "none"))
    assert store._bucket.read_fast("a", [(1, 3)]) is None


@pytest.mark.parametrize("variables", [{"AWS_PROFILE": "none"}, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}])
def test_without_keys_or_a_server_the_error_is_that_of_the_store(
    variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    store = S3Store("bucket")
    with pytest.raises(StorageError, match=r"no credentials were found|check the network") as caught:
        store.get_ranges("a", [(1, 3)])
    assert caught.value.__context__ is None
    store.close()


# -- processes -----------------------------------------------------------------------------------------------


def _read_in_child(store: S3Store, fast: bool) -> None:
    assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]
    found: Any = store._bucket.read_fast("a", [(1, 3)])
    store.close()
    os._exit(0 if (found is not None) == fast else 3)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("method", "fast"), [("fork", False), ("forkserver", True)])
def test_a_process_has_its_own_and_a_forked_one_none(store: S3Store, method: str, fast: bool) -> None:
    assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]
    child = get_context(method).Process(  # type: ignore[attr-defined]
        target=_started, args=(dict(os.environ), store, fast)
    )
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert store.get_ranges("a", [(1, 3)])[0] == BODY[1:4]


def _started(environment: Mapping[str, str], store: S3Store, fast: bool) -> None:
    os.environ.update(environment)
    _read_in_child(store, fast)


@pytest.mark.parametrize("name", ["a b", "a+b", "a%20b", "ü/é", "a~b", "a#b", "a?b", "a*b", "a&b=c", "[a]", "a=b@c"])
def test_names_are_written_as_they_are(store: S3Store, origin: Watched, name: str) -> None:
    origin.store.put_if_absent(name, [BODY[::-1]])
    try:
        assert store.get_ranges(name, [(1, 3)])[0] == BODY[::-1][1:4]
    except ImageCardsError:
        pytest.fail(f"{name} is not found")
    assert origin.fast[0]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_forked_from_one_that_uses_obstore_itself_reads_without_it(store: S3Store, proxy: Proxy) -> None:
    child = get_context("forkserver").Process(target=_use_it_and_fork, args=(dict(os.environ), store, proxy.address))
    child.start()
    child.join(30)
    child.kill()
    child.join()
    assert child.exitcode == 0


def _use_it_and_fork(environment: Mapping[str, str], store: S3Store, address: str) -> None:
    import obstore
    from obstore.store import S3Store as Theirs

    os.environ.update(environment)
    options: Any = {"endpoint": address, "region": "us-east-1", "client_options": {"allow_http": True}}
    obstore.get_range(Theirs("bucket", **options), "a", start=0, length=1)
    grandchild = os.fork()
    if not grandchild:
        signal.alarm(10)
        _read_in_child(store, fast=False)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]) & 0xFF)
