"""Two S3 servers that have nothing in common but the protocol, each from an environment of its own.

The environments are kept in ``.bench`` between runs. A server is on 127.0.0.1, holds everything in memory, and ends
with the block that it was started for.
"""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from benchmarks.children import ROOT
from benchmarks.peers import peers_python

SERVERS: Mapping[str, str] = MappingProxyType({"moto": "moto[server]==5.2.5", "ministack": "ministack==1.5.33"})
"""What is installed for a server, by its name."""

KEY, SECRET = "AKIAPLANTEDKEY000001", "planted/secret/of/the/tests/00000000001"


@contextmanager
def running(name: str, folder: Path) -> Iterator[str]:
    """A server, for the time of a block.

    Args:
        name: Which one.
        folder: Where it may write, its log among others.

    Yields:
        Its address.
    """
    python = peers_python(ROOT / ".bench" / name, [SERVERS[name]])
    assert python is not None, f"{SERVERS[name]} can't be installed: the tests of S3 need it"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    own = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "COV_", "AWS_"))}
    if name == "moto":
        command = [str(python.with_name("moto_server")), "-H", "127.0.0.1", "-p", port]
    else:
        command = [str(python), "-m", "ministack"]
        own |= {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": port, "SERVICES": "s3", "LOG_LEVEL": "WARNING"}
    with open(folder / f"{name}.log", "wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _await(address, server)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


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
