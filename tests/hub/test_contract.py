"""The contract of a store on the test Hub, in small pages, large files in parts; and on a real repo, if one is named.

``IMAGECARDS_TEST_HUB_REPO=owner/repo`` runs it in folders of that dataset repo, with the token of this machine.
"""

import os
import secrets
from collections.abc import Iterator

import pytest
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory

from imagecards.errors import InvalidInputError
from imagecards.storage import Store
from imagecards.storage.hub import HubStore
from imagecards.testing.store_contract import StoreContract

FOLDER = "below/a folder"
REAL = os.environ.get("IMAGECARDS_TEST_HUB_REPO")


class TestHubStore(StoreContract):
    races = 1
    reads = 40
    start_method = "spawn"

    @pytest.fixture
    def hub(self) -> HubInMemory:
        return HubInMemory(page=50, part=500_000)

    @pytest.fixture
    def store(self, hub: HubInMemory) -> Store:
        self.server = hub
        opened = HubStore(REPO, folder=FOLDER)
        opened.make()
        return opened

    def plant(self, store: Store, key: str, data: bytes) -> None:
        self.server.plant(REPO, f"{FOLDER}/{key}", data)


if REAL:

    class TestRealHubStore(StoreContract):
        races = 1
        reads = 10
        start_method = "spawn"

        @pytest.fixture
        def store(self) -> Iterator[Store]:
            opened = HubStore(str(REAL), folder=f"tests/{secrets.token_hex(8)}")
            opened.make()
            yield opened
            opened.delete([entry.key for entry in opened.list("")])

        def plant(self, store: Store, key: str, data: bytes) -> None:
            from huggingface_hub import HfApi

            path = store.url.removeprefix(f"hf://datasets/{REAL}/")
            HfApi().upload_file(
                path_or_fileobj=data, path_in_repo=f"{path}/{key}", repo_id=str(REAL), repo_type="dataset"
            )


def test_what_a_repo_keeps_for_itself_is_no_key_at_its_top(hub: HubInMemory) -> None:
    store = HubStore(REPO)
    store.make()
    hub.plant(REPO, "README.md", b"---\n---\n")
    hub.plant(REPO, "viewer/a.parquet", b"shown")
    assert list(store.list("")) == []
    assert store.children("") == []
    for key in ("README.md", "viewer/a.parquet", ".gitattributes", ".git/x", "a/.cache/x"):
        with pytest.raises(InvalidInputError, match="keeps for itself"):
            store.put_if_absent(key, [b"data"])
    assert store.put_if_absent("a/README.md", [b"data"])
    assert [entry.key for entry in store.list("")] == ["a/README.md"]
