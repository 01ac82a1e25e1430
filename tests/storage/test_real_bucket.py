"""The contract in a bucket of yours, below the folder that ``$IMAGECARDS_TEST_S3_URL`` names; it is left empty.

Server and credentials are found as everywhere (``AWS_PROFILE``, ``AWS_ENDPOINT_URL``). Without the variable there is no
test here: `tests.s3` runs the same on servers that it starts.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imagecards import CardRegistry
from imagecards.datasets import TableDataset
from imagecards.storage import Store
from imagecards.storage.bucket import Bucket
from imagecards.storage.s3 import S3Store
from imagecards.testing.store_contract import StoreContract

URL = os.environ.get("IMAGECARDS_TEST_S3_URL", "")


@pytest.fixture
def folder() -> Iterator[S3Store]:
    """A folder of the bucket that nobody else uses."""
    store = S3Store.from_url(f"{URL.rstrip('/')}/test-{os.urandom(8).hex()}")
    yield store
    store.delete([entry.key for entry in (*store.list(""), *store.unfinished(""))])
    store.close()


if URL:

    class TestRealBucket(StoreContract):
        races = 3
        reads = 100
        start_method = "spawn"

        def make_store(self, tmp_path: Path) -> Store:
            raise NotImplementedError("the fixture makes it")

        @pytest.fixture
        def store(self, folder: S3Store) -> Store:
            return folder

        def plant(self, store: Store, key: str, data: bytes) -> None:
            bucket, _, prefix = store.url.removeprefix("s3://").partition("/")
            opened = Bucket(bucket)
            opened.ask_once("put_object", Key=f"{prefix}/{key}", Body=data)
            opened.close()

    def test_a_registry_in_a_real_bucket(folder: S3Store) -> None:
        registry = CardRegistry(folder)
        registry.register(np.arange(4), "a/b", tags=["prod"])
        opened = registry.open("a/b@prod")
        assert isinstance(opened, TableDataset)
        assert opened.to_numpy().tolist() == [0, 1, 2, 3]
        assert registry.gc().keys == ()
        assert registry.verify(deep=True).ok
