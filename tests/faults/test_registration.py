"""A registration that dies, or whose system calls fail, at every one of them: complete or not there, and truthful."""

import errno
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError
from imagecards.testing.faults import Hook, count_calls, fail_at, os_calls, raise_at, run_killed

MakeFolder = Callable[..., Path]
CODES = (errno.ENOSPC, errno.EIO, errno.EACCES)


def codes_in_turn(codes: tuple[int, ...]) -> str:
    return " ".join(errno.errorcode[code] for code in codes)


def registration(registry: Path, folder: Path) -> Callable[[], DataCard]:
    """What is killed and made to fail, in a form that another process can take."""
    artifacts = {"note": folder.parent / "note.txt"}
    register = CardRegistry(registry).register
    return partial(register, ImageDataset(image_dir=folder), "a/b", tags=["prod"], artifacts=artifacts)


def register_folder(registry: Path, folder: Path) -> DataCard:
    return registration(registry, folder)()


class Scene:
    """A registry as it is before the registration, to be laid out anew for each fault."""

    def __init__(self, before: Path, folder: Path, versions: list[str], new: str) -> None:
        self.before = before
        self.folder = folder
        self.versions = versions
        self.new = new

    def registries(self) -> Iterator[Path]:
        number = 0
        while True:
            number += 1
            registry = self.before.with_name(f"registry-{number}")
            if self.before.exists():
                shutil.copytree(self.before, registry)
            yield registry
            shutil.rmtree(registry, ignore_errors=True)

    def visible(self, registry: Path) -> bool:
        """Whether the new version is there; everything that is there must be complete."""
        opened = CardRegistry(registry)
        try:
            versions = [str(version) for version in opened.versions("a/b")]
        except NotFoundError:
            versions = []
        assert versions in (self.versions, [*self.versions, self.new])
        if (registry / "imagecards.json").exists():
            found = opened.verify(deep=True)
            assert found.ok, found.problems
        opened.store.close()
        return self.new in versions

    def check_recovery(self, registry: Path) -> None:
        """A later registration succeeds, and the version is whole."""
        card = register_folder(registry, self.folder)
        assert str(card.version) == self.new
        assert str(CardRegistry(registry).load("a/b@prod").version) == self.new
        assert self.visible(registry)
        opened = CardRegistry(registry).open("a/b")
        assert isinstance(opened, ImageDataset)
        assert {name: opened.read_bytes(name) for name in opened.names} == {
            path.name: path.read_bytes() for path in self.folder.glob("*.png")
        }


@pytest.fixture(params=["first version", "later version"])
def scene(request: pytest.FixtureRequest, tmp_path: Path, make_folder: MakeFolder) -> Scene:
    (tmp_path / "note.txt").write_bytes(b"note")
    before = tmp_path / "registry-before"
    folder = make_folder(2)
    if request.param == "first version":
        register_folder(tmp_path / "warm", folder)  # so that nothing is imported or looked up for the first time below
        return Scene(before, folder, [], "1.0.0")
    register_folder(before, folder)
    extra = make_folder({"new.png": None}, name="extra", seed=70) / "new.png"
    shutil.copy(extra, folder / "new.png")
    return Scene(before, folder, ["1.0.0"], "1.1.0")


def test_killed_at_every_system_call(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    points = 0
    for number, registry in enumerate(scene.registries(), start=1):
        monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / f"cache-{number}"))
        killed = run_killed(number, registration(registry, scene.folder))
        if not killed:
            assert scene.visible(registry)
            break
        points += 1
        scene.visible(registry)
        scene.check_recovery(registry)
    assert points > 100, "the registration makes fewer system calls than it can possibly make"


@pytest.mark.parametrize("forever", [False, True], ids=["once", "for ever"])
@pytest.mark.parametrize(
    "codes",
    [CODES, *(pytest.param(CODES[n:] + CODES[:n], marks=pytest.mark.campaign) for n in (1, 2))],
    ids=codes_in_turn,
)
def test_failing_at_every_system_call(
    scene: Scene, codes: tuple[int, ...], forever: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each call fails in one way; the campaign lets it fail in the others too."""
    failures = 0
    for number, registry in enumerate(scene.registries(), start=1):
        code = codes[number % len(codes)]
        monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / f"cache-{number}"))
        error: ImageCardsError | None = None
        reached = False

        fail = fail_at(number, code, forever=forever)

        def hook(at: int, name: str, arguments: tuple[object, ...], number: int = number, fail: Hook = fail) -> None:
            nonlocal reached
            reached = reached or at >= number
            fail(at, name, arguments)

        with os_calls(hook):
            try:
                register_folder(registry, scene.folder)
            except ImageCardsError as raised:
                error = raised
        if not reached:
            assert error is None
            assert scene.visible(registry)
            break
        failures += error is not None
        visible = scene.visible(registry)
        if error is None:
            assert visible, f"a false success: nothing is there after call {number}"
        elif not isinstance(error, CommitUnknownError) and visible:
            assert "is registered; the tag" in str(error), f"a false failure at call {number}: {error!r}"
        assert error is None or str(error)
        scene.check_recovery(registry)
    assert failures > 50


# an interrupt inside a destructor is printed and goes no further, as Python has it
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupted_at_every_system_call(scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls = 0
    for number, registry in enumerate(scene.registries()):
        if number == 0:
            calls = count_calls(registration(registry, scene.folder))
            continue
        if number > calls:
            break
        monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / f"cache-{number}"))
        with os_calls(raise_at(number, KeyboardInterrupt)), suppress(KeyboardInterrupt):
            register_folder(registry, scene.folder)
        scene.visible(registry)
        scene.check_recovery(registry)
