"""Tab completion: the script for the shell, and what it gets to choose from."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cli.completing import complete_in_bash

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]
Complete = Callable[[str], list[str]]


@pytest.fixture
def registry(tmp_path: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "registry"
    opened = CardRegistry(place)
    folder = make_folder(1)
    opened.register(ImageDataset(image_dir=folder), "vision/cats", tags=["prod"])
    opened.register(ImageDataset(image_dir=folder), "vision/cats", bump="major", description="the same")
    opened.register(ImageDataset(image_dir=folder), "vision/cars", artifacts={"plot": folder / "000.png"})
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(place))
    return place


@pytest.fixture
def bash(run: Run, monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What bash is offered for a line, split at blanks and at the characters where bash splits words."""

    def complete(line: str) -> list[str]:
        for character in "@:=":
            line = line.replace(character, f" {character} ")
        words = line.split() + ([""] if line.endswith(" ") and not line.endswith(("@ ", ": ", "= ")) else [])
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        monkeypatch.setenv("_IMAGECARDS_COMPLETE", "complete_bash")
        done = run()
        assert (done.code, done.err) == (0, "")
        printed: str = done.out
        return printed.split()

    return complete


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell_is_produced(shell: str) -> None:
    environment = os.environ | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [sys.executable, "-m", "imagecards.cli", "--show-completion", shell]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert f"_IMAGECARDS_COMPLETE=complete_{shell}" in done.stdout


def test_bash_is_offered_what_there_is(registry: Path, bash: Complete) -> None:
    assert bash("imagecards ver") == ["versions", "verify"]
    assert bash("imagecards show --re") == ["--registry"]
    assert bash("imagecards show vi") == ["vision/cars", "vision/cats"]
    assert bash("imagecards versions vision/cat") == ["vision/cats"]
    assert bash("imagecards show vision/cats") == [
        "vision/cats",
        *(f"vision/cats@{spec}" for spec in ("latest", "prod", "2.0.0", "1.0.0")),
    ]
    assert bash("imagecards show nothing") == []


def test_bash_replaces_only_what_stands_from_the_at_sign_on(registry: Path, bash: Complete) -> None:
    assert bash("imagecards show vision/cats@") == ["@latest", "@prod", "@2.0.0", "@1.0.0"]
    assert bash("imagecards show vision/cats@1") == ["@1.0.0"]
    assert bash("imagecards diff vision/cats@1.0.0 vision/cats@la") == ["@latest"]
    assert bash("imagecards verify vision/cats@p") == ["@prod"]


def test_tags_and_artifacts_of_what_was_typed(registry: Path, bash: Complete) -> None:
    assert bash("imagecards untag vision/cats ") == ["prod"]
    assert bash("imagecards tag vision/cats@2.0.0 pr") == ["prod"]
    assert bash("imagecards fetch vision/cars --artifact ") == ["plot"]
    assert bash("imagecards register images vision/new --parent vision/car") == ["vision/cars"]


def test_the_registry_may_be_named_in_the_line(
    registry: Path, bash: Complete, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("IMAGECARDS_REGISTRY")
    monkeypatch.chdir(tmp_path)
    assert bash("imagecards show vi") == []
    assert bash(f"imagecards show -r {registry} vi") == ["vision/cars", "vision/cats"]
    assert bash(f"imagecards show --registry={registry} vision/cats@p") == ["@prod"]
    assert bash(f"imagecards show -r file://{registry} vision/cats@p") == ["@prod"]


def test_a_damaged_registry_completes_nothing_quietly(registry: Path, bash: Complete) -> None:
    (registry / "imagecards.json").chmod(0o644)
    (registry / "imagecards.json").write_text("{}")
    assert bash("imagecards show vision/cats@p") == []


def test_other_shells_get_whole_words(run: Run, registry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_IMAGECARDS_COMPLETE", "complete_fish")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "imagecards show vision/cats@p")
    assert run().out.split() == ["vision/cats@prod"]


def test_words_are_joined_as_they_were_typed(capsys: pytest.CaptureFixture[str]) -> None:
    def joined(*words: str) -> list[str]:
        environment = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
        complete_in_bash(environment, lambda: None)
        assert int(environment["COMP_CWORD"]) == environment["COMP_WORDS"].count("\n")
        return environment["COMP_WORDS"].split("\n")

    assert joined("imagecards", "show", "a/b", "@", "1") == ["imagecards", "show", "a/b@1"]
    assert joined("imagecards", "show", "a/b", "@") == ["imagecards", "show", "a/b@"]
    assert joined("imagecards", "show", "a/b", "") == ["imagecards", "show", "a/b", ""]
    assert joined("imagecards", "-r", "file", ":", "///x", "sh") == ["imagecards", "-r", "file:///x", "sh"]
    assert capsys.readouterr().out == ""
