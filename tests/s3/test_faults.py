"""Requests that go wrong, one after another, in every way: nothing half done is seen, and what is said of it is true.

Each run lets one request (or all from one on) of an operation go wrong, looks past the proxy at what is there, and
does the operation again.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import png
from tests.s3.origin import BucketInMemory
from tests.s3.proxy import FOR_EVER, KINDS, ONCE, Proxy, before, count_requests
from tests.s3.within import BucketWithin

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError
from imagecards.storage import bucket as requests
from imagecards.storage.s3 import S3Store

MakeFolder = Callable[..., Path]
ORPHAN = "data/a/b/20200101T000000Z-0123456789abcdef/shard-00000.tar"


class Operation(NamedTuple):
    """What is made to fail.

    Attributes:
        prepare: What is there before.
        run: The operation.
        done: Whether its effect is there.
    """

    prepare: Callable[[CardRegistry, Path], None]
    run: Callable[[CardRegistry, Path], object]
    done: Callable[[CardRegistry], bool]


def nothing(registry: CardRegistry, folder: Path) -> None:
    pass


def register(registry: CardRegistry, folder: Path) -> object:
    return registry.register(ImageDataset(image_dir=folder / "images"), "a/b", tags=["prod"])


def register_one(registry: CardRegistry, folder: Path) -> None:
    registry.register(ImageDataset(image_dir=folder / "before"), "a/b", tags=["prod"])


def has_version(version: str) -> Callable[[CardRegistry], bool]:
    def done(registry: CardRegistry) -> bool:
        try:
            return version in [str(each) for each in registry.versions("a/b")]
        except NotFoundError:
            return False

    return done


def tag(registry: CardRegistry, folder: Path) -> object:
    return registry.tag("a/b@1.0.0", "test")


def is_tagged(registry: CardRegistry) -> bool:
    return "test" in registry.tags("a/b")


def leave_an_orphan(registry: CardRegistry, folder: Path) -> None:
    register_one(registry, folder)
    registry.store.put_if_absent(ORPHAN, [b"nobody's"])


def collect(registry: CardRegistry, folder: Path) -> object:
    return registry.gc(delete=True)


def is_collected(registry: CardRegistry) -> bool:
    return registry.store.stat(ORPHAN) is None


def beside(folder: Path) -> CardRegistry:
    return CardRegistry(f"memory://beside{folder}")


def register_beside(registry: CardRegistry, folder: Path) -> None:
    beside(folder).register(ImageDataset(image_dir=folder / "images"), "a/b")


def copy(registry: CardRegistry, folder: Path) -> object:
    return beside(folder).copy("a/b", to=registry)


OPERATIONS = {
    "register": Operation(nothing, register, has_version("1.0.0")),
    "register again": Operation(register_one, register, has_version("1.1.0")),
    "tag": Operation(register_one, tag, is_tagged),
    "copy": Operation(register_beside, copy, has_version("1.0.0")),
    "gc": Operation(leave_an_orphan, collect, is_collected),
}


class Scene:
    """A bucket behind a proxy, and folders to register.

    Attributes:
        proxy: The proxy.
        folder: Where the folders are.
    """

    def __init__(
        self, origin: BucketInMemory, proxy: Proxy, store: S3Store, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.proxy = proxy
        self.folder = folder
        self._origin = origin
        self._store = store
        self._seen = CardRegistry(origin.store)
        self._monkeypatch = monkeypatch
        self._numbers = count(1)
        self._prepared: dict[str, dict[str, bytes]] = {}

    def prepare(self, name: str) -> CardRegistry:
        """Lay out what is there before an operation; gives the registry as it is seen through the proxy."""
        self._monkeypatch.setenv("IMAGECARDS_CACHE", str(self.folder / f"cache-{next(self._numbers)}"))
        if name not in self._prepared:
            self._origin.refill({})
            OPERATIONS[name].prepare(self._seen, self.folder)
            self._prepared[name] = self._origin.bodies()
        self._origin.refill(self._prepared[name])
        return CardRegistry(self._store)

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
        what = f"{name}, request {number} of {len(plan.seen)} {kind}: {error!r}"
        done = operation.done(self._seen)
        self._check(what)
        if kind in ONCE and kind != "412":  # no server says that of a request without a condition
            assert error is None, f"one fault is overcome: {what}"
        if error is None:
            assert done, f"a false success: {what}"
        elif not isinstance(error, CommitUnknownError) and done and name != "gc":
            assert "is registered; the tag" in str(error), f"a false failure: {what}"
        assert "injected" not in str(error), "a server's words are not passed on"
        if not plan.reached:
            return None
        operation.run(self._seen, self.folder)
        assert operation.done(self._seen), f"no recovery: {what}"
        self._check(what)
        return done

    def _check(self, what: str) -> None:
        if self._seen.store.stat("imagecards.json") is not None:
            found = self._seen.verify(deep=True)
            assert found.ok, f"{what}: {found.problems}"

    def close(self) -> None:
        self._store.close()


@pytest.fixture
def surroundings(tmp_path: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(2, name="before")
    (make_folder(2) / "new.png").write_bytes(png(seed=70))
    monkeypatch.setattr("imagecards.registry.gc.SHORTEST_GRACE", -10.0)
    monkeypatch.setattr(CardRegistry.gc, "__kwdefaults__", {"grace_hours": -9.0 / 3600, "delete": False})


@pytest.fixture
def scene(surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    origin = BucketInMemory()
    with before(origin) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        made = Scene(origin, proxy, S3Store("bucket"), tmp_path, monkeypatch)
        yield made
        made.close()


@pytest.fixture
def quick_scene(surroundings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The same without connections."""
    monkeypatch.setattr(requests, "PAUSES", (0.0, 0.0, 0.0, 0.0))
    origin = BucketInMemory()
    within = BucketWithin(origin)
    store = S3Store("bucket")
    store._bucket = within
    return Scene(origin, within.proxy, store, tmp_path, monkeypatch)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_other_request_goes_wrong_in_one_way(scene: Scene, name: str) -> None:
    registry = scene.prepare(name)
    last = count_requests(scene.proxy, lambda: OPERATIONS[name].run(registry, scene.folder))
    outcomes = [scene.run(name, number, KINDS[number % len(KINDS)]) for number in range(1, last + 1, 2)]
    assert None not in outcomes
    assert True in outcomes


def sweep(scene: Scene, name: str, kind: str) -> int:
    """Let each request of an operation go wrong in one way, one after another; gives how many there were."""
    runs = 0
    while scene.run(name, runs + 1, kind) is not None:
        runs += 1
    return runs


@pytest.mark.parametrize("kind", ["lost", "409", "412", "lost for ever", "never for ever"])
def test_each_answer_is_wrong(quick_scene: Scene, kind: str) -> None:
    assert sum(sweep(quick_scene, name, kind) for name in OPERATIONS) >= 70


@pytest.mark.campaign
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_each_request_goes_wrong_in_every_way(scene: Scene, name: str, kind: str) -> None:
    assert sweep(scene, name, kind) >= 5


@pytest.mark.parametrize("kind", FOR_EVER)
def test_a_put_that_stays_without_an_answer_is_in_doubt(scene: Scene, kind: str) -> None:
    store = scene.prepare("register").store
    with scene.proxy.failing(1, kind), pytest.raises(CommitUnknownError, match="doesn't say whether it was created"):
        store.put_if_absent("a/b", [b"data"])
    assert store.put_if_absent("a/b", [b"other"]) is (kind == "never for ever")
