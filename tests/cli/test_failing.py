"""Failures: the message, the object for programs, and the exit code."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cli.failing import fail, sentence
from imagecards.errors import CommitUnknownError, StorageError

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture
def at(tmp_path: Path, make_folder: MakeFolder) -> tuple[str, Path]:
    """The option that names a registry with ``a/b@1.0.0``."""
    registry = tmp_path / "registry"
    opened = CardRegistry(registry)
    opened.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    opened.register(pl.DataFrame({"id": [1]}), "a/table")
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "photo.jpg").write_bytes(b"")
    (tmp_path / "note").write_text("one")
    (tmp_path / "other").write_text("two")
    opened.attach("a/b", "kept", tmp_path / "note")
    bad = make_folder(1, name="bad")
    (bad / "000.png").write_bytes(b"no image")
    return "-r", registry


CASES: list[tuple[int, str, list[str]]] = [
    (1, r"nothing was registered or written, since the data break rules: 1 error", ["register", "bad", "a/new"]),
    (1, r"damaged.parquet can't be read as a .parquet table", ["register", "damaged.parquet", "a/new"]),
    (2, r"^image_dir must be a directory, and nowhere is none$", ["register", "nowhere", "a/new"]),
    (2, r"^metadata file no.jsonl does not exist", ["register", "images", "a/new", "--metadata", "no.jsonl"]),
    (2, r"is no folder, no table", ["register", "photo.jpg", "a/new"]),
    (2, r"--metadata names a file", ["register", "damaged.parquet", "a/new", "--metadata", "m.jsonl"]),
    (2, r"did you mean", ["register", "images", "A/New"]),
    (2, r"'x' has no '='", ["register", "images", "a/new", "--artifact", "x"]),
    (2, r"neither a file nor a folder", ["register", "images", "a/new", "--artifact", "x=nowhere"]),
    (2, r"--info is not JSON", ["register", "images", "a/new", "--info", "{"]),
    (2, r"not an object", ["register", "images", "a/new", "--info", "[]"]),
    (2, r"contradict", ["register", "images", "a/new", "--version", "1.0.0", "--bump", "major"]),
    (2, r"is not a card's name", ["show", "b"]),
    (2, r"is a table", ["diff", "a/b", "a/table"]),
    (2, r"name the exact version", ["withdraw", "a/b@^1", "--reason", "x"]),
    (2, r"grace period", ["gc", "--grace-hours", "0"]),
    (3, r"^a/c\S* is not registered", ["show", "a/c"]),
    (3, r"a/b@\^2 is not registered", ["fetch", "a/b@^2", "--to", "there"]),
    (3, r"has no artifact 'x': it has kept", ["fetch", "a/b", "--artifact", "x"]),
    (3, r"has no tag prod", ["untag", "a/b", "prod"]),
    (3, r"a/c is not registered", ["versions", "a/c"]),
    (4, r"choose another number", ["register", "other-images", "a/b", "--version", "1.0.0"]),
    (4, r"exists already", ["fetch", "a/b", "--to", "images"]),
    (4, r"has an artifact kept already", ["attach", "a/b", "kept", "other"]),
]


@pytest.mark.parametrize(("code", "message", "call"), CASES, ids=[" ".join(call) for _, _, call in CASES])
def test_a_failure_is_told_in_one_plain_line(
    run: Run,
    at: tuple[str, Path],
    tmp_path: Path,
    make_folder: MakeFolder,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    message: str,
    call: list[str],
) -> None:
    make_folder(3, name="other-images", seed=50)
    monkeypatch.chdir(tmp_path)
    told = run(*call, *at)
    assert (told.code, told.out) == (code, "")
    assert told.err.startswith("error: ")
    assert re.search(message, told.err.removeprefix("error: ").strip())
    assert "pydantic" not in told.err
    said = run(*call, *at, "--json")
    assert (said.code, said.err, said.json["exit_code"]) == (code, "", code)
    assert re.search(message, said.json["message"])
    assert set(said.json) - {"issues"} == {"error", "message", "exit_code"}


def test_a_missing_registry_is_not_found(run: Run, tmp_path: Path) -> None:
    for command in ("list", "verify", "gc"):
        told = run(command, "-r", tmp_path / "nowhere")
        assert told.code == 3
        assert "there is no registry at" in told.err
    assert not (tmp_path / "nowhere").exists()


def test_damage_is_an_integrity_error(run: Run, at: tuple[str, Path], tmp_path: Path) -> None:
    card = at[1] / "cards/a/b/1.0.0.json"
    card.chmod(0o644)
    card.write_bytes(card.read_bytes().replace(b'"images": 2', b'"images": 3'))
    assert run("show", "a/b", *at).code == 5
    assert run("show", "a/b", *at, "--json").json["error"] == "IntegrityError"


def test_a_failing_disk_is_a_storage_error(
    run: Run, at: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        told = run("register", tmp_path / "images", "a/new", *at)
    assert told.code == 6
    assert "No space left on device" in told.err
    assert run("register", tmp_path / "images", "a/new", *at).code == 0


def test_files_of_the_user_that_cannot_be_read(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_text("")

    def refuse(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    told = run("validate", path)
    assert (told.code, told.err) == (6, f"error: {path}: Permission denied\n")


def test_validate_says_what_it_takes(run: Run, tmp_path: Path, make_folder: MakeFolder) -> None:
    (tmp_path / "a.csv").write_text("")
    assert run("validate", tmp_path / "a.csv").code == 2
    assert run("validate", tmp_path / "nowhere").code == 2
    folder = make_folder(1)
    assert run("validate", folder / "metadata.jsonl", "--metadata", "metadata.jsonl").code == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (["show"], "Missing argument 'REFERENCE'."),
        (["show", "a/b", "--nothing"], "No such option: --nothing"),
        (["register", "x", "a/b", "--bump", "huge"], "Invalid value for '--bump'"),
        (["verify", "--limit", "-1"], "Invalid value for '--limit'"),
        (["nonsense"], "No such command 'nonsense'."),
    ],
)
def test_misuse_shows_the_usage(run: Run, call: list[str], message: str) -> None:
    told = run(*call)
    assert told.code == 2
    assert told.err.startswith("Usage: imagecards")
    assert message in told.err
    if call[0] != "nonsense":
        said = run(*call, "--json")
        assert (said.code, said.json["error"]) == (2, "UsageError")
        assert message in said.json["message"]


def test_no_command_shows_the_help(run: Run) -> None:
    told = run()
    assert told.code == 2
    assert "Commands:" in told.out + told.err


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        fail(ZeroDivisionError("ours"), as_json=False)


def test_errors_of_models_name_every_field(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="image_dir") as raised:
        ImageDataset(image_dir=tmp_path / "x", metadata="y.txt")
    assert sentence(raised.value) == (
        f"image_dir must be a directory, and {tmp_path / 'x'} is none; metadata must be a jsonl file"
    )


@pytest.mark.parametrize("error", [StorageError("the disk failed"), CommitUnknownError("nobody knows", "attempt")])
def test_storage_errors_have_a_code_of_their_own(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(error, as_json=False) == 6
    assert capsys.readouterr().err == f"error: {error}\n"


def test_long_digests_are_shortened_for_people_only(capsys: pytest.CaptureFixture[str]) -> None:
    error = StorageError(f"expected sha256:{'a' * 64}")
    fail(error, as_json=False)
    assert capsys.readouterr().err == f"error: expected sha256:{'a' * 12}...\n"
    fail(error, as_json=True)
    assert "a" * 64 in capsys.readouterr().out
