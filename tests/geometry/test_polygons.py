"""Polygons: checks, sizes, and filling against pycocotools."""

import math
import warnings
from typing import Any

import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.errors import FormatError
from imagecards.geometry import polygons, rle
from imagecards.geometry.polygons import (
    POLYGON_RULES,
    check_polygon,
    check_polygons,
    polygons_to_runs,
    polygons_to_runs_many,
)

COORDINATES = st.one_of(
    st.integers(-10, 50).map(float), st.floats(-10, 50), st.floats(-10, 50).map(lambda value: round(value, 1))
)
POLYGONS = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=3, max_size=12).map(
    lambda points: [value for point in points for value in point]
)


@given(st.lists(POLYGONS, min_size=1, max_size=4), st.integers(1, 40), st.integers(1, 40))
def test_filling_is_that_of_pycocotools(given_polygons: list[list[float]], height: int, width: int) -> None:
    theirs = coco.merge(coco.frPyObjects(given_polygons, height, width))
    ours = polygons_to_runs(given_polygons, height, width)
    assert ours == rle.runs_from_coco(theirs)
    as_pairs = [np.array(polygon).reshape(-1, 2) for polygon in given_polygons]
    assert polygons_to_runs(as_pairs, height, width) == ours


def test_area_and_bounds() -> None:
    square = [10, 10, 13, 10, 13, 14, 10, 14]
    assert polygons.polygon_area(square) == 12
    assert polygons.polygon_area(square, signed=True) == 12
    assert polygons.polygon_area(np.array(square).reshape(-1, 2)[::-1], signed=True) == -12
    assert polygons.polygon_area(np.array(square) + 1e9) == 12
    assert polygons.polygon_bounds([square]) == (10, 10, 3, 4)


@pytest.mark.parametrize(
    ("polygon", "rule"),
    [
        ([0, 0, 5, 0, 5, 5], None),
        ([[0, 0], [5, 0], [5, 5]], None),
        ([-50, -50, 500, -50, 5, 500], None),
        ([10, 10, 10, 10, 10, 10], None),
        ([0, 0, 5, 0, 5], "polygon-odd-length"),
        ([1], "polygon-odd-length"),
        ([], "polygon-too-short"),
        ([0, 0, 5, 5], "polygon-too-short"),
        ([0, 0, 5, 0, 5, float("nan")], "polygon-not-finite"),
        ([0, 0, 5, 0, 5, float("-inf")], "polygon-not-finite"),
        ([11, 0, 15, 0, 15, 5], "polygon-outside"),
        ([0, -9, 5, -9, 5, -1], "polygon-outside"),
        ([0, 0, 1101, 0, 5, 5], "polygon-outside"),
        ([0, 0, 1e300, 0, 5, 5], "polygon-outside"),
        ([0, 0, -1e9, 0, 5, 5], "polygon-outside"),
    ],
)
def test_each_rule_has_its_name(polygon: Any, rule: str | None) -> None:
    assert check_polygon(polygon, 10, 10) == rule


@given(
    st.lists(
        st.tuples(
            st.lists(st.floats(-20, 60) | st.sampled_from([np.nan, np.inf, -np.inf, 1e300]), max_size=12),
            st.integers(1, 50),
            st.integers(1, 50),
        ),
        max_size=8,
    )
)
def test_many_are_checked_as_one_by_one(given_polygons: list[tuple[list[float], int, int]]) -> None:
    flat = np.array([value for polygon, _, _ in given_polygons for value in polygon], np.float64)
    offsets = np.cumsum([0] + [len(polygon) for polygon, _, _ in given_polygons])
    codes = check_polygons(flat, offsets, [w for _, w, _ in given_polygons], [h for _, _, h in given_polygons])
    names = [POLYGON_RULES[code] or None for code in codes]
    assert names == [check_polygon(polygon, width, height) for polygon, width, height in given_polygons]


@given(st.lists(st.floats() | st.integers(-(10**9), 10**9), max_size=12), st.integers(1, 50), st.integers(1, 50))
def test_any_numbers_are_filled_or_are_a_format_error(polygon: list[float], height: int, width: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule = check_polygon(polygon, width, height)
        try:
            runs = polygons_to_runs([polygon], height, width)
        except FormatError:
            assert rule is not None
        else:
            assert runs.counts.sum() == height * width
            assert rule in (None, "polygon-outside")


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [[]],
        [[0, 0, 1e9, 0, 1e9, 1e9]],
        [[0, 0, float("inf"), 0, 1, 1]],
        [[0, 0, -1e300, 0, 1, 1]],
        [[0, 0, 1, 1]],
        [[0, 0, 1, 1, 1]],
        [["a"] * 6],
        [[None] * 6],
        [[10**400] * 6],
        [np.zeros((3, 3))],
        [[[1, 2], [3]]],
        [np.tile([0.0, 0, 100_000, 100_000], 500)],
    ],
)
def test_hostile_polygons_are_format_errors(bad: Any) -> None:
    with pytest.raises(FormatError):
        polygons_to_runs(bad, 10_000, 10_000)


@pytest.mark.parametrize("size", [(0, 5), (2**31, 2**31), (-1, 4), (2**20, 2**20), (5.0, 5.0)])
def test_hostile_sizes_are_format_errors(size: Any) -> None:
    with pytest.raises(FormatError):
        polygons_to_runs([[0, 0, 4, 0, 4, 4]], *size)


def test_other_functions_refuse_what_is_no_polygon() -> None:
    with pytest.raises(FormatError, match="no bounds"):
        polygons.polygon_bounds([])
    for bad in ([0, 0, 1], [0, 0, 1, 1], [0, 0, 1, 1, float("nan"), 1], [0, 0, 1e200, 0, 1e200, 1e200]):
        with pytest.raises(FormatError):
            polygons.polygon_area(bad)
    with pytest.raises(FormatError, match="offsets"):
        check_polygons(np.zeros(6), np.array([0, 5]), 10, 10)


def test_long_outlines_of_real_masks_pass_the_limit() -> None:
    # A comb of 1-pixel teeth over a large image: as long as an honest outline gets, and far below what is refused.
    side = 1000
    x = np.repeat(np.arange(side), 2)
    y = np.tile([0, side, side, 0], side // 2)
    comb = np.stack([x, y], axis=1)
    assert rle.area(polygons_to_runs([comb], side, side)) > 0


coordinates = st.one_of(st.integers(-5, 40), st.floats(-5, 40))
outlines = st.lists(coordinates, min_size=6, max_size=14).filter(lambda values: len(values) % 2 == 0)


@given(
    st.lists(st.tuples(st.lists(outlines, min_size=1, max_size=3), st.integers(1, 30), st.integers(1, 30)), max_size=6)
)
def test_many_objects_are_filled_as_each_one_is(objects: list[tuple[list[list[float]], int, int]]) -> None:
    many = polygons_to_runs_many(*([each[part] for each in objects] for part in range(3)))  # type: ignore[arg-type]
    assert many == [polygons_to_runs(*each) for each in objects]


@pytest.mark.parametrize(
    "bad",
    [[], [[1, 2, 3]], [[0, 0, 1, 0, 1]], [[0, 0, 1, 0, math.nan, 1]], [[0, 0, 1e9, 0, 1, 1]], [["a"] * 6], [None]],
)
def test_one_bad_object_among_many_is_refused(bad: Any) -> None:
    good = [[0, 0, 2, 0, 2, 2]]
    with pytest.raises(FormatError):
        polygons_to_runs_many([good, bad, good], [9] * 3, [9] * 3)
