"""Masks in other sizes, against pixels and fractions."""

from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry import (
    Runs,
    ScaleRule,
    area,
    difference,
    mask_to_runs,
    nearest_places,
    runs_to_mask,
    scaled,
    scaling,
)

RULES = get_args(ScaleRule)


def random_mask(height: int, width: int, share: float, seed: int) -> Runs:
    return mask_to_runs(np.random.default_rng(seed).random((height, width)) < share)


SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.95, 1.0])
MASKS = st.builds(random_mask, st.integers(1, 12), st.integers(1, 12), SHARES, st.integers(0, 2**32))
SIDES = st.integers(1, 17)


def shares(length: int, wanted: int) -> NDArray[np.object_]:
    """How much of each pixel of the result each pixel of the original covers: shape (wanted, length)."""
    step = Fraction(length, wanted)
    overlap = [
        [
            max(Fraction(0), min(Fraction(j + 1), (i + 1) * step) - max(Fraction(j), i * step)) / step
            for j in range(length)
        ]
        for i in range(wanted)
    ]
    return np.array(overlap, object)


@given(MASKS, SIDES, SIDES)
def test_pixels_are_those_that_exact_arithmetic_gives(runs: Runs, width: int, height: int) -> None:
    mask = runs_to_mask(runs)
    covered = shares(mask.shape[0], height) @ mask.astype(int).astype(object) @ shares(mask.shape[1], width).T
    assert scaled(runs, width, height, "area") == mask_to_runs((covered >= Fraction(1, 2)).astype(bool))
    assert scaled(runs, width, height, "any-overlap") == mask_to_runs((covered > 0).astype(bool))
    rows, columns = nearest_places(mask.shape[0], height), nearest_places(mask.shape[1], width)
    assert scaled(runs, width, height, "nearest") == mask_to_runs(mask[np.ix_(rows, columns)])


@given(MASKS, SIDES, SIDES, st.integers(1, 40))
def test_bands_change_nothing(runs: Runs, width: int, height: int, band: int) -> None:
    whole = [scaled(runs, width, height, rule) for rule in RULES]
    before, scaling._BAND = scaling._BAND, band
    try:
        assert [scaled(runs, width, height, rule) for rule in RULES] == whole
    finally:
        scaling._BAND = before


@given(MASKS, st.integers(1, 4))
def test_the_same_size_and_whole_multiples_lose_nothing(runs: Runs, times: int) -> None:
    height, width = runs.size
    for rule in RULES:
        assert scaled(runs, width, height, rule) == runs
        larger = scaled(runs, width * times, height * times, rule)
        assert area(larger) == area(runs) * times**2
        assert scaled(larger, width, height, rule) == runs


@given(MASKS, SIDES, SIDES)
def test_any_overlap_has_all_that_the_others_have(runs: Runs, width: int, height: int) -> None:
    most = scaled(runs, width, height, "any-overlap")
    assert (area(most) == 0) == (area(runs) == 0)
    for rule in ("nearest", "area"):
        assert area(difference(scaled(runs, width, height, rule), most)) == 0


@pytest.mark.parametrize("wide", range(1, 7))
def test_thin_stripes_stay_with_any_overlap_alone(wide: int) -> None:
    """From 1,600 to 256 columns, as Severstal's images are made smaller."""
    lost = dict.fromkeys(RULES, 0)
    for left in range(0, 1590, 7):
        mask = np.zeros((4, 1600), bool)
        mask[:, left : left + wide] = True
        for rule in RULES:
            lost[rule] += not area(scaled(mask_to_runs(mask), 256, 4, rule))
    assert lost["any-overlap"] == 0
    assert lost["nearest"] > 0
    assert lost["area"] > 0


def test_what_is_no_rule_or_no_size_is_refused() -> None:
    with pytest.raises(FormatError, match="not by 'bicubic'"):
        scaled(Runs((1, 1), np.array([1])), 1, 1, "bicubic")  # type: ignore[arg-type]  # what it refuses
    with pytest.raises(FormatError, match="whole numbers from 1"):
        scaled(Runs((1, 1), np.array([1])), 0, 1, "area")


def test_memory_depends_on_the_part_that_the_mask_fills() -> None:
    runs = Runs((40_000, 40_000), np.array([800_000_000, 4, 799_999_996]))
    assert area(scaled(runs, 20_000, 20_000, "any-overlap")) == 2
