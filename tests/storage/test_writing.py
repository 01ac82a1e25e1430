"""Bytes arrive whole, past the page cache or not."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.storage import writing
from imagecards.storage.writing import BodyWriter
from imagecards.testing.faults import patched_os

PAGE = 4096


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    file = os.open(tmp_path / "body", os.O_RDWR | os.O_CREAT)
    yield file
    os.close(file)


def write(descriptor: int, pieces: list[bytes]) -> bytes:
    writer = BodyWriter(descriptor)
    for piece in pieces:
        writer.write(piece)
    writer.finish()
    return os.pread(descriptor, 1 << 26, 0)


@given(st.lists(st.integers(0, 3 * PAGE), max_size=8), st.integers(1, 3))
def test_any_pieces_arrive(sizes: list[int], pages: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writing, "_BUFFER", pages * PAGE)
        file = os.memfd_create("body")
        try:
            pieces = [bytes([number % 251]) * size for number, size in enumerate(sizes)]
            assert write(file, pieces) == b"".join(pieces)
        finally:
            os.close(file)


def test_large_bodies_go_past_the_page_cache_and_the_rest_does_not(descriptor: int) -> None:
    direct: list[bool] = []

    def seen(name: str, original: Callable[..., int], arguments: tuple[int, bytes], named: object) -> int:
        direct.append(bool(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT))
        return original(*arguments)

    before = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    body = os.urandom((8 << 20) + 5)
    with patched_os(seen, ["write"]):
        assert write(descriptor, [body]) == body
    assert direct == [True, True, False]
    assert fcntl.fcntl(descriptor, fcntl.F_GETFL) == before


def test_a_file_system_without_it_gets_plain_writes(descriptor: int, monkeypatch: pytest.MonkeyPatch) -> None:
    original = fcntl.fcntl

    def refused(file: int, command: int, argument: int = 0) -> int:
        if command == fcntl.F_SETFL:
            raise OSError(errno.EINVAL, "no")
        return original(file, command, argument)

    monkeypatch.setattr(fcntl, "fcntl", refused)
    body = os.urandom(9 << 20)
    assert write(descriptor, [body[:100], body[100:]]) == body


@pytest.mark.parametrize("step", [1, PAGE + 1, 3 * PAGE])
def test_writes_that_are_cut_short_or_refused_are_continued(descriptor: int, step: int) -> None:
    def short(name: str, original: Callable[..., int], arguments: tuple[int, memoryview], named: object) -> int:
        file, data = arguments
        if fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DIRECT and os.lseek(file, 0, os.SEEK_CUR) % PAGE:
            raise OSError(errno.EINVAL, "not aligned")
        return original(file, data[: max(step, len(data) // 3)])

    body = os.urandom(5 << 20)
    with patched_os(short, ["write"]):
        assert write(descriptor, [body]) == body


def test_other_errors_are_raised(descriptor: int) -> None:
    def full(name: str, original: Callable[..., int], arguments: object, named: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with patched_os(full, ["write"]), pytest.raises(OSError, match="full"):
        write(descriptor, [bytes(5 << 20)])
