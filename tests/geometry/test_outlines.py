"""Outlines: what pycocotools and OpenCV fill from them is the mask, pixel for pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagecards.errors import FormatError
from imagecards.geometry import (
    area,
    centre_polygons,
    centre_polygons_many,
    check_polygon,
    components,
    edge_polygons,
    edge_polygons_many,
    fill_centre,
    instances_of,
    join,
    mask_to_runs,
    outlines,
    polygon_area,
    polygons_to_runs,
    runs_from_coco,
    runs_to_mask,
    union,
)

cv2 = pytest.importorskip("cv2", reason="OpenCV is what pixel-centre outlines are held against")

REAL = Path(__file__).parents[3] / "shared" / "data" / "maskterial" / "GrapheneH" / "instance_masks"

Mask = NDArray[np.bool_]


def random_mask(height: int, width: int, share: float, seed: int) -> Mask:
    return np.random.default_rng(seed).random((height, width)) < share


def blobs(height: int, width: int, share: float, seed: int) -> Mask:
    """A mask with large parts, holes, islands in holes, and thin walls."""
    small = random_mask(height // 3 + 1, width // 3 + 1, share, seed)
    return np.kron(small, np.ones((3, 3), np.bool_))[:height, :width] ^ random_mask(height, width, 0.03, seed + 1)


def rings_in_rings(side: int) -> Mask:
    y, x = np.mgrid[:side, :side]
    mask: Mask = np.maximum(abs(y - side // 2), abs(x - side // 2)) % 2 == 0
    return mask


SIDES = st.integers(1, 14)
SHARES = st.sampled_from([0.05, 0.3, 0.5, 0.6, 0.75, 0.9, 1.0])
MASKS = st.one_of(
    st.builds(random_mask, SIDES, SIDES, SHARES, st.integers(0, 2**32)),
    st.builds(blobs, st.integers(1, 40), st.integers(1, 40), SHARES, st.integers(0, 2**32)),
)


def filled(polygon: NDArray[np.int64], height: int, width: int) -> Mask:
    canvas = np.zeros((height, width), np.uint8)
    cv2.fillPoly(canvas, [polygon.astype(np.int32)], 1)
    mask: Mask = canvas.astype(np.bool_)
    return mask


@settings(max_examples=300)
@given(MASKS)
@example(np.ones((1, 1), np.bool_))
@example(np.ones((1, 9), np.bool_))
@example(np.ones((9, 1), np.bool_))
@example(np.eye(5, dtype=np.bool_))
@example(rings_in_rings(19))
@example(np.indices((9, 9)).sum(axis=0) % 2 == 0)
def test_pycocotools_fills_edge_outlines_to_the_mask(mask: Mask) -> None:
    runs = mask_to_runs(mask)
    polygons = edge_polygons(mask)
    parts = components(runs, 4)
    assert len(polygons) == len(parts)
    for polygon, part in zip(polygons, parts, strict=True):
        assert polygon.dtype == np.float64
        assert check_polygon(polygon, mask.shape[1], mask.shape[0]) is None
        assert polygons_to_runs([polygon], *mask.shape) == part
        assert polygon_area(polygon, signed=True) == area(part)
        # Every point is a corner, and every edge is along a row or a column.
        steps = np.diff(polygon, axis=0, append=polygon[:1])
        assert ((steps != 0).sum(axis=1) == 1).all()
    if polygons:
        lists = [polygon.ravel().tolist() for polygon in polygons]
        assert runs_from_coco(coco.merge(coco.frPyObjects(lists, *mask.shape))) == runs
        # As one polygon, too, which some formats need: bridges are walked twice and fill nothing.
        assert polygons_to_runs([join(polygons)], *mask.shape) == runs


@settings(max_examples=300)
@given(MASKS)
@example(np.ones((1, 1), np.bool_))
@example(np.ones((1, 9), np.bool_))
@example(np.ones((9, 1), np.bool_))
@example(np.eye(5, dtype=np.bool_))
@example(rings_in_rings(19))
@example(np.indices((9, 9)).sum(axis=0) % 2 == 0)
def test_opencv_fills_centre_outlines_to_the_mask(mask: Mask) -> None:
    polygons = centre_polygons(mask)
    parts = components(mask, 8)
    assert len(polygons) == len(parts)
    for polygon, part in zip(polygons, parts, strict=True):
        assert polygon.dtype == np.int64
        assert len(polygon) >= 3
        assert check_polygon(polygon, mask.shape[1], mask.shape[0]) is None
        assert np.array_equal(filled(polygon, *mask.shape), runs_to_mask(part))
        assert fill_centre(polygon, *mask.shape) == part


@given(MASKS)
def test_runs_and_arrays_have_the_same_outlines(mask: Mask) -> None:
    for function in (edge_polygons, centre_polygons):
        ours, theirs = function(mask), function(mask_to_runs(mask))
        assert [polygon.tolist() for polygon in ours] == [polygon.tolist() for polygon in theirs]


def test_one_hole_takes_one_bridge() -> None:
    mask = np.ones((5, 5), np.bool_)
    mask[2, 2] = False
    (edge,) = edge_polygons(mask)
    (centre,) = centre_polygons(mask)
    assert edge.astype(int).tolist() == [
        [0, 0], [3, 0], [3, 2], [2, 2], [2, 3], [3, 3], [3, 0], [5, 0], [5, 5], [0, 5],
    ]  # fmt: skip
    assert centre.tolist() == [
        [0, 0], [2, 0], [2, 1], [1, 2], [2, 3], [3, 2], [2, 1], [2, 0], [4, 0], [4, 4], [0, 4],
    ]  # fmt: skip


def test_a_hole_that_is_open_through_a_diagonal_only() -> None:
    mask = np.ones((6, 6), np.bool_)
    mask[2:4, 2:4] = False
    mask[1, 4] = mask[0, 4] = mask[0, 5] = False
    assert polygons_to_runs(edge_polygons(mask), 6, 6) == mask_to_runs(mask)
    (centre,) = centre_polygons(mask)
    assert np.array_equal(filled(centre, 6, 6), mask)


def test_empty_masks_have_no_outlines() -> None:
    assert edge_polygons(np.zeros((3, 4))) == []
    assert centre_polygons(np.zeros((3, 4))) == []


def test_a_noisy_image_of_full_size() -> None:
    mask = random_mask(400, 640, 0.6, 0)
    assert polygons_to_runs(edge_polygons(mask), 400, 640) == mask_to_runs(mask)
    canvas = np.zeros(mask.shape, np.uint8)
    for polygon in centre_polygons(mask):
        cv2.fillPoly(canvas, [polygon.astype(np.int32)], 1)
    assert np.array_equal(canvas.astype(np.bool_), mask)


def test_real_masks_are_kept_by_both_conventions() -> None:
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is not there")
    count = 0
    for file in sorted(REAL.glob("*.png")):
        with Image.open(file) as image:
            ids = np.asarray(image)
        height, width = ids.shape
        for _, runs in instances_of(ids):
            count += 1
            assert polygons_to_runs(edge_polygons(runs), height, width) == runs
            (centre,) = centre_polygons(runs)
            # What a YOLO file does to them: normalised, six decimals, cut off to whole pixels.
            text = [[f"{(x + 0.5) / width:.6f}", f"{(y + 0.5) / height:.6f}"] for x, y in centre.tolist()]
            read = np.array([[int(float(x) * width), int(float(y) * height)] for x, y in text])
            assert np.array_equal(read, centre)
            assert np.array_equal(filled(read, height, width), runs_to_mask(runs))
            assert fill_centre(read, height, width) == runs
    assert count == 51


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=6), min_size=1))
def test_joined_parts_have_all_points_and_the_same_area(parts: list[list[tuple[int, int]]]) -> None:
    joined = join(parts)
    assert {tuple(point) for point in joined.tolist()} == {point for part in parts for point in part}
    if len(joined) > 2 and all(len(part) > 2 for part in parts):
        together = sum(polygon_area(part, signed=True) for part in parts)
        assert np.isclose(polygon_area(joined, signed=True), together)


def test_joined_parts_are_bridged_where_they_are_nearest() -> None:
    left, right = [0, 0, 4, 0, 4, 4, 0, 4], [10, 3, 14, 3, 14, 8, 10, 8]
    joined = join([left, right]).tolist()
    place = joined.index([4.0, 4.0])
    assert joined[place + 1] == [10.0, 3.0]
    assert polygons_to_runs([join([left, right])], 20, 20) == polygons_to_runs([left, right], 20, 20)


def test_joined_parts_of_a_mask_keep_it_but_for_the_bridges() -> None:
    mask = np.zeros((20, 30), np.bool_)
    mask[2:8, 3:9] = mask[10:17, 15:28] = True
    joined = join([polygon.astype(np.float64) for polygon in centre_polygons(mask)])
    got = runs_to_mask(fill_centre(joined, 20, 30))
    assert got[mask].all()
    assert (got & ~mask).sum() <= 7  # the bridge from (8, 7) to (15, 10)
    assert union(components(mask)) == mask_to_runs(mask)


@pytest.mark.parametrize(
    "bad", [[], [[]], [[1, 2, 3]], [[1, float("nan")]], [[1, 1e300]], [["a", "b"]], [[[1], [1, 2]]]]
)
def test_what_cannot_be_joined_is_a_format_error(bad: Any) -> None:
    with pytest.raises(FormatError):
        join(bad)


@given(st.lists(st.tuples(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 12)), max_size=6))
def test_many_masks_are_traced_as_each_one_is(drawn: list[tuple[int, int, int]]) -> None:
    found = [mask_to_runs(np.random.default_rng(seed).random((height, width)) < 0.5) for seed, height, width in drawn]
    for one, many in ((edge_polygons, edge_polygons_many), (centre_polygons, centre_polygons_many)):
        expected = [[polygon.tolist() for polygon in one(runs)] for runs in found]
        assert [[polygon.tolist() for polygon in polygons] for polygons in many(found)] == expected


def test_many_masks_are_traced_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [mask_to_runs(np.random.default_rng(seed).random((9, 9)) < 0.5) for seed in range(20)]
    whole = edge_polygons_many(found)
    monkeypatch.setattr(outlines, "_RUNS", 100)
    assert str(edge_polygons_many(found)) == str(whole)
    assert edge_polygons_many([]) == []
