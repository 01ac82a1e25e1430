"""Folders behind URLs for tests: the memory of fsspec is a store of objects like any other."""

from hashlib import md5
from pathlib import Path
from typing import Any
from uuid import uuid4

import fsspec
import pytest

from imagecards.datasets.remote import RemoteObject, plain
from imagecards.datasets.remote.objects import Piece
from imagecards.datasets.remote.plain import PlainObjects


def upload(folder: Path) -> str:
    """Put the files of a folder into a place of their own; says its URL."""
    url = f"memory://bucket/{uuid4().hex}"
    for place in sorted(folder.rglob("*")):
        if place.is_file():
            write(f"{url}/{place.relative_to(folder).as_posix()}", place.read_bytes())
    return url


def write(url: str, data: bytes) -> None:
    """Create or replace an object."""
    fsspec.filesystem("memory").pipe_file(url.removeprefix("memory:/"), data)


def remove(url: str) -> None:
    """Delete an object, or all of a folder."""
    system = fsspec.filesystem("memory")
    for path in system.find(url.removeprefix("memory:/")):
        system.rm_file(path)


def with_etags(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the store tell its objects apart by an ETag, as buckets do."""

    def etag(entry: dict[str, Any]) -> str:
        return md5(fsspec.filesystem("memory").cat_file(entry["name"])).hexdigest()

    monkeypatch.setattr(plain, "_etag", etag)


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The name and length of every read that is made from now on."""
    made: list[tuple[str, int]] = []
    read = PlainObjects.read

    def counting(self: PlainObjects, wanted: RemoteObject, start: int, stop: int) -> Piece:
        made.append((wanted.url.rpartition("/")[2], stop - start))
        return read(self, wanted, start, stop)

    monkeypatch.setattr(PlainObjects, "read", counting)
    return made
