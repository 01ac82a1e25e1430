"""Deriving, lineage, replay, uses, impact and locks from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imagecards import CardRegistry
from imagecards.cli.options import _words

MakeFolder = Callable[..., Path]
Run = Callable[..., Any]


@pytest.fixture
def filled(tmp_path: Path, make_folder: MakeFolder, run: Run, monkeypatch: pytest.MonkeyPatch) -> CardRegistry:
    """A registry, the default one, with ``a/raw`` and ``a/small``, two images of it."""
    monkeypatch.setenv("IMAGECARDS_REGISTRY", str(tmp_path / "registry"))
    monkeypatch.chdir(tmp_path)
    assert run("register", make_folder(4), "a/raw").code == 0
    done = run("derive", "a/raw@^1", "-n", "a/small", "-s", "sample n=2 seed=7", "-s", "drop-empty", "--tag", "prod")
    assert done.code == 0
    assert done.out.splitlines()[0].startswith("registered a/small@1.0.0: 2 images, 2 objects, ")
    assert done.out.splitlines()[1] == "  made from a/raw@1.0.0"
    return CardRegistry()


def test_derive_says_what_it_made(run: Run, filled: CardRegistry) -> None:
    again = run("derive", "a/raw", "-n", "a/small", "-s", "sample n=2 seed=7", "-s", "drop-empty", "--json")
    assert again.code == 0
    assert again.json["new"] is False
    assert [step["name"] for step in again.json["steps"]] == ["sample", "drop-empty"]
    assert filled.load("a/small@prod").transform[0].params["n"] == 2


def test_show_says_how_it_was_made(run: Run, filled: CardRegistry) -> None:
    assert run("show", "a/small").out.splitlines()[-3:] == [
        "  made from a/raw@1.0.0",
        "    by sample(n=2, seed=7)",
        "    by drop-empty()",
    ]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("min-aera pixels=3", "there is no step 'min-aera': did you mean 'min-area'?"),
        ("sample", "the step 'sample' takes other fields"),
        ("min-area pixels=-1", "the step 'min-area' takes other fields: pixels"),
        ("min-area pixels", "has no '='"),
        ("min-area 'pixels=1", "can't be read: write 'NAME FIELD=VALUE ...'"),
        ("", "can't be read: write 'NAME FIELD=VALUE ...'"),
    ],
)
def test_a_step_that_is_none_is_misuse(run: Run, filled: CardRegistry, step: str, said: str) -> None:
    done = run("derive", "a/raw", "-n", "a/x", "-s", step)
    assert done.code == 2
    assert said in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('select-classes classes=["thin flake", 3]', ["select-classes", 'classes=["thin flake", 3]']),
        ("select-classes 'classes=[\"a\"]'", ["select-classes", 'classes=["a"]']),
        ("k-shot shots=[1,2] runs=3", ["k-shot", "shots=[1,2]", "runs=3"]),
        ('holdout shares={"a b": 1, "c=[": 2} seed=1', ["holdout", 'shares={"a b": 1, "c=[": 2}', "seed=1"]),
        ("rename-classes names=[['a', \"b\"]]", ["rename-classes", "names=[[a,", "b]]"]),
        ("class-agnostic name='x y=[1]'", ["class-agnostic", "name=x y=[1]"]),
    ],
)
def test_lists_in_a_step_need_no_more_quotes(text: str, words: list[str]) -> None:
    assert _words(text) == words


def test_a_step_takes_json_as_it_stands(run: Run, filled: CardRegistry) -> None:
    step = 'holdout shares={"train": 1, "test set": 1} allow-missing=true'
    done = run("derive", "a/raw", "-n", "a/x", "-s", step)
    assert done.code == 0
    assert set(filled.open("a/x").splits) == {"test set", "train"}  # type: ignore[union-attr]


def test_replay_and_its_exit_code(run: Run, filled: CardRegistry) -> None:
    same = run("replay", "a/small")
    assert same.code == 0
    assert same.out.startswith("a/small@1.0.0: the same dataset digest, sha256:")
    (Path(filled.url) / "cards/a/raw/1.0.0.json").unlink()
    gone = run("replay", "a/small", "--json")
    assert gone.code == 1
    assert gone.json["ok"] is False
    assert "is missing" in gone.json["problems"][0]
    assert run("replay", "a/raw").code == 3


def test_attach_writes_a_format(run: Run, filled: CardRegistry) -> None:
    done = run("attach", "a/small", "boxes", "--format", "yolo", "-s", "sample n=1 seed=1", "-o", "images=false")
    assert done.code == 0
    assert done.out.startswith("attached boxes to a/small@1.0.0: ")
    assert "artifact boxes: the same files" in run("replay", "a/small").out
    assert run("attach", "a/small", "nothing").code == 2


def test_the_workers_do_not_show_in_an_artifact(run: Run, filled: CardRegistry) -> None:
    for workers in (1, 2):
        assert run("attach", "a/raw", f"by-{workers}", "--format", "coco", "--workers", workers).code == 0
    one, two = (filled.artifact("a/raw", f"by-{workers}").artifact for workers in (1, 2))
    digests = [[(file.path, file.stored.digest) for file in made.files] for made in (one, two)]
    assert digests[0] == digests[1]
    replayed = run("replay", "a/raw", "--workers", 2)
    assert replayed.code == 0
    assert replayed.out.count("the same files") == 2


def test_lineage_in_every_form(run: Run, filled: CardRegistry, tmp_path: Path) -> None:
    assert run("lineage", "a/small", "--direction", "ancestors").out.splitlines() == [
        "a/small@1.0.0  2 images, 2 objects",
        "└─ made from a/raw@1.0.0 by sample(n=2, seed=7), drop-empty()",
    ]
    for form, begins in (
        ("mermaid", "flowchart"),
        ("dot", "digraph"),
        ("json", "{"),
        ("prov", "{"),
        ("openlineage", "{"),
    ):
        done = run("lineage", "a/small", "--format", form)
        assert done.code == 0
        assert done.out.startswith(begins)
    assert run("lineage", "a/raw", "--json").json["root"] == "a/raw@1.0.0"
    assert run("lineage", "a/small", "--emit", "events.jsonl").out == "1 event sent to events.jsonl\n"
    assert json.loads(Path("events.jsonl").read_text())["eventType"] == "COMPLETE"


def test_lineage_leaves_with_1_where_a_parent_is_not_well(run: Run, filled: CardRegistry) -> None:
    filled.withdraw("a/raw@1.0.0", "bad labels")
    done = run("lineage", "a/small")
    assert done.code == 1
    assert "! a/small@1.0.0: its parent a/raw@1.0.0 was withdrawn (bad labels)" in done.out
    assert "was withdrawn" in run("lineage", "a/small", "--format", "dot").err


def test_uses(run: Run, filled: CardRegistry) -> None:
    assert run("uses", "a/small").out == "no use is recorded\n"
    assert run("use", "a/small", "--by", "model/unet@3", "--info", '{"fold": 2}').out == (
        "a/small@1.0.0 is used by model/unet@3\n"
    )
    assert run("use", "a/small", "--by", "model/unet@3", "--info", '{"fold": 2}', "--json").json["number"] == 1
    header, row = run("uses", "a/small").out.splitlines()
    assert header.split() == ["BY", "AT", "INFO"]
    assert (row.split()[0], row.split()[-1]) == ("model/unet@3", "fold=2")
    assert [use["by"] for use in run("uses", "a/small", "--json").json] == ["model/unet@3"]


def test_impact(run: Run, filled: CardRegistry) -> None:
    name = filled.open("a/small").names[0]  # type: ignore[union-attr]
    filled.record_use("a/small", "model/unet@3")
    done = run("impact", name)
    assert done.code == 0
    assert done.out.splitlines() == [
        f"a/raw@1.0.0  {name}",
        f"a/small@1.0.0  {name}",
        "  used by model/unet@3",
        f"2 versions with {name}",
    ]
    assert run("impact", name, "--limit", "1").out.splitlines()[1] == "... and 1 more (--limit, --json)"
    assert len(run("impact", name, "--json").json["hits"]) == 2
    assert run("impact", "nothing.png").out == "0 versions with nothing.png\n"
    for bad, said in (
        ("", "names no image"),
        ("\udcff.png", "is no text in UTF-8"),
    ):  # a byte that is none, as argv has it
        failed = run("impact", bad, "--json")
        assert failed.code == 2
        assert said in failed.json["message"]


def test_lock_finds_the_references_of_a_job(run: Run, filled: CardRegistry) -> None:
    Path("train.py").write_text("registry.open('a/small@prod'); open('a/file')")
    done = run("lock", "train.py", "a/raw@^1")
    assert done.code == 0
    assert [line.split()[:2] for line in done.out.splitlines()[1:3]] == [
        ["a/raw@^1", "1.0.0"],
        ["a/small@prod", "1.0.0"],
    ]
    assert filled.load("a/small@prod", lock="imagecards.lock").version.major == 1
    assert set(run("lock", "train.py", "--to", "x.lock", "--json").json["pins"]) == {"a/small@prod"}
    Path("empty.py").write_text("pass")
    assert run("lock", "empty.py").code == 2
    assert run("lock", "a/nothing").code == 3
