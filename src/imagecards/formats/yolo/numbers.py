"""YOLO's coordinates: fractions of an image's sides in a fixed number of decimals, and the pixels that they mean.

A whole number of pixels is what annotators and masks have, and no decimal fraction of most sides is one exactly. So
where the decimals can't tell a value from a whole pixel, it is read as that pixel. Writer and reader both stand on the
functions here: the writer knows what will be read, and tells where that is something else than what it was given.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_DECIMALS, MOST_DECIMALS = 6, 15
TOLERANCE = 1e-3
"""Pixels: a coordinate that comes back from less far away has not moved."""


def quantise(fractions: Floats, decimals: int) -> Ints:
    """Round fractions of a side to whole multiples of the last decimal."""
    return np.rint(fractions * 10.0**decimals).astype(np.int64)


def pixels(fractions: Floats, sides: Any, decimals: int) -> Floats:
    """Return the pixels that fractions of sides mean.

    Args:
        fractions: As they are written.
        sides: Width or height of the image, for each.
        decimals: How many decimals they were written with.

    Example:
        >>> pixels(np.array([0.333333, 0.3335]), 300, 6).round(9).tolist()
        [100.0, 100.05]
    """
    exact = fractions * sides
    whole = np.rint(exact)
    meant = np.abs(whole / sides - fractions) <= _slack(decimals)
    result: Floats = np.where(meant, whole, exact)
    return result


def boxes_to_fractions(boxes: Floats, sizes: Floats) -> Floats:
    """Turn x, y, width, height in pixels into YOLO's centre x, centre y, width, height.

    Args:
        boxes: Shape (n, 4).
        sizes: Width and height of the image of each, shape (n, 2).
    """
    return np.concatenate([boxes[:, :2] + boxes[:, 2:] / 2, boxes[:, 2:]], axis=1) / np.tile(sizes, 2)


def boxes_to_pixels(fractions: Floats, sizes: Any, decimals: int) -> Floats:
    """Turn YOLO's boxes into x, y, width, height in pixels; the inverse of `boxes_to_fractions`.

    Whole pixels are meant where the decimals can't tell, and the edge of the image where rounding leads across it.

    Args:
        fractions: Shape (n, 4), as they are written.
        sizes: Width and height of the image, for each or for all.
        decimals: How many decimals they were written with.

    Example:
        >>> boxes_to_pixels(np.array([[0.166667, 0.5, 0.333333, 1]]), [3, 7], 6).tolist()
        [[0.0, 0.0, 1.0, 7.0]]
    """
    centre, extent = fractions[:, :2], fractions[:, 2:]
    low, high = (centre - extent / 2) * sizes, (centre + extent / 2) * sizes
    first, last = np.rint(low), np.rint(high)
    slack = _slack(decimals)
    whole = np.abs((first + last) / 2 / sizes - centre) <= slack
    whole &= np.abs((last - first) / sizes - extent) <= slack
    reach = 1.5 * slack * np.asarray(sizes)
    low = np.where(whole, first, np.where(np.abs(low) <= reach, 0.0, low))
    high = np.where(whole, last, np.where(np.abs(high - sizes) <= reach, np.asarray(sizes, float), high))
    return np.concatenate([low, high - low], axis=1)


def decimal_texts(numbers: Ints, decimals: int) -> bytes:
    """Write each number as a fraction with a space behind it; all are equally long.

    Args:
        numbers: Multiples of the last decimal, from 0 to one whole.
        decimals: How many decimals to write.

    Example:
        >>> decimal_texts(np.array([0, 25, 1000]), 3)
        b'0.000 0.025 1.000 '
    """
    texts = np.empty((numbers.size, decimals + 3), np.uint8)
    texts[:, 1], texts[:, -1] = ord("."), ord(" ")
    # nine digits fit into 32 bits, where division is several times as fast
    rest = numbers if decimals > 8 else numbers.astype(np.uint32)
    for place in (*range(decimals + 1, 1, -1), 0):
        quotient = rest // 10
        texts[:, place] = rest - quotient * 10 + ord("0")
        rest = quotient
    return texts.tobytes()


def _slack(decimals: int) -> float:
    """Half of the last decimal, and a little for the arithmetic."""
    return 0.5 * 10.0**-decimals + 4e-16
