"""Buckets on two S3 servers, which are started once for all tests of a worker."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.s3.servers import KEY, SECRET, SERVERS, running

from imagecards.storage import bucket as requests
from imagecards.storage.s3 import S3Store

pytest.register_assert_rewrite("imagecards.testing.store_contract")

_numbers = count(1)


@pytest.fixture(scope="session")
def address_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """The address of a server by name; it is started when it is first asked for."""
    started: dict[str, str] = {}
    with ExitStack() as stack:

        def address(name: str) -> str:
            if name not in started:
                started[name] = stack.enter_context(running(name, tmp_path_factory.mktemp(name)))
            return started[name]

        yield address


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of each server in turn."""
    return str(request.param)


@pytest.fixture
def address(server: str, address_of: Callable[[str], str]) -> str:
    return address_of(server)


@pytest.fixture(autouse=True)
def _own_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine's own is used, and nobody waits long before trying again."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(requests, "PAUSES", (0.01, 0.01, 0.02, 0.02))


@pytest.fixture
def bucket(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a new bucket, on the server that is used from now on."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    name = f"bucket-{next(_numbers)}"
    urlopen(Request(f"{address}/{name}", method="PUT")).close()
    return name


@contextmanager
def client_of(bucket: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Requests past the store: ``call("put_object", Key=..., Body=...)``."""
    opened = requests.Bucket(bucket)
    yield opened.ask_once
    opened.close()


@pytest.fixture
def store(bucket: str) -> Iterator[S3Store]:
    opened = S3Store(bucket, "below/a prefix")
    yield opened
    opened.close()
