"""A Hub that takes a request and never replies: it ends all the same, and what is said then is true."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.hub import origin
from tests.hub.conftest import REPO
from tests.hub.large_files import Asked
from tests.hub.origin import HubInMemory
from tests.s3.origin import Answer

from imagecards.errors import CommitUnknownError, StorageError
from imagecards.storage import hubpatience
from imagecards.storage.hub import HubStore

SOON = 20.0  # seconds, of which a busy machine takes most


class Silence:
    """What happens to commits: so many are not answered, after they were made or instead.

    Attributes:
        left: How many of the next ones.
        made: Whether they are made.
    """

    def __init__(self) -> None:
        self.left = 0
        self.made = True
        self.over = threading.Event()


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[Silence]:
    found = Silence()
    commit = HubInMemory._commit

    def silent(self: HubInMemory, asked: Asked, name: str, branch: str) -> Answer:
        if not found.left:
            return commit(self, asked, name, branch)
        found.left -= 1
        if found.made:
            commit(self, asked, name, branch)
        found.over.wait(60)
        return 500, {}, b""

    routes = [(pattern, silent if route is commit else route) for pattern, route in origin._ROUTES]
    monkeypatch.setattr(origin, "_ROUTES", routes)
    monkeypatch.setattr(hubpatience, "BOUNDS", dict.fromkeys(hubpatience.BOUNDS, 0.5))
    yield found
    found.over.set()


@pytest.fixture
def store(silence: Silence) -> HubStore:
    made = HubStore(REPO)
    made.make()
    return made


@pytest.mark.parametrize("made", [True, False])
def test_a_reply_that_never_comes_is_looked_for_in_the_history(
    store: HubStore, silence: Silence, hub: HubInMemory, made: bool
) -> None:
    silence.left, silence.made = 1, made
    began = time.monotonic()
    assert store.put_if_absent("a/b", [b"data"]) is True
    assert time.monotonic() - began < SOON
    assert hub.files(REPO)["a/b"] == b"data"
    assert store.put_if_absent("a/b", [b"other"]) is False


def test_replies_that_never_come_leave_it_in_doubt(store: HubStore, silence: Silence) -> None:
    silence.left, silence.made = 99, False
    began = time.monotonic()
    with pytest.raises(CommitUnknownError, match="doesn't say whether it was committed"):
        store.put_if_absent("a/b", [b"data"])
    assert time.monotonic() - began < SOON


def test_reading_ends_too(store: HubStore, monkeypatch: pytest.MonkeyPatch, silence: Silence) -> None:
    def silent(self: HubInMemory, *arguments: Any) -> Answer:
        silence.over.wait(60)
        return 500, {}, b""

    routes = [(pattern, silent if "paths-info" in pattern else route) for pattern, route in origin._ROUTES]
    monkeypatch.setattr(origin, "_ROUTES", routes)
    with pytest.raises(StorageError, match="check the network"):
        store.stat("a/b")


def test_only_our_own_requests_are_bounded_and_only_where_nobody_said_how_long(store: HubStore) -> None:
    from huggingface_hub import get_session

    client = get_session()
    waits: list[dict[str, float | None]] = []
    client.event_hooks["request"].append(lambda request: waits.append(dict(request.extensions["timeout"])))
    address = f"{store._repo.api.endpoint}/api/datasets/{REPO}"
    try:
        client.get(address)
        store._repo.ask_once(lambda: client.get(address))
        store._repo.ask_once(lambda: client.get(address, timeout=7.0))
    finally:
        client.event_hooks["request"].pop()
    nobody: dict[str, float | None] = dict.fromkeys(hubpatience.BOUNDS)
    assert waits == [nobody, dict.fromkeys(nobody, 0.5), dict.fromkeys(nobody, 7.0)]
    assert client.event_hooks["request"].count(hubpatience._bound) == 1
