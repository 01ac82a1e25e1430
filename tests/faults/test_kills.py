"""Every operation on a registry that changes something is killed before every change that it makes on disk.

Registering is in `tests/faults/test_registration.py`.
"""

import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import NotFoundError
from imagecards.testing.faults import MUTATING, run_killed
from imagecards.transforms import MinArea

MakeFolder = Callable[..., Path]
CHANGES = frozenset(("write", "link", "unlink", "rmdir"))
ORPHANS = [f"data/a/b/20200101T000000Z-0123456789abcdef/{name}" for name in ("records.parquet", "shard-00000.tar")]
OLD = time.time() - 40 * 3600


def is_withdrawn(registry: CardRegistry) -> bool:
    try:
        registry.load("a/b@1.0.0")
    except NotFoundError:
        return True
    return False


class Operation(NamedTuple):
    """What is killed.

    Attributes:
        run: The operation, in a form that another process can take.
        done: Whether its effect is there.
        changes: How often it writes, links and removes.
    """

    run: Callable[[CardRegistry], Callable[[], object]]
    done: Callable[[CardRegistry], bool]
    changes: int


OPERATIONS: Mapping[str, Operation] = {
    "tag": Operation(
        lambda registry: partial(registry.tag, "a/b@1.0.0", "prod"),
        lambda registry: "prod" in registry.tags("a/b"),
        3,
    ),
    "untag": Operation(
        lambda registry: partial(registry.untag, "a/b", "test"),
        lambda registry: "test" not in registry.tags("a/b"),
        3,
    ),
    "withdraw": Operation(lambda registry: partial(registry.withdraw, "a/b@1.0.0", "wrong"), is_withdrawn, 3),
    "attach": Operation(
        lambda registry: partial(registry.attach, "a/b@1.0.0", "note", Path(registry.url).with_name("note.txt")),
        lambda registry: "note" in registry.artifacts("a/b@1.0.0"),
        6,
    ),
    "use": Operation(
        lambda registry: partial(registry.record_use, "a/b@1.0.0", "train"),
        lambda registry: len(registry.uses("a/b@1.0.0")) == 1,
        3,
    ),
    "derive": Operation(
        lambda registry: partial(registry.derive, "a/b@1.0.0", MinArea(pixels=7), name="a/large"),
        lambda registry: "a/large" in registry.list()["name"].to_list(),
        6,
    ),
    "collect": Operation(
        lambda registry: partial(registry.gc, delete=True),
        lambda registry: not any(map(registry.store.stat, ORPHANS)),
        9,
    ),
}


@pytest.fixture
def registries(tmp_path: Path, make_folder: MakeFolder) -> Iterator[str]:
    """The same registry again and again; what no card names in it is old."""
    (tmp_path / "note.txt").write_bytes(b"note")
    before = CardRegistry(tmp_path / "before")
    before.register(ImageDataset(image_dir=make_folder(2)), "a/b", tags=["test"])
    for key in ORPHANS:
        before.store.put_if_absent(key, [b"nobody's"])
        os.utime(f"{before.url}/{key}", (OLD, OLD))

    def copies() -> Iterator[str]:
        for number in count():
            copy = shutil.copytree(before.url, tmp_path / f"registry-{number}")
            yield str(copy)
            shutil.rmtree(copy)

    return copies()


def kill(name: str, url: str, number: int, only: Collection[str]) -> bool:
    """Kill an operation before one of its changes, see that nothing is broken, and do it again; False if it ended."""
    operation = OPERATIONS[name]
    registry = CardRegistry(url)
    killed = run_killed(number, operation.run(registry), only=only)
    found = registry.verify(deep=True)
    assert found.ok, (number, found.problems)
    done = operation.done(registry)
    assert done or killed
    if not (done and name in ("untag", "withdraw")):  # what is gone can't be taken away again
        operation.run(registry)()
    assert operation.done(registry), number
    assert registry.verify(deep=True).ok
    registry.store.close()
    return killed


def kill_at_each(name: str, registries: Iterator[str], only: Collection[str]) -> int:
    kills = 0
    while kill(name, next(registries), kills + 1, only):
        kills += 1
    return kills


@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_before_every_write_link_and_removal(registries: Iterator[str], name: str) -> None:
    assert kill_at_each(name, registries, CHANGES) == OPERATIONS[name].changes


@pytest.mark.campaign
@pytest.mark.parametrize("name", OPERATIONS)
def test_killed_before_every_change_and_sync(registries: Iterator[str], name: str) -> None:
    assert kill_at_each(name, registries, MUTATING) >= OPERATIONS[name].changes
