"""From references to cards: ranges, tags, withdrawals, pins."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import Version
from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError
from imagecards.registry import lookup

MakeFolder = Callable[..., Path]


@pytest.fixture
def filled(registry: CardRegistry) -> CardRegistry:
    for number, version in enumerate(["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "0.9.0"]):
        registry.register(pl.DataFrame({"id": [number]}), "a/b", version=version)
    return registry


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ("", "1.10.0"),
        ("@latest", "1.10.0"),
        ("@^1", "1.10.0"),
        ("@~1.2", "1.2.0"),
        ("@1.*", "1.10.0"),
        ("@>=0.5,<1", "0.9.0"),
        ("@1.2.0", "1.2.0"),
        ("@2.0.0-rc.1", "2.0.0-rc.1"),
        ("@^2.0.0-rc.0", "2.0.0-rc.1"),
    ],
)
def test_references_find_their_version(filled: CardRegistry, spec: str, version: str) -> None:
    assert str(filled.load(f"a/b{spec}").version) == version


def test_versions_are_in_order(filled: CardRegistry) -> None:
    assert [str(version) for version in filled.versions("a/b")] == [
        "0.9.0",
        "1.0.0",
        "1.2.0",
        "1.10.0",
        "2.0.0-rc.1",
    ]


def test_what_is_not_there_is_said_with_what_is(filled: CardRegistry) -> None:
    with pytest.raises(NotFoundError, match=r"a/b@\^3 is not registered in .*; there are 0\.9\.0, 1\.0\.0, 1\.2\.0"):
        filled.load("a/b@^3")
    with pytest.raises(NotFoundError, match=r"c/b is not registered in .*; did you mean a/b\?"):
        filled.versions("c/b")
    with pytest.raises(NotFoundError, match=r"version 7\.0\.0 of a/b is not registered"):
        filled.load("a/b@7.0.0")
    with pytest.raises(NotFoundError, match=r"a/b@prod is not registered"):
        filled.load("a/b@prod")


@pytest.mark.parametrize("spec", ["", "@latest", "@^1", "@*"])
def test_that_there_are_only_pre_releases_is_said(registry: CardRegistry, spec: str) -> None:
    for number in (1, 2):
        registry.register(pl.DataFrame({"id": [number]}), "a/b", version=f"1.0.0-rc.{number}")
    said = r"only pre-releases, 1\.0\.0-rc\.1, 1\.0\.0-rc\.2, which .* pass over; name one, (\S+), or .* (\S+)$"
    with pytest.raises(NotFoundError, match=said) as caught:
        registry.load(f"a/b{spec}")
    for reference in re.search(said, str(caught.value)).groups():  # type: ignore[union-attr]  # it matched just now
        assert str(registry.load(reference).version) == "1.0.0-rc.2"


def test_no_registry_is_an_error_that_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"there is no registry at .*IMAGECARDS_REGISTRY"):
        CardRegistry(tmp_path / "none").load("a/b")
    assert not (tmp_path / "none").exists()


def test_the_registry_comes_from_the_environment_or_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    CardRegistry().register(pl.DataFrame({"x": [1]}), "a/b")
    assert (tmp_path / ".imagecards" / "imagecards.json").exists()
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(tmp_path / "elsewhere"))
    CardRegistry().register(pl.DataFrame({"x": [1]}), "a/b")
    assert (tmp_path / "elsewhere" / "imagecards.json").exists()


def test_tags_move_and_go(filled: CardRegistry) -> None:
    filled.tag("a/b@1.0.0", "prod", "checked")
    assert str(filled.load("a/b@prod").version) == "1.0.0"
    filled.tag("a/b@^1", "prod")
    assert str(filled.load("a/b@prod").version) == "1.10.0"
    assert {tag: str(version) for tag, version in filled.tags("a/b").items()} == {
        "checked": "1.0.0",
        "prod": "1.10.0",
    }
    filled.untag("a/b", "prod")
    with pytest.raises(NotFoundError, match="a/b@prod is not registered"):
        filled.load("a/b@prod")
    with pytest.raises(NotFoundError, match="no tag prod"):
        filled.untag("a/b", "prod")
    log = filled.store.children("tags/a/b/prod/")
    assert log == ["00000001.json", "00000002.json", "00000003.json"], "the log keeps every move"


@pytest.mark.parametrize("label", ["latest", "v1.2", "1.0", "Prod", "a/b", "", "con"])
def test_what_can_not_be_a_tag_is_refused(filled: CardRegistry, label: str) -> None:
    with pytest.raises(InvalidInputError):
        filled.tag("a/b", label)


def test_a_withdrawn_version_is_out_of_every_look_up(filled: CardRegistry) -> None:
    filled.tag("a/b@1.10.0", "prod")
    filled.withdraw("a/b@1.10.0", reason="mislabelled")
    assert str(filled.load("a/b@^1").version) == "1.2.0"
    with pytest.raises(NotFoundError, match=r"a/b@1\.10\.0 was withdrawn: mislabelled; there are"):
        filled.load("a/b@1.10.0")
    with pytest.raises(NotFoundError, match=r"the tag prod of a/b names 1\.10\.0, which was withdrawn"):
        filled.load("a/b@prod")
    assert "1.10.0" not in [str(version) for version in filled.versions("a/b")]
    assert "1.10.0" in [str(version) for version in filled.versions("a/b", withdrawn=True)]
    with pytest.raises(InvalidInputError, match="exact version"):
        filled.withdraw("a/b@^1", reason="?")


def test_a_pinned_reference_fails_on_any_other_card(filled: CardRegistry) -> None:
    card = filled.load("a/b@1.2.0")
    assert filled.load(f"a/b@1.2.0#{card.digest}") == card
    assert filled.load(f"a/b@~1.2#{card.digest}") == card
    with pytest.raises(IntegrityError, match="pins"):
        filled.load(f"a/b@1.0.0#{card.digest}")


def test_a_card_in_another_cards_place_is_seen(filled: CardRegistry) -> None:
    cards = Path(filled.url) / "cards" / "a" / "b"
    data = (cards / "1.0.0.json").read_bytes()
    (cards / "1.2.0.json").unlink()
    (cards / "1.2.0.json").write_bytes(data)
    with pytest.raises(IntegrityError, match=r"holds the card of a/b@1\.0\.0"):
        filled.load("a/b@1.2.0")


def test_list_has_a_row_for_each_name(filled: CardRegistry, make_folder: MakeFolder) -> None:
    filled.register(ImageDataset(image_dir=make_folder(3)), "vision/flakes", tags=["prod"])
    table = filled.list()
    assert table["name"].to_list() == ["a/b", "vision/flakes"]
    flakes = table.row(1, named=True)
    assert (flakes["images"], flakes["objects"], flakes["tags"], flakes["versions"]) == (3, 3, ["prod"], 1)
    assert table.row(0, named=True)["version"] == "1.10.0", "the highest release, as a reference without @ means it"


def spoil(registry: CardRegistry, key: str) -> None:
    path = Path(registry.url) / key
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"format", b"farmot"))


def test_list_shows_a_damaged_card_and_all_others(filled: CardRegistry) -> None:
    filled.register(pl.DataFrame({"id": [1]}), "c/d", tags=["prod", "test"])
    spoil(filled, "cards/c/d/1.0.0.json")
    spoil(filled, "tags/c/d/test/00000001.json")
    table = filled.list()
    assert table["name"].to_list() == ["a/b", "c/d"]
    assert table.row(0, named=True)["kind"] == "table"
    damaged = {key: value for key, value in table.row(1, named=True).items() if value is not None}
    assert damaged == {
        "name": "c/d",
        "version": "1.0.0",
        "kind": "damaged",
        "versions": 1,
        "tags": ["prod", "test (damaged)"],
        "description": "cards/c/d/1.0.0.json is damaged",
    }


def test_a_damaged_tag_is_named_and_the_others_can_still_be_looked_up(filled: CardRegistry) -> None:
    filled.tag("a/b@1.2.0", "prod", "test")
    spoil(filled, "tags/a/b/test/00000001.json")
    with pytest.raises(IntegrityError, match="the tag test of a/b is damaged") as caught:
        filled.tags("a/b")
    assert caught.value.place == "tags/a/b/test/00000001.json"
    assert str(filled.load("a/b@prod").version) == "1.2.0"


def test_a_damaged_card_is_still_a_version_that_was_registered(filled: CardRegistry) -> None:
    spoil(filled, "cards/a/b/1.2.0.json")
    assert Version(1, 2, 0) in filled.versions("a/b")
    with pytest.raises(IntegrityError):
        filled.load("a/b@1.2.0")


STRAYS = [
    "cards/README.txt",
    "cards/Old/x.json",
    "cards/a/notes.TXT",
    "cards/a/b/1.2.0 (copy).json",
    "cards/a/b/v3.0.0.json",
    "cards/a/b/README.md",
    "cards/a/only/notes.json",
    "tombs/a/b/1.10.0 (copy).json",
    "tags/a/b/README",
    "tags/a/b/Prod/00000001.json",
    "tags/a/b/prod/99999999 (copy).json",
    "tags/a/b/prod/00000000.json",
    "tags/a/b/prod/zzz.json",
]


def test_what_others_left_in_the_folders_blocks_nothing(filled: CardRegistry) -> None:
    filled.tag("a/b@1.2.0", "prod")
    for key in STRAYS:
        path = Path(filled.url) / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a stray")
    assert len(filled.versions("a/b")) == 5
    assert str(filled.load("a/b").version) == "1.10.0"
    assert filled.list()["name"].to_list() == ["a/b"]
    assert {tag: str(version) for tag, version in filled.tags("a/b").items()} == {"prod": "1.2.0"}
    filled.tag("a/b@1.0.0", "prod")
    assert str(filled.load("a/b@prod").version) == "1.0.0"
    assert filled.resolve("20261120T123526Z-0123456789abcdef") is None
    told = {problem.place: problem.message for problem in filled.verify().problems}
    assert told == {
        "cards/README.txt": "is not a space: remove it",
        "cards/Old": "is not a space: remove it",
        "cards/a/notes.TXT": "is not a name: remove it",
        "cards/a/b/1.2.0 (copy).json": "is not the card of a version: remove it",
        "cards/a/b/v3.0.0.json": "is not the card of a version: remove it",
        "cards/a/b/README.md": "is not the card of a version: remove it",
        "cards/a/only/notes.json": "is not the card of a version: remove it",
        "tombs/a/b/1.10.0 (copy).json": "is not the tombstone of a version: remove it",
        "tags/a/b/README": "is not a tag: remove it",
        "tags/a/b/Prod": "is not a tag: remove it",
        "tags/a/b/prod/99999999 (copy).json": "is not an entry of a tag: remove it",
        "tags/a/b/prod/00000000.json": "is not an entry of a tag: remove it",
        "tags/a/b/prod/zzz.json": "is not an entry of a tag: remove it",
    }


def test_an_attempt_is_found_beside_damaged_cards(filled: CardRegistry) -> None:
    card = filled.load("a/b@1.10.0")
    spoil(filled, "cards/a/b/0.9.0.json")
    assert filled.resolve(card.attempt) == card


@pytest.mark.parametrize(
    ("versions", "latest"),
    [
        ([], None),
        (["1.0.0", "2.0.0-rc.1", "1.2.0"], "1.2.0"),
        (["1.0.0-rc.1", "1.0.0-rc.10", "1.0.0-b"], "1.0.0-rc.10"),
    ],
)
def test_one_rule_says_which_version_is_the_latest(versions: list[str], latest: str | None) -> None:
    found = lookup.latest_version(map(Version.parse, versions))
    assert (str(found) if found else None) == latest


def test_a_tag_whose_card_is_missing_is_not_called_withdrawn(filled: CardRegistry) -> None:
    filled.tag("a/b@1.2.0", "prod")
    (Path(filled.url) / "cards/a/b/1.2.0.json").unlink()
    with pytest.raises(NotFoundError) as caught:
        filled.load("a/b@prod")
    assert str(caught.value) == (
        "the tag prod of a/b names 1.2.0, and cards/a/b/1.2.0.json is missing: restore the file from a copy, or tag "
        "another version"
    )


def test_that_every_version_was_withdrawn_is_said(filled: CardRegistry) -> None:
    for version in filled.versions("a/b"):
        filled.withdraw(f"a/b@{version}", reason="wrong" if version.major else "")
    for reference in ("a/b", "a/b@^1", "a/b@prod", "a/b@7.0.0"):
        with pytest.raises(NotFoundError) as caught:
            filled.load(reference)
        assert str(caught.value) == (
            "every version of a/b was withdrawn: 0.9.0 (no reason was given), 1.0.0 (wrong), 1.2.0 (wrong), "
            "1.10.0 (wrong), 2.0.0-rc.1 (wrong)"
        )
    with pytest.raises(NotFoundError, match=r"^a/b@1\.0\.0 was withdrawn: wrong; every version of a/b was withdrawn$"):
        filled.load("a/b@1.0.0")
    with pytest.raises(NotFoundError, match=r"^every version of a/b was withdrawn"):
        filled.versions("a/b")


def test_an_entry_of_a_tag_in_another_place_is_seen(filled: CardRegistry) -> None:
    filled.tag("a/b@1.2.0", "prod")
    filled.tag("a/b@1.0.0", "test")
    tags = Path(filled.url) / "tags/a/b"
    (tags / "test/00000001.json").rename(tags / "prod/00000002.json")
    with pytest.raises(IntegrityError) as caught:
        filled.load("a/b@prod")
    assert str(caught.value) == (
        "tags/a/b/prod/00000002.json is the place of a/b@prod, entry 2, and holds a/b@test, entry 1: it was moved; "
        "restore the file from a copy"
    )


def test_a_tombstone_in_another_place_is_seen(filled: CardRegistry) -> None:
    filled.withdraw("a/b@1.2.0", reason="wrong")
    tombs = Path(filled.url) / "tombs/a/b"
    (tombs / "1.2.0.json").rename(tombs / "1.0.0.json")
    with pytest.raises(IntegrityError, match=r"the tombstone of a/b@1\.0\.0, and holds that of a/b@1\.2\.0"):
        filled.load("a/b@1.0.0")


def test_looking_up_a_card_imports_nothing_heavy(filled: CardRegistry) -> None:
    source = (
        "import sys, imagecards as ic; ic.CardRegistry(sys.argv[1]).load('a/b@^1');"
        "print([m for m in ('pyarrow', 'polars', 'numpy', 'PIL', 'pandas', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", source, filled.url], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_importing_the_package_imports_none_of_its_rooms() -> None:
    source = (
        "import sys, imagecards;"
        "print(sorted(m for m in sys.modules if m.startswith('imagecards')), 'pydantic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['imagecards', 'imagecards.release'] False"
