"""Syncing a name: all that its registry says of it, and nothing that the other one says itself is lost."""

from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.registry.watched import WatchedStore

from imagecards import CardRegistry, Version
from imagecards.errors import AlreadyExistsError, IntegrityError, NotFoundError, StorageError
from imagecards.storage import MemoryStore

NUMBERS = count()
Check = Callable[[CardRegistry, CardRegistry], None]


def in_memory() -> CardRegistry:
    return CardRegistry(MemoryStore(f"{next(NUMBERS)}"))


def table(number: int) -> pl.DataFrame:
    return pl.DataFrame({"x": [number]})


def version(text: str) -> Version:
    return Version.parse(text)


def view(registry: CardRegistry, name: str) -> dict[str, Any]:
    """All that can be seen of a name through the public interface."""
    every = registry.versions(name, withdrawn=True)
    gone = set(every)
    with suppress(NotFoundError):
        gone -= set(registry.versions(name))
    seen: dict[str, Any] = {"versions": every, "withdrawn": gone, "tags": registry.tags(name)}
    for each in every:
        if each in gone:
            with pytest.raises(NotFoundError) as caught:
                registry.load(f"{name}@{each}")
            seen[str(each)] = str(caught.value).replace(registry.url, "")
            continue
        card = registry.load(f"{name}@{each}")
        opened: Any = registry.open(card)
        artifacts = {label: registry.artifact(card, label).read() for label in registry.artifacts(card)}
        seen[str(each)] = (card.digest, card.dataset_digest, opened.to_polars().rows(), artifacts)
    return seen


STEP = st.one_of(
    st.tuples(st.just("register"), st.integers(0, 4)),
    st.tuples(st.just("withdraw"), st.integers(0, 9)),
    st.tuples(st.just("attach"), st.integers(0, 9), st.sampled_from(["one", "two"]), st.binary(max_size=2)),
    st.tuples(st.just("tag"), st.integers(0, 9), st.sampled_from(["prod", "test"])),
    st.tuples(st.just("untag"), st.sampled_from(["prod", "test"])),
    st.tuples(st.just("sync")),
)


def apply(registry: CardRegistry, step: tuple[Any, ...], folder: Path) -> None:
    """One thing that happens to a name; what can't be done changes nothing."""
    kind, *rest = step
    every = registry.versions("a/t", withdrawn=True)
    try:
        if kind == "register":
            registry.register(table(rest[0]), "a/t")
        elif kind == "untag":
            registry.untag("a/t", rest[0])
        else:
            ref = f"a/t@{every[rest[0] % len(every)]}"
            if kind == "withdraw":
                registry.withdraw(ref, reason=f"reason {rest[0]}")
            elif kind == "tag":
                registry.tag(ref, rest[1])
            else:
                (folder / "file").write_bytes(rest[2])
                registry.attach(ref, rest[1], folder / "file")
    except (NotFoundError, AlreadyExistsError):
        pass


@settings(max_examples=15)
@given(steps=st.lists(STEP, max_size=9))
def test_any_history_is_seen_the_same_in_the_other_registry(
    steps: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("files")
    source, target = in_memory(), in_memory()
    source.register(table(0), "a/t")
    for step in steps:
        if step[0] == "sync":
            assert source.sync("a/t", to=target).conflicts == ()
            assert view(target, "a/t") == view(source, "a/t")
        else:
            apply(source, step, folder)
    done = source.sync("a/t", to=target)
    assert done.conflicts == ()
    assert view(target, "a/t") == view(source, "a/t")
    assert target.verify(deep=True).ok
    logs = [
        {entry.key: registry.store.get(entry.key) for entry in registry.store.list("tags/")}
        for registry in (source, target)
    ]
    assert logs[0] == logs[1]
    before = [*target.store.list("")]
    again = source.sync("a/t", to=target)
    assert (again.created, again.tags, again.conflicts) == ((), {}, ())
    assert [*target.store.list("")] == before, "a second time there is nothing to do"


def synced() -> tuple[CardRegistry, CardRegistry]:
    """Two registries with the same two versions, the first one tagged."""
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t", tags=["prod"])
    source.register(table(2), "a/t")
    done = source.sync("a/t", to=target)
    assert [str(ref) for ref in done.created] == ["a/t@1.0.0", "a/t@2.0.0"]
    assert done.tags == {"prod": version("1.0.0")}
    return source, target


def test_a_tag_that_both_moved_is_left_and_told() -> None:
    source, target = synced()
    source.tag("a/t@2.0.0", "prod")
    source.tag("a/t@2.0.0", "test")
    target.untag("a/t", "prod")
    done = source.sync("a/t", to=target)
    (conflict,) = done.conflicts
    assert "the tag prod was moved in memory://" in conflict
    assert "stands for nothing there and for 2.0.0 here" in conflict
    assert done.tags == {"test": version("2.0.0")}
    assert target.tags("a/t") == {"test": version("2.0.0")}
    target.tag("a/t@2.0.0", "prod")
    assert source.sync("a/t", to=target).conflicts == (), "both stand for the same again"


def test_a_tag_that_only_the_other_moved_is_left_and_told() -> None:
    source, target = synced()
    target.tag("a/t@2.0.0", "prod")
    target.tag("a/t@1.0.0", "mine")
    assert len(source.sync("a/t", to=target).conflicts) == 1
    assert target.tags("a/t") == {"prod": version("2.0.0"), "mine": version("1.0.0")}
    assert target.sync("a/t", to=source).conflicts == (), "the other way round it is a move to follow"
    assert source.tags("a/t") == target.tags("a/t")


def test_what_the_other_says_of_versions_is_left_and_told(tmp_path: Path) -> None:
    source, target = synced()
    target.withdraw("a/t@1.0.0", reason="not for us")
    target.register(table(3), "a/t")
    source.register(table(4), "a/t")
    source.register(table(5), "a/t")
    for number, registry in enumerate((source, target)):
        (tmp_path / "note").write_text(f"note {number}")
        registry.attach("a/t@2.0.0", "note", tmp_path / "note")
    source.tag("a/t@4.0.0", "prod")
    done = source.sync("a/t", to=target)
    assert [str(ref) for ref in done.created] == ["a/t@4.0.0"]
    told = "\n".join(done.conflicts)
    assert "a/t@1.0.0 was withdrawn in" in told
    assert "a/t@2.0.0 was copied, and its artifact note was not" in told
    assert "a/t@3.0.0 is registered in" in told
    assert len(done.conflicts) == 3
    assert target.tags("a/t") == {"prod": version("4.0.0")}
    assert target.verify(deep=True).ok


def test_one_damaged_version_keeps_no_other_from_being_copied() -> None:
    source, target = in_memory(), in_memory()
    for number in (1, 2, 3):
        source.register(table(number), "a/t", tags=[f"tag-{number}"])
    store = source.store
    data = store.get("cards/a/t/2.0.0.json")
    store.delete(["cards/a/t/2.0.0.json"])
    store.put_if_absent("cards/a/t/2.0.0.json", [data.replace(b"polars", b"pandas")])
    with pytest.raises(IntegrityError) as caught:
        source.sync("a/t", to=target)
    told = str(caught.value)
    assert "2 of 3 versions of a/t are in memory://" in told
    assert "a/t@2.0.0 could not be copied" in told
    assert "the tag tag-2 could not be copied" in told, "it would name a version that is not there"
    assert target.tags("a/t") == {"tag-1": version("1.0.0"), "tag-3": version("3.0.0")}
    assert target.verify(deep=True).ok


@pytest.mark.parametrize("lost", ["00000001", "00000002"])
def test_a_tag_whose_log_has_a_gap_is_not_followed(lost: str) -> None:
    source, target = synced()
    for each in ("2.0.0", "1.0.0", "2.0.0"):
        source.tag(f"a/t@{each}", "prod")
    source.store.delete([f"tags/a/t/prod/{lost}.json"])
    with pytest.raises(IntegrityError, match=f"{lost}.json is missing from the log of the tag"):
        source.sync("a/t", to=target)
    assert target.tags("a/t") == {"prod": version("1.0.0")}


def test_versions_that_share_data_with_a_withdrawn_one_keep_them(tmp_path: Path) -> None:
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t")
    source.sync("a/t", to=target)
    second = source.register(table(1), "a/t", description="the same data, described anew")
    source.withdraw("a/t@1.0.0", reason="badly described")
    done = source.sync("a/t", to=target)
    assert [(str(each.card.ref), each.files, each.withdrawn) for each in done.versions] == [
        ("a/t@1.0.1", 0, False),
        ("a/t@1.0.0", 0, True),
    ]
    assert [entry.key for entry in target.store.list("data/")] == list(second.keys())
    assert target.versions("a/t") == [second.version]


def test_both_ways_joins_what_each_has() -> None:
    source, target = synced()
    source.register(table(3), "a/t", version="3.0.0")
    target.register(table(4), "a/t", version="4.0.0")
    assert source.sync("a/t", to=target).conflicts == ()
    assert target.sync("a/t", to=source).conflicts == ()
    assert view(source, "a/t") == view(target, "a/t")


def test_uses_stay_where_they_were_recorded() -> None:
    source, target = synced()
    source.record_use("a/t@1.0.0", by="model/unet@1")
    source.sync("a/t", to=target)
    assert target.uses("a/t@1.0.0") == ()


def test_an_error_of_a_store_stops_it() -> None:
    source, target = in_memory(), in_memory()
    for number in (1, 2, 3):
        source.register(table(number), "a/t")
    full = WatchedStore(target.store)

    def refuse(number: int, name: str, over: bool) -> None:
        if name == "put_if_absent" and not over and [*target.store.list("data/")]:
            raise StorageError("the disk is full")

    full.hook = refuse
    with pytest.raises(StorageError, match="the disk is full"):
        source.sync("a/t", to=full)
    assert full.calls[-1] != "delete", "what was sent is kept for the next run"
    assert len([*target.store.list("arrivals/")]) == 1, "the next version would fail as well"
    assert len(source.sync("a/t", to=target).created) == 3
