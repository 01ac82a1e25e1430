"""K folds: what holds of them, and the story of a dataset with a rare class."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.splits.conftest import dataset_of, labelled, xami

from imagecards import CardRegistry, ImageDataset
from imagecards.digests import canonical_json
from imagecards.errors import InvalidInputError
from imagecards.splits import (
    STEPS,
    Function,
    KFold,
    KShot,
    Pattern,
    balance,
    groups_of,
    plan,
    register_group,
    split_statistics,
)


def digest_of(splits: Mapping[str, Sequence[str]]) -> str:
    return hashlib.sha256(canonical_json({name: sorted(members) for name, members in splits.items()})).hexdigest()


def observations(dataset: ImageDataset, split: str) -> set[str]:
    return {name[:11] for name in dataset.splits[split]}


@pytest.mark.parametrize("seed", range(8))
def test_four_folds_share_every_class_the_negatives_and_the_images_within_one(
    xami_dataset: ImageDataset, seed: int
) -> None:
    step = KFold(k=4, seed=seed)
    folds = step.apply(xami_dataset)
    reached = step.balance(folds)
    assert [row.label for row in reached.rows] == [
        "central-ring",
        "other",
        "read-out-streak",
        "smoke-ring",
        "star-loop",
        None,
    ]
    assert sum(sum(row.images) for row in reached.rows if row.label == "other") == 21
    assert reached.worst < 1
    assert reached.size_off < 1
    for counts in (reached.sizes, *(row.images for row in reached.rows)):
        assert max(counts) - min(counts) <= 1


def test_folds_cover_all_images_and_share_none(xami_dataset: ImageDataset) -> None:
    folds = KFold(k=4, seed=42).apply(xami_dataset)
    valid = [set(folds.splits[f"mskf_{fold}/valid"]) for fold in range(4)]
    assert sum(map(len, valid)) == len(xami_dataset)
    assert set().union(*valid) == set(xami_dataset.names)
    for fold in range(4):
        train = folds.splits[f"mskf_{fold}/train"]
        assert list(train) == [name for name in xami_dataset.names if name not in valid[fold]]
    assert list(folds.split("mskf_2/valid").names) == [name for name in xami_dataset.names if name in valid[2]]


def test_groups_are_never_parted_and_the_balance_is_stated(xami_dataset: ImageDataset) -> None:
    step = KFold(k=4, seed=42, group_by=Pattern(pattern="^S[0-9]{10}"), name="observations")
    folds = step.apply(KFold(k=4, seed=42).apply(xami_dataset))
    for fold in range(4):
        shared = observations(folds, f"observations_{fold}/train") & observations(folds, f"observations_{fold}/valid")
        assert not shared
        assert observations(folds, f"mskf_{fold}/train") & observations(folds, f"mskf_{fold}/valid")
    reached = step.balance(folds)
    assert reached.worst <= 2
    assert reached.render().splitlines()[0].split()[:3] == ["images", *(f"{size}" for size in reached.sizes[:2])]
    assert reached.table().columns == ["label", "split", "images", "off"]
    assert reached.table().filter(label="other")["images"].sum() == 21


def by_arithmetic() -> ImageDataset:
    """A dataset that no library's random numbers have made: 300 images in groups of 2 to 4."""
    names = [f"{number * number // 900:03d}-{number:03d}.png" for number in range(300)]
    return labelled(
        {name: [c for c in range(5) if number * number % (c + 3) == c] for number, name in enumerate(names)}
    )


def test_the_folds_are_today_what_they_were() -> None:
    dataset = by_arithmetic()
    assert digest_of(KFold(k=4, seed=42).apply(dataset).splits) == GOLDEN
    grouped = KFold(k=4, seed=42, group_by=Pattern(pattern="^[0-9]{3}"))
    assert digest_of(grouped.apply(dataset).splits) == GOLDEN_GROUPED
    shots = KShot(shots=[1, 5], runs=2, seed=7)
    assert digest_of(shots.apply(dataset).splits) == GOLDEN_SHOTS


GOLDEN = "5cd2a80fbe3af5bcb4569834658876b50f436cf6eb464557737e67bdc5911a0f"
GOLDEN_GROUPED = "b622fe255c5fb6d38a4446cfeab68c376058cf8b849c758841f611ce6c0e5f99"
GOLDEN_SHOTS = "03887848503248f8f2c9f6513ebdf8ffacdf51070453d0cf473f0d7ebe77092f"


def test_neither_the_hash_seed_nor_the_order_of_images_counts() -> None:
    script = (
        "import sys\n"
        "from imagecards.datasets import replaced\n"
        "from imagecards.splits import KFold, KShot\n"
        "from tests.splits.test_kfold import by_arithmetic, digest_of\n"
        "dataset = by_arithmetic()\n"
        "rows = list(range(len(dataset)))[:: int(sys.argv[1])]\n"
        "mixed = replaced(dataset, table=dataset.table.take(rows))\n"
        "shots = KShot(shots=[1, 5], runs=2, seed=7)\n"
        "print(*(digest_of(step.apply(mixed).splits) for step in (KFold(k=4, seed=42), shots)))"
    )
    root = Path(__file__).parents[2]
    for hash_seed, direction in (("0", "1"), ("1", "-1")):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-c", script, direction]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=root)
        assert done.stdout.split() == [GOLDEN, GOLDEN_SHOTS]


@given(st.integers(0, 5), st.integers(2, 4))
def test_another_seed_or_name_draws_anew_or_not(seed: int, k: int) -> None:
    dataset = labelled({f"{number:02d}.png": [number % 3] for number in range(24)})
    first = KFold(k=k, seed=seed).apply(dataset).splits
    renamed = KFold(k=k, seed=seed, name="fold").apply(dataset).splits
    assert list(renamed.values()) == list(first.values())
    assert KFold(k=k, seed=seed + 1).apply(dataset).splits != first


def test_folds_of_a_split_leave_the_other_images_alone(xami_dataset: ImageDataset) -> None:
    split = KFold(k=4, seed=0, name="outer").apply(xami_dataset)
    nested = KFold(k=3, seed=0, name="inner", of="outer_0/train").apply(split)
    inner = {name for fold in range(3) for name in nested.splits[f"inner_{fold}/valid"]}
    assert inner == set(split.splits["outer_0/train"])


def test_a_field_can_be_what_is_shared_evenly() -> None:
    weather = {f"{number:02d}.png": ["rain", "sun"][number % 10 == 0] for number in range(40)}
    dataset = labelled(dict.fromkeys(weather, ("cat",)), weather=weather)
    step = KFold(k=4, stratify_by="weather")
    folds = step.apply(dataset)
    assert [(row.label, row.images) for row in step.balance(folds).rows] == [("rain", (9,) * 4), ("sun", (1,) * 4)]
    plain = KFold(k=4, stratify_by=None).apply(dataset)
    assert [len(plain.splits[f"mskf_{fold}/valid"]) for fold in range(4)] == [10] * 4
    with pytest.raises(InvalidInputError, match="no record has a field 'wether': the further fields are 'weather'"):
        KFold(k=4, stratify_by="wether").apply(dataset)


def test_groups_come_from_a_field_or_a_function() -> None:
    fields = {f"{number:02d}.png": number // 4 for number in range(24)}
    dataset = labelled(dict.fromkeys(fields, ("cat",)), exposure=fields)
    by_field = KFold(k=3, group_by="exposure").apply(dataset)
    register_group("tests.exposure")(_exposure)
    by_function = KFold(k=3, group_by=Function(function="tests.exposure")).apply(dataset)
    assert by_function.splits == by_field.splits
    for fold in range(3):
        assert {fields[name] for name in by_field.splits[f"mskf_{fold}/valid"]}.isdisjoint(
            fields[name] for name in by_field.splits[f"mskf_{fold}/train"]
        )
    with pytest.raises(InvalidInputError, match=r"no group function is registered as 'os\.system'"):
        KFold(k=3, group_by=Function(function="os.system")).apply(dataset)


def _exposure(record: object) -> int:
    return int(getattr(record, "file_name")[:2]) // 4  # noqa: B009 - any record has one


def test_every_image_needs_a_group() -> None:
    dataset = labelled({"a.png": ["cat"], "b.png": ["cat"]}, night={"a.png": "n1"})
    with pytest.raises(InvalidInputError, match=r"the field 'night' is not given for 1 of 2 images, 'b\.png' first"):
        groups_of(dataset, "night")
    with pytest.raises(InvalidInputError, match=r"the pattern '\^a' is not found in 1 of 2 images, 'b\.png' first"):
        groups_of(dataset, Pattern(pattern="^a"))
    assert groups_of(dataset, Pattern(pattern="(?P<letter>[ab])(?P<ending>.png)")) == ['["a",".png"]', '["b",".png"]']


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "(a)|b",
        "a" * 1001,
        "(?=a)",
        "",
        "x)|(?:y",
        "(?P<one>a)(?P<one>b)",
        r"\(?P<one>",
        "(?:a{1000}){1000}",
        "\ud800",
    ],
)
def test_patterns_that_mean_nothing_are_refused(pattern: str) -> None:
    with pytest.raises(ValidationError):
        Pattern(pattern=pattern)


def test_a_pattern_takes_no_longer_than_its_text() -> None:
    dataset = labelled({"a" * 200 + ".png": ["cat"], "b.png": ["cat"]})
    with pytest.raises(InvalidInputError, match="is not found in 2 of 2"):
        groups_of(dataset, Pattern(pattern="(?:a*)*(?:a*)*c$"))


def test_too_few_of_a_class_says_how_many() -> None:
    dataset = labelled({f"{number:02d}.png": ["dog"] if number < 3 else ["cat"] for number in range(20)})
    message = (
        "too few images of a class: 'dog' in 3 images; 4 are wanted, one in each part, and 'mskf_[0-3]/valid' would "
        "have none of 'dog'"
    )
    with pytest.raises(InvalidInputError, match=message):
        KFold(k=4).apply(dataset)
    folds = KFold(k=4, allow_missing=True).apply(dataset)
    assert balance(folds, {f"mskf_{fold}/valid": 1 for fold in range(4)}).worst < 1
    with pytest.raises(InvalidInputError, match="there are 20 images for 21 parts"):
        KFold(k=21).apply(dataset)
    with pytest.raises(InvalidInputError, match="there are 2 groups for 4 parts"):
        KFold(k=4, group_by=Pattern(pattern="^[01]")).apply(dataset_of({"file_name": n} for n in dataset.names))


def test_names_are_not_taken_twice_and_are_safe() -> None:
    dataset = labelled({f"{number:02d}.png": ["cat"] for number in range(8)})
    folds = KFold(k=2).apply(dataset)
    with pytest.raises(InvalidInputError, match="there is a split 'mskf_0/train' already"):
        KFold(k=2).apply(folds)
    for name in ("../up", "/root", "a\nb", "a//b"):
        with pytest.raises(InvalidInputError, match="a split can't be called"):
            KFold(k=2, name=name).apply(dataset)
    with pytest.raises(InvalidInputError, match="there is no split 'train' in this dataset: it has 'mskf"):
        KFold(k=2, of="train", name="x").apply(folds)
    with pytest.raises(InvalidInputError, match="there are no images to split"):
        KFold(k=2).apply(dataset_of([]))
    with pytest.raises(InvalidInputError, match="there is no split 'mskf_0/valid' in this dataset: it has none"):
        KFold(k=2).balance(dataset)


def test_a_split_that_names_a_missing_image_is_refused(registry: CardRegistry) -> None:
    dataset = dataset_of([{"file_name": "a.png"}, {"file_name": "b.png"}], {"train": ["a.png", "c.png", "b.png"]})
    uses: list[Callable[[], object]] = [
        lambda: KFold(k=2, of="train").apply(dataset),
        lambda: split_statistics(dataset),
        lambda: registry.register(dataset, "a/b"),
    ]
    for use in uses:
        with pytest.raises(InvalidInputError, match=r"the split 'train' names images that are not there: 1, 'c\.png'"):
            use()


def test_more_than_can_be_done_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "_MOST_LOOKED_AT", 100)
    dataset = labelled({f"{number:02d}.png": ["cat"] for number in range(40)})
    with pytest.raises(InvalidInputError, match="40 images for 3 parts or sets are more than 100 together"):
        KFold(k=3).apply(dataset)
    with pytest.raises(InvalidInputError, match="40 images for 6 parts or sets"):
        KShot(shots=[1, 2], runs=3).apply(dataset)


@pytest.mark.parametrize(
    "step",
    [
        KFold(k=4, seed=42),
        KFold(k=2, group_by="night", stratify_by=None, of="train"),
        KFold(k=2, group_by=Pattern(pattern="^.")),
        KFold(k=2, group_by=Function(function="exposure")),
    ],
)
def test_a_step_comes_back_from_json(step: KFold) -> None:
    assert STEPS[step.step_name].model_validate_json(step.model_dump_json()) == step


@pytest.mark.parametrize("fields", [{"k": 1}, {"k": 101}, {"k": 4, "seed": -1}, {"k": 4, "seed": 2**60}, {"k": "4"}])
def test_fields_out_of_range_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        KFold(**fields)  # type: ignore[arg-type]


def test_the_story_has_the_numbers_of_the_dataset() -> None:
    labels = xami()
    assert len(labels) == 1055
    assert sum(map(len, labels.values())) == 7021
    assert len({frozenset(classes) for classes in labels.values()}) == 25
    assert sum("other" in classes for classes in labels.values()) == 21
