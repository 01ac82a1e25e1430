"""``copy``, ``push``, ``pull`` and ``sync``: what they do, print, and leave with."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagecards import CardRegistry

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture
def mine(tmp_path: Path, make_folder: MakeFolder, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default registry, with a version that was made from another one."""
    registry = tmp_path / "mine"
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(registry))
    monkeypatch.chdir(tmp_path)
    assert run("register", make_folder(3), "vision/cats", "--tag", "prod").code == 0
    assert run("derive", "vision/cats", "--name", "vision/some", "--step", "class-agnostic").code == 0
    return registry


def test_push_and_pull_mean_your_registry(run: Run, mine: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    done = run("push", "vision/cats@prod", theirs)
    assert done.code == 0
    assert done.out.startswith("copied vision/cats@1.0.0: 3 files, ")
    assert done.out.endswith(" sent\n")
    assert run("push", "vision/cats", theirs).out == "unchanged: vision/cats@1.0.0 was there\n"
    third = tmp_path / "third"
    assert run("pull", "vision/cats@1.0.0", theirs, "--registry", third).out.startswith("copied vision/cats@1.0.0: ")
    assert CardRegistry(third).load("vision/cats").digest == CardRegistry(mine).load("vision/cats").digest
    assert run("verify", "--deep", "-r", third).code == 0
    assert CardRegistry(third).tags("vision/cats") == {}


def test_copy_says_which_parents_are_left_out(run: Run, mine: Path, tmp_path: Path) -> None:
    to = tmp_path / "to"
    done = run("copy", "vision/some", mine, to)
    assert done.out.splitlines()[1:] == [
        "  not there: vision/cats@1.0.0, which it was made from (--parents copies it too)"
    ]
    said = run("copy", "vision/some", mine, to, "--json").json
    assert (said["created"], said["files"], said["left_out"], said["parents"]) == (False, 0, ["vision/cats@1.0.0"], [])
    assert run("verify", "-r", to).code == 0
    done = run("copy", "vision/some", mine, to, "--parents")
    assert done.out.startswith("copied vision/cats@1.0.0: ")
    assert done.out.endswith("unchanged: vision/some@1.0.0 was there\n")
    said = run("copy", "vision/some", mine, to, "--parents", "--json").json
    assert said["to"] == str(to)
    assert said["digest"] == CardRegistry(to).load("vision/some").digest
    assert [parent["reference"] for parent in said["parents"]] == ["vision/cats@1.0.0"]


def test_copy_of_a_withdrawn_version_is_asked_for(run: Run, mine: Path, tmp_path: Path) -> None:
    assert run("withdraw", "vision/cats@1.0.0", "--reason", "wrong").code == 0
    refused = run("copy", "vision/cats@1.0.0", mine, tmp_path / "to")
    assert refused.code == 3
    assert "withdrawn: wrong" in refused.err
    done = run("copy", "vision/cats@1.0.0", mine, tmp_path / "to", "--withdrawn")
    assert done.out == "copied vision/cats@1.0.0: withdrawn, its card alone\n"


def test_sync_brings_versions_and_tags_and_tells_of_conflicts(
    run: Run, mine: Path, make_folder: MakeFolder, tmp_path: Path
) -> None:
    to = tmp_path / "to"
    assert run("sync", "vision/cats", mine, to).out.splitlines()[1:] == [
        "prod -> 1.0.0",
        f"vision/cats in {to}: 1 version copied, 0 there before",
    ]
    assert run("register", make_folder(4), "vision/cats").code == 0
    assert run("tag", "vision/cats@1.1.0", "prod").code == 0
    assert run("untag", "vision/cats", "prod", "-r", to).code == 0
    done = run("sync", "vision/cats", mine, to)
    assert done.code == 1
    assert done.out.splitlines()[-1] == f"vision/cats in {to}: 1 version copied, 1 there before"
    assert done.err.startswith(
        f"left as it is: the tag prod was moved in {to} too: it stands for nothing there and for "
    )
    said = run("sync", "vision/cats", mine, to, "--json")
    assert said.code == 1
    assert len(said.json["conflicts"]) == 1
    assert [each["reference"] for each in said.json["versions"]] == ["vision/cats@1.0.0", "vision/cats@1.1.0"]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("copy", "vision/cats", "nowhere", "to"), 3, "there is no registry at"),
        (("copy", "vision/dogs", "mine", "to"), 3, "vision/dogs"),
        (("copy", "vision/cats", "mine", "mine"), 2, "both where to copy from and where to"),
        (("sync", "vision/cats", "mine", "ftp://host/x"), 2, "there is no store for ftp:// URLs"),
        (("push", "vision/cats"), 2, "Missing argument 'TO'"),
        (("copy", "vision/cats", "mine", "images"), 2, "is no registry"),
    ],
)
def test_what_can_not_be_copied_is_one_error(
    run: Run, mine: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, told: str
) -> None:
    refused = run(*arguments)
    assert (refused.code, refused.out) == (code, "")
    assert told in refused.err
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("command", ["copy", "push", "pull", "sync"])
def test_help_says_which_places_there_are(run: Run, command: str) -> None:
    assert "hf://datasets/owner/repo" in run(command, "--help").out
