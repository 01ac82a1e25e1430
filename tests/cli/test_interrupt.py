"""Ctrl-C: at every system call in this process, and at many moments of a real one."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.testing.faults import os_calls

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]
MOMENTS = (0.02, 0.25, 0.5, 0.7, 0.9)
"""When the key is pressed, in parts of the time that the whole command takes."""


@contextmanager
def interrupt_at(number: int) -> Iterator[list[str]]:
    """Press Ctrl-C at a system call; yields a list that has its name once that came."""
    pressed: list[str] = []

    def hook(at: int, name: str, arguments: tuple[object, ...]) -> None:
        if at == number:
            pressed.append(name)
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with os_calls(hook):
            yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def check_whole(place: Path, folder: Path) -> None:
    """What is there is whole, and the same registration works now."""
    registry = CardRegistry(place)
    if (place / "imagecards.json").exists():
        assert registry.verify().problems == ()
    card = registry.register(ImageDataset(image_dir=folder), "a/b")
    assert str(card.version) == "1.0.0", "the interrupted command took the number and is not complete"
    assert card.summary.images == len(list(folder.glob("*.png")))
    assert registry.verify(deep=True).problems == ()
    registry.store.close()


# Python ignores whatever is raised while an object is being deleted, a key press too: the command goes on and ends well
unheard = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@unheard
def test_register_interrupted_at_every_system_call(
    run: Run, tmp_path: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder(2)
    run("register", folder, "a/warm", "-r", tmp_path / "warm")
    points = 0
    while True:
        registry = tmp_path / f"registry-{points}"
        monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / f"cache-{points}"))
        with interrupt_at(points + 1) as pressed:
            done = run("register", folder, "a/b", "-r", registry)
        if not pressed:
            assert done.code == 0
            break
        points += 1
        assert done.code in (0, 130), done.err
        if done.code == 130:
            assert done.err == "interrupted; nothing was left half-done\n"
        check_whole(registry, folder)
        shutil.rmtree(registry, ignore_errors=True)
    assert points > 100


@unheard
def test_fetch_interrupted_at_every_system_call(run: Run, tmp_path: Path, make_folder: MakeFolder) -> None:
    folder, registry = make_folder(2), tmp_path / "registry"
    run("register", folder, "a/b", "-r", registry)
    points = 0
    while True:
        there = tmp_path / f"fetched-{points}"
        there.mkdir()
        with interrupt_at(points + 1) as pressed:
            done = run("fetch", "a/b", "-r", registry, "--to", there / "to")
        if not pressed:
            assert done.code == 0
            break
        points += 1
        assert done.code in (0, 130), done.err
        left = sorted(path.name for path in there.rglob("*"))
        assert left in ([], sorted([*(path.name for path in folder.iterdir()), "to"]))
    assert points > 20


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def swallowed(arguments: list[str]) -> int:
    with suppress(KeyboardInterrupt):
        press()
    return 0


def half_there(arguments: list[str]) -> int:
    swallowed(arguments)
    raise AttributeError("partially initialized module")


@pytest.mark.parametrize(("command", "code"), [(swallowed, 0), (half_there, 130)])
def test_an_interruption_of_which_a_library_made_something_else(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: Callable[[list[str]], int], code: int
) -> None:
    monkeypatch.setattr(sys.modules["imagecards.cli.main"], "_run", command)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = run("list")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.code == code
    assert done.err == ("interrupted; nothing was left half-done\n" if code else "")


def test_an_interruption_waits_for_the_end_of_an_import(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "pressed_meanwhile.py"
    module.write_text("import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.1)\nwhole = True\n")
    monkeypatch.syspath_prepend(tmp_path)

    def command(arguments: list[str]) -> int:
        with suppress(BaseException):
            import_module("pressed_meanwhile")
        time.sleep(10)
        return 0

    monkeypatch.setattr(sys.modules["imagecards.cli.main"], "_run", command)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        done = run("list")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (done.code, done.err) == (130, "interrupted; nothing was left half-done\n")
    assert sys.modules.pop("pressed_meanwhile").whole
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL


def test_a_fault_of_ours_is_no_interruption(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["imagecards.cli.main"], "_run", lambda arguments: int("one"))
    with pytest.raises(ValueError, match="invalid literal"):
        run("list")


SCRIPT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever the parent does with it
from imagecards.cli import main
import imagecards.registry.register, imagecards.registry.fetch, imagecards.registry.reading
print("ready", flush=True)
main(sys.argv[1:])
"""


def start(*arguments: object) -> "subprocess.Popen[str]":
    """Start a command in a process of its own, and return when its imports are done."""
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def time_of(*arguments: object) -> float:
    process = start(*arguments)
    began = time.monotonic()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return time.monotonic() - began


def interrupt(after: float, *arguments: object) -> int:
    """Start a command, press Ctrl-C, and return its exit code."""
    process = start(*arguments)
    time.sleep(after)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    # it may end before the key is pressed, or after its last step, when the interpreter is leaving already
    assert process.returncode in (0, 130, -signal.SIGINT), err
    if process.returncode == 130:
        assert err == "interrupted; nothing was left half-done\n"
    return process.returncode


@pytest.fixture
def many(make_folder: MakeFolder) -> Path:
    folder = make_folder(300)
    for path in sorted(folder.glob("*.png")):
        path.write_bytes(path.read_bytes() + bytes(100_000))
    return folder


def test_real_register_interrupted_at_several_moments(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = time_of("register", many, "a/b", "-r", tmp_path / "measured")
    ends = []
    for number, moment in enumerate(MOMENTS):
        registry = tmp_path / f"registry-{number}"
        monkeypatch.setenv("IMAGECARDS_CACHE", str(tmp_path / f"cache-{number}"))
        ends.append(interrupt(moment * whole, "register", many, "a/b", "-r", registry))
        check_whole(registry, many)
        shutil.rmtree(registry)
    assert 130 in ends


def test_real_fetch_interrupted_at_several_moments(run: Run, many: Path, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    run("register", many, "a/b", "-r", registry)
    whole = time_of("fetch", "a/b", "-r", registry, "--to", tmp_path / "measured")
    ends = []
    for number, moment in enumerate(MOMENTS):
        there = tmp_path / f"fetched-{number}"
        there.mkdir()
        ends.append(interrupt(moment * whole, "fetch", "a/b", "-r", registry, "--to", there / "to"))
        assert [path.name for path in there.iterdir()] in ([], ["to"])
        assert len(list(there.rglob("*.png"))) in (0, 300)
    assert 130 in ends
