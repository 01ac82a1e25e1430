"""Requests to the Hub that go wrong, one after another, in every way: what is said of it is true, and nothing dangles.

Each run lets one request (or all from one on) of an operation go wrong, looks at what is in the repo without asking it,
and does the operation again.
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.conftest import png
from tests.hub import origin
from tests.hub.conftest import REPO
from tests.hub.large_files import Asked
from tests.hub.origin import HubInMemory
from tests.hub.repo import Repo
from tests.s3.origin import Answer
from tests.s3.proxy import FOR_EVER, KINDS, ONCE, Proxy, count_requests
from tests.s3.test_faults import OPERATIONS

from imagecards import CardRegistry
from imagecards.errors import CommitUnknownError, ImageCardsError, StorageError
from imagecards.storage import MemoryStore
from imagecards.storage.hub import HubStore

MakeFolder = Callable[..., Path]
OF_REPO = ("README.md", "viewer/", ".gitattributes")
EACH = {"register": 9, "register again": 8, "gc": 4}  # of so many requests one goes wrong; in the campaign, each
TOUCHY = ("412", "409")  # what no Hub says of most requests, and what is then not overcome


class Scene:
    """A repo behind a proxy, and folders to register.

    Attributes:
        proxy: The proxy.
        folder: Where the folders are.
    """

    def __init__(self, hub: HubInMemory, proxy: Proxy, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.proxy = proxy
        self.folder = folder
        self._hub = hub
        self._monkeypatch = monkeypatch
        self._numbers = count(1)
        self._prepared: dict[str, Repo | None] = {}

    def prepare(self, name: str) -> CardRegistry:
        """Lay out what is there before an operation; gives the registry as it is seen through the proxy."""
        self._monkeypatch.setenv("IMAGECARDS_CACHE", str(self.folder / f"cache-{next(self._numbers)}"))
        registry = CardRegistry(HubStore(REPO))
        if name not in self._prepared:
            self._hub.repos.clear()
            OPERATIONS[name].prepare(registry, self.folder)
            self._prepared[name] = self._hub.repos.get(REPO)
        prepared = self._prepared[name]
        self._hub.repos = {} if prepared is None else {REPO: prepared.copy()}
        return registry

    def run(self, name: str, number: int, kind: str) -> bool | None:
        """Do an operation while a request goes wrong; None if there are fewer requests, else whether it was done."""
        operation = OPERATIONS[name]
        failing = self.prepare(name)
        error: ImageCardsError | None = None
        with self.proxy.failing(number, kind) as plan:
            try:
                operation.run(failing, self.folder)
            except ImageCardsError as raised:
                error = raised
        what = f"{name}, request {number} of {len(plan.seen)} {kind} {plan.seen[number - 1 : number]}: {error!r}"
        seen = self._check(what)
        done = operation.done(seen)
        if kind in ONCE and kind not in TOUCHY:
            assert error is None, f"one fault is overcome: {what}"
        if error is None:
            assert done, f"a false success: {what}"
        elif not isinstance(error, CommitUnknownError) and done and name != "gc":
            assert "is registered; the tag" in str(error), f"a false failure: {what}"
        assert "injected" not in str(error), "a server's words are not passed on"
        if not plan.reached:
            return None
        operation.run(failing, self.folder)
        assert operation.done(self._check(what)), f"no recovery: {what}"
        return done

    def _check(self, what: str) -> CardRegistry:
        """What is in the repo, verified."""
        store = MemoryStore()
        for path, data in self._hub.files(REPO).items() if self._hub.repos else ():
            if not path.startswith(OF_REPO):
                store.put_if_absent(path, [data])
        seen = CardRegistry(store)
        if store.stat("imagecards.json") is not None:
            found = seen.verify(deep=True)
            assert found.ok, f"{what}: {found.problems}"
        return seen


@pytest.fixture
def scene(
    hub: HubInMemory, proxy: Proxy, tmp_path: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    make_folder(2, name="before")
    (make_folder(2) / "new.png").write_bytes(png(seed=70))
    monkeypatch.setattr("imagecards.registry.gc.SHORTEST_GRACE", -10.0)
    monkeypatch.setattr(CardRegistry.gc, "__kwdefaults__", {"grace_hours": -9.0 / 3600, "delete": False})
    return Scene(hub, proxy, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_request_goes_wrong_in_one_way(scene: Scene, name: str) -> None:
    registry = scene.prepare(name)
    last = count_requests(scene.proxy, lambda: OPERATIONS[name].run(registry, scene.folder))
    chosen = range(1, last + 1, EACH.get(name, 1))
    outcomes = [scene.run(name, number, KINDS[place % len(KINDS)]) for place, number in enumerate(chosen)]
    assert None not in outcomes
    assert True in outcomes


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_request_goes_wrong_in_every_way(scene: Scene, name: str, kind: str) -> None:
    runs = 0
    while scene.run(name, runs + 1, kind) is not None:
        runs += 1
    assert runs >= 5


@pytest.mark.parametrize("kind", FOR_EVER)
def test_a_commit_that_stays_without_an_answer_is_in_doubt(hub: HubInMemory, scene: Scene, kind: str) -> None:
    store = scene.prepare("register").store
    store.make()
    with scene.proxy.failing() as plan:
        store.put_if_absent("a/before", [b"data"])
    commit = next(number for number, (_, path) in enumerate(plan.seen, 1) if "/commit/" in path)
    with scene.proxy.failing(commit, kind), pytest.raises(CommitUnknownError, match="doesn't say whether"):
        store.put_if_absent("a/b", [b"data"])
    assert store.put_if_absent("a/b", [b"other"]) is (kind == "never for ever")


def test_an_answer_that_the_client_makes_nothing_of_is_looked_into(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import HfApi

    store = scene.prepare("register").store
    store.make()
    create = HfApi.create_commit

    def fail(before: bool) -> None:
        def call(self: HfApi, *arguments: object, **options: object) -> object:
            if not before:
                create(self, *arguments, **options)  # type: ignore[call-overload]
            raise ValueError("no such address")

        monkeypatch.setattr(HfApi, "create_commit", call)

    fail(before=False)
    assert store.put_if_absent("a/b", [b"data"]) is True
    fail(before=True)
    with pytest.raises(StorageError) as caught:
        store.put_if_absent("a/c", [b"data"])
    assert type(caught.value) is StorageError
    assert [entry.key for entry in store.list("")] == ["a/b"]


def test_a_late_commit_is_told_from_that_of_others(hub: HubInMemory, scene: Scene) -> None:
    """The answer to a commit is lost, and before anybody looks, somebody else commits."""
    store = scene.prepare("register").store
    store.make()
    send = HubInMemory._commit

    def and_another(self: HubInMemory, asked: Asked, name: str, branch: str) -> Answer:
        answer = send(self, asked, name, branch)
        self.plant(name, "other", b"x")
        return answer

    routes = [(pattern, and_another if route is send else route) for pattern, route in origin._ROUTES]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(origin, "_ROUTES", routes)
        with scene.proxy.failing(4, "lost"):
            assert store.put_if_absent("a/b", [b"data"]) is True
