"""Any series of calls does to a store what it does to a dict."""

import os
import shutil
import tempfile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from imagecards.errors import IntegrityError, NotFoundError
from imagecards.storage import LocalStore, MemoryStore, Store

# Few parts, so that keys meet; no key is also a folder, because only folders have one-letter names.
folders = st.lists(st.sampled_from("abc"), max_size=3).map(lambda parts: "".join(part + "/" for part in parts))
keys = st.builds(lambda folder, name: folder + name, folders, st.sampled_from(["x.json", "x-y", "z.tar", "xx"]))


class StoreMachine(RuleBasedStateMachine):
    store: Store

    def __init__(self) -> None:
        super().__init__()
        self.model: dict[str, bytes] = {}

    @rule(key=keys, pieces=st.lists(st.binary(max_size=20), max_size=3))
    def put(self, key: str, pieces: list[bytes]) -> None:
        assert self.store.put_if_absent(key, pieces) is (key not in self.model)
        self.model.setdefault(key, b"".join(pieces))

    @rule(key=keys)
    def put_and_fail(self, key: str) -> None:
        with pytest.raises(ZeroDivisionError):
            self.store.put_if_absent(key, (b"x" * (1 // number) for number in (1, 0)))

    @rule(key=keys, start=st.integers(0, 25), length=st.none() | st.integers(0, 25))
    def get(self, key: str, start: int, length: int | None) -> None:
        data = self.model.get(key)
        if data is None:
            with pytest.raises(NotFoundError):
                self.store.get(key, start, length)
        elif start + (length or 0) > len(data):
            with pytest.raises(IntegrityError):
                self.store.get(key, start, length)
        else:
            assert self.store.get(key, start, length) == data[start:][:length]

    @rule(chosen=st.lists(keys, max_size=4))
    def delete(self, chosen: list[str]) -> None:
        self.store.delete(chosen)
        for key in chosen:
            self.model.pop(key, None)

    @rule()
    def close(self) -> None:
        self.store.close()

    @rule(folder=folders)
    def look(self, folder: str) -> None:
        below = sorted(key for key in self.model if key.startswith(folder))
        assert [entry.key for entry in self.store.list(folder)] == below
        children = {key[len(folder) :].partition("/")[0] for key in below}
        empty = {name for name in self.store.children(folder) if not list(self.store.list(f"{folder}{name}/"))}
        assert self.store.children(folder) == sorted(children | empty), "folders of puts that failed may be there"

    @invariant()
    def is_the_model(self) -> None:
        listed = [(entry.key, entry.size) for entry in self.store.list("")]
        assert listed == sorted((key, len(data)) for key, data in self.model.items())
        for key in self.model:
            entry = self.store.stat(key)
            assert entry is not None
            assert entry.size == len(self.model[key])


class LocalMachine(StoreMachine):
    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a place: a disk takes its time for every sync.
        self.root = tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        self.store = LocalStore(self.root + "/registry")

    def teardown(self) -> None:
        shutil.rmtree(self.root)


class MemoryMachine(StoreMachine):
    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()


few = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestLocalModel = LocalMachine.TestCase
TestLocalModel.settings = few
TestMemoryModel = MemoryMachine.TestCase
TestMemoryModel.settings = few


@pytest.mark.campaign
def test_the_local_model_at_length() -> None:
    run_state_machine_as_test(
        LocalMachine, settings=settings(max_examples=1000, stateful_step_count=100, deadline=None)
    )
