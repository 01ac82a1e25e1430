"""``--viewer`` and ``--public`` of the commands whose registry is on the Hub."""

from collections.abc import Callable
from pathlib import Path

import fsspec
import pytest
from tests.cli.conftest import Run, run
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory
from tests.hub.test_registry import URL
from tests.hub.test_showing import shown

from imagecards import CardRegistry, ImageDataset

MakeFolder = Callable[..., Path]
__all__ = ["run"]


@pytest.fixture
def mine(tmp_path: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    CardRegistry("mine").register(ImageDataset(image_dir=make_folder(3)), "a/b")
    return "mine"


COPIES = {
    "copy": ("copy", "a/b", "mine", URL),
    "push": ("push", "a/b", URL, "--registry", "mine"),
    "pull": ("pull", "a/b", "mine", "--registry", URL),
    "sync": ("sync", "a/b", "mine", URL),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies(hub: HubInMemory, mine: str, run: Run, name: str) -> None:
    assert run(*COPIES[name], "--viewer", "none", "--public").code == 0
    assert not hub.repos[REPO].private
    assert shown(hub) == []


def test_a_copy_is_private_and_shown_where_nothing_is_said(hub: HubInMemory, mine: str, run: Run) -> None:
    assert run(*COPIES["push"]).code == 0
    assert hub.repos[REPO].private
    assert len(shown(hub)) == 1


@pytest.mark.parametrize(("options", "count"), [(("--viewer", "none"), 0), ((), 1)])
def test_derived_and_materialized_versions(
    hub: HubInMemory, make_folder: MakeFolder, run: Run, options: tuple[str, ...], count: int
) -> None:
    folder = make_folder(3)
    registry = CardRegistry(URL, viewer="none")
    registry.register(ImageDataset(image_dir=folder), "a/b")
    derived = ("derive", "a/b", "--name", "a/large", "--step", "class-agnostic", "--registry", URL)
    done = run(*derived, *options)
    assert done.code == 0, done.err
    assert len(shown(hub)) == count
    place = fsspec.filesystem("memory")
    for path in folder.iterdir():
        place.pipe_file(f"/shown/{path.name}", path.read_bytes())
    registry.register(ImageDataset(image_dir="memory://shown"), "a/linked", copy=False)
    done = run("materialize", "a/linked", "--registry", URL, *options)
    assert done.code == 0, done.err
    assert len(shown(hub)) == 2 * count
