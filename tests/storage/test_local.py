import errno
import os
import pickle
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError, ReadOnlyError, StorageError
from imagecards.storage import LEFTOVER, LocalStore, Store
from imagecards.testing.faults import os_calls, patched_os, record_calls
from imagecards.testing.store_contract import StoreContract


class TestLocalStore(StoreContract):
    def make_store(self, tmp_path: Path) -> Store:
        return LocalStore(tmp_path / "registry")

    def plant(self, store: Store, key: str, data: bytes) -> None:
        assert isinstance(store, LocalStore)
        file = Path(store.root, key)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "registry")


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


# -- what is on disk -----------------------------------------------------------------------------------------


def test_a_key_is_a_file_and_nothing_else_is_left(store: LocalStore) -> None:
    store.put_if_absent("cards/a/b/1.0.0.json", [b"card"])
    store.put_if_absent("cards/a/b/1.0.0.json", [b"other"])
    files = [path for path in Path(store.root).rglob("*") if not path.is_dir()]
    assert files == [Path(store.root, "cards/a/b/1.0.0.json")]
    assert files[0].stat().st_nlink == 1


@pytest.mark.parametrize(("umask", "file", "folder"), [(0o022, 0o644, 0o755), (0o077, 0o600, 0o700), (0, 0o644, 0o777)])
def test_modes_follow_the_umask(store: LocalStore, umask: int, file: int, folder: int) -> None:
    before = os.umask(umask)
    try:
        store.put_if_absent("a/b", [b"data"])
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(f"{store.root}/a/b").st_mode) == file
    assert stat.S_IMODE(os.stat(f"{store.root}/a").st_mode) == folder
    assert stat.S_IMODE(os.stat(store.root).st_mode) == folder


def test_deleting_removes_empty_folders_but_not_the_root(store: LocalStore) -> None:
    store.put_if_absent("a/b/c/d", [b"data"])
    store.put_if_absent("a/e", [b"data"])
    store.delete(["a/b/c/d"])
    assert os.listdir(f"{store.root}/a") == ["e"]
    store.delete(["a/e"])
    assert os.listdir(store.root) == []


def test_names_that_no_store_made_are_not_listed(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"data"])
    for name in (b"bad\xff", b"line\nbreak", b"trailing."):
        Path(os.fsdecode(os.fsencode(store.root) + b"/a/" + name)).write_bytes(b"")
    assert [entry.key for entry in store.list("")] == ["a/b"]


def test_relative_roots_stay_where_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = LocalStore("registry")
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    store.put_if_absent("a", [b"data"])
    assert (tmp_path / "registry" / "a").read_bytes() == b"data"


@pytest.mark.parametrize("root", ["", "a\0b"])
def test_roots_that_are_none(root: str) -> None:
    with pytest.raises(InvalidInputError):
        LocalStore(root)


def test_a_file_where_the_root_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    store = LocalStore(tmp_path / "file")
    with pytest.raises(StorageError, match="stands where a folder should be"):
        store.put_if_absent("a", [b"data"])
    assert store.children("") == []


def test_a_file_where_a_folder_should_be(store: LocalStore) -> None:
    store.put_if_absent("a", [b"data"])
    with pytest.raises(StorageError, match="stands where a folder should be"):
        store.put_if_absent("a/b", [b"data"])


def test_a_folder_where_a_file_should_be(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"data"])
    with pytest.raises(StorageError, match="move it away"):
        store.put_if_absent("a", [b"data"])
    assert [entry.key for entry in store.list("")] == ["a/b"]


# -- links, pipes and other hostile things -------------------------------------------------------------------


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    return folder


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    store = LocalStore(tmp_path / "link")
    assert store.put_if_absent("a", [b"data"])
    assert (tmp_path / "real" / "a").read_bytes() == store.get("a") == b"data"


def test_a_linked_file_is_not_read(store: LocalStore, secret: Path) -> None:
    store.put_if_absent("a/b", [b"data"])
    os.symlink(secret / "secret", f"{store.root}/a/link")
    for ask in (lambda: store.get("a/link"), lambda: store.get("a/link", 0, 2), lambda: store.stat("a/link")):
        with pytest.raises(IntegrityError, match="link"):
            ask()
    with pytest.raises(StorageError, match="link"):
        store.put_if_absent("a/link", [b"data"])
    entries = {entry.key: entry.size for entry in store.list("")}
    assert entries == {"a/b": 4, "a/link": len(str(secret / "secret"))}, "listed as what it is, a link"
    store.delete(["a/link"])
    assert (secret / "secret").read_bytes() == b"secret"


def test_a_linked_folder_is_not_entered(store: LocalStore, secret: Path) -> None:
    store.put_if_absent("a/b", [b"data"])
    os.symlink(secret, f"{store.root}/a/link")
    for ask in (
        lambda: store.get("a/link/secret"),
        lambda: store.stat("a/link/secret"),
        lambda: store.children("a/link/"),
        lambda: list(store.list("a/link/")),
        lambda: store.delete(["a/link/secret"]),
    ):
        with pytest.raises(IntegrityError, match="symbolic link"):
            ask()
    with pytest.raises(StorageError, match="symbolic link"):
        store.put_if_absent("a/link/new", [b"data"])
    assert [entry.key for entry in store.list("")] == ["a/b", "a/link"]
    assert os.listdir(secret) == ["secret"]


def test_a_folder_that_becomes_a_link_meanwhile(store: LocalStore, secret: Path) -> None:
    store.put_if_absent("a/b/c", [b"data"])

    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        if name == "open" and arguments[0] == ("secret" if swapped else "b") and not swapped:
            swapped.append(True)
            os.rename(f"{store.root}/a/b", f"{store.root}/a/gone")
            os.symlink(secret, f"{store.root}/a/b")

    swapped: list[bool] = []
    with os_calls(hook, only=["open"]), pytest.raises(IntegrityError, match="symbolic link"):
        store.get("a/b/secret")
    assert swapped


def test_a_link_at_the_name_of_the_temporary_file(
    store: LocalStore, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_if_absent("a/b", [b"data"])
    names = iter([b"\0" * 8, b"\1" * 8])
    os.symlink(secret / "secret", f"{store.root}/a/{LEFTOVER}{'00' * 8}")
    monkeypatch.setattr(os, "urandom", lambda size: next(names))
    assert store.put_if_absent("a/c", [b"data"]) is True
    assert (secret / "secret").read_bytes() == b"secret"
    assert store.get("a/c") == b"data"


def test_a_pipe_does_not_keep_its_reader_waiting(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"data"])
    os.mkfifo(f"{store.root}/a/pipe")
    for ask in (lambda: store.get("a/pipe"), lambda: store.stat("a/pipe")):
        with pytest.raises(IntegrityError, match="pipe"):
            ask()


# -- descriptors ---------------------------------------------------------------------------------------------


def test_ranges_keep_few_files_open_and_close_lets_go(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "registry")
    for number in range(80):
        store.put_if_absent(f"a/{number}", [b"data"])
    before = descriptors()
    for number in range(80):
        store.get(f"a/{number}", 1, 2)
    assert len(descriptors() - before) == 64
    store.close()
    assert descriptors() == before
    store.get("a/1", 1, 2)
    del store
    assert descriptors() == before, "a store that is gone holds nothing, without the help of the collector"


def test_a_range_takes_one_system_call(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"data"])
    store.get("a/b", 0, 1)
    assert [name for name, _ in record_calls(lambda: store.get("a/b", 1, 2))] == ["pread"]


def test_nothing_leaks(store: LocalStore) -> None:
    store.put_if_absent("a/b/c", [b"data"])
    before = descriptors()
    store.put_if_absent("a/b/c", [b"data"])
    store.put_if_absent("a/b/d", [b"data"])
    store.get("a/b/c")
    store.stat("a/b/c")
    store.children("a/")
    list(store.list(""))
    next(iter(store.list("")))
    store.delete(["a/b/d"])
    for wrong in ("a/x/y", "x", "a/b"):
        with pytest.raises(NotFoundError):
            store.get(wrong)
    assert descriptors() == before


def test_reading_while_others_close(store: LocalStore) -> None:
    for number in range(80):
        store.put_if_absent(f"a/{number}", [bytes([number]) * 1000])
    done = threading.Event()

    def close() -> None:
        while not done.wait(0.0002):
            store.close()

    closer = threading.Thread(target=close)
    closer.start()
    try:
        for number in range(3000):
            which = number % 80
            assert store.get(f"a/{which}", 10, 500) == bytes([which]) * 500
    finally:
        done.set()
        closer.join()


def test_a_key_that_another_store_deleted(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"data"])
    assert store.get("a/b", 0, 1) == b"d"
    LocalStore(store.root).delete(["a/b"])
    with pytest.raises(NotFoundError):
        store.get("a/b")
    assert store.stat("a/b") is None
    store.close()
    with pytest.raises(NotFoundError):
        store.get("a/b", 0, 1)


def test_pickling_takes_no_descriptors_along(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"data"])
    store.get("a/b", 0, 1)
    before = descriptors()
    again = pickle.loads(pickle.dumps(store))
    assert descriptors() == before
    assert again.root == store.root


# -- failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK])
def test_a_file_system_without_links_is_refused_by_name(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def link(*arguments: object, **named: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(StorageError, match="has no hard links"):
        store.put_if_absent("a/b", [b"data"])
    assert list(store.list("")) == []


@pytest.mark.parametrize("code", [errno.EEXIST, errno.EIO, errno.ETIMEDOUT])
def test_a_link_whose_answer_got_lost_counts(store: LocalStore, code: int) -> None:
    def around(name: str, original: Any, arguments: Any, named: Any) -> Any:
        original(*arguments, **named)
        raise OSError(code, os.strerror(code))

    with patched_os(around, only=["link"]):
        assert store.put_if_absent("a/b", [b"data"]) is True
    assert store.get("a/b") == b"data"
    assert [entry.key for entry in store.list("")] == ["a/b"]


def test_a_key_that_is_deleted_while_one_loses(store: LocalStore) -> None:
    store.put_if_absent("a/b", [b"first"])

    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        if number == 1:
            raise FileExistsError(errno.EEXIST, "exists")

    store.delete(["a/b"])
    with os_calls(hook, only=["link"]):
        assert store.put_if_absent("a/b", [b"second"]) is True
    assert store.get("a/b") == b"second"


@pytest.mark.parametrize("code", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_what_can_not_be_written_is_read_only(store: LocalStore, code: int) -> None:
    store.put_if_absent("a/b", [b"data"])

    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        raise OSError(code, os.strerror(code))

    with (
        os_calls(hook, only=["mkdir"]),
        pytest.raises(ReadOnlyError, match=r"registry/c/d can't be written.*use"),
    ):
        store.put_if_absent("c/d", [b"data"])
    assert store.get("a/b") == b"data"


def test_errors_name_place_reason_and_next_step(store: LocalStore) -> None:
    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with os_calls(hook, only=["write"]), pytest.raises(StorageError) as caught:
        store.put_if_absent("a/b", [b"data"])
    assert str(caught.value) == (
        f"{store.root}/a/b can't be written: No space left on device; free some space, then do it again"
    )
    assert caught.value.errno == errno.ENOSPC
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_folders_that_can_not_be_synced_are_tolerated_where_the_file_system_knows_no_such_thing(
    store: LocalStore,
) -> None:
    def around(name: str, original: Any, arguments: Any, named: Any) -> Any:
        if stat.S_ISDIR(os.fstat(arguments[0]).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return original(*arguments, **named)

    with patched_os(around, only=["fsync"]):
        assert store.put_if_absent("a/b", [b"data"]) is True


LIMITED = """
import resource, sys
from imagecards.errors import StorageError
from imagecards.storage import LocalStore
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = LocalStore(sys.argv[1])
try:
    store.put_if_absent("a/big", [bytes(70_000), bytes(70_000)])
except StorageError as error:
    assert "raise the limit" in str(error), error
else:
    raise AssertionError("140,000 bytes can't fit")
assert list(store.list("")) == []
assert store.put_if_absent("a/small", [bytes(70_000), bytes(30_000)])
"""


def test_a_write_that_is_cut_short_by_the_system(store: LocalStore) -> None:
    subprocess.run([sys.executable, "-c", LIMITED, store.root], check=True)
    assert store.stat("a/big") is None
    assert len(store.get("a/small")) == 100_000


def test_short_writes_are_continued(store: LocalStore) -> None:
    def around(name: str, original: Any, arguments: Any, named: Any) -> Any:
        return original(arguments[0], arguments[1][:7])

    body = [bytes(range(100)), b"", bytes(range(50))]
    with patched_os(around, only=["write"]):
        store.put_if_absent("a/b", body)
    assert store.get("a/b") == b"".join(body)


def test_short_reads_are_continued(store: LocalStore) -> None:
    def around(name: str, original: Any, arguments: Any, named: Any) -> Any:
        return original(arguments[0], min(arguments[1], 7), arguments[2])

    data = bytes(range(100))
    store.put_if_absent("a/b", [data])
    with patched_os(around, only=["pread"]):
        assert store.get("a/b") == data
        assert store.get("a/b", 10, 50) == data[10:60]


def test_a_file_that_is_cut_while_it_is_read(store: LocalStore) -> None:
    store.put_if_absent("a/b", [bytes(100)])

    def hook(number: int, name: str, arguments: tuple[object, ...]) -> None:
        os.truncate(f"{store.root}/a/b", 40)

    with os_calls(hook, only=["pread"]), pytest.raises(IntegrityError, match="truncated"):
        store.get("a/b")
