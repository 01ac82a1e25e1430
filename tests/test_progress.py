"""Progress: a bar on a terminal after a moment, and silence elsewhere."""

import io
import threading
import time
from contextlib import redirect_stderr

import pytest

from imagecards import progress
from imagecards.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "PATIENCE", 0.0)


def shown_on(stream: io.StringIO, total: int | None, *, steps: int = 3) -> str:
    """What a piece of work shows on standard error."""
    with redirect_stderr(stream), track("packing", total, unit="images") as advance:
        for _ in range(steps):
            advance(1)
            time.sleep(0.1)
        time.sleep(0.3)
    return stream.getvalue()


def test_a_bar_on_a_terminal() -> None:
    shown = shown_on(Terminal(), 3)
    assert "packing" in shown
    assert "3/3" in shown
    assert "images" in shown


def test_work_of_unknown_length_shows_that_it_runs() -> None:
    assert "packing" in shown_on(Terminal(), None)


def test_the_bar_does_not_wait_for_the_first_unit() -> None:
    assert "0/1" in shown_on(Terminal(), 1, steps=0)


def test_short_work_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 30.0)
    assert shown_on(Terminal(), 3) == ""


def test_silence_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_on(io.StringIO(), 3) == ""
    monkeypatch.setenv("TERM", "dumb")
    assert shown_on(Terminal(), 3) == ""


def test_no_thread_is_left_behind_after_an_error() -> None:
    before = threading.active_count()
    with redirect_stderr(Terminal()), pytest.raises(KeyboardInterrupt), track("packing", 3):
        raise KeyboardInterrupt
    patience = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < patience:
        time.sleep(0.01)  # the bar's own thread ends a moment after it was told to
    assert threading.active_count() == before
