"""Masks, id images and components, against pixels."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagecards.errors import FormatError
from imagecards.geometry import masks, rle

REAL = Path(__file__).parents[3] / "shared" / "data" / "maskterial" / "GrapheneH" / "instance_masks"

Mask = NDArray[np.bool_]


def random_ids(height: int, width: int, most: int, seed: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng(seed)
    return np.maximum(rng.integers(-most // 2, most, (height, width), endpoint=True), 0).astype(np.uint16) * 7


def random_mask(height: int, width: int, share: float, seed: int) -> Mask:
    return np.random.default_rng(seed).random((height, width)) < share


SIDES = st.integers(1, 14)
MASKS = st.builds(random_mask, SIDES, SIDES, st.floats(0, 1), st.integers(0, 2**32))


@given(st.builds(random_ids, SIDES, SIDES, st.integers(0, 9), st.integers(0, 2**32)))
def test_ids_come_apart_and_together(ids: NDArray[np.uint16]) -> None:
    instances = masks.instances_of(ids)
    assert [number for number, _ in instances] == [number for number in np.unique(ids).tolist() if number]
    for number, runs in instances:
        assert runs == masks.mask_to_runs(ids == number)
    painted = masks.paint([runs for _, runs in instances], [number for number, _ in instances], *ids.shape)
    assert painted.dtype == ids.dtype
    assert np.array_equal(painted, ids)


@given(MASKS, st.integers(0, 2**32))
def test_later_instances_are_painted_over_earlier_ones(mask: Mask, seed: int) -> None:
    other = random_mask(mask.shape[0], mask.shape[1], 0.5, seed)
    runs = [masks.mask_to_runs(mask), masks.mask_to_runs(other)]
    painted = masks.paint(runs, [3, 200], mask.shape[0], mask.shape[1], np.uint8)
    assert np.array_equal(painted, np.where(other, 200, np.where(mask, 3, 0)))


@given(MASKS)
def test_any_layout_in_memory_is_the_same_mask(mask: Mask) -> None:
    runs = masks.mask_to_runs(mask)
    assert masks.mask_to_runs(np.asfortranarray(mask)) == runs
    assert masks.mask_to_runs(mask.astype(np.uint8) * 255) == runs
    assert masks.mask_to_runs(mask[::-1, ::-1][::-1, ::-1]) == runs
    assert masks.runs_to_mask(runs).flags.c_contiguous


def flooded(mask: Mask, connectivity: int) -> list[Mask]:
    """Components by growing each from its first pixel in column order."""
    left, found = mask.copy(), []
    around = [(0, 1), (1, 0), (0, -1), (-1, 0)] + ([(1, 1), (1, -1), (-1, 1), (-1, -1)] if connectivity == 8 else [])
    for column, row in np.argwhere(mask.T).tolist():
        part, waiting = np.zeros_like(mask), [(row, column)]
        while waiting:
            y, x = waiting.pop()
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and left[y, x]:
                left[y, x], part[y, x] = False, True
                waiting += [(y + dy, x + dx) for dy, dx in around]
        if part.any():
            found.append(part)
    return found


@given(MASKS, st.sampled_from([4, 8]))
def test_components_are_those_of_a_flood_fill(mask: Mask, connectivity: int) -> None:
    found = masks.components(mask, connectivity)
    assert found == [masks.mask_to_runs(part) for part in flooded(mask, connectivity)]
    assert masks.components(masks.mask_to_runs(mask), connectivity) == found


def test_a_spiral_is_one_component() -> None:
    side = 101
    mask = np.zeros((side, side), np.bool_)
    y = x = 0
    mask[y, x] = True
    for turn, length in enumerate([side - 1] + [n for k in range(side - 1, 1, -2) for n in (k, k)]):
        dy, dx = [(0, 1), (1, 0), (0, -1), (-1, 0)][turn % 4]
        for _ in range(length):
            y, x = y + dy, x + dx
            mask[y, x] = True
    for connectivity in (4, 8):
        assert masks.components(mask, connectivity) == [masks.mask_to_runs(mask)]


def test_ten_thousand_ids_are_quick() -> None:
    ids = np.kron(np.arange(1, 10_001).reshape(100, 100), np.ones((12, 19), np.int64)).astype(np.uint16)
    started = time.perf_counter()
    instances = masks.instances_of(ids)
    painted = masks.paint([runs for _, runs in instances], [number for number, _ in instances], *ids.shape)
    assert time.perf_counter() - started < 5  # 0.1 s measured; looking for each id by itself takes a minute
    assert len(instances) == 10_000
    assert np.array_equal(painted, ids)


def test_real_masks_come_apart_and_together() -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    areas = []
    for file in sorted(REAL.glob("*.png")):
        with Image.open(file) as image:
            ids = np.asarray(image)
        instances = masks.instances_of(ids)
        for number, runs in instances:
            assert np.array_equal(masks.runs_to_mask(rle.runs_from_coco(rle.runs_to_coco(runs))), ids == number)
            assert len(masks.components(runs, 4)) == 1
            areas.append(rle.area(runs))
        painted = masks.paint(
            [runs for _, runs in instances], [number for number, _ in instances], ids.shape[0], ids.shape[1], np.uint8
        )
        assert np.array_equal(painted, ids)
    assert len(areas) == 51
    assert (min(areas), max(areas), sum(areas)) == (184, 10_625, 74_443)
    assert sum(area >= 200 for area in areas) == 49
    assert sum(area >= 300 for area in areas) == 41


@pytest.mark.parametrize("bad", [np.zeros((2, 2, 3)), np.zeros(4), np.zeros((0, 5)), np.zeros((5, 0)), 5, [["a"]]])
def test_what_is_no_mask_is_a_format_error(bad: Any) -> None:
    with pytest.raises(FormatError):
        masks.mask_to_runs(bad)
    with pytest.raises(FormatError):
        masks.components(bad)
    with pytest.raises(FormatError):
        masks.instances_of(np.asarray(bad))


def test_ragged_lists_are_no_masks() -> None:
    with pytest.raises(FormatError):
        masks.mask_to_runs([[1], [1, 2]])


def test_what_is_no_id_image_is_a_format_error() -> None:
    for bad in (np.ones((2, 2)), np.full((2, 2), -1), np.array([["a"]])):
        with pytest.raises(FormatError):
            masks.instances_of(bad)
    assert masks.instances_of(np.zeros((3, 3), np.uint8)) == []
    assert len(masks.instances_of(np.full((3, 3), 2**64 - 1, np.uint64))) == 1


def test_what_cannot_be_painted_is_a_format_error() -> None:
    runs = masks.mask_to_runs(np.ones((2, 3)))
    for number, dtype, message in ((256, np.uint8, "fit"), (-1, np.int32, "fit"), (1, np.float32, "whole")):
        with pytest.raises(FormatError, match=message):
            masks.paint([runs], [number], 2, 3, dtype)
    with pytest.raises(FormatError, match="2 x 3"):
        masks.paint([runs], [1], 3, 2)
    with pytest.raises(FormatError, match="1 instances but 0 ids"):
        masks.paint([runs], [], 2, 3)
    with pytest.raises(FormatError, match="connected"):
        masks.components(runs, 6)
