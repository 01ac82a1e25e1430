"""From references to cards: ranges, tags, withdrawals, pins."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import IntegrityError, InvalidInputError, NotFoundError

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
    assert table.row(0, named=True)["version"] == "2.0.0-rc.1"


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
    assert done.stdout.strip() == "['imagecards'] False"
