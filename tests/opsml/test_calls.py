"""What opsml does by the way is kept from whoever calls it, whatever goes wrong meanwhile."""

import os
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from imagecards.errors import StorageError
from imagecards.opsml.calls import calling, patiently

OWN = (
    b"\x1b[38;2;4;205;155mRegistered card\x1b[39m - \x1b[38;2;75;57;120mdata\x1b[39m - lab/cats - v0.1.0\n"
    b"\x1b[38;2;4;205;155mDeleted card\x1b[39m\n"
)
OTHERS = b"a \x1b[38;2;1;2;3mcoloured\x1b[0m line\n\x1b[38;2;249;38;114m----\x1b[0m 40% of a bar\r\n"


def test_only_lines_of_opsml_are_taken_out(capfd: pytest.CaptureFixture[str]) -> None:
    with calling("print"):
        os.write(1, OTHERS[:20])
        os.write(1, OTHERS[20:] + OWN)
    assert capfd.readouterr().out.encode() == OTHERS


def test_standard_output_comes_back_when_the_disk_is_full(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        closed = False

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        with calling("print"):
            pass
    os.write(1, b"still there")
    assert capfd.readouterr().out == "still there"


def test_nothing_stays_open_where_there_is_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    before = os.listdir("/proc/self/fd")
    with pytest.raises(StorageError, match=r"opsml can't list cards: .*No such file"), calling("list cards"):
        pass
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.parametrize("given", [None, "/tmp"])
def test_the_folder_for_temporary_files_is_an_own_one_and_goes(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.setenv("TMPDIR", given or "")
    if given is None:
        monkeypatch.delenv("TMPDIR")
    own = Path("none")
    with suppress(StorageError), calling("fail"):
        own = Path(os.environ["TMPDIR"])
        (own / "left").write_text("behind")
        raise RuntimeError
    assert own.is_absolute()
    assert not own.exists()
    assert os.environ.get("TMPDIR") == given


def test_one_thread_calls_at_a_time() -> None:
    """Standard output and TMPDIR are those of the whole process."""
    entered, may_leave, done = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        with calling("wait"):
            entered.set()
            may_leave.wait(20)
            done.append("first")

    def second() -> None:
        with calling("follow"):
            done.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert entered.wait(20)
    threads[1].start()
    threads[1].join(0.2)
    may_leave.set()
    for thread in threads:
        thread.join(20)
    assert done == ["first", "second"]


def test_what_is_busy_for_ever_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """opsml itself tries a server for half a minute that is not there, and says what SQLite does when it is busy."""
    now = [0.0]
    tried = []

    def call() -> None:
        now[0] += 30
        tried.append(now[0])
        raise StorageError("Failed to create sql client for sql type: Postgres")

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with pytest.raises(StorageError, match="Failed to create"):
        patiently(call)
    assert tried == [30]


def test_what_is_busy_for_a_moment_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    said = ["database is locked", "Failed to create sql client for sql type: Sqlite"]

    def call() -> str:
        if said:
            raise StorageError(said.pop())
        return "done"

    assert patiently(call) == "done"
    said.append("no such table")
    with pytest.raises(StorageError, match="no such table"):
        patiently(call)
