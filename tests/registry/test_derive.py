"""Deriving: what the card of a child says, what is stored, and what is refused."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from tests.registry.steps_of_ours import Breaks, Caption, Halves, Join, Keep, Unregistered

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.cards import MOST_STEPS, Made
from imagecards.errors import InvalidInputError, InvalidMetadataError, NotFoundError
from imagecards.registry.circumstances import code_revision, environment
from imagecards.splits import Holdout
from imagecards.transforms import SelectClasses

MakeFolder = Callable[..., Path]


@pytest.fixture
def raw(registry: CardRegistry, make_folder: MakeFolder) -> DataCard:
    return registry.register(ImageDataset(image_dir=make_folder(6)), "a/raw")


def test_the_card_of_a_child_says_all_that_it_takes_to_make_it_again(registry: CardRegistry, raw: DataCard) -> None:
    child = registry.derive("a/raw@^1", [Keep(first=4), Halves()], "a/child", description="four", tags=["prod"])
    assert [(parent.ref, parent.digest) for parent in child.parents] == [(raw.ref, raw.digest)]
    assert child.transform == (Made(name="test-keep", params={"first": 4}), Made(name="test-halves"))
    assert child.code["imagecards"] == code_revision()["imagecards"]
    assert child.env == environment()
    assert (child.summary.images, dict(child.summary.splits)) == (4, {"a": 2, "b": 2})
    assert registry.open("a/child@prod").split("a").names == ("000.png", "001.png")  # type: ignore[union-attr]
    assert DataCard.from_json(child.to_json()) == child


def test_no_image_is_stored_again(registry: CardRegistry, raw: DataCard) -> None:
    child = registry.derive(raw, Caption(text="x"), "a/child")
    assert child.shards == raw.shards
    assert not [file.key for file in child.files() if child.attempt in file.key and file.key.endswith(".tar")]


def test_the_same_derivation_makes_no_version(registry: CardRegistry, raw: DataCard) -> None:
    child = registry.derive(raw, Keep(first=2), "a/child")
    assert registry.derive(raw, [Keep(first=2)], "a/child") == child
    assert registry.versions("a/child") == [child.version]


def test_other_steps_to_the_same_data_are_a_patch(registry: CardRegistry, raw: DataCard) -> None:
    registry.derive(raw, Keep(first=2), "a/child")
    other = registry.derive(raw, [Keep(first=3), Keep(first=2)], "a/child")
    assert str(other.version) == "1.0.1"
    assert len(other.transform) == 2


def test_what_is_described_anew_keeps_how_it_was_made(registry: CardRegistry, raw: DataCard) -> None:
    child = registry.derive(raw, Keep(first=2), "a/child")
    described = registry.register(registry.open(child), "a/child", description="two")
    assert (described.transform, described.parents) == (child.transform, child.parents)
    assert (described.code, described.env) == (child.code, child.env)
    moved = registry.register(registry.open(child), "a/child", parents=[described])
    assert (moved.transform, moved.env) == ((), {})


def test_new_data_under_the_name_of_a_child_are_not_derived(
    registry: CardRegistry, raw: DataCard, make_folder: MakeFolder
) -> None:
    registry.derive(raw, Keep(first=2), "a/child")
    other = registry.register(ImageDataset(image_dir=make_folder(3, name="other", seed=50)), "a/child")
    assert (other.transform, other.parents, other.env) == ((), (), {})


def test_the_changelog_tells_splits_that_came_went_and_moved(registry: CardRegistry, raw: DataCard) -> None:
    plans = [
        [Holdout(shares={"a": 1, "b": 1})],
        [Holdout(shares={"a": 1, "b": 1}), Holdout(shares={"c": 1}, name="more")],
        [Holdout(shares={"a": 1, "b": 1})],
        [Holdout(shares={"a": 1, "b": 1}, seed=3)],
    ]
    reasons = [registry.derive(raw, steps, "a/parts").bump_reason for steps in plans]
    assert reasons[:3] == ["the first version", "minor: 1 split added", "major: 1 split removed"]
    moved = len(registry.diff("a/parts@2.0.0", "a/parts@3.0.0").splits.moved)
    assert reasons[3] == f"major: {moved} images in other splits"


def test_several_parents_need_a_step_that_joins(registry: CardRegistry, raw: DataCard) -> None:
    second = registry.derive(raw, Keep(first=2), "a/second")
    child = registry.derive([raw, second], [Join(), Keep(first=1)], "a/joined")
    assert [parent.ref for parent in child.parents] == [raw.ref, second.ref]
    assert registry.open(child).records[0].caption == "and 1 more"  # type: ignore[union-attr]
    with pytest.raises(InvalidInputError, match="takes one dataset, and there are 2"):
        registry.derive([raw, second], Keep(first=1), "a/x")
    with pytest.raises(InvalidInputError, match="has to be the first step"):
        registry.derive([raw], [Keep(first=1), Join()], "a/x")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("negative box", "step 2, test-breaks made records that break the rules: .*negative"),
        ("unsafe name", "step 2, test-breaks made records that break the rules: .*file_name"),
        ("one name twice", "step 2, test-breaks made records .*two rows of one file name"),
        ("missing image", "step 2, test-breaks: the split 'train' names 'nowhere.png'"),
        ("no names", "a table of records has the column file_name, this one doesn't"),
        ("no lists", "step 2, test-breaks made records that break the rules: a table of records has lists of objects"),
        ("not a dataset", "step 2, test-breaks gave Table, not an ImageDataset"),
    ],
)
def test_a_step_that_breaks_the_rules_is_named_and_nothing_is_registered(
    registry: CardRegistry, raw: DataCard, how: str, said: str
) -> None:
    with pytest.raises((InvalidInputError, InvalidMetadataError), match=said):
        registry.derive(raw, [Keep(first=3), Breaks(how=how)], "a/child")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        registry.versions("a/child")


def test_a_step_that_does_not_fit_is_named_once(registry: CardRegistry, raw: DataCard) -> None:
    with pytest.raises(InvalidInputError, match=r"^step 2, select-classes: there is no class 'none' in this dataset"):
        registry.derive(raw, [Keep(first=3), SelectClasses(classes=["none"])], "a/child")


def test_what_is_no_list_of_steps_says_so(registry: CardRegistry, raw: DataCard) -> None:
    for nothing in (None, 5):
        with pytest.raises(InvalidInputError, match="steps are transforms and splits"):
            registry.derive(raw, nothing, "a/child")  # type: ignore[arg-type]
        with pytest.raises(InvalidInputError, match="steps are transforms and splits"):
            registry.attach(raw, "x", format="coco", steps=nothing)  # type: ignore[arg-type]


def test_what_can_not_be_derived_says_why(registry: CardRegistry, raw: DataCard) -> None:
    table = registry.register(pl.DataFrame({"x": [1]}), "a/table")
    for steps, parents, said in (
        ([], [raw], "there are no steps"),
        (["keep"], [raw], "a step is a transform or a split, not str"),
        ([Unregistered()], [raw], "is not registered as 'test-unregistered'"),
        ([Keep(first=1)] * (MOST_STEPS + 1), [raw], f"at most {MOST_STEPS}"),
        ([Keep(first=1)], [table], "is a table"),
        ([Keep(first=1)], [], "there is no parent"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            registry.derive(parents, steps, "a/child")  # type: ignore[arg-type]
    with pytest.raises(NotFoundError):
        registry.derive("a/nothing", Keep(first=1), "a/child")


def test_the_revision_is_that_of_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert set(code_revision()) == {"imagecards"}

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=main")
        return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    (tmp_path / "job.py").write_text("1")
    git("add", "job.py")
    git("commit", "-m", "first")
    assert code_revision() | {"imagecards": ""} == {"imagecards": "", "git": git("rev-parse", "HEAD"), "dirty": False}
    (tmp_path / "job.py").write_text("2")
    assert code_revision()["dirty"] is True


def test_without_git_the_revision_is_that_of_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert set(code_revision()) == {"imagecards"}
