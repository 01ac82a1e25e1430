"""Boxes: float64 arrays of shape (n, 4), one box a row, lengths in pixels unless a function says otherwise.

Three layouts: ``xywh`` is left, top, width, height; ``xyxy`` is left, top, right, bottom; ``cxcywh`` is the centre's
x and y, width, height. Coordinates are pixel edges: the pixel in column c and row r covers [c, c+1] x [r, r+1].
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagecards.errors import FormatError

Boxes = NDArray[np.float64]

_LARGEST = 1e100  # from here on, areas would leave what a float64 holds


def xywh_to_xyxy(boxes: ArrayLike) -> Boxes:
    """Turn left, top, width, height into left, top, right, bottom.

    Example:
        >>> xywh_to_xyxy([[10, 20, 3, 4]]).tolist()
        [[10.0, 20.0, 13.0, 24.0]]
    """
    result = _boxes(boxes)
    result[:, 2:] += result[:, :2]
    return result


def xyxy_to_xywh(boxes: ArrayLike) -> Boxes:
    """Turn left, top, right, bottom into left, top, width, height.

    Example:
        >>> xyxy_to_xywh([[10, 20, 13, 24]]).tolist()
        [[10.0, 20.0, 3.0, 4.0]]
    """
    result = _boxes(boxes)
    result[:, 2:] -= result[:, :2]
    return result


def xywh_to_cxcywh(boxes: ArrayLike) -> Boxes:
    """Turn left, top, width, height into the centre's x and y, width, height.

    Example:
        >>> xywh_to_cxcywh([[10, 20, 3, 4]]).tolist()
        [[11.5, 22.0, 3.0, 4.0]]
    """
    result = _boxes(boxes)
    result[:, :2] += result[:, 2:] / 2
    return result


def cxcywh_to_xywh(boxes: ArrayLike) -> Boxes:
    """Turn the centre's x and y, width, height into left, top, width, height.

    Example:
        >>> cxcywh_to_xywh([[11.5, 22, 3, 4]]).tolist()
        [[10.0, 20.0, 3.0, 4.0]]
    """
    result = _boxes(boxes)
    result[:, :2] -= result[:, 2:] / 2
    return result


def normalise(boxes: ArrayLike, width: float, height: float) -> Boxes:
    """Divide the horizontal numbers by the image's width and the vertical ones by its height, in any layout.

    Args:
        boxes: Shape (n, 4), in pixels.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Raises:
        FormatError: The image's size isn't positive, or ``boxes`` aren't finite numbers of shape (n, 4).

    Example:
        >>> normalise([[10, 20, 3, 4]], 100, 200).tolist()
        [[0.1, 0.1, 0.03, 0.02]]
    """
    return _boxes(boxes) / _scale(width, height)


def denormalise(boxes: ArrayLike, width: float, height: float) -> Boxes:
    """Undo `normalise`: multiply by the image's width and height, in any layout.

    Raises:
        FormatError: The image's size isn't positive, or ``boxes`` aren't finite numbers of shape (n, 4).

    Example:
        >>> denormalise([[0.1, 0.1, 0.03, 0.02]], 100, 200).tolist()
        [[10.0, 20.0, 3.0, 4.0]]
    """
    return _boxes(boxes) * _scale(width, height)


def clip(boxes: ArrayLike, width: float, height: float) -> Boxes:
    """Cut ``xywh`` boxes to the image; one that lies outside keeps a width or height of 0 at the nearest edge.

    Raises:
        FormatError: The image's size isn't positive, or ``boxes`` aren't finite numbers of shape (n, 4).

    Example:
        >>> clip([[-5, 2, 20, 4], [50, 2, 3, 3]], 10, 10).tolist()
        [[0.0, 2.0, 10.0, 4.0], [10.0, 2.0, 0.0, 3.0]]
    """
    given = _boxes(boxes)
    corners = xywh_to_xyxy(given)
    limits = _scale(width, height)
    cut = np.clip(corners, 0, limits)
    inside = (corners == cut).all(axis=1)
    # A box that needs no cutting keeps its numbers: x + width - x is not always width.
    return np.where(inside[:, None], given, xyxy_to_xywh(cut))


def iou(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union of the ``xywh`` boxes of ``a`` and ``b``, row by row.

    Args:
        a: Shape (n, 4).
        b: Shape (n, 4).

    Returns:
        Shape (n,), from 0 to 1; 0 where both boxes are empty.

    Raises:
        FormatError: There are not as many boxes in ``a`` as in ``b``, or they aren't finite.

    Example:
        >>> iou([[0, 0, 2, 2]], [[1, 0, 2, 2]]).round(3).tolist()
        [0.333]
    """
    first, second = _boxes(a), _boxes(b)
    if len(first) != len(second):
        raise FormatError(f"there are {len(first)} boxes on one side and {len(second)} on the other: give pairs")
    return _overlap(first, second)


def iou_matrix(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the intersection over union of each ``xywh`` box of ``a`` with each of ``b``.

    Args:
        a: Shape (n, 4).
        b: Shape (m, 4).

    Returns:
        Shape (n, m), from 0 to 1.

    Raises:
        FormatError: The boxes aren't finite numbers of shape (n, 4).

    Example:
        >>> iou_matrix([[0, 0, 2, 2]], [[1, 0, 2, 2], [0, 0, 2, 2]]).round(3).tolist()
        [[0.333, 1.0]]
    """
    return _overlap(_boxes(a)[:, None], _boxes(b)[None])


def _overlap(a: Boxes, b: Boxes) -> NDArray[np.float64]:
    left_top = np.maximum(a[..., :2], b[..., :2])
    right_bottom = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    shared = np.maximum(right_bottom - left_top, 0).prod(axis=-1)
    whole = np.maximum(a[..., 2:], 0).prod(axis=-1) + np.maximum(b[..., 2:], 0).prod(axis=-1) - shared
    result: NDArray[np.float64] = np.zeros_like(shared)
    np.divide(shared, whole, out=result, where=whole > 0)
    return np.minimum(result, 1, out=result)


def _boxes(boxes: ArrayLike) -> Boxes:
    """Return a copy of ``boxes`` after proving that it is a finite (n, 4) array."""
    try:
        result = np.array(boxes, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"boxes are rows of four numbers, these can't be read as such: {error}") from error
    if result.size == 0:
        result = result.reshape(-1, 4)
    if result.ndim != 2 or result.shape[1] != 4:
        raise FormatError(f"boxes have the shape (n, 4), these have {result.shape}: give one row of four a box")
    wrong = ~(np.abs(result) < _LARGEST)
    if wrong.any():
        row = int(wrong.any(axis=1).argmax())
        raise FormatError(f"box {row} is {result[row].tolist()}: every number must be finite. Correct or drop the box")
    return result


def _scale(width: float, height: float) -> NDArray[np.float64]:
    if not (0 < width < _LARGEST and 0 < height < _LARGEST):
        raise FormatError(f"an image of {width} x {height} pixels has no inside: width and height must be positive")
    return np.array([width, height, width, height], np.float64)
