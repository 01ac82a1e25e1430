"""Annotation files as they come: read whole, and refused where they are something else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from imagecards.errors import FormatError, NotFoundError, StorageError
from imagecards.records import printable

LFS_POINTER = b"version https://git-lfs"


def read_bytes(path: Path) -> bytes:
    """Read an annotation file.

    Raises:
        NotFoundError: It is not there.
        FormatError: It is no file, or the pointer that git-lfs leaves in a file's place.
        StorageError: It can't be read.
    """
    try:
        if not path.is_file():
            if not path.exists():
                raise NotFoundError(f"there is no file {printable(str(path))}: see the path")
            raise FormatError(f"{printable(str(path))} is no regular file: put the file itself there")
        data = path.read_bytes()
    except OSError as error:
        raise StorageError(f"{printable(str(path))} can't be read: {error.strerror}") from error
    if data.startswith(LFS_POINTER):
        raise FormatError(
            f"{printable(str(path))} is a git-lfs pointer, not the file it stands for: run `git lfs pull`"
        )
    return data


def read_text(path: Path) -> str:
    """Read an annotation file as text; a byte order mark is dropped.

    Raises:
        FormatError: It is not UTF-8; also as `read_bytes`.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{printable(str(path))} is not UTF-8 (byte {error.start:,}): convert it") from error


def read_json(path: Path) -> Any:
    """Read an annotation file as JSON; NaN and infinity are none, and nesting has a limit.

    Raises:
        FormatError: It is not JSON; also as `read_bytes`.
    """
    return parse_json(read_bytes(path), path)


def parse_json(data: bytes, path: Path, parse: Callable[[bytes], Any] = orjson.loads) -> Any:
    """Parse JSON that was read from a file.

    Args:
        data: What is in it.
        path: The file.
        parse: What parses it.

    Raises:
        FormatError: It is none.
    """
    try:
        return parse(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        message = f"{printable(str(path))}:{error.lineno}: this is not JSON ({error.msg}, column {error.colno})"
        raise FormatError(f"{message}: correct it, or export the file again") from error
