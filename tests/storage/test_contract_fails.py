"""A contract that nothing can break proves nothing: stores that break one promise each, and who notices."""

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import imagecards.testing
from imagecards.errors import InvalidInputError, MissingDependencyError, NotFoundError
from imagecards.storage import Entry, MemoryStore, Store
from imagecards.testing.store_contract import StoreContract


class Overwriting(MemoryStore):
    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        self.delete([key])
        return super().put_if_absent(key, body)


class CheckingFirst(MemoryStore):
    """It looks, and then it writes: the time between the two is all that another writer needs."""

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        if self.stat(key) is not None:
            return False
        data = b"".join(body)
        self._bodies[key] = (data, 1.0)
        return True


class InPlace(MemoryStore):
    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        if not super().put_if_absent(key, [b""]):
            return False
        for piece in body:
            self._bodies[key] = (self._bodies[key][0] + piece, 1.0)
        return True


class LosingPieces(MemoryStore):
    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        return super().put_if_absent(key, list(body)[:1])


class AlwaysTrue(MemoryStore):
    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        super().put_if_absent(key, body)
        return True


class AnyKey(MemoryStore):
    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        try:
            return super().get(key, start, length)
        except InvalidInputError:
            return b""


class Short(MemoryStore):
    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        data = super().get(key)
        return data[start:] if length is None else data[start : start + length]


class Unsorted(MemoryStore):
    def list(self, prefix: str) -> Iterator[Entry]:
        return iter(sorted(super().list(prefix), key=lambda entry: entry.key.split("/")))


class ShowingLeftovers(MemoryStore):
    def children(self, prefix: str) -> Any:
        return sorted({entry.key[len(prefix) :].partition("/")[0] for entry in self.list(prefix)})


class KeepingUnfinished(MemoryStore):
    def unfinished(self, prefix: str) -> Iterator[Entry]:
        return iter([Entry("a/.tmp-0", 4, 1.0)])


class DeletingFolders(MemoryStore):
    def delete(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            super().delete([key, *(entry.key for entry in self.list(key + "/"))])


BROKEN: list[tuple[type[Store], Callable[..., None], tuple[object, ...]]] = [
    (Overwriting, StoreContract.test_the_first_put_wins_for_ever, ()),
    (CheckingFirst, StoreContract.test_who_comes_first_while_the_body_comes_wins, ()),
    (InPlace, StoreContract.test_nothing_is_visible_while_the_body_comes, ()),
    (InPlace, StoreContract.test_a_body_that_raises_leaves_nothing, (10,)),
    (LosingPieces, StoreContract.test_what_was_put_is_got, ([b"da", b"ta"],)),
    (AlwaysTrue, StoreContract.test_one_of_many_threads_wins, ()),
    (AnyKey, StoreContract.test_bad_keys_are_refused_everywhere, ("../a",)),
    (Short, StoreContract.test_every_range_of_a_small_value, ()),
    (Unsorted, StoreContract.test_keys_are_listed_in_order_wherever_they_lie, ()),
    (ShowingLeftovers, StoreContract.test_leftovers_are_listed_but_no_children_and_in_nobodys_way, ()),
    (KeepingUnfinished, StoreContract.test_what_nobody_finished_can_be_deleted, ()),
    (DeletingFolders, StoreContract.test_a_folder_is_not_a_key, ()),
]


class Contract(StoreContract):
    processes = False

    def make_store(self, tmp_path: Path) -> Store:
        raise NotImplementedError

    def plant(self, store: Store, key: str, data: bytes) -> None:
        assert isinstance(store, MemoryStore)
        store._bodies[key] = (data, 1.0)


Contract.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.parametrize(("kind", "test", "arguments"), BROKEN, ids=[kind.__name__ for kind, _, _ in BROKEN])
def test_a_broken_store_is_noticed(
    kind: type[MemoryStore], test: Callable[..., None], arguments: tuple[object, ...]
) -> None:
    test(Contract(), MemoryStore(), *arguments)
    with pytest.raises((AssertionError, pytest.fail.Exception, NotFoundError)):
        test(Contract(), kind(), *arguments)


def test_the_contract_has_a_short_name() -> None:
    assert imagecards.testing.StoreContract is StoreContract
    with pytest.raises(AttributeError):
        _ = imagecards.testing.Contract


def test_the_contract_without_pytest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "imagecards.testing.store_contract")
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(MissingDependencyError, match="pip install pytest"):
        _ = imagecards.testing.StoreContract
