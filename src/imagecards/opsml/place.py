"""Where a registry of opsml's is, and how to look at it without opsml changing anything there."""

import os
import socket
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from imagecards.credentials import hide_credentials
from imagecards.errors import InvalidInputError, NotFoundError, StorageError
from imagecards.paths import SCHEME
from imagecards.records import printable
from imagecards.temporary import temporary_folder

_PORTS = {"postgresql": 5432, "postgres": 5432, "mysql": 3306, "http": 80, "https": 443}
_REACHING = 20.0  # seconds
_STORAGE = "opsml_registries"


@contextmanager
def read_only(uri: str, storage: str | None = None) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """What a process needs to look at a registry, for the time of a block.

    opsml makes a database that isn't there, and brings one that is up to its own version. So it is given a copy, where
    the registry is a file of SQLite.

    Args:
        uri: Where the registry is: ``sqlite:///folder/opsml.db`` or the path of that file, ``postgresql://``,
            ``mysql://``, or ``http://`` for a server of opsml's.
        storage: Where its files are; by default ``$OPSML_STORAGE_URI``, else ``opsml_registries`` in this folder. A
            server knows that itself.

    Yields:
        A folder of its own, and the environment.

    Raises:
        InvalidInputError: This is no registry of opsml 3.
        NotFoundError: There is no such file or folder.
        StorageError: It can't be read.
    """
    scheme = SCHEME.match(uri)
    kind = scheme[1].lower() if scheme else "sqlite"
    if kind not in ("sqlite", *_PORTS):
        raise InvalidInputError(
            f"{hide_credentials(uri)} is no registry of opsml's: those begin with sqlite://, "
            "postgresql://, mysql:// or http://, or are the path of an opsml.db"
        )
    if storage is not None and kind.startswith("http"):
        raise InvalidInputError(f"a server knows where its files are: leave {printable(storage)} out")
    with temporary_folder("opsml") as folder:
        said = {name: value for name, value in os.environ.items() if name not in ("OPSML_STORAGE_URI", "TMPDIR")}
        (folder / "temporary").mkdir()
        said |= {"TMPDIR": str(folder / "temporary"), "RUST_BACKTRACE": "0", "OPSML_TRACKING_URI": uri}
        if kind == "sqlite":
            _copy(_file_of(uri[scheme.end() :] if scheme else uri, uri), folder / "opsml.db")
            said["OPSML_TRACKING_URI"] = f"sqlite://{folder / 'opsml.db'}"
        else:
            _check_reachable(uri)
        if not kind.startswith("http"):
            said["OPSML_STORAGE_URI"] = _storage(storage or os.environ.get("OPSML_STORAGE_URI") or _STORAGE)
        yield folder, said


def stored_size(storage: str | None, kind: str, space: str, name: str, version: str, file: str) -> int | None:
    """How many bytes are stored for a file, where that can be seen: in a folder on this machine."""
    if storage is None or SCHEME.match(storage):
        return None
    try:
        return Path(storage, f"opsml_{kind}_registry", space, name, f"v{version}", file).stat().st_size
    except OSError:
        return None


def _check_reachable(uri: str) -> None:
    """Opsml tries an address for half an hour that nobody listens at."""
    try:
        parts = urlsplit(uri)
        address = (parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()])
    except ValueError as error:
        raise InvalidInputError(f"{hide_credentials(uri)} is no address ({error}): correct it") from None
    if not address[0]:
        raise InvalidInputError(f"{hide_credentials(uri)} names no server: write scheme://server:port/...")
    try:
        socket.create_connection(address, timeout=_REACHING).close()
    except OSError as error:
        message = f"nothing answers at {address[0]}:{address[1]} ({error}): see the address, and whether it runs"
        raise StorageError(message) from error


def _file_of(path: str, uri: str) -> Path:
    path = unquote(path.partition("?")[0]) if path != uri else path
    if not path or path == ":memory:":
        raise InvalidInputError(f"{uri} names no file: write sqlite:///folder/opsml.db")
    file = Path(path).absolute()
    if not os.path.isfile(file):  # noqa: PTH113  # pathlib raises where a path is too long
        raise NotFoundError(
            f"there is no file {printable(str(file), 300)}: see where opsml's database is ($OPSML_TRACKING_URI)"
        )
    return file


def _copy(file: Path, to: Path) -> None:
    """Copy a database as it is between two changes, and change nothing of it."""
    try:
        with (
            closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=60)) as there,
            closing(sqlite3.connect(to)) as copied,
        ):
            there.backup(copied)
            tables = {name for (name,) in copied.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError as error:
        raise StorageError(f"{file} can't be read ({error}): see who writes to it, and try again") from error
    except sqlite3.DatabaseError as error:
        raise InvalidInputError(f"{file} is no database of SQLite ({error}): see the path") from error
    if "opsml_data_registry" not in tables:
        raise InvalidInputError(f"{file} is no registry of opsml 3: it has no table opsml_data_registry")


def _storage(storage: str) -> str:
    if SCHEME.match(storage):
        return storage
    folder = Path(storage).absolute()
    if not os.path.isdir(folder):  # noqa: PTH112  # as above
        raise NotFoundError(
            f"there is no folder {printable(str(folder), 300)}: say where the registry's files are (--storage)"
        )
    return str(folder)
