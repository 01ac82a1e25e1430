"""The injector itself: what it sees, and that nothing gets past it."""

import errno
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagecards.testing.faults import (
    MUTATING,
    READING,
    count_calls,
    fail_at,
    os_calls,
    raise_at,
    record_calls,
    run_killed,
)


@pytest.fixture(autouse=True)
def _no_garbage() -> None:
    """What other tests left for the collector may hold files open, which would be closed within a count."""
    gc.collect()


EVERYTHING = """
import json, os, sys
from imagecards.storage import LocalStore
from imagecards.testing.faults import record_calls

def everything(root):
    store = LocalStore(root)
    store.put_if_absent("a/b/c", [b"one", b"two"])
    store.put_if_absent("a/b/c", [b"three"])
    store.put_if_absent("a/b/d", [b"x" * 3_000_000])
    store.get("a/b/c"), store.get("a/b/d", 5, 9), store.stat("a/b/c"), store.children("a/")
    list(store.list(""))
    store.delete(["a/b/c", "a/b/d"])

# A first run outside the count, so that modules are imported.
everything(sys.argv[1] + "/warm")
seen = []
sys.addaudithook(lambda event, arguments: seen.append(event) if recording else None)
recording = True
os.access("/BEGIN", 0)
calls = record_calls(lambda: everything(sys.argv[1] + "/measured"))
os.access("/END", 0)
recording = False
creates = [name == "open" and bool(given[1] & os.O_CREAT) for name, given in calls]
print(json.dumps([[name, new] for (name, _), new in zip(calls, creates)] + [seen]))
"""


def run_everything(folder: Path, *before: str) -> tuple[Counter[str], list[str]]:
    done = subprocess.run(
        [*before, sys.executable, "-c", EVERYTHING, str(folder)], check=True, capture_output=True, text=True
    )
    *calls, audited = json.loads(done.stdout)
    return Counter("create" if creates else name for name, creates in calls), audited


def test_the_interpreter_s_own_audit_sees_nothing_more(tmp_path: Path) -> None:
    counted, audited = run_everything(tmp_path)
    events = Counter(audited)
    names = {
        "mkdir": "os.mkdir",
        "link": "os.link",
        "unlink": "os.remove",
        "rmdir": "os.rmdir",
        "scandir": "os.scandir",
    }
    for name, event in names.items():
        assert counted[name] == events[event] > 0, name
    assert counted["open"] + counted["create"] == events["open"]
    others = {event for event in events if event.startswith(("os.", "shutil."))}
    assert others <= {*names.values(), "os.listdir"}


def test_the_kernel_sees_no_other_change(tmp_path: Path) -> None:
    """Outside check: what strace says is what the injector counted."""
    strace = shutil.which("strace")
    log = tmp_path / "log"
    if strace is None or subprocess.run([strace, "-o", str(log), "true"], check=False).returncode:
        pytest.skip("needs strace, and the right to trace")
    traced = (
        *(
            "access",
            "faccessat",
            "faccessat2",
            "openat",
            "open",
            "creat",
            "write",
            "writev",
            "pwrite64",
            "fsync",
        ),
        *(
            "fdatasync",
            "sync_file_range",
            "mkdir",
            "mkdirat",
            "link",
            "linkat",
            "symlink",
            "symlinkat",
            "unlink",
        ),
        *(
            "unlinkat",
            "rmdir",
            "rename",
            "renameat",
            "renameat2",
            "truncate",
            "ftruncate",
            "fallocate",
            "chmod",
        ),
        *("fchmod", "fchmodat", "chown", "fchown", "fchownat", "utimensat", "copy_file_range", "sendfile"),
        *("mknod", "mknodat", "setxattr", "fsetxattr"),
    )
    counted, _ = run_everything(tmp_path, strace, "-f", "-o", str(log), "-e", f"trace={','.join(traced)}")
    lines = log.read_text().splitlines()
    begin, end = (next(i for i, line in enumerate(lines) if mark in line) for mark in ("/BEGIN", "/END"))
    kernel: Counter[str] = Counter()
    for line in lines[begin + 1 : end]:
        call = re.match(r"\d+ +(\w+)\((.*)", line)
        assert call is not None, line
        name = {"openat": "open", "mkdirat": "mkdir", "linkat": "link", "unlinkat": "unlink"}.get(call[1], call[1])
        if name == "open" and "O_CREAT" in call[2]:
            name = "create"
        if name == "unlink" and "AT_REMOVEDIR" in call[2]:
            name = "rmdir"
        kernel[name] += 1
    changes = {name: number for name, number in counted.items() if name in MUTATING or name in ("create", "open")}
    assert kernel == changes
    assert all(kernel[name] for name in ("create", "write", "fsync", "mkdir", "link", "unlink", "rmdir"))


def test_every_function_is_put_back() -> None:
    names = [name for name in MUTATING | READING if hasattr(os, name)]
    before = [getattr(os, name) for name in names]
    sets = [set(each) for each in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks)]

    def fail() -> None:
        with os_calls(lambda number, name, arguments: None):
            assert [getattr(os, name) for name in names] != before
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [getattr(os, name) for name in names] == before
    assert [set(each) for each in (os.supports_dir_fd, os.supports_fd, os.supports_follow_symlinks)] == sets


def test_what_a_function_can_do_is_answered_as_before(tmp_path: Path) -> None:
    with os_calls(lambda number, name, arguments: None):
        assert os.open in os.supports_dir_fd
        assert os.listdir in os.supports_fd
        (tmp_path / "a").mkdir()
        shutil.rmtree(tmp_path / "a")
        with tempfile.NamedTemporaryFile(dir=tmp_path) as file:
            file.write(b"data")


def test_calls_are_numbered_across_threads() -> None:
    numbers: list[int] = []
    with os_calls(lambda number, name, arguments: numbers.append(number)), ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: [os.stat(".") for _ in range(100)], range(8)))
    assert sorted(numbers) == list(range(1, 801))


def test_arguments_by_name_are_shown_after_the_others() -> None:
    descriptor = os.open(".", os.O_RDONLY)
    try:
        calls = record_calls(lambda: os.stat("tests", dir_fd=descriptor, follow_symlinks=False), only=["stat"])
    except FileNotFoundError:
        calls = [("stat", ("tests", descriptor, False))]
    finally:
        os.close(descriptor)
    assert calls == [("stat", ("tests", descriptor, False))]


def test_entries_of_a_folder_are_seen(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    sizes = {}

    def scan() -> None:
        with os.scandir(tmp_path) as entries:
            for entry in entries:
                assert entry.is_file()
                assert os.fspath(entry) == str(tmp_path / "a")
                sizes[entry.name] = entry.stat().st_size

    assert [name for name, _ in record_calls(scan)] == ["scandir", "stat"]
    assert sizes == {"a": 5}
    with os_calls(fail_at(2, errno.EIO)), pytest.raises(OSError, match="Input/output"):
        scan()


@pytest.mark.parametrize(("forever", "failures"), [(False, [3]), (True, [3, 4, 5])])
def test_a_call_fails_once_or_all_from_there(forever: bool, failures: list[int]) -> None:
    failed = []
    with os_calls(fail_at(3, errno.ENOSPC, forever=forever)):
        for number in range(1, 6):
            try:
                os.stat(".")
            except OSError as error:
                failed.append(number)
                code = error.errno
    assert failed == failures
    assert code == errno.ENOSPC


def test_a_close_that_fails_closes_all_the_same() -> None:
    descriptor = os.open(".", os.O_RDONLY)
    with os_calls(fail_at(1, errno.EIO)), pytest.raises(OSError, match="Input/output"):
        os.close(descriptor)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_anything_can_be_raised() -> None:
    with os_calls(raise_at(2, KeyboardInterrupt)):
        os.stat(".")
        with pytest.raises(KeyboardInterrupt):
            os.stat(".")
        os.stat(".")


def test_only_some_count() -> None:
    assert count_calls(lambda: (os.stat("."), os.listdir("."), os.stat(".")), only=["stat"]) == 2


def test_a_killed_process() -> None:
    assert run_killed(1, os.path.getsize, ".") is True
    assert run_killed(2, os.path.getsize, ".") is False


def test_a_process_that_fails_by_itself(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="code 1"):
        run_killed(2, os.path.getsize, "/no/such/file")
