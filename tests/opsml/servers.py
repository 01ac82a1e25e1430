"""The modes that opsml works in, each with servers of its own: SQLite, PostgreSQL, a server of opsml's, S3 storage.

What a mode's registry is used for happens in processes of their own, ``mode.run(function, ...)``: opsml reads its
settings once in a process, and hangs in one that was forked.
"""

import fcntl
import os
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from glob import glob
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.opsml import within
from tests.s3.servers import KEY, SECRET, running

MODES = ("sqlite", "postgres", "server", "s3")

_ROLE = "opsml"
_numbers = count(1)


class Ended(Exception):
    """A process ended without an answer, or had none in time."""


@dataclass(frozen=True)
class Mode:
    """A new registry of opsml's, and how to use it.

    Attributes:
        name: One of `MODES`.
        folder: Where its processes work; ``storage`` and ``temporary`` are in it.
        environment: What opsml and its storage are told.
    """

    name: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def uri(self) -> str:
        """Where the registry is."""
        return self.environment["OPSML_TRACKING_URI"]

    @property
    def storage(self) -> str | None:
        """Where its files are, where that is told."""
        return self.environment.get("OPSML_STORAGE_URI")

    @property
    def temporary(self) -> Path:
        """Where its processes have temporary files."""
        return Path(self.environment["TMPDIR"])

    def run(self, function: Callable[..., Any], *arguments: Any, timeout: float = 120) -> Any:
        """Call a function in a new process, and return what it returns.

        Args:
            function: One of a module, not of a test: it is pickled by its name.
            arguments: What it is called with.
            timeout: Seconds after which the process is killed.

        Raises:
            Ended: The process ended without an answer, or was killed.
            BaseException: What the function raised, with its traceback as a note.
        """
        return self.run_all(function, [arguments], timeout=timeout)[0]

    def run_all(
        self, function: Callable[..., Any], calls: Sequence[tuple[Any, ...]], *, timeout: float = 120
    ) -> list[Any]:
        """Call a function in as many new processes at once as there are calls; see `run`."""
        deadline = time.monotonic() + timeout
        begun = [self._begin(function, arguments) for arguments in calls]
        try:
            answers = [self._answer(*each, deadline) for each in begun]
        finally:
            for process, _ in begun:
                if process.is_alive():
                    process.kill()
                process.join()
        for done, answer in answers:
            if not done:
                raise answer
        return [answer for _, answer in answers]

    def _begin(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[Any, Any]:
        receive, send = _processes().Pipe(duplex=False)
        work = pickle.dumps((function, arguments))
        process = _processes().Process(target=within.call, args=(send, str(self.folder), dict(self.environment), work))
        process.start()
        send.close()
        return process, receive

    def _answer(self, process: Any, receive: Any, deadline: float) -> tuple[bool, Any]:
        try:
            if not receive.poll(max(0.0, deadline - time.monotonic())):
                raise Ended(f"no answer in time in the mode {self.name}")
            answer: tuple[bool, Any] = receive.recv()
        except EOFError:
            process.join()
            raise Ended(f"the process ended with {process.exitcode} in the mode {self.name}") from None
        return answer


@cache
def _processes() -> Any:
    """What starts processes: from one that has imported everything, and in which opsml has no threads yet."""
    context = get_context("forkserver")
    rooms = [f"tests.opsml.{path.stem}" for path in Path(__file__).parent.glob("*.py")]
    context.set_forkserver_preload([*rooms, "pandas"])  # which pyarrow imports when it makes its first array
    return context


class Servers:
    """Servers of a session, each started when it is first asked for.

    Args:
        folder: Where they may write.
        enter: Enters a context that ends with the session.
    """

    def __init__(self, folder: Path, enter: Callable[[Any], Any]) -> None:
        self.folder = folder
        self.enter = enter
        self.started: dict[str, str] = {}

    def address(self, name: str) -> str:
        """The address of a server, ``postgres`` or one of `tests.s3.servers`."""
        if name not in self.started:
            place = self.folder / name
            place.mkdir()
            self.started[name] = self.enter(postgres() if name == "postgres" else running(name, place))
        return self.started[name]


@contextmanager
def mode_of(name: str, folder: Path, servers: Servers) -> Iterator[Mode]:
    """A registry with nothing in it, for the time of a block."""
    (folder / "temporary").mkdir(parents=True)
    environment = {
        "OPSML_TRACKING_URI": f"sqlite://{folder / 'opsml.db'}",
        "OPSML_STORAGE_URI": str(folder / "storage"),
        "OPSML_ENCRYPT_SECRET": "dGhlc2UtYXJlLTMyLWJ5dGVzLW9mLXRoZS10ZXN0cyE=",
        "OPSML_MAX_POOL_CONNECTIONS": "4",
        "TMPDIR": str(folder / "temporary"),
    }
    if name == "postgres":
        environment["OPSML_TRACKING_URI"] = new_database(servers.address("postgres"))
    elif name == "s3":
        environment |= new_bucket(servers.address("moto"))
    elif name == "server":
        del environment["OPSML_STORAGE_URI"]  # the server's affair
        with opsml_server(folder / "server") as address:
            yield Mode(name, folder, MappingProxyType(environment | {"OPSML_TRACKING_URI": address}))
        return
    yield Mode(name, folder, MappingProxyType(environment))


def new_bucket(address: str) -> dict[str, str]:
    """A new bucket on an S3 server, as opsml is told of it."""
    bucket = f"opsml-{next(_numbers)}"
    urlopen(Request(f"{address}/{bucket}", method="PUT")).close()
    return {
        "OPSML_STORAGE_URI": f"s3://{bucket}",  # and nothing behind it: opsml doesn't find folders in buckets
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def new_database(server: str) -> str:
    """The address of a new database on a PostgreSQL server."""
    name = f"registry_{os.getpid()}_{next(_numbers)}"
    ask(server, f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"


def ask(database: str, statement: str) -> str:
    """What a database of PostgreSQL answers to a statement."""
    command = [_postgres_tool("psql"), "-qAt", "-v", "ON_ERROR_STOP=1", "-c", statement, database]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def dumped(database: str) -> str:
    """Everything that is in a database of PostgreSQL."""
    dump = [_postgres_tool("pg_dump"), database]
    return subprocess.run(dump, check=True, capture_output=True, text=True, timeout=60).stdout


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL server on 127.0.0.1, for the time of a block.

    Yields:
        The address of a database.
    """
    initdb, server = _postgres_tool("initdb"), _postgres_tool("postgres")
    # PostgreSQL refuses to be root, and nobody else gets into the folders of pytest
    somebody: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
    place = Path(tempfile.mkdtemp(prefix="imagecards-postgres-"))
    try:
        if somebody:
            shutil.chown(place, somebody["user"], somebody["group"])
        data, port = place / "data", _free_port()
        own = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
        make = [initdb, "-D", str(data), "-U", _ROLE, "-A", "trust", "-E", "UTF8", "--no-sync", "--no-instructions"]
        subprocess.run(make, check=True, capture_output=True, cwd=place, env=own, **somebody)
        options = {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 200}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with open(place / "log", "wb") as log:
            command = [server, "-D", str(data), "-F", *settings]
            process = subprocess.Popen(command, cwd=place, env=own, stdout=log, stderr=log, **somebody)
        with _stopped_at_the_end(process, signal.SIGINT):
            address = f"postgresql://{_ROLE}@127.0.0.1:{port}/postgres"
            _await(lambda: ask(address, "SELECT 1") == "1\n", process)
            yield address
    finally:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def opsml_server(folder: Path) -> Iterator[str]:
    """The server inside opsml's wheel, in a process and a folder of its own, for the time of a block.

    Yields:
        Its address.
    """
    folder.mkdir()
    place = folder / "log"
    own = {name: value for name, value in os.environ.items() if not name.startswith(("OPSML_", "COV_", "AWS_"))}
    code = (
        "import sys; from opsml.mock import OpsmlTestServer; server = OpsmlTestServer(cleanup=False); "
        "server.start_server(); sys.stdin.read(); server.stop_server()"
    )
    # it takes the first port from 3000 on that is free, and two that begin at once would take the same
    alone = open(Path(tempfile.gettempdir(), f"imagecards-opsml-{os.getuid()}.lock"), "w")  # noqa: SIM115
    with open(place, "wb") as log, alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        server = subprocess.Popen(
            [sys.executable, "-c", code], cwd=folder, env=own, stdin=subprocess.PIPE, stdout=log, stderr=log
        )
        with _stopped_at_the_end(server, signal.SIGKILL):
            _await(lambda: b"Opsml Server started successfully" in place.read_bytes(), server)
            fcntl.flock(alone, fcntl.LOCK_UN)
            port = re.search(rb"listening on [0-9.]+:(\d+)", place.read_bytes())
            assert port is not None, "the server doesn't say where it listens: see its log"
            yield f"http://localhost:{port[1].decode()}"


def _postgres_tool(name: str) -> str:
    """A program of PostgreSQL; Debian keeps most of them out of the way."""
    found = shutil.which(name) or next(iter(sorted(glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)
    if found is None:
        pytest.skip("PostgreSQL is not installed: `make test` installs it where it may (apt-get install postgresql)")
    return found


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def _stopped_at_the_end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()


def _await(ready: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert process.poll() is None, "the server ended at once: see its log"
        try:
            if ready():
                return
        except subprocess.CalledProcessError:
            pass
        time.sleep(0.1)
    raise AssertionError("the server doesn't answer")
