"""Copying a version: the same card and bytes in another registry, complete or not at all."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.cards import RegistryMarker, seal, unseal
from imagecards.errors import (
    AlreadyExistsError,
    FormatError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    StorageError,
    VersionConflictError,
)
from imagecards.registry import arriving
from imagecards.storage import MemoryStore
from imagecards.testing import faults
from imagecards.transforms import SelectClasses

MakeFolder = Callable[..., Path]
MakeRegistry = Callable[[], CardRegistry]


@pytest.fixture
def local(tmp_path: Path) -> Iterator[MakeRegistry]:
    """Make a registry in a folder."""
    numbers, made = count(), []

    def make() -> CardRegistry:
        made.append(CardRegistry(tmp_path / f"registry-{next(numbers)}"))
        return made[-1]

    yield make
    for registry in made:
        registry.store.close()


def in_memory() -> CardRegistry:
    return CardRegistry(MemoryStore(f"{next(NUMBERS)}"))


NUMBERS = count()


@pytest.fixture(params=["folder to folder", "folder to memory", "memory to folder", "memory to memory"])
def pair(request: pytest.FixtureRequest, local: MakeRegistry) -> tuple[CardRegistry, CardRegistry]:
    """Two registries of each kind that needs no server; the second one is an empty place."""
    makers: dict[str, MakeRegistry] = {"folder": local, "memory": in_memory}
    source, target = (makers[kind]() for kind in request.param.split(" to "))
    return source, target


def keys(registry: CardRegistry, prefix: str = "") -> list[str]:
    return [entry.key for entry in registry.store.list(prefix)]


def body(registry: CardRegistry, key: str) -> bytes:
    return registry.store.get(key)


def table(number: int) -> pl.DataFrame:
    return pl.DataFrame({"x": [number]})


def test_the_copy_is_the_same_in_every_byte(
    pair: tuple[CardRegistry, CardRegistry], make_folder: MakeFolder, tmp_path: Path
) -> None:
    source, target = pair
    (tmp_path / "plot.png").write_bytes(b"plot")
    folder = make_folder(3)
    first = source.register(ImageDataset(image_dir=folder), "a/b", artifacts={"plot": tmp_path / "plot.png"})
    source.attach("a/b", "later", tmp_path / "plot.png")
    done = source.copy("a/b", to=target)
    assert (done.card, done.created, done.artifacts, done.left_out) == (first, True, ("later",), ())
    assert done.files == len(keys(source, "data/"))
    assert done.size == sum(entry.size for entry in source.store.list("data/"))
    for key in keys(source):
        if key != "imagecards.json":
            assert body(target, key) == body(source, key)
    assert keys(target) == keys(source), "and nothing else"
    copied = target.load("a/b")
    assert (copied.digest, copied.dataset_digest) == (first.digest, first.dataset_digest)
    assert target.verify(deep=True).ok
    opened = target.open("a/b")
    assert isinstance(opened, ImageDataset)
    assert opened.read_bytes("001.png") == (folder / "001.png").read_bytes()
    assert target.artifact("a/b", "later").read() == b"plot"


def test_a_second_copy_sends_and_writes_nothing(pair: tuple[CardRegistry, CardRegistry]) -> None:
    source, target = pair
    source.register(table(1), "a/t")
    source.copy("a/t", to=target)
    before = [*target.store.list("")]
    again = source.copy("a/t", to=target)
    assert (again.created, again.files, again.size) == (False, 0, 0)
    assert [*target.store.list("")] == before


def test_images_that_are_there_are_not_sent_again(make_folder: MakeFolder, local: MakeRegistry) -> None:
    source, target = local(), in_memory()
    folder = make_folder(3)
    source.register(ImageDataset(image_dir=folder), "a/b")
    (folder / "metadata.jsonl").write_text('{"file_name": "000.png", "caption": "new"}\n')
    second = source.register(ImageDataset(image_dir=folder), "a/b")
    source.copy("a/b@1.0.0", to=target)
    assert [key for key in keys(target, "data/") if key.endswith(".tar")] == [second.shards[0].key]
    done = source.copy(second, to=target)
    assert done.files == len(second.keys()) - 1
    assert target.verify(deep=True).ok


def test_what_was_attached_later_follows(tmp_path: Path) -> None:
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t")
    source.copy("a/t", to=target)
    (tmp_path / "note").write_text("a note")
    source.attach("a/t", "note", tmp_path / "note")
    done = source.copy("a/t", to=target)
    assert (done.created, done.files, done.artifacts) == (False, 1, ("note",))
    assert target.artifact("a/t", "note").read() == b"a note"


def test_another_artifact_of_that_name_is_not_replaced(tmp_path: Path) -> None:
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t")
    for name in ("same", "other", "more"):
        (tmp_path / name).write_text(name)
        source.attach("a/t", name, tmp_path / name)
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved" / "other").write_text("something else")
    card = source.load("a/t")
    for key in keys(source):
        if not key.startswith("artifacts/"):
            target.store.put_if_absent(key, [body(source, key)])
    target.attach("a/t", "same", tmp_path / "same")
    target.attach("a/t", "other", tmp_path / "moved" / "other")
    own = body(target, "artifacts/a/t/1.0.0/same.json")
    with pytest.raises(
        AlreadyExistsError, match=r"a/t@1\.0\.0 was copied, and its artifact other was not: .*nothing is"
    ):
        source.copy(card, to=target)
    assert target.artifact("a/t", "other").read() == b"something else"
    assert target.artifact("a/t", "more").read() == b"more", "one that fails keeps no other from it"
    assert body(target, "artifacts/a/t/1.0.0/same.json") == own, "the same content, attached there by itself, stays"


def test_another_card_of_that_version_is_a_conflict(pair: tuple[CardRegistry, CardRegistry]) -> None:
    source, target = pair
    source.register(table(1), "a/t")
    target.register(table(2), "a/t")
    before = keys(target)
    with pytest.raises(VersionConflictError, match=r"a/t@1\.0\.0 is registered in .* with another card"):
        source.copy("a/t", to=target)
    assert keys(target) == before


def test_a_version_that_was_withdrawn_there_stays_so() -> None:
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t")
    source.copy("a/t", to=target)
    target.withdraw("a/t@1.0.0", reason="not for us")
    with pytest.raises(VersionConflictError, match=r"was withdrawn in memory://.* \(not for us\)"):
        source.copy("a/t", to=target)


def test_a_withdrawn_version_is_copied_as_such_and_only_when_asked_for() -> None:
    source, target = in_memory(), in_memory()
    card = source.register(table(1), "a/t")
    source.withdraw("a/t@1.0.0", reason="wrong")
    with pytest.raises(NotFoundError, match="withdrawn: wrong"):
        source.copy("a/t@1.0.0", to=target)
    assert keys(target) == []
    done = source.copy("a/t@1.0.0", to=target, withdrawn=True)
    assert (done.withdrawn, done.created, done.files) == (True, True, 0)
    assert keys(target) == ["cards/a/t/1.0.0.json", "imagecards.json", "tombs/a/t/1.0.0.json"]
    assert target.versions("a/t", withdrawn=True) == [card.version]
    assert target.verify(deep=True).ok
    target.register(table(1), "a/t")
    assert [str(version) for version in target.versions("a/t")] == ["1.1.0"], "the number is never used again"


def test_parents_are_copied_when_asked_for_and_else_said_to_be_left_out(
    make_folder: MakeFolder, local: MakeRegistry
) -> None:
    source, target = local(), local()
    folder = make_folder({"a.png": {"objects": {"bbox": [[1, 1, 2, 2]], "categories": ["cat"]}}, "b.png": None})
    source.register(ImageDataset(image_dir=folder), "a/base", parents=[source.register(table(1), "a/t")])
    child = source.derive("a/base", SelectClasses(classes=["cat"]), "a/child")
    done = source.copy("a/child", to=target)
    assert [str(ref) for ref in done.left_out] == ["a/base@1.0.0"]
    found = target.verify(deep=True)
    assert found.ok
    assert "was not copied" in found.notes[0].message
    assert target.lineage("a/child").nodes["a/base@1.0.0"].state == "elsewhere"
    assert target.lineage("a/child").problems == ()
    orphan = "data/a/child/20200101T000000Z-0123456789abcdef/table.parquet"
    target.store.put_if_absent(orphan, [b"nobody's"])
    os.utime(Path(target.url) / orphan, (0, 0))
    assert target.gc(delete=True).keys == (orphan,), "a parent that was never here is not one that was lost"

    done = source.copy("a/child", to=target, parents=True)
    assert [(str(each.card.ref), each.created) for each in done.parents] == [
        ("a/t@1.0.0", True),
        ("a/base@1.0.0", True),
    ]
    assert (done.created, done.left_out) == (False, ())
    assert target.verify(deep=True).notes == ()
    assert keys(target, "absent/") == []
    assert target.replay("a/child").actual == child.dataset_digest


def test_a_parent_that_is_another_card_there_is_a_conflict() -> None:
    source, target = in_memory(), in_memory()
    source.register(table(2), "a/child", parents=[source.register(table(1), "a/t")])
    target.register(table(3), "a/t")
    with pytest.raises(VersionConflictError, match=r"was made from a/t@1\.0\.0 .* has another card of that version"):
        source.copy("a/child", to=target)


def test_a_parent_that_was_withdrawn_there_is_enough() -> None:
    source, target = in_memory(), in_memory()
    source.register(table(2), "a/child", parents=[source.register(table(1), "a/t")])
    source.copy("a/t", to=target)
    target.withdraw("a/t@1.0.0", reason="not for us")
    done = source.copy("a/child", to=target, parents=True)
    assert (done.created, done.parents, done.left_out) == (True, (), ())
    assert "was withdrawn (not for us)" in target.verify(deep=True).notes[0].message


def test_a_lost_parent_still_stops_garbage_collection(local: MakeRegistry) -> None:
    source, target = local(), local()
    source.register(table(2), "a/child", parents=[source.register(table(1), "a/t")])
    source.copy("a/child", to=target, parents=True)
    (Path(target.url) / "cards/a/t/1.0.0.json").unlink()
    for path in Path(target.url).rglob("*.parquet"):
        os.utime(path, (0, 0))
    with pytest.raises(IntegrityError, match=r"nothing was deleted.*names the parent a/t@1\.0\.0"):
        target.gc(delete=True)
    source.copy("a/t", to=target)
    assert target.gc(delete=True).keys == ()
    assert target.verify(deep=True).ok, "a copy restores what was lost"


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_a_damaged_file_stops_the_copy_and_leaves_no_card(local: MakeRegistry, damage: str) -> None:
    source, target = local(), in_memory()
    card = source.register(table(1), "a/t")
    place = Path(source.url) / card.keys()[0]
    data = place.read_bytes()
    place.chmod(0o644)
    if damage == "missing":
        place.unlink()
    else:
        place.write_bytes(data[:-1] if damage == "truncated" else data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(IntegrityError) as caught:
        source.copy("a/t", to=target)
    assert card.keys()[0] in caught.value.place
    assert keys(target, "cards/") == keys(target, "data/") == []
    place.write_bytes(data)
    source.store.close()
    assert source.copy("a/t", to=target).created
    assert keys(target, "arrivals/") == []


def test_other_bytes_that_are_there_are_told_and_not_used(local: MakeRegistry) -> None:
    source, target = in_memory(), local()
    card = source.register(table(1), "a/t")
    (stored,) = card.files()
    source.copy(source.register(table(2), "a/other"), to=target)
    for wrong in (b"short", b"x" * stored.size):
        target.store.put_if_absent(stored.key, [wrong])
        with pytest.raises(IntegrityError, match="remove it there, and copy again"):
            source.copy("a/t", to=target)
        assert keys(target, "cards/a/t/") == []
        target.store.delete([stored.key])
    assert source.copy("a/t", to=target).created


def test_a_card_that_claims_other_bytes_of_a_file_that_is_there_is_refused() -> None:
    source, target = in_memory(), in_memory()
    card = source.register(table(1), "a/t")
    source.copy("a/t", to=target)
    text = unseal(body(source, "cards/a/t/1.0.0.json"), "card")
    text["version"] = "1.0.1"
    text["table"]["digest"] = "sha256:" + "0" * 64
    source.store.put_if_absent("cards/a/t/1.0.1.json", [seal(text)])
    with pytest.raises(IntegrityError, match="one of the two registries was tampered with"):
        source.copy("a/t@1.0.1", to=target)
    assert target.versions("a/t") == [card.version]


def test_lost_files_of_a_version_that_is_there_are_sent_again(make_folder: MakeFolder, local: MakeRegistry) -> None:
    source, target = local(), local()
    card = source.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    source.copy("a/b", to=target)
    (Path(target.url) / card.shards[0].key).unlink()
    assert not target.verify().ok
    assert (source.copy("a/b", to=target).files, target.verify(deep=True).ok) == (1, True)


@pytest.mark.parametrize("known", [False, True])
def test_what_is_there_already_is_used_and_flushed(local: MakeRegistry, make_folder: MakeFolder, known: bool) -> None:
    source, target = local(), local()
    folder = make_folder(2)
    first = source.register(ImageDataset(image_dir=folder), "a/b")
    if known:  # by a card that came without its data
        card = source.register(ImageDataset(image_dir=folder), "a/b", description="the same, described anew")
        source.withdraw(first.ref, reason="badly described")
        source.copy(first.ref, to=target, withdrawn=True)
    else:
        card = first
    source.copy(card, to=target)
    (Path(target.url) / f"cards/a/b/{card.version}.json").unlink()
    flushed: set[str] = set()

    def watch(number: int, name: str, arguments: tuple[object, ...]) -> None:
        if name == "fsync":
            flushed.add(os.readlink(f"/proc/self/fd/{arguments[0]}"))

    with faults.os_calls(watch):
        assert source.copy(card, to=target).files == 0
    folders = {str((Path(target.url) / stored.key).parent) for stored in card.files()}
    assert folders <= flushed, "until then, a file that an earlier run linked may not outlive a power cut"


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_registry_of_a_newer_format_is_refused(which: str) -> None:
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t")
    registry = source if which == "source" else target
    marker = unseal(RegistryMarker(registry="00000000-0000-4000-8000-000000000000").to_json(), "marker")
    registry.store.delete(["imagecards.json"])
    registry.store.put_if_absent("imagecards.json", [seal(marker | {"format": "2.0"})])
    before = keys(target)
    for copy in (lambda: source.copy("a/t", to=target), lambda: source.sync("a/t", to=target)):
        with pytest.raises(FormatError, match="upgrade"):
            copy()
    assert keys(target) == before


def test_what_a_newer_minor_format_says_is_not_copied_half() -> None:
    source, target = in_memory(), in_memory()
    source.register(table(1), "a/t")
    text = unseal(body(source, "cards/a/t/1.0.0.json"), "card") | {"format": "1.9", "masks": "data/..."}
    source.store.delete(["cards/a/t/1.0.0.json"])
    source.store.put_if_absent("cards/a/t/1.0.0.json", [seal(text)])
    with pytest.raises(FormatError, match="'masks', which a newer imagecards wrote: upgrade"):
        source.copy("a/t", to=target)
    assert keys(target, "cards/") == []


def test_a_missing_registry_is_one_error_and_makes_none(tmp_path: Path) -> None:
    source, target = CardRegistry(tmp_path / "none"), CardRegistry(tmp_path / "to")
    for copy in (lambda: source.copy("a/t", to=target), lambda: source.sync("a/t", to=target)):
        with pytest.raises(NotFoundError, match="there is no registry"):
            copy()
    source = in_memory()
    source.register(table(1), "a/t")
    for copy in (lambda: source.copy("a/x", to=target), lambda: source.sync("a/x", to=target)):
        with pytest.raises(NotFoundError):
            copy()
    assert not (tmp_path / "to").exists()


def test_a_registry_is_not_copied_into_itself(tmp_path: Path) -> None:
    registry = CardRegistry(tmp_path / "registry")
    registry.register(table(1), "a/t")
    (tmp_path / "link").symlink_to(tmp_path / "registry")
    for other in (registry, registry.url, tmp_path / "link"):
        with pytest.raises(InvalidInputError, match="both where to copy from and where to"):
            registry.copy("a/t", to=other)


@pytest.mark.parametrize("inner", ["mine/backup", "mine/.backup", "."])
def test_a_copy_lies_beside_and_not_within(tmp_path: Path, inner: str) -> None:
    registry = CardRegistry(tmp_path / "mine")
    registry.register(table(1), "a/t")
    with pytest.raises(InvalidInputError, match="lies in the other: put the copy beside it"):
        registry.copy("a/t", to=tmp_path / inner)


def test_a_folder_with_other_things_is_no_place_for_a_copy(tmp_path: Path) -> None:
    source = in_memory()
    source.register(table(1), "a/t")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InvalidInputError, match="is no registry"):
        source.copy("a/t", to=tmp_path)


def test_a_copy_that_takes_too_long_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = in_memory(), in_memory()
    card: DataCard = source.register(table(1), "a/t")
    clock = iter([0.0, 0.0, 8 * 86400.0])
    monkeypatch.setattr(arriving, "steady_time", lambda: next(clock))
    with pytest.raises(StorageError, match=r"has taken 8\.0 days"):
        source.copy("a/t", to=target)
    assert keys(target, "cards/") == []
    assert keys(target, "data/") == list(card.keys()), "what was sent stays for the next run"


def test_what_is_damaged_is_told_with_the_registry_that_it_is_in(registry: CardRegistry, tmp_path: Path) -> None:
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    there = CardRegistry(tmp_path / "there")
    registry.copy("a/t", to=there)
    card = tmp_path / "there" / "cards" / "a" / "t" / "1.0.0.json"
    card.chmod(0o644)
    card.write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"/there/cards/a/t/1\.0\.0\.json does not begin with its checksum"):
        registry.copy("a/t", to=there)
    marker = tmp_path / "there" / "imagecards.json"
    marker.chmod(0o644)
    marker.write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"in .*/there: imagecards\.json does not begin"):
        registry.copy("a/t", to=there)


@pytest.mark.parametrize(
    "go",
    [
        lambda here, there: here.copy("a/t@1.0.0", to=there),
        lambda here, there: here.sync("a/t", to=there),
        lambda here, there: here.copy("a/child", to=there, parents=True),
    ],
    ids=["copy", "sync", "parents"],
)
def test_a_damaged_card_is_told_with_the_registry_that_it_is_copied_from(
    go: Callable[[CardRegistry, CardRegistry], object], tmp_path: Path
) -> None:
    here, there = CardRegistry(tmp_path / "here"), CardRegistry(tmp_path / "there")
    parent = here.register(pl.DataFrame({"x": [1]}), "a/t")
    here.register(pl.DataFrame({"x": [2]}), "a/child", parents=[parent])
    card = tmp_path / "here" / "cards" / "a" / "t" / "1.0.0.json"
    card.chmod(0o644)
    card.write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"in .*/here: cards/a/t/1\.0\.0\.json does not begin with its checksum"):
        go(here, there)
