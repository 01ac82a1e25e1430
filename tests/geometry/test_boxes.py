"""Boxes: layouts, clipping, overlap."""

from typing import Any

import numpy as np
import pycocotools.mask as coco
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry import boxes

Boxes = NDArray[np.float64]

BOXES = st.integers(0, 6).flatmap(
    lambda count: arrays(np.float64, (count, 4), elements=st.floats(0, 1000).map(lambda value: round(value, 3)))
)


@given(BOXES)
def test_layouts_round_trip(given_boxes: Boxes) -> None:
    for there, back in (
        (boxes.xywh_to_xyxy, boxes.xyxy_to_xywh),
        (boxes.xywh_to_cxcywh, boxes.cxcywh_to_xywh),
    ):
        assert np.allclose(back(there(given_boxes)), given_boxes, atol=1e-9)
    scaled = boxes.normalise(given_boxes, 640, 480)
    assert np.allclose(boxes.denormalise(scaled, 640, 480), given_boxes, rtol=1e-12)


@given(BOXES)
def test_nothing_is_changed_in_place(given_boxes: Boxes) -> None:
    before = given_boxes.copy()
    boxes.xywh_to_xyxy(given_boxes)
    boxes.xywh_to_cxcywh(given_boxes)
    boxes.clip(given_boxes, 10, 10)
    assert np.array_equal(given_boxes, before)


@given(BOXES, BOXES)
def test_iou_is_that_of_pycocotools(a: Boxes, b: Boxes) -> None:
    matrix = boxes.iou_matrix(a, b)
    assert matrix.shape == (len(a), len(b))
    if len(a) and len(b):
        positive = (a[:, None, 2:].prod(axis=2) > 0) & (b[None, :, 2:].prod(axis=2) > 0)
        theirs = coco.iou(a, b, [0] * len(b))
        assert np.allclose(matrix[positive], theirs[positive])
    pairs = min(len(a), len(b))
    assert np.allclose(boxes.iou(a[:pairs], b[:pairs]), np.diagonal(matrix)[:pairs])


def test_empty_boxes_overlap_nothing() -> None:
    assert boxes.iou([[1, 1, 0, 0]], [[1, 1, 0, 0]]).tolist() == [0]
    assert boxes.iou_matrix([], []).shape == (0, 0)


@given(BOXES, st.integers(1, 500), st.integers(1, 500))
def test_clipped_boxes_lie_in_the_image(given_boxes: Boxes, width: int, height: int) -> None:
    moved = given_boxes - [300, 300, 0, 0]
    cut = boxes.clip(moved, width, height)
    corners = boxes.xywh_to_xyxy(cut)
    assert (cut[:, 2:] >= 0).all()
    assert (corners >= -1e-9).all()
    assert (corners <= np.array([width, height, width, height]) + 1e-9).all()
    assert np.allclose(boxes.clip(cut, width, height), cut)


def test_a_box_within_keeps_its_numbers_exactly() -> None:
    box = [[0.1, 0.2, 0.7, 0.30000000000000004]]
    assert boxes.clip(box, 10, 10).tolist() == box


@pytest.mark.parametrize(
    "bad",
    [
        [[1, 2, 3]],
        [1, 2, 3, 4],
        [[np.nan, 0, 1, 1]],
        [[0, np.inf, 1, 1]],
        [[1e300, 0, 1e300, 1e300]],
        [["a", "b", "c", "d"]],
        [[1, 2, 3, 4], [1]],
        [[10**400, 0, 0, 0]],
        [[None, 0, 0, 0]],
        "boxes",
    ],
)
def test_bad_boxes_are_format_errors(bad: Any) -> None:
    for function in (boxes.xywh_to_xyxy, boxes.xyxy_to_xywh, boxes.xywh_to_cxcywh, boxes.cxcywh_to_xywh):
        with pytest.raises(FormatError):
            function(bad)
    with pytest.raises(FormatError):
        boxes.iou_matrix(bad, bad)


@pytest.mark.parametrize("size", [(0, 10), (10, 0), (-1, 10), (np.nan, 10), (np.inf, 10)])
def test_an_image_without_inside_is_a_format_error(size: tuple[float, float]) -> None:
    for function in (boxes.normalise, boxes.denormalise, boxes.clip):
        with pytest.raises(FormatError):
            function([[0, 0, 1, 1]], *size)


def test_iou_takes_pairs() -> None:
    with pytest.raises(FormatError, match="1 boxes on one side and 2"):
        boxes.iou([[0, 0, 1, 1]], [[0, 0, 1, 1]] * 2)
