"""Files and folders beside a card."""

from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry
from imagecards.errors import AlreadyExistsError, IntegrityError, InvalidInputError, NotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "h5" / "deep").mkdir(parents=True)
    (tmp_path / "h5" / "a.h5").write_bytes(b"first")
    (tmp_path / "h5" / "deep" / "ü.h5").write_bytes(b"")
    return tmp_path / "h5"


@pytest.fixture
def filled(registry: CardRegistry) -> CardRegistry:
    registry.register(pl.DataFrame({"id": [1]}), "a/b")
    return registry


def test_a_folder_comes_back_as_it_was(filled: CardRegistry, folder: Path, tmp_path: Path) -> None:
    filled.attach("a/b@1.0.0", "hdf5-256", folder)
    artifact = filled.artifact("a/b", "hdf5-256")
    assert artifact.files == ["a.h5", "deep/ü.h5"]
    assert artifact.read("a.h5") == b"first"
    out = artifact.fetch(tmp_path / "out")
    assert (out / "deep" / "ü.h5").read_bytes() == b""
    assert list(filled.artifacts("a/b")) == ["hdf5-256"]


def test_a_file_is_read_without_naming_it(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "one", folder / "a.h5")
    assert filled.artifact("a/b", "one").read() == b"first"
    assert filled.artifact("a/b", "one").files == ["a.h5"]


def test_artifacts_in_the_same_commit(registry: CardRegistry, folder: Path) -> None:
    table = pl.DataFrame({"id": [1]})
    card = registry.register(table, "a/b", artifacts={"h5": folder, "one": folder / "a.h5"})
    assert sorted(card.artifacts) == ["h5", "one"]
    assert registry.register(table, "a/b", artifacts={"h5": folder}) == card, "the same again is nothing new"
    (folder / "a.h5").write_bytes(b"second")
    newer = registry.register(table, "a/b", artifacts={"h5": folder})
    assert str(newer.version) == "1.0.1"
    assert registry.artifact("a/b@1.0.0", "h5").read("a.h5") == b"first"
    assert registry.artifact("a/b@1.0.1", "h5").read("a.h5") == b"second"


def test_attaching_is_idempotent_and_never_replaces(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "h5", folder)
    keys = [entry.key for entry in filled.store.list("")]
    filled.attach("a/b", "h5", folder)
    assert [entry.key for entry in filled.store.list("")] == keys
    (folder / "a.h5").write_bytes(b"other")
    with pytest.raises(AlreadyExistsError, match="h5 already, with other content"):
        filled.attach("a/b", "h5", folder)
    assert [entry.key for entry in filled.store.list("")] == keys
    assert filled.artifact("a/b", "h5").read("a.h5") == b"first"


def test_an_artifact_is_pinned_to_its_card(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "h5", folder)
    filled.register(pl.DataFrame({"id": [2]}), "a/b")
    root = Path(filled.url) / "artifacts" / "a" / "b"
    (root / "1.1.0").mkdir()
    (root / "1.1.0" / "h5.json").write_bytes((root / "1.0.0" / "h5.json").read_bytes())
    with pytest.raises(IntegrityError, match=r"1\.1\.0/h5\.json"):
        filled.artifacts("a/b@1.1.0")


def test_damage_is_named(filled: CardRegistry, folder: Path) -> None:
    filled.attach("a/b", "h5", folder)
    (stored,) = Path(filled.url).rglob("a.h5")
    stored.chmod(0o644)
    stored.write_bytes(b"fir5t")
    with pytest.raises(IntegrityError, match=r"a\.h5 in .* has other bytes"):
        filled.artifact("a/b", "h5").read("a.h5")
    (problem,) = filled.verify(deep=True).problems
    assert problem.place.endswith("h5/a.h5")


def test_what_can_not_be_kept_is_refused(filled: CardRegistry, folder: Path, tmp_path: Path) -> None:
    (folder / "link.h5").symlink_to("/etc/passwd")
    (tmp_path / "empty").mkdir()
    before = [entry.key for entry in filled.store.list("")]
    for name, path, message in [
        ("h5", folder, "symbolic link"),
        ("h5", tmp_path / "none", "neither a file nor a folder"),
        ("h5", tmp_path / "empty", "holds no files"),
        ("../x", folder, "artifact name"),
    ]:
        with pytest.raises(InvalidInputError, match=message):
            filled.attach("a/b", name, path)
    assert [entry.key for entry in filled.store.list("")] == before


def test_what_is_not_there_is_said_with_what_is(filled: CardRegistry, folder: Path) -> None:
    with pytest.raises(NotFoundError, match="it has none"):
        filled.artifact("a/b", "h5")
    filled.attach("a/b", "h5", folder)
    with pytest.raises(NotFoundError, match="it has h5"):
        filled.artifact("a/b", "plot")
    with pytest.raises(NotFoundError, match=r"several files; it has a\.h5"):
        filled.artifact("a/b", "h5").read()
