"""Files and folders beside a card."""

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry
from imagecards.errors import (
    AlreadyExistsError,
    CommitUnknownError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
)
from imagecards.registry import artifacts
from imagecards.registry.attempt import attempting
from imagecards.testing.faults import count_calls, fail_at, os_calls


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "h5" / "deep").mkdir(parents=True)
    (tmp_path / "h5" / "a.h5").write_bytes(b"first")
    (tmp_path / "h5" / "deep" / "ü.h5").write_bytes(b"")
    return tmp_path / "h5"


@pytest.fixture
def filled(registry: CardRegistry) -> CardRegistry:
    registry.register(pl.DataFrame({"id": [1]}), "a/b")
    return registry


def test_a_folder_comes_back_as_it_was(filled: CardRegistry, folder: Path, tmp_path: Path) -> None:
    filled.attach("a/b@1.0.0", "hdf5-256", folder)
    artifact = filled.artifact("a/b", "hdf5-256")
    assert artifact.files == ["a.h5", "deep/ü.h5"]
    assert artifact.read("a.h5") == b"first"
    out = artifact.fetch(tmp_path / "out")
    assert (out / "deep" / "ü.h5").read_bytes() == b""
    assert list(filled.artifacts("a/b")) == ["hdf5-256"]


def test_empty_folders_are_not_kept(filled: CardRegistry, folder: Path) -> None:
    (folder / "empty" / "deeper").mkdir(parents=True)
    filled.attach("a/b", "h5", folder)
    assert filled.artifact("a/b", "h5").files == ["a.h5", "deep/ü.h5"]


def test_a_file_is_read_without_naming_it(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "one", folder / "a.h5")
    assert filled.artifact("a/b", "one").read() == b"first"
    assert filled.artifact("a/b", "one").files == ["a.h5"]


def test_artifacts_in_the_same_commit(registry: CardRegistry, folder: Path) -> None:
    table = pl.DataFrame({"id": [1]})
    card = registry.register(table, "a/b", artifacts={"h5": folder, "one": folder / "a.h5"})
    assert sorted(card.artifacts) == ["h5", "one"]
    assert registry.register(table, "a/b", artifacts={"h5": folder}) == card, "the same again is nothing new"
    (folder / "a.h5").write_bytes(b"second")
    newer = registry.register(table, "a/b", artifacts={"h5": folder})
    assert str(newer.version) == "1.0.1"
    assert registry.artifact("a/b@1.0.0", "h5").read("a.h5") == b"first"
    assert registry.artifact("a/b@1.0.1", "h5").read("a.h5") == b"second"


def test_attaching_is_idempotent_and_never_replaces(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "h5", folder)
    keys = [entry.key for entry in filled.store.list("")]
    filled.attach("a/b", "h5", folder)
    assert [entry.key for entry in filled.store.list("")] == keys
    (folder / "a.h5").write_bytes(b"other")
    with pytest.raises(AlreadyExistsError, match="h5 already, with other content"):
        filled.attach("a/b", "h5", folder)
    assert [entry.key for entry in filled.store.list("")] == keys
    assert filled.artifact("a/b", "h5").read("a.h5") == b"first"


def test_an_artifact_is_pinned_to_its_card(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "h5", folder)
    filled.register(pl.DataFrame({"id": [2]}), "a/b", bump="minor")
    root = Path(filled.url) / "artifacts" / "a" / "b"
    (root / "1.1.0").mkdir()
    (root / "1.1.0" / "h5.json").write_bytes((root / "1.0.0" / "h5.json").read_bytes())
    with pytest.raises(IntegrityError, match=r"1\.1\.0/h5\.json"):
        filled.artifacts("a/b@1.1.0")


def test_damage_is_named(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "h5", folder)
    (stored,) = Path(filled.url).rglob("a.h5")
    stored.chmod(0o644)
    stored.write_bytes(b"fir5t")
    with pytest.raises(IntegrityError, match=r"a\.h5 in .* has other bytes"):
        filled.artifact("a/b", "h5").read("a.h5")
    (problem,) = filled.verify(deep=True).problems
    assert problem.place.endswith("h5/a.h5")


def test_one_damaged_document_blocks_no_other_artifact(filled: CardRegistry, folder: Path) -> None:
    for name in ("h5", "one", "two"):
        filled.attach("a/b", name, folder / "a.h5")
    document = Path(filled.url) / "artifacts/a/b/1.0.0/one.json"
    document.chmod(0o644)
    document.write_bytes(document.read_bytes()[:-9])
    assert filled.artifact("a/b", "h5").read() == filled.artifact("a/b", "two").read() == b"first"
    with pytest.raises(IntegrityError, match=r"the artifact one is damaged: .*; h5, two of a/b@1\.0\.0 can be read"):
        filled.artifacts("a/b")
    with pytest.raises(IntegrityError, match=r"one\.json"):
        filled.artifact("a/b", "one")
    with pytest.raises(NotFoundError, match="it has h5, one, two"):
        filled.artifact("a/b", "none")
    filled.attach("a/b", "three", folder / "a.h5")
    (problem,) = filled.verify().problems
    assert problem.place == "artifacts/a/b/1.0.0/one.json"
    card = filled.register(pl.DataFrame({"id": [1]}), "a/b", artifacts={"one": folder / "a.h5"})
    assert str(card.version) == "1.0.1", "what is damaged is not what is to be kept"


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe")


def linked_file(folder: Path) -> None:
    (folder / "link.h5").symlink_to("/etc/passwd")


def linked_folder(folder: Path) -> None:
    (folder / "more").symlink_to(folder / "deep", target_is_directory=True)


def listening(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound, contextlib.chdir(folder):  # the path of a socket must be short
        bound.bind("socket")


def two_cases(folder: Path) -> None:
    (folder / "A.h5").touch()


def file_and_folder(folder: Path) -> None:
    (folder / "Deep").touch()


def leftover(folder: Path) -> None:
    (folder / "deep" / ".tmp-x").touch()


def long_path(folder: Path) -> None:
    parent = folder / ("p" * 200) / ("q" * 200) / ("r" * 200)
    parent.mkdir(parents=True)
    (parent / ("s" * 200)).touch()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (pipe, "h5 can't be kept: '.*/h5/pipe' is a named pipe; put"),
        (linked_file, r"'.*/h5/link\.h5' is a symbolic link; put"),
        (linked_folder, "'.*/h5/more' is a symbolic link; put"),
        (listening, "'.*/h5/socket' is a socket; put"),
        (two_cases, r"'A\.h5' and 'a\.h5' are one file on some systems; rename"),
        (file_and_folder, "'Deep' is on some systems the folder of 'deep/ü.h5'; rename"),
        (leftover, r"'deep/\.tmp-x' has a name that begins with '\.tmp-'.*; rename"),
        (long_path, "'p+/q+/r+/s+' is longer than 768 bytes; rename"),
    ],
)
def test_a_folder_with_something_else_in_it_is_refused(
    filled: CardRegistry,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path], None],
    message: str,
) -> None:
    spoil(folder)

    def put(*arguments: object) -> bool:
        raise AssertionError("something was stored")

    monkeypatch.setattr(type(filled.store), "put_if_absent", put)
    with pytest.raises(InvalidInputError, match=message):
        filled.attach("a/b", "h5", folder)
    with pytest.raises(InvalidInputError, match=message):
        filled.register(pl.DataFrame({"id": [2]}), "a/b", artifacts={"h5": folder})


def test_the_longest_path_can_be_kept_under_the_longest_names(registry: CardRegistry, tmp_path: Path) -> None:
    longest = tmp_path / "most" / ("p" * 255) / ("q" * 255) / ("r" * 255)
    longest.parent.mkdir(parents=True)
    longest.write_bytes(b"longest")
    registry.register(pl.DataFrame({"id": [1]}), f"{'s' * 64}/{'n' * 64}", artifacts={"a" * 64: tmp_path / "most"})
    assert registry.artifact(f"{'s' * 64}/{'n' * 64}", "a" * 64).read() == b"longest"


def test_what_can_not_be_kept_is_refused(filled: CardRegistry, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    pipe(tmp_path)
    for name, path, message in [
        ("h5", tmp_path / "none", "neither a file nor a folder"),
        ("h5", tmp_path / "pipe", "is a named pipe, neither a file nor a folder"),
        ("h5", tmp_path / "empty", "holds no files"),
        ("../x", folder, "artifact name"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            filled.attach("a/b", name, path)


def test_what_is_named_may_be_a_link(filled: CardRegistry, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").symlink_to(folder)
    (tmp_path / "file.h5").symlink_to(folder / "a.h5")
    filled.attach("a/b", "folder", tmp_path / "folder")
    filled.attach("a/b", "file", tmp_path / "file.h5")
    assert filled.artifact("a/b", "folder").files == ["a.h5", "deep/ü.h5"]
    assert filled.artifact("a/b", "file").files == ["file.h5"]
    assert filled.artifact("a/b", "file").read() == b"first"


@pytest.mark.parametrize(
    ("swap", "message"),
    [
        (os.mkfifo, r"a\.h5 was a file and is a named pipe now"),
        (lambda place: place.symlink_to("/etc/passwd"), r"a\.h5 can't be read \(Too many levels"),
        (lambda place: None, r"a\.h5 can't be read \(No such file"),
    ],
)
def test_a_file_that_was_swapped_since_is_not_read(
    filled: CardRegistry, folder: Path, swap: Callable[[Path], None], message: str
) -> None:
    found = artifacts.find_artifacts({"h5": folder})["h5"]
    (folder / "a.h5").unlink()
    swap(folder / "a.h5")
    before = [entry.key for entry in filled.store.list("")]
    with (
        pytest.raises(StorageError, match=message),
        attempting(filled.store, filled.load("a/b").name) as attempt,
    ):
        artifacts.put_artifact(attempt, "h5", found)
    assert [entry.key for entry in filled.store.list("")] == before


def test_what_can_not_be_read_is_said(filled: CardRegistry, folder: Path) -> None:
    for number in range(1, count_calls(lambda: artifacts.find_artifacts({"h5": folder})) + 1):
        with os_calls(fail_at(number, errno.EIO)), pytest.raises(StorageError, match=r"/h5.* can't be read"):
            artifacts.find_artifacts({"h5": folder})


def test_what_is_not_there_is_said_with_what_is(filled: CardRegistry, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="it has none"):
        filled.artifact("a/b", "h5")
    filled.attach("a/b", "h5", folder)
    with pytest.raises(NotFoundError, match="it has h5"):
        filled.artifact("a/b", "plot")
    with pytest.raises(NotFoundError, match=r"several files; it has a\.h5"):
        filled.artifact("a/b", "h5").read()


def test_an_open_outcome_says_to_attach_again(
    filled: CardRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = filled.store.put_if_absent

    def land_unheard(key: str, body: Iterable[bytes]) -> bool:
        landed = put(key, body)
        if key.startswith("artifacts/"):
            raise CommitUnknownError("the flush failed", "", True)
        return landed

    monkeypatch.setattr(filled.store, "put_if_absent", land_unheard)
    with pytest.raises(CommitUnknownError, match=r"attach h5 to a/b@1\.0\.0 again") as caught:
        filled.attach("a/b", "h5", folder)
    assert caught.value.attempt == "", "resolve knows of registrations only"
    monkeypatch.undo()
    assert filled.attach("a/b", "h5", folder) == filled.artifacts("a/b")["h5"]
