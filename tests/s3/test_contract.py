"""The contract of a store, on both servers."""

import os
import sys
from pathlib import Path

import pytest
from s3fs import S3FileSystem
from tests.s3.conftest import client_of
from tests.s3.servers import FAIR, SERVERS

from imagecards.storage import Store
from imagecards.storage.s3 import S3Store
from imagecards.testing.store_contract import StoreContract

Connections = dict[str, S3FileSystem]


@pytest.fixture(scope="module")
def connections() -> Connections:
    """By server: to open one takes longer than most of the tests do."""
    return {}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """What asks for ranges runs with obstore and without it; races run where the server can keep them."""
    if "server" in metafunc.fixturenames:
        races = "one_of_many" in metafunc.function.__name__
        metafunc.parametrize("server", FAIR if races else SERVERS, indirect=True)
    if "_reads" in metafunc.fixturenames:
        both = "several_ranges" in metafunc.function.__name__
        metafunc.parametrize("_reads", ["obstore", "alone"] if both else ["obstore"], indirect=True)


class TestS3Store(StoreContract):
    races = 2
    racers = 2
    reads = 100
    start_method = "spawn"

    def make_store(self, tmp_path: Path) -> Store:
        raise NotImplementedError("the fixture makes it")

    @pytest.fixture(autouse=True)
    def _reads(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        if request.param == "alone":
            monkeypatch.setitem(sys.modules, "obstore.store", None)

    @pytest.fixture
    def store(self, bucket: str, address: str, connections: Connections) -> Store:
        self.bucket = bucket
        opened = S3Store(bucket, "below/a prefix")
        if address not in connections:
            connections[address] = opened._bucket._system()
        opened._bucket._opened[os.getpid()] = connections[address]
        return opened

    def plant(self, store: Store, key: str, data: bytes) -> None:
        with client_of(self.bucket) as call:
            call("put_object", Key=f"below/a prefix/{key}", Body=data)
