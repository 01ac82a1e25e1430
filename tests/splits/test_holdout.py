"""Holding out: shares, sizes, labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.splits.conftest import labelled

from imagecards import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.splits import STEPS, Holdout, Pattern

CLASSES = st.lists(st.frozensets(st.sampled_from(["cat", "dog", "eel"]), max_size=3), min_size=3, max_size=40)


@given(CLASSES, st.integers(0, 1000))
def test_parts_cover_all_images_share_none_and_have_their_size(classes: list[frozenset[str]], seed: int) -> None:
    dataset = labelled({f"{number:02d}.png": sorted(each) for number, each in enumerate(classes)})
    step = Holdout(shares={"a": 5, "b": 3, "c": 4}, seed=seed, allow_missing=True)
    parts = step.apply(dataset)
    assert sorted(name for members in parts.splits.values() for name in members) == sorted(dataset.names)
    assert step.balance(parts).size_off < 1


def test_decimals_are_taken_as_written(xami_dataset: ImageDataset) -> None:
    decimals = Holdout(shares={"train": 0.7, "valid": 0.15, "test": 0.15}, seed=3)
    numbers = Holdout(shares={"train": 14, "valid": 3, "test": 3}, seed=3)
    assert decimals.parts == numbers.parts == {"test": 3, "train": 14, "valid": 3}
    assert decimals.apply(xami_dataset).splits == numbers.apply(xami_dataset).splits
    assert numbers.balance(numbers.apply(xami_dataset)).worst < 1


def test_numbers_that_add_up_are_sizes(xami_dataset: ImageDataset) -> None:
    parts = Holdout(shares={"train": 791, "valid": 264}, name="release").apply(xami_dataset)
    assert {name: len(members) for name, members in parts.splits.items()} == {
        "release/train": 791,
        "release/valid": 264,
    }


def test_the_order_of_shares_does_not_count(xami_dataset: ImageDataset) -> None:
    one, other = Holdout(shares={"b": 1, "a": 2}), Holdout(shares={"a": 2, "b": 1})
    assert one == other
    assert one.apply(xami_dataset).splits == other.apply(xami_dataset).splits
    assert STEPS["holdout"].model_validate_json(one.model_dump_json()) == one


def test_groups_stay_together(xami_dataset: ImageDataset) -> None:
    step = Holdout(shares={"train": 0.8, "test": 0.2}, group_by=Pattern(pattern="^S[0-9]{10}"))
    parts = step.apply(xami_dataset)
    train, test = ({name[:11] for name in parts.splits[part]} for part in ("train", "test"))
    assert not train & test
    assert step.balance(parts).worst <= 2


def test_parts_without_images_are_refused() -> None:
    dataset = labelled({f"{number}.png": ["cat"] for number in range(5)})
    with pytest.raises(InvalidInputError, match="'test' would get none of the 5 images: give it a larger share"):
        Holdout(shares={"train": 0.95, "test": 0.05}).apply(dataset)


@pytest.mark.parametrize(
    "shares", [{}, {"a": 0}, {"a": -1}, {"a": float("inf")}, {"a": "1"}, {"a": True}, {"x" * 201: 1}]
)
def test_shares_that_mean_nothing_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Holdout(shares=shares)
