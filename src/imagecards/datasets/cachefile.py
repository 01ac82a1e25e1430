"""Files of the user's cache: believed only if they are whole and the user's own, and never the cause of an error."""

import hashlib
import os
import secrets
from contextlib import suppress

from imagecards.cachefolder import cache_root


def folder_cache(root: str | os.PathLike[str], suffix: str) -> str:
    """The path of a cache file about a folder; empty where nothing is cached.

    Args:
        root: The folder that is remembered.
        suffix: What tells several files about one folder apart.
    """
    cache = cache_root()
    if not cache:
        return ""
    absolute = os.path.abspath(root)
    return f"{cache}/folders/{hashlib.sha256(os.fsencode(absolute)).hexdigest()}{suffix}"


def read_cache(path: str, magic: bytes) -> memoryview | None:
    """What `write_cache` wrote; ``None`` where there is nothing, or nothing that can be believed.

    Args:
        path: The file; empty where nothing is cached.
        magic: What it begins with: kind and version of its content.
    """
    if not path:
        return None
    try:
        data = memoryview(_read(path))
    except OSError:
        return None
    body = data[len(magic) + 32 :]
    # The checksum finds a file that a crash left half written.
    return body if data[: len(magic) + 32] == magic + hashlib.sha256(body).digest() else None


def write_cache(path: str, magic: bytes, body: bytes | memoryview) -> None:
    """Write a cache file, whole or not at all; what can't be written is forgotten."""
    if not path:
        return
    with suppress(OSError):
        _write(path, (magic, hashlib.sha256(body).digest(), body))


def _write(path: str, parts: tuple[bytes | memoryview, ...]) -> None:
    folder = path.rpartition("/")[0]
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = f"{folder}/.tmp-{secrets.token_hex(8)}"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            for part in parts:
                rest = memoryview(part)
                while rest:
                    rest = rest[os.write(file, rest) :]
        finally:
            os.close(file)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _read(path: str) -> bytes:
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(file)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            return b""  # someone else could have written it, and what it says is believed
        parts = []
        while part := os.read(file, 1 << 24):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(file)
