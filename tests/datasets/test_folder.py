"""Scanning a folder and reading from it: nothing outside of it is ever reached."""

import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.datasets.folder import FolderSource
from imagecards.datasets.scan import are_image_names, is_image_name, promised_format, scan_folder
from imagecards.datasets.source import Source
from imagecards.errors import FormatError, InvalidInputError, NotFoundError, StorageError
from imagecards.images import EXTENSIONS

Write = Callable[..., Path]


def test_finds_files_in_order_and_leaves_hidden_ones_out(folder: Write) -> None:
    root = folder(
        {
            "b.png": b"22",
            "a/z.png": b"1",
            "a/b/c.jpg": b"333",
            "é.png": b"",
            ".hidden.png": b"x",
            ".git/a.png": b"x",
        }
    )
    scan = scan_folder(root)
    assert [(file.name, file.size) for file in scan.files] == [
        ("a/b/c.jpg", 3),
        ("a/z.png", 1),
        ("b.png", 2),
        ("é.png", 0),
    ]
    assert not scan.issues
    status = (root / "b.png").stat()
    found = scan.files[2]
    assert (found.mtime_ns, found.ctime_ns) == (status.st_mtime_ns, status.st_ctime_ns)
    assert found.inode == status.st_ino


def test_the_folder_itself_may_be_a_link(folder: Write, tmp_path: Path) -> None:
    root = folder({"a.png": b"1"})
    (tmp_path / "link").symlink_to(root)
    assert [file.name for file in scan_folder(tmp_path / "link").files] == ["a.png"]
    assert FolderSource(tmp_path / "link").read("a.png") == b"1"


def test_links_and_special_files_are_issues(folder: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "passwd.png").write_bytes(b"root")
    root = folder({"a.png": b"1"})
    (root / "file.png").symlink_to(secret / "passwd.png")
    (root / "folder").symlink_to(secret)
    (root / "note.txt").symlink_to(secret / "passwd.png")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.png")
    scan = scan_folder(root)
    assert [file.name for file in scan.files] == ["a.png"]
    assert [(issue.file, issue.rule, issue.severity) for issue in scan.issues] == [
        ("file.png", "symlink", "error"),
        ("folder", "symlink", "error"),
        ("loop", "symlink", "error"),
        ("note.txt", "symlink", "warning"),
        ("pipe.png", "not-a-file", "error"),
    ]
    source = FolderSource(root)
    for name in ("file.png", "folder/passwd.png", "loop/a.png", "note.txt"):
        with pytest.raises(FormatError, match="symbolic link"):
            source.read(name)
    with pytest.raises(FormatError, match="not a regular file"):
        source.read("pipe.png")


def test_names_that_are_not_text(folder: Write) -> None:
    root = folder({"a.png": b"1"})
    with open(os.fsencode(root) + b"/\xff.png", "wb") as file:
        file.write(b"1")
    scan = scan_folder(root)
    assert [file.name for file in scan.files] == ["a.png"]
    assert [(issue.file, issue.rule, issue.severity) for issue in scan.issues] == [
        ("\\udcff.png", "unreadable-name", "error")
    ]


def test_folders_nested_beyond_reason_are_an_issue(folder: Write) -> None:
    root = folder({"a.png": b"1"})
    here = os.open(root, os.O_RDONLY)
    for _ in range(30):  # 30 parts of 100 characters: longer than a path may be
        os.mkdir("d" * 100, dir_fd=here)
        below = os.open("d" * 100, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    scan = scan_folder(root)
    assert [issue.rule for issue in scan.issues] == ["path-too-long"]


@pytest.mark.parametrize("name", ["../secret.png", "a/../../secret.png", "/etc/passwd", "", "a/", "..", "a//b.png"])
def test_names_that_lead_out_are_refused(folder: Write, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    source = FolderSource(folder({"a/b.png": b"1"}))
    with pytest.raises(InvalidInputError):
        source.read(name)
    with pytest.raises(InvalidInputError):
        source.read("a\0.png")


def test_percent_signs_are_plain_characters(folder: Write, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    source = FolderSource(folder({"%2e%2e/b.png": b"1"}))
    assert source.read("%2e%2e/b.png") == b"1"
    with pytest.raises(NotFoundError):
        source.read("%2e%2e%2fsecret.png")


def test_missing_files_are_named(folder: Write) -> None:
    source = FolderSource(folder({"a.png": b"1"}))
    with pytest.raises(NotFoundError, match=r"b\.png is not in .*images"):
        source.read("b.png")
    with pytest.raises(NotFoundError, match=r"x/b\.png is not in"):
        source.read("x/b.png")
    with pytest.raises(FormatError, match="lies behind one"):
        source.read("a.png/b.png")
    with pytest.raises(StorageError, match="can't be read"):
        scan_folder(Path("no such folder"))


def test_a_folder_exchanged_for_a_link_between_scan_and_read(folder: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.png").write_bytes(b"secret")
    root = folder({"in/a.png": b"1"})
    scan = scan_folder(root)
    (root / "in").rename(tmp_path / "away")
    (root / "in").symlink_to(secret)
    with pytest.raises(FormatError, match="symbolic link"):
        FolderSource(root).read("in/a.png", scan.files[0])


def test_a_folder_exchanged_for_a_link_while_it_is_scanned(
    folder: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.png").write_bytes(b"secret")
    root = folder({"in/a.png": b"1", "b.png": b"2"})
    opened = os.open

    def exchange(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if path == "in":
            (root / "in").rename(tmp_path / "away")
            (root / "in").symlink_to(secret)
        return opened(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", exchange)
    scan = scan_folder(root)
    assert [file.name for file in scan.files] == ["b.png"]
    assert [(issue.file, issue.rule) for issue in scan.issues] == [("in", "symlink")]


def test_a_file_that_vanishes_during_the_scan_is_not_there(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"in/a.png": b"1", "b.png": b"2"})
    opened = os.open

    def vanish(path: Any, flags: int, *args: Any, **options: Any) -> int:
        if path == "in":
            (root / "in" / "a.png").unlink()
            (root / "in").rmdir()
        return opened(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", vanish)
    assert [file.name for file in scan_folder(root).files] == ["b.png"]


def test_a_changed_file_is_not_taken_for_the_one_that_was_scanned(folder: Write) -> None:
    root = folder({"a.png": b"1", "b.png": b"2"})
    scan = scan_folder(root)
    (root / "a.png").write_bytes(b"3")
    source = FolderSource(root)
    with pytest.raises(StorageError, match="changed"):
        source.read("a.png", scan.files[0])
    assert source.read("a.png") == b"3"
    assert source.read("b.png", scan.files[1]) == b"2"


@pytest.mark.parametrize("change", [b"", b"1234567"])
def test_a_file_that_changes_its_size_during_the_read(
    folder: Write, monkeypatch: pytest.MonkeyPatch, change: bytes
) -> None:
    root = folder({"a.png": b"1234"})
    status = os.fstat

    def fstat(file: int) -> os.stat_result:
        result = status(file)
        (root / "a.png").write_bytes(change)
        return result

    monkeypatch.setattr(os, "fstat", fstat)
    with pytest.raises(StorageError, match="changed"):
        FolderSource(root).read("a.png")


def test_short_reads_are_continued(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    content = bytes(range(256)) * 20
    root = folder({"a.png": content})
    read = os.read
    monkeypatch.setattr(os, "read", lambda file, size: read(file, min(size, 100)))
    assert FolderSource(root).read("a.png") == content


def test_errors_of_the_system_are_typed(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    root = folder({"in/a.png": b"1"})

    def broken(*args: object) -> bytes:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "read", broken)
        with pytest.raises(StorageError, match=r"in/a\.png in .* can't be read: Input/output error"):
            FolderSource(root).read("in/a.png")
    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", broken)
        with pytest.raises(StorageError, match="can't be read: Input/output error"):
            scan_folder(root)


def test_a_source_crosses_to_other_processes(folder: Write) -> None:
    source = FolderSource(folder({"a.png": b"1", "b.png": b"2"}))
    assert isinstance(source, Source)
    assert source.read("a.png") == b"1"
    copy = pickle.loads(pickle.dumps(source))
    assert list(copy.read_many(["b.png", "a.png"])) == [b"2", b"1"]
    source.close()
    assert source.read("a.png") == b"1"


def test_many_folders_are_read_by_many_threads_without_running_out_of_files(folder: Write) -> None:
    names = [f"{number}/a.png" for number in range(300)]
    root = folder({name: name.encode() for name in names})
    source = FolderSource(root)
    before = len(os.listdir("/proc/self/fd"))
    wrong: list[str] = []

    def work() -> None:
        for _ in range(5):
            wrong.extend(name for name in names if source.read(name) != name.encode())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(os.listdir("/proc/self/fd")) <= before + 65
    source.close()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_the_columns_of_a_scan(folder: Write) -> None:
    scan = scan_folder(folder({"b.png": b"22", "a/z.png": b"1"}))
    assert [tuple(row.values()) for row in scan.stats.to_pylist()] == scan.files


def test_the_columns_of_an_empty_scan(folder: Write) -> None:
    assert scan_folder(folder({})).stats.schema.names == ["file_name", "size", "mtime_ns", "ctime_ns", "inode"]


def test_extensions() -> None:
    assert [is_image_name(name) for name in ("a.jpeg", "a/b.TIFF", "a.txt", "png", ".png", "a/.png", "a.png/b")] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]
    assert promised_format("a.b.JPG") == "JPEG"


@given(
    st.lists(
        st.builds(
            "{}{}{}".format,
            st.text("aé/.\nK ", max_size=3),
            st.sampled_from([*EXTENSIONS, *map(str.upper, EXTENSIONS), ".T\u0130FF", ".txt", "jpg", "."]),
            st.sampled_from(["", "", "\n", " ", "/b", ".png"]),
        )
    )
)
def test_many_names_are_told_as_one_is(names: list[str]) -> None:
    told = are_image_names(pa.array(names, pa.string()))
    assert told.to_pylist() == [is_image_name(name) for name in names]
