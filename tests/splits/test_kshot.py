"""K shots: enough of every class, whole images, and no set that depends on another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.splits.conftest import dataset_of, labelled, xami

from imagecards import ImageDataset
from imagecards.datasets import replaced
from imagecards.errors import InvalidInputError
from imagecards.splits import STEPS, KFold, KShot
from imagecards.splits import shots as shots_module
from imagecards.splits.shots import Choice, Patience

LABELLED = st.lists(st.lists(st.sampled_from(["cat", "dog", "eel"]), max_size=4), min_size=1, max_size=30).map(
    lambda lists: {f"{number:02d}.png": labels for number, labels in enumerate(lists)}
)


def counted(labels: Mapping[str, Sequence[str]], names: Sequence[str]) -> Counter[str]:
    return Counter(label for name in names for label in labels[name])


def fewest(labels: Mapping[str, Sequence[str]]) -> int:
    return min(counted(labels, list(labels)).values(), default=0)


@given(LABELLED, st.integers(1, 3), st.booleans())
def test_a_set_has_at_least_so_many_of_each_class(labels: dict[str, list[str]], shot: int, nested: bool) -> None:
    assume(fewest(labels) >= shot)
    splits = KShot(shots=[shot], runs=2, nested=nested).apply(labelled(labels)).splits
    classes = counted(labels, list(labels))
    for run in range(2):
        members = splits[f"{shot}_shot/run_{run}/train"]
        assert all(counted(labels, members)[label] >= shot for label in classes)
        for name in members:  # none could be left out without need: each was added for a class that lacked
            assert labels[name]


@given(st.lists(st.sampled_from(["cat", "dog", "eel"]), min_size=1, max_size=30), st.integers(1, 3), st.booleans())
def test_exactly_so_many_are_found_wherever_images_have_one_object(classes: list[str], shot: int, nested: bool) -> None:
    labels = {f"{number:02d}.png": [label] for number, label in enumerate(classes)}
    assume(fewest(labels) >= shot)
    splits = KShot(shots=[shot], mode="exactly", nested=nested).apply(labelled(labels)).splits
    assert set(counted(labels, splits[f"{shot}_shot/run_0/train"]).values()) == {shot}


@given(LABELLED, st.integers(1, 3))
def test_exactly_means_exactly_or_an_error(labels: dict[str, list[str]], shot: int) -> None:
    assume(fewest(labels) >= shot)
    try:
        splits = KShot(shots=[shot], mode="exactly").apply(labelled(labels)).splits
    except InvalidInputError:
        sums = {(0, 0, 0)}  # every choice of images; none may come to what was asked for
        for each in labels.values():
            counts = Counter(each)
            step = tuple(counts[label] for label in ("cat", "dog", "eel"))
            sums |= {s for total in sums if max(s := tuple(map(sum, zip(total, step, strict=True)))) <= shot}  # type: ignore[misc]
        classes = counted(labels, list(labels))
        assert tuple(shot if label in classes else 0 for label in ("cat", "dog", "eel")) not in sums
    else:
        assert set(counted(labels, splits[f"{shot}_shot/run_0/train"]).values()) == {shot}


@given(st.sets(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 3), st.booleans())
def test_no_set_depends_on_another(shots: set[int], runs: int, nested: bool) -> None:
    dataset = labelled({f"{number:02d}.png": ["cat", "dog"][: 1 + number % 2] for number in range(40)})
    most = KShot(shots=[1, 2, 3, 4, 5], runs=4, nested=nested).apply(dataset).splits
    fewer = KShot(shots=sorted(shots, reverse=True), runs=runs, nested=nested, name="x").apply(dataset).splits
    assert len(fewer) == len(shots) * runs
    for name, members in fewer.items():
        assert members == most[name.removeprefix("x/")]
    assert len(set(most.values())) > 4


@pytest.mark.parametrize("mode", ["at_least", "exactly"])
def test_nested_sets_hold_the_smaller_ones(mode: str) -> None:
    dataset = labelled({f"{number:02d}.png": ["cat", "dog", "eel"][number % 3 :][:2] for number in range(60)})
    splits = KShot(shots=[1, 2, 5, 8], runs=3, nested=True, mode=mode).apply(dataset).splits  # type: ignore[arg-type]
    for run in range(3):
        sets = [set(splits[f"{shot}_shot/run_{run}/train"]) for shot in (1, 2, 5, 8)]
        assert sets[0] < sets[1] < sets[2] < sets[3]


def test_shots_are_drawn_from_a_split_only(xami_dataset: ImageDataset) -> None:
    folds = KFold(k=4, seed=42).apply(xami_dataset)
    drawn = KShot(shots=[1, 2, 5], runs=3, of="mskf_0/train").apply(folds)
    train = set(folds.splits["mskf_0/train"])
    for name in drawn.splits:
        if "_shot/" in name:
            assert set(drawn.splits[name]) <= train
    labels = xami()
    names = drawn.splits["5_shot/run_2/train"]
    assert min(counted(labels, names).values()) >= 5
    assert [row.file_name for row in drawn.split("5_shot/run_2/train")] == list(names)


def test_versions_without_classes_can_have_the_same_images() -> None:
    labels = {f"{number:02d}.png": ["thin", "thick"][: 1 + number % 2] for number in range(20)}
    with_classes = labelled(labels, materials=labels)
    without = labelled({name: ["flake"] * len(each) for name, each in labels.items()}, materials=labels)
    drawn = KShot(shots=[2], runs=2).apply(with_classes)
    before = replaced(drawn, table=without.table)  # the draw comes first, then the classes go
    after = KShot(shots=[2], runs=2, labels_from="materials").apply(without)
    assert drawn.splits == before.splits == after.splits
    assert KShot(shots=[2], runs=2).apply(without).splits != drawn.splits


def test_too_few_of_a_class_says_how_many_there_are() -> None:
    labels = {f"{number:02d}.png": ["cat", "dog"] if number < 3 else ["cat"] for number in range(9)}
    with pytest.raises(InvalidInputError, match="too few of a class: 3 of 'dog'; 5 of each are wanted: ask for fewer"):
        KShot(shots=[1, 5]).apply(labelled(labels))
    with pytest.raises(InvalidInputError, match="no image has a class"):
        KShot(shots=[1]).apply(dataset_of([{"file_name": "a.png"}]))
    folded = replaced(labelled(labels), splits={"train": ["05.png", "06.png"]})
    with pytest.raises(InvalidInputError, match="0 of 'dog'; 1 of each are wanted in 'train'"):
        KShot(shots=[1], of="train").apply(folded)


def test_an_image_with_a_class_and_no_object_counts_as_one() -> None:
    dataset = dataset_of({"file_name": f"{number}.png", "categories": [number % 2]} for number in range(10))
    splits = KShot(shots=[3], mode="exactly").apply(dataset).splits
    assert sorted(int(name[0]) % 2 for name in splits["3_shot/run_0/train"]) == [0, 0, 0, 1, 1, 1]


def test_a_search_gives_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shots_module, "MOST_LOOKS", 1000)
    dataset = labelled({f"{number:03d}.png": ["cat"] * 2 for number in range(60)})
    with pytest.raises(InvalidInputError, match=r"exactly 31 of each class for 31_shot/run_0/train: they may be there"):
        KShot(shots=[31], mode="exactly").apply(dataset)


def test_searches_of_one_step_give_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    patience = Patience(1500)
    assert not Choice([{0: 2}] * 60, patience).grow_to_exactly(31)
    assert patience.looks == 0
    assert not Choice([{0: 2}] * 60, patience).grow_to_exactly(2)
    monkeypatch.setattr("imagecards.splits.kshot.Patience", lambda: Patience(500))
    dataset = labelled({f"{number:03d}.png": ["cat"] * 2 for number in range(60)})
    assert len(KShot(shots=[30], runs=33, mode="exactly").apply(dataset).splits) == 33
    with pytest.raises(InvalidInputError, match="for 30_shot/run_33/train: they may be there"):
        KShot(shots=[30], runs=1000, mode="exactly").apply(dataset)
    with pytest.raises(InvalidInputError, match="they may be there"):
        KShot(shots=[30], runs=1000, mode="exactly", nested=True).apply(dataset)


def test_a_step_comes_back_from_json() -> None:
    step = KShot(shots=[1, 2, 5], runs=3, seed=0, mode="exactly", nested=True, of="train")
    assert STEPS["k-shot"].model_validate_json(step.model_dump_json()) == step


@pytest.mark.parametrize(
    "fields", [{"shots": []}, {"shots": [0]}, {"shots": [1, 1]}, {"shots": [1], "runs": 0}, {"shots": ["1"]}]
)
def test_fields_that_mean_nothing_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KShot(**fields)
