"""What goes wrong for good: one typed error that says what to do, and nothing of the token."""

import logging
import os
import pickle
import traceback
from collections.abc import Callable, Mapping
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from tests.hub.conftest import REPO
from tests.hub.large_files import READER, TOKEN, told
from tests.hub.origin import HubInMemory
from tests.s3.origin import Answer
from tests.s3.proxy import Proxy, before

from imagecards import CardRegistry
from imagecards.errors import (
    CommitUnknownError,
    FormatError,
    ImageCardsError,
    InvalidInputError,
    NotFoundError,
    ReadOnlyError,
    StorageError,
)
from imagecards.storage import open_store
from imagecards.storage.hub import HubStore

URL = f"hf://datasets/{REPO}/cards"
CALLS: Mapping[str, Callable[[HubStore], object]] = {
    "get": lambda store: store.get("a/b"),
    "stat": lambda store: store.stat("a/b"),
    "list": lambda store: list(store.list("")),
    "children": lambda store: store.children("a/"),
    "put": lambda store: store.put_if_absent("a/b", [b"data"]),
    "batch": lambda store: put_together(store),
    "delete": lambda store: store.delete(["a/b"]),
    "make": lambda store: store.make(),
    "label": lambda store: store.label("a/b/1.0.0"),
}


def put_together(store: HubStore) -> None:
    batch = store.batch()
    batch.put_if_absent("a/b", [b"data"])
    batch.finish()


class Refusing:
    """A server that refuses everything, and repeats in its answers what it was told."""

    def __init__(self, status: int, code: str) -> None:
        self.status = status
        self.code = code
        self.requests = 0

    def __call__(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        self.requests += 1
        secret = headers.get("Authorization", headers.get("authorization", ""))
        _, about, data = told({"error": f"{secret} may not do that"}, self.status)
        about |= {"X-Error-Code": self.code} if self.code else {}
        return self.status, {**about, "X-Error-Message": f"{secret} may not", "Retry-After": "0"}, data


def check_secrets(text: str) -> None:
    for secret in (TOKEN, READER, "Bearer", "planted-signature"):
        assert secret not in text


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("status", "code", "step"),
    [
        (404, "RepoNotFound", "hf auth login"),
        (401, "RepoNotFound", "hf auth login"),
        (401, "", "HF_TOKEN"),
        (403, "", "log in with a token that may"),
        (403, "GatedRepo", "ask for access|log in with a token"),
        (404, "RevisionNotFound", "no such branch"),
        (429, "", "fewer workers"),
        (418, "", "status.huggingface.co"),
        (500, "", "status.huggingface.co"),
    ],
)
def test_refusals(
    call: str, status: int, code: str, step: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with before(Refusing(status, code)) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", proxy.address)
        store = HubStore(REPO, folder="cards")
        with pytest.raises((StorageError, NotFoundError), match=step) as caught:
            CALLS[call](store)
        error = caught.value
        assert not isinstance(error, CommitUnknownError), "nothing was sent that could land"
        assert "hf://datasets/owner/repo/cards" in str(error)
        check_secrets("".join(traceback.format_exception(error)) + repr(error) + repr(vars(error)) + caplog.text)
        assert error.__cause__ is None
        check_secrets(repr(store) + store.url + repr(vars(store)))
        assert TOKEN.encode() not in pickle.dumps(store)


class Limited(HubInMemory):
    """A Hub that has had too many requests, and says until when."""

    def __init__(self, **headers: str) -> None:
        super().__init__()
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def __call__(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if "/commit/" in target and self.headers:
            about, self.headers = self.headers, {}
            return 429, about, b"{}"
        return super().__call__(method, target, headers, body)


@pytest.mark.parametrize(("header", "value"), [("Retry_After", "7"), ("RateLimit", '"api";r=0;t=7')])
def test_the_hub_says_how_long_to_wait(header: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("imagecards.storage.hubcommit.time.sleep", waited.append)
    with before(Limited(**{header: value})) as proxy:
        monkeypatch.setenv("HF_ENDPOINT", proxy.address)
        store = HubStore(REPO)
        store.make()
        assert store.put_if_absent("x" * 200, [b"data"])
    assert waited == [7.0]


def test_a_token_that_may_only_read(hub: HubInMemory, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CardRegistry(URL)
    registry.register(np.array([1]), "a/b")
    hub.open = False
    monkeypatch.setenv("HF_TOKEN", READER)
    with pytest.raises(ReadOnlyError, match="a token that may write to the repo"):
        registry.register(np.array([1, 2]), "a/b")
    assert str(registry.load("a/b").version) == "1.0.0"
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(StorageError, match="the token is not accepted"):
        registry.load("a/b")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(NotFoundError, match="no dataset repo of that name that you may see"):
        registry.load("a/b")


def test_a_model_is_no_dataset(hub: HubInMemory) -> None:
    hub.models.add(REPO)
    registry = CardRegistry(URL)
    with pytest.raises(NotFoundError, match="owner/repo is a model on the Hub"):
        registry.load("a/b")
    with pytest.raises(StorageError, match=r"is a model on the Hub.*choose another name"):
        registry.register(np.array([1]), "a/b")
    assert not hub.repos


def test_signed_addresses_are_not_logged(
    proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = HubStore(REPO)
    store.make()
    with proxy.failing() as plan:
        store.put_if_absent("a.tar", [b"data"])
    upload = next(number for number, (method, _) in enumerate(plan.seen, 1) if method == "PUT")
    with caplog.at_level(logging.DEBUG), proxy.failing(upload, "500"):
        store.put_if_absent("b.tar", [b"other"])
    assert "HTTP Error 500 thrown while requesting PUT" in caplog.text
    check_secrets("".join(line for line in caplog.text.splitlines() if "huggingface_hub" in line))


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://user:planted-password@127.0.0.1:9")
    with pytest.raises(StorageError, match="check the network") as caught:
        HubStore(REPO).put_if_absent("a", [b"data"])
    assert type(caught.value) is StorageError, "nothing was sent, so nothing is in doubt"
    assert "planted" not in "".join(traceback.format_exception(caught.value))


def test_a_client_that_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(StorageError, match="unset HF_HUB_OFFLINE"):
        HubStore(REPO).get("a")


def test_files_that_the_repo_ignores_are_never_taken_for_stored(hub: HubInMemory) -> None:
    registry = CardRegistry(URL)
    registry.register(np.array([1]), "a/b")
    hub.plant(REPO, ".gitignore", b"*.json\n")
    with pytest.raises(StorageError, match=r"left out .*remove what ignores it from the repo's \.gitignore"):
        registry.store.put_if_absent("a/x.json", [b"{}"])
    with pytest.raises(ImageCardsError):
        registry.register(np.array([1, 2]), "a/b")
    assert [str(version) for version in registry.versions("a/b")] == ["1.0.0"]
    hub.plant(REPO, ".gitignore", b"*.npy\n")
    with pytest.raises(StorageError, match="gitignore"):
        registry.register(np.array([1, 2]), "a/b")


def test_a_newer_registry_is_refused(hub: HubInMemory) -> None:
    store = HubStore(REPO, folder="cards")
    store.make()
    store.put_if_absent("imagecards.json", [b'{"format": "2.0"}'])
    with pytest.raises((FormatError, ImageCardsError)):
        CardRegistry(URL).versions("a/b")


@pytest.mark.parametrize(
    "url",
    [
        "hf://",
        "hf://owner/repo",
        "hf://models/owner/repo",
        "hf://datasets/owner",
        "hf://datasets/hf_planted@owner/repo/x/../y",
        "hf://datasets/owner/repo/../x",
        "hf://datasets/owner/repo@/x",
        "hf://datasets/owner/repo@a@b",
        "hf://user:hf_planted@datasets/owner/repo",
    ],
)
def test_urls_that_name_no_store(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        open_store(url)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["hf://datasets/a/b", "hf://datasets/a/b@dev/c d", "hf://datasets/a/b@feature%2Fx", "HF://datasets/a.b/c_d/e/"],
)
def test_urls(url: str) -> None:
    store = open_store(url)
    assert isinstance(store, HubStore)
    assert store.url == "hf" + url[2:].rstrip("/")
    assert open_store(store.url).url == store.url


def _read_in_child(store: HubStore) -> None:
    assert store.get("a") == b"data"
    os._exit(0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_store_that_was_used_goes_on_after_a_fork(tmp_path: Path) -> None:
    store = HubStore(REPO)
    store.make()
    store.put_if_absent("a", [b"data"])
    child = get_context("fork").Process(target=_read_in_child, args=(store,))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert store.get("a") == b"data"
