"""Verification: any changed byte of any file is found, and named."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import CardName, CardRef, DataCard, Document, Tag, TagEntry, Version, parse_reference, seal
from imagecards.digests import digest
from imagecards.errors import IntegrityError, NotFoundError, StorageError
from imagecards.registry.lookup import read_card
from imagecards.registry.verify import Problem, verify_cards, verify_reference
from imagecards.storage import Entry
from imagecards.storage.local import LocalStore

MakeFolder = Callable[..., Path]


@pytest.fixture
def filled(registry: CardRegistry, make_folder: MakeFolder, tmp_path: Path) -> CardRegistry:
    (tmp_path / "plot.txt").write_bytes(b"plot")
    folder = make_folder(2, name="both/train")
    make_folder(1, name="both/test", seed=90)
    registry.register(
        ImageDataset(image_dir=folder.parent), "a/b", tags=["prod"], artifacts={"plot": tmp_path / "plot.txt"}
    )
    registry.attach("a/b", "later", tmp_path / "plot.txt")
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    registry.register(pl.DataFrame({"x": [1, 2]}), "a/t")
    registry.withdraw("a/t@1.1.0", reason="wrong")
    return registry


def files(registry: CardRegistry) -> list[Path]:
    return sorted(path for path in Path(registry.url).rglob("*") if path.is_file())


def test_all_is_well_after_registration(filled: CardRegistry) -> None:
    quick, deep = filled.verify(), filled.verify(deep=True)
    assert quick.ok
    assert deep.ok
    assert (deep.cards, deep.deep) == (2, True)
    one = filled.verify("a/b@^1", deep=True)
    assert one.ok
    assert one.cards == 1


def test_a_flipped_byte_in_any_file_is_found_and_the_file_is_named(filled: CardRegistry) -> None:
    for path in files(filled):
        key = path.relative_to(filled.url).as_posix()
        data = path.read_bytes()
        path.chmod(0o644)
        step = max(1, len(data) // 40)
        for position in [*range(0, len(data), step), len(data) - 1]:
            changed = bytearray(data)
            changed[position] ^= 0x10
            path.write_bytes(changed)
            filled.store.close()
            found = filled.verify(deep=True)
            assert any(problem.place == key for problem in found.problems), (key, position, found.problems)
        path.write_bytes(data)
    filled.store.close()
    assert filled.verify(deep=True).ok


@pytest.mark.parametrize("deep", [False, True])
def test_data_of_a_withdrawn_version_may_be_gone_and_may_not_be_damaged(filled: CardRegistry, deep: bool) -> None:
    ref = CardRef(CardName("a", "t"), Version.parse("1.1.0"))
    (table,) = read_card(filled.store, ref).files()
    path = Path(filled.url) / table.key
    path.chmod(0o644)
    os.truncate(path, table.size - 1)
    (problem,) = filled.verify(deep=deep).problems
    assert (problem.card, problem.place) == ("a/t@1.1.0", table.key)
    looked = filled.verify(deep=deep).files
    path.unlink()
    assert filled.verify(deep=deep).ok
    assert filled.verify(deep=deep).files == looked - 1, "what is gone was not looked at"


def test_images_that_only_a_withdrawn_version_names_are_checked(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    card = registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    registry.register(ImageDataset(image_dir=make_folder({"000.png": None}, name="fewer")), "a/b")
    registry.withdraw("a/b@1.0.0", reason="wrong")
    shard = Path(registry.url) / card.shards[0].key
    data = bytearray(shard.read_bytes())
    data[data.index(b"seed\x001") + 5] ^= 1  # in the second image
    shard.chmod(0o644)
    shard.write_bytes(data)
    problems = registry.verify(deep=True).problems
    assert ("a/b@1.0.0", "001.png") in {(problem.card, problem.image) for problem in problems}


def test_the_image_whose_bytes_changed_is_named(filled: CardRegistry) -> None:
    card = filled.load("a/b")
    shard = Path(filled.url) / card.shards[0].key
    data = bytearray(shard.read_bytes())
    image = ImageDataset(image_dir=Path(filled.url).parent / "both").read_bytes("train/001.png")
    position = data.index(image) + len(image) // 2
    data[position] ^= 1
    shard.chmod(0o644)
    shard.write_bytes(data)
    found = filled.verify("a/b", deep=True)
    assert [(problem.place, problem.image, problem.card) for problem in found.problems] == [
        (card.shards[0].key, "", "a/b@1.0.0"),
        (card.shards[0].key, "train/001.png", "a/b@1.0.0"),
    ]
    opened = filled.open("a/b")
    assert isinstance(opened, ImageDataset)
    with pytest.raises(IntegrityError, match=r"train/001\.png of a/b@1\.0\.0 has other bytes"):
        opened.read_bytes("train/001.png")
    assert opened.read_bytes("train/000.png"), "the other images are still readable"


def test_presence_and_size_are_seen_without_reading(filled: CardRegistry) -> None:
    card = filled.load("a/b")
    shard = Path(filled.url) / card.shards[0].key
    data = shard.read_bytes()
    shard.chmod(0o644)
    shard.write_bytes(data[:-1])
    filled.store.close()
    assert [problem.place for problem in filled.verify().problems] == [card.shards[0].key]
    shard.unlink()
    filled.store.close()
    (problem,) = filled.verify().problems
    assert problem.message.startswith("is missing")
    assert filled.verify("a/t").ok, "the other card is not concerned"


def test_a_missing_tag_folder_or_tomb_is_not_an_error_but_a_damaged_one_is(filled: CardRegistry) -> None:
    tag = Path(filled.url) / "tags/a/b/prod/00000001.json"
    tag.chmod(0o644)
    tag.write_bytes(tag.read_bytes() + b" ")
    (problem,) = filled.verify().problems
    assert problem.place == "tags/a/b/prod/00000001.json"


def write(registry: CardRegistry, key: str, data: bytes) -> None:
    path = Path(registry.url) / key
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    registry.store.close()


def link(registry: CardRegistry, key: str) -> None:
    path = Path(registry.url) / key
    os.rename(path, path.parent / (path.name + ".moved")) if path.is_dir() else path.unlink()
    path.symlink_to("/etc")
    registry.store.close()


def places(registry: CardRegistry, *, deep: bool = False) -> list[str]:
    return sorted(problem.place for problem in registry.verify(deep=deep).problems)


def change(registry: CardRegistry, card: DataCard, **fields: object) -> DataCard:
    """Rewrite a card, with a true checksum."""
    other = card.model_copy(update=fields)
    write(registry, f"cards/{card.name}/{card.version}.json", other.to_json())
    return other


class Failing(LocalStore):
    """A folder on a disk that fails for one file."""

    bad = ""

    def get(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        self._fail(key)
        return super().get(key, start, length)

    def stat(self, key: str) -> Entry | None:
        self._fail(key)
        return super().stat(key)

    def children(self, prefix: str) -> list[str]:
        self._fail(prefix)
        return super().children(prefix)

    def _fail(self, key: str) -> None:
        if key == self.bad:
            raise StorageError(f"{key} can't be read: Input/output error; the disk or the network fails")


@pytest.mark.parametrize("deep", [False, True])
def test_whatever_can_not_be_read_is_a_problem(filled: CardRegistry, deep: bool) -> None:
    store = Failing(filled.url)
    keys = {path.relative_to(filled.url).as_posix() for path in files(filled)}
    folders = {f"{folder}/" for key in keys for folder in map(str, Path(key).parents) if folder != "."}
    for key in sorted(keys | folders):
        if key.startswith("data/") and key.endswith("/"):
            continue  # nothing lists the folders of data
        store.bad = key
        found = CardRegistry(store).verify(deep=deep)
        assert any(problem.place == key.removesuffix("/") for problem in found.problems), key
        assert len(set(found.problems)) == len(found.problems), "each problem is told once"


@pytest.mark.parametrize("deep", [False, True])
def test_a_link_in_the_place_of_any_file_or_folder_is_a_problem(filled: CardRegistry, deep: bool) -> None:
    card = filled.load("a/b")
    assert card.records is not None
    for key in ("imagecards.json", "cards/a/t/1.0.0.json", "tags/a/b/prod/00000001.json", "tombs/a/t/1.1.0.json"):
        link(filled, key)
    link(filled, "artifacts/a/b/1.0.0/later.json")
    link(filled, card.shards[0].key)
    link(filled, card.records.key)
    assert set(places(filled, deep=deep)) >= {
        "imagecards.json",
        "cards/a/t/1.0.0.json",
        "tags/a/b/prod/00000001.json",
        "tombs/a/t/1.1.0.json",
        "artifacts/a/b/1.0.0/later.json",
        card.shards[0].key,
        card.records.key,
    }
    link(filled, "cards/a/b")
    found = {problem.place: problem.message for problem in filled.verify(deep=deep).problems}
    assert "is a symbolic link" in found["cards/a/b"]


def test_only_a_missing_registry_is_an_error(filled: CardRegistry, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no registry"):
        CardRegistry(tmp_path / "none").verify()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "photo.png").write_bytes(b"")
    with pytest.raises(NotFoundError, match="there is no registry"):
        CardRegistry(tmp_path / "other").verify()
    write(filled, "imagecards.json", b"{}")
    assert places(filled) == ["imagecards.json"]
    (Path(filled.url) / "imagecards.json").unlink()
    assert places(filled) == ["imagecards.json"]


def test_one_version_is_verified_by_reference(filled: CardRegistry) -> None:
    store = filled.store
    assert verify_reference(store, parse_reference("a/b@prod"), deep=True).ok
    with pytest.raises(NotFoundError, match="a/b@test is not registered"):
        verify_reference(store, parse_reference("a/b@test"), deep=False)
    write(filled, "imagecards.json", b"{}")
    assert verify_reference(store, parse_reference("a/b@prod"), deep=True).ok, "the marker is no part of a version"
    write(filled, "tags/a/b/prod/00000001.json", b"{}")
    (problem,) = verify_reference(store, parse_reference("a/b@prod"), deep=False).problems
    assert (problem.card, problem.place) == ("a/b@prod", "tags/a/b/prod/00000001.json")


def test_damaged_attached_documents_hide_nothing_and_are_told_once(filled: CardRegistry, tmp_path: Path) -> None:
    for name in ("early", "zebra"):
        (tmp_path / name).write_text(name)
        filled.attach("a/b", name, tmp_path / name)
    card = filled.load("a/b")
    kept = filled.artifacts("a/b")
    write(filled, "artifacts/a/b/1.0.0/early.json", b"{}")
    write(filled, "artifacts/a/b/1.0.0/later.json", b"{}")
    write(filled, card.shards[0].key, b"")
    write(filled, kept["zebra"].files[0].stored.key, b"")
    expected = [
        "artifacts/a/b/1.0.0/early.json",
        "artifacts/a/b/1.0.0/later.json",
        card.shards[0].key,
        kept["zebra"].files[0].stored.key,
    ]
    assert places(filled) == sorted(expected)
    found = verify_cards(filled.store, [card.ref], deep=False)
    assert sorted(problem.place for problem in found.problems) == sorted(expected)
    write(filled, "cards/a/b/1.0.0.json", b"{}")
    assert places(filled) == sorted([*expected[:2], expected[3], "cards/a/b/1.0.0.json"])


def test_documents_in_another_place_are_found(filled: CardRegistry) -> None:
    filled.tag("a/b@1.0.0", "test")
    root = Path(filled.url)
    (root / "tags/a/t").mkdir()
    (root / "tags/a/b/test").rename(root / "tags/a/t/test")
    (root / "tombs/a/t/1.1.0.json").rename(root / "tombs/a/t/1.0.0.json")
    found = {problem.place: problem.message for problem in filled.verify().problems}
    assert set(found) == {"tags/a/t/test/00000001.json", "tombs/a/t/1.0.0.json"}
    assert all("it was moved" in message for message in found.values())


def test_gaps_and_names_of_what_is_not_there_are_found(filled: CardRegistry) -> None:
    filled.tag("a/t@1.0.0", "prod")
    for _ in range(2):
        filled.untag("a/b", "prod")
        filled.tag("a/b@1.0.0", "prod")
    root = Path(filled.url)
    for number in (2, 3):
        (root / f"tags/a/b/prod/{number:08d}.json").unlink()
    assert [(problem.place, problem.message) for problem in filled.verify().problems] == [
        ("tags/a/b/prod/00000002.json", "is missing and 1 more from the log of the tag: restore it from a copy")
    ]
    (root / "tags/a/b/prod/00000001.json").unlink()
    (problem,) = filled.verify().problems
    assert problem.place == "tags/a/b/prod/00000001.json"
    (root / "cards/a/b/1.0.0.json").unlink()
    (root / "cards/a/t/1.1.0.json").unlink()
    found = {problem.place: problem.message for problem in filled.verify().problems}
    lost = "restore cards/a/b/1.0.0.json from a copy"
    tagged = f"the tag prod names a/b@1.0.0, whose card is missing: {lost}"
    assert found == {
        "tombs/a/t/1.1.0.json": "is the tombstone of a version whose card is missing: "
        "restore cards/a/t/1.1.0.json from a copy",
        "tags/a/b/prod/00000001.json": "is missing and 2 more from the log of the tag: restore it from a copy",
        "tags/a/b/prod/00000005.json": tagged,
        "artifacts/a/b/1.0.0/later.json": f"was attached to a version whose card is missing: {lost}",
    }


def test_parents_that_are_not_what_they_were_are_found(registry: CardRegistry) -> None:
    parent = registry.register(pl.DataFrame({"x": [1]}), "a/parent")
    child = registry.register(pl.DataFrame({"x": [2]}), "a/child", parents=["a/parent@1.0.0"])
    assert registry.verify().ok
    other = change(registry, parent, description="another")
    assert list(registry.verify().problems) == [
        Problem(
            "a/child@1.0.0",
            "cards/a/parent/1.0.0.json",
            "",
            f"its parent a/parent@1.0.0 has the digest {other.digest[:19]}..., and had {parent.digest[:19]}...: one of "
            "the two cards was replaced, so what was made from it can't be replayed; restore it from a copy",
            parent.digest,
            other.digest,
        )
    ]
    (Path(registry.url) / "cards/a/parent/1.0.0.json").unlink()
    (problem,) = registry.verify().problems
    assert (problem.card, problem.place) == (str(child.ref), "cards/a/parent/1.0.0.json")
    assert problem.message.startswith("its parent a/parent@1.0.0 is missing: what was made from it can still be read")
    write(registry, "cards/a/parent/1.0.0.json", parent.to_json())
    registry.withdraw("a/parent@1.0.0", reason="mislabelled")
    found = registry.verify()
    assert found.ok, "that a parent was withdrawn is worth knowing, and no damage"
    (note,) = found.notes
    assert (note.card, note.place) == (str(child.ref), "tombs/a/parent/1.0.0.json")
    assert note.message.startswith("its parent a/parent@1.0.0 was withdrawn (mislabelled): it can still be read")


def test_the_text_of_documents_is_compared_when_every_byte_is_read(filled: CardRegistry) -> None:
    card = filled.load("a/b")
    document = card.documents[0]
    another = Document(path=document.path, size=document.size, digest=digest(b"another"), stored=document.stored)
    change(filled, card, documents=(another, *card.documents[1:]))
    found = verify_cards(filled.store, [card.ref], deep=True).problems
    (problem,) = (problem for problem in found if problem.place == document.stored.key)
    assert problem.message.startswith(f"holds another text than {document.path} had (expected {another.digest[:19]}...")
    assert (problem.expected, problem.actual) == (another.digest, document.digest)
    longer = Document(path=document.path, size=document.size + 1, digest=document.digest, stored=document.stored)
    change(filled, card, documents=(longer, *card.documents[1:]))
    found = verify_cards(filled.store, [card.ref], deep=True).problems
    assert [problem.place for problem in found if "its card says" in problem.message] == [document.stored.key]
    quick = verify_cards(filled.store, [card.ref], deep=False).problems
    assert document.stored.key not in [problem.place for problem in quick]


def test_a_file_with_a_true_digest_and_strange_content_is_a_problem(filled: CardRegistry) -> None:
    card = filled.load("a/t@1.0.0")
    assert card.table is not None
    strange = b"PAR1 not a table PAR1"
    write(filled, card.table.key, strange)
    stored = card.table.model_copy(update={"size": len(strange), "digest": digest(strange)})
    change(filled, card, table=stored)
    (problem,) = verify_cards(filled.store, [card.ref], deep=True).problems
    assert (problem.card, problem.place) == ("a/t@1.0.0", card.table.key)


def test_fields_of_a_newer_format_are_told(filled: CardRegistry) -> None:
    card = filled.load("a/t@1.0.0")
    newer = seal({**card.model_dump(mode="json", exclude_defaults=True), "format": "1.1", "extent": 3, "area": 4})
    write(filled, "cards/a/t/1.0.0.json", newer)
    (problem,) = filled.verify().problems
    assert (problem.card, problem.place) == ("a/t@1.0.0", "cards/a/t/1.0.0.json")
    assert problem.message == (
        "is of format 1.1; its fields area, extent were not checked: upgrade imagecards to check all of it"
    )


def test_messages_are_short_and_fields_are_whole(filled: CardRegistry) -> None:
    card = filled.load("a/t@1.0.0")
    assert card.table is not None
    data = bytearray((Path(filled.url) / card.table.key).read_bytes())
    data[20] ^= 1
    write(filled, card.table.key, bytes(data))
    (problem,) = filled.verify(deep=True).problems
    assert (problem.expected, problem.actual) == (card.table.digest, digest(bytes(data)))
    assert problem.message == (
        f"has other bytes than were stored (expected {card.table.digest[:19]}..., found {problem.actual[:19]}...): "
        "restore it from a copy"
    )


def test_names_that_would_confuse_a_terminal_are_shown_escaped(filled: CardRegistry) -> None:
    (Path(filled.url) / "cards/\x1b[2J").write_bytes(b"")
    os.mkdir(os.fsencode(filled.url) + b"/cards/\xff")
    assert places(filled) == ["cards/\\udcff", "cards/\\x1b[2J"]


def test_a_file_in_the_place_of_a_folder_is_found(filled: CardRegistry) -> None:
    write(filled, "cards/a/note", b"")
    write(filled, "tags/note", b"")
    assert [(problem.place, problem.message) for problem in filled.verify().problems] == [
        ("cards/a/note", "is not a folder: remove it"),
        ("tags/note", "is not a folder: remove it"),
    ]


def test_a_tag_of_a_version_that_never_was_is_found(filled: CardRegistry) -> None:
    entry = TagEntry(card=CardName("a", "b"), tag=Tag("fake"), version=Version(9, 0, 0), number=1)
    write(filled, "tags/a/b/fake/00000001.json", entry.to_json())
    (problem,) = filled.verify().problems
    assert problem.card == str(CardRef(CardName("a", "b"), Version(9, 0, 0)))
