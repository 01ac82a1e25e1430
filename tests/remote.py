"""Folders behind URLs for tests: the memory of fsspec is a store of objects like any other."""

from pathlib import Path
from uuid import uuid4

import fsspec


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
    fsspec.filesystem("memory").rm(url.removeprefix("memory:/"))
