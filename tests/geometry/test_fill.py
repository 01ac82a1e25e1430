"""`fill_centre` fills as OpenCV does."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagecards.errors import FormatError
from imagecards.geometry import area, fill_centre, runs_to_mask

cv2 = pytest.importorskip("cv2", reason="OpenCV is what the filling is held against")


@st.composite
def polygons(draw: Any) -> tuple[list[list[int]], int, int]:
    height, width = draw(st.integers(1, 60)), draw(st.integers(1, 60))
    point = st.tuples(st.integers(0, width - 1), st.integers(0, height - 1)).map(list)
    return draw(st.lists(point, min_size=1, max_size=10)), height, width


@settings(max_examples=500)
@given(polygons())
def test_polygons_within_the_image_are_filled_as_opencv_does(case: tuple[list[list[int]], int, int]) -> None:
    polygon, height, width = case
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, [np.array(polygon, np.int32)], 1)
    assert np.array_equal(runs_to_mask(fill_centre(polygon, height, width)), canvas.astype(np.bool_))


def test_large_polygons_are_filled_as_opencv_does() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        height, width = (int(side) for side in rng.integers(500, 3000, 2))
        polygon = rng.integers(0, [width, height], (int(rng.integers(3, 30)), 2))
        canvas = np.zeros((height, width), np.uint8)
        cv2.fillPoly(canvas, [polygon.astype(np.int32)], 1)
        assert np.array_equal(runs_to_mask(fill_centre(polygon, height, width)), canvas.astype(np.bool_))


@settings(max_examples=500)
@given(polygons(), st.integers(-80, 80), st.integers(-80, 80), st.integers(1, 3))
def test_polygons_that_leave_the_image_are_filled_as_opencv_does(
    case: tuple[list[list[int]], int, int], left: int, top: int, scale: int
) -> None:
    polygon, height, width = case
    moved = [[scale * x - left, scale * y - top] for x, y in polygon]
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, [np.array(moved, np.int32)], 1)
    assert np.array_equal(runs_to_mask(fill_centre(moved, height, width)), canvas.astype(np.bool_))


def test_coordinates_of_one_are_a_pixel_beyond_the_image() -> None:
    # YOLO files that others wrote have 1.0, and int(1.0 * width) is width.
    runs = fill_centre([0, 0, 10, 0, 10, 8, 0, 8], 8, 10)
    assert area(runs) == 80


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [1],
        [1, 2, 3],
        [0.5, 1, 2, 2],
        [float("nan"), 1],
        [float("inf"), 1],
        [1e300, 1],
        [10**9, 0, 0, 0, 1, 1],
        ["a", "b"],
        [[1, 2], [3]],
        [10**400, 1],
        None,
        [0, 0, 100_000, 100_000] * 500,
    ],
)
def test_hostile_polygons_are_format_errors(bad: Any) -> None:
    with pytest.raises(FormatError):
        fill_centre(bad, 10_000, 10_000)


@given(st.lists(st.floats() | st.integers(-(10**9), 10**9), max_size=12), st.integers(1, 50), st.integers(1, 50))
def test_any_numbers_are_filled_or_are_a_format_error(polygon: list[float], height: int, width: int) -> None:
    try:
        runs = fill_centre(polygon, height, width)
    except FormatError:
        return
    assert runs.counts.sum() == height * width


def test_a_polygon_outside_has_no_pixels() -> None:
    assert area(fill_centre([20, 20, 30, 20, 30, 30], 10, 10)) == 0
    assert area(fill_centre([-5, -5, -1, -5, -1, -1], 10, 10)) == 0
    assert area(fill_centre([3, 4], 10, 10)) == 1
