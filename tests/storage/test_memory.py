from pathlib import Path

import pytest

from imagecards.errors import InvalidInputError
from imagecards.storage import MemoryStore, Store, open_store
from imagecards.testing.store_contract import StoreContract


class TestMemoryStore(StoreContract):
    processes = False

    def make_store(self, tmp_path: Path) -> Store:
        return MemoryStore()

    def plant(self, store: Store, key: str, data: bytes) -> None:
        assert isinstance(store, MemoryStore)
        store._bodies[key] = (data, 1.0)


def test_a_url_names_one_store_in_the_process() -> None:
    store = open_store("memory://shared-by-test")
    store.put_if_absent("a", [b"data"])
    assert open_store("memory://shared-by-test") is store
    assert open_store("MEMORY://shared-by-test") is store
    assert open_store("memory://another") is not store
    assert MemoryStore("shared-by-test").stat("a") is None


def test_another_kind_of_store_under_the_same_url() -> None:
    class Other(MemoryStore):
        pass

    open_store("memory://of-one-kind")
    with pytest.raises(InvalidInputError, match="another name"):
        Other.from_url("memory://of-one-kind")
