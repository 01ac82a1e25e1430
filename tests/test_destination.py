"""A new folder: whole or not at all, and never in the place of something else."""

import errno
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from imagecards.destination import new_folder
from imagecards.errors import AlreadyExistsError, IntegrityError, InvalidInputError, StorageError
from imagecards.testing.faults import fail_at, os_calls, record_calls


def files_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("to", [".", "..", "", "{here}", "sub/..", "{link}"])
def test_the_current_folder_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, to: str) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "outer")
    here = tmp_path / "outer" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    with (
        pytest.raises(InvalidInputError, match=r"is the current folder, or .*: fetch into a new folder"),
        new_folder(to.format(here=here, link=tmp_path / "link" / "here")),
    ):
        pytest.fail("files could be written")
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "link", tmp_path / "outer", here]
    with new_folder("sub") as write:
        write("a", [b"1", b"", b"2"])
    assert (here / "sub" / "a").read_bytes() == b"12"


def test_an_empty_folder_takes_the_files_and_a_full_one_does_not(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with new_folder(tmp_path / "out") as write:
        write("deep/a", [])
    assert files_below(tmp_path) == ["out/deep/a"]
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for taken in (tmp_path / "out", tmp_path / "out" / "deep" / "a", tmp_path / "link"):
        with pytest.raises(AlreadyExistsError, match="exists already: choose another"), new_folder(taken):
            pytest.fail("files could be written")


def test_somebody_else_was_faster(tmp_path: Path) -> None:
    def lose_the_race() -> None:
        with new_folder(tmp_path / "out") as write:
            write("a", [b"mine"])
            (tmp_path / "out").mkdir()
            (tmp_path / "out" / "theirs").touch()

    with pytest.raises(AlreadyExistsError, match="exists already"):
        lose_the_race()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert files_below(tmp_path) == ["out/theirs"]


@pytest.mark.parametrize("name", ["a", "link"])
def test_a_file_is_never_written_twice_nor_through_a_link(tmp_path: Path, name: str) -> None:
    def write_again() -> None:
        with new_folder(tmp_path / "out") as write:
            write("a", [b"1"])
            (gathering,) = tmp_path.iterdir()
            (gathering / "link").symlink_to(tmp_path / "through")
            write(name, [b"2"])

    with pytest.raises(StorageError, match="out can't be written"):
        write_again()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["../a", "/a", "a/../../b", "con"])
def test_a_path_that_leads_elsewhere_is_not_written(tmp_path: Path, path: str) -> None:
    with pytest.raises(IntegrityError, match="was tampered with"), new_folder(tmp_path / "out") as write:
        write(path, [b"1"])
    assert list(tmp_path.iterdir()) == []


def test_every_failing_call_ends_in_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    def fetch() -> None:
        with new_folder(tmp_path / "out") as write:
            write("deep/a", iter([b"1", b"2"]))

    names = [name for name, _ in record_calls(fetch)]
    failed = set()
    for number, name in enumerate(names, start=1):
        shutil.rmtree(tmp_path / "out")
        (tmp_path / "out").mkdir()
        with os_calls(fail_at(number, errno.EIO)):
            error = error_of(fetch)
        if error is None:  # what only looks where a link leads can do without, and removing what is left is no matter
            assert files_below(tmp_path) == ["out/deep/a"]
            continue
        failed.add(name)
        assert type(error) is StorageError
        assert (
            str(error) == f"{tmp_path}/out can't be written (Input/output error): free space or choose another folder"
        )
        assert [path.name for path in tmp_path.rglob("*")] == ["out"]
    assert failed >= {"lstat", "scandir", "mkdir", "open", "write", "close", "rename"}


def error_of(action: Callable[[], object]) -> Exception | None:
    try:
        action()
    except Exception as error:
        return error
    return None
