"""Cutting masks and putting them together again, against pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.errors import FormatError
from imagecards.geometry import Runs, area, cut, mask_to_runs, placed, runs_to_mask, union


def random_mask(height: int, width: int, share: float, seed: int) -> Runs:
    return mask_to_runs(np.random.default_rng(seed).random((height, width)) < share)


SHARES = st.sampled_from([0.0, 0.1, 0.5, 0.95, 1.0])
MASKS = st.builds(random_mask, st.integers(1, 20), st.integers(1, 20), SHARES, st.integers(0, 2**32))


@st.composite
def windows(draw: st.DrawFn, height: int, width: int) -> tuple[int, int, int, int]:
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    return x, y, draw(st.integers(1, width - x)), draw(st.integers(1, height - y))


@given(MASKS, st.data())
def test_what_is_cut_is_what_lies_in_the_window(runs: Runs, data: st.DataObject) -> None:
    x, y, width, height = data.draw(windows(*runs.size))
    mask = runs_to_mask(runs)[y : y + height, x : x + width]
    part = cut(runs, x, y, width, height)
    assert part == mask_to_runs(mask)
    assert area(part) == mask.sum()


@given(MASKS, st.data())
def test_what_is_put_back_lies_where_it_was(runs: Runs, data: st.DataObject) -> None:
    x, y, width, height = data.draw(windows(*runs.size))
    mask = np.zeros(runs.size, bool)
    mask[y : y + height, x : x + width] = runs_to_mask(runs)[y : y + height, x : x + width]
    assert placed(cut(runs, x, y, width, height), x, y, runs.size[1], runs.size[0]) == mask_to_runs(mask)


@given(MASKS, st.integers(1, 8), st.integers(1, 8))
def test_tiles_put_together_are_the_mask(runs: Runs, wide: int, high: int) -> None:
    height, width = runs.size
    tiles = [
        placed(cut(runs, x, y, min(wide, width - x), min(high, height - y)), x, y, width, height)
        for y in range(0, height, high)
        for x in range(0, width, wide)
    ]
    assert union(tiles) == runs
    assert sum(map(area, tiles)) == area(runs)


@pytest.mark.parametrize("window", [(-1, 0, 2, 2), (0, 3, 2, 2), (3, 0, 2, 2), (0, 0, 5, 1), (0, 0, 0, 1)])
def test_a_window_beyond_the_image_is_refused(window: tuple[int, int, int, int]) -> None:
    with pytest.raises(FormatError, match=r"does not lie within|whole numbers from 1"):
        cut(Runs((4, 4), np.array([16])), *window)


def test_a_part_that_does_not_fit_is_refused() -> None:
    with pytest.raises(FormatError, match="a window of 4 x 4 pixels at 1, 0 does not lie within an image of 4 x 4"):
        placed(Runs((4, 4), np.array([16])), 1, 0, 4, 4)
