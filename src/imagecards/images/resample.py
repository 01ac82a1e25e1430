"""Pixels in another size, in arithmetic that gives the same numbers on every machine.

Samples of 8 and 16 bits are weighed in whole numbers. Others are weighed in doubles, product by product and sum by sum:
no step is left to a library that may order or fuse them otherwise.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_UNIT = 1 << 16  # what the weights of a pixel add up to
_BAND = 1 << 18  # numbers that are held at once
_REACH = 2.0  # pixels on each side, of Catmull and Rom's cubic


def resampled(pixels: NDArray[Any], width: int, height: int, *, antialias: bool = True) -> NDArray[Any]:
    """Return pixels in another size.

    Args:
        pixels: Shape (height, width, channels); each channel is taken by itself.
        width: Of the result, in pixels.
        height: Of the result, in pixels.
        antialias: Weighs all pixels that fall into one, by a cubic that gets wider as the image gets smaller (Pillow's
            ``BICUBIC``). Otherwise each pixel is the one in which its centre lies.

    Returns:
        The same type of numbers.

    Example:
        >>> resampled(np.array([[[0], [10], [20], [30]]], np.uint8), 2, 1, antialias=False).ravel().tolist()
        [10, 30]
    """
    tall, wide, _ = pixels.shape
    if not antialias:
        rows = (2 * np.arange(height) + 1) * tall // (2 * height)
        columns = (2 * np.arange(width) + 1) * wide // (2 * width)
        chosen: NDArray[Any] = pixels[rows[:, None], columns]
        return chosen
    if pixels.dtype.kind in "iu" and pixels.dtype.itemsize <= 2:
        return _exactly(pixels, width, height)
    down, down_weights = weights(tall, height, exact=False)
    across, across_weights = weights(wide, width, exact=False)
    step = max(1, _BAND // pixels[0].size)
    bands = []
    for top in range(0, height, step):
        rows, row_weights = down[top : top + step], down_weights[top : top + step]
        band = _weighed(pixels, rows, row_weights[:, :, None, None], axis=0)
        bands.append(_settled(_weighed(band, across, across_weights[None, :, :, None], axis=1), pixels.dtype))
    return np.concatenate(bands)


def _exactly(pixels: NDArray[Any], width: int, height: int) -> NDArray[Any]:
    """The result in whole numbers, which is the same in whatever order they are summed up."""
    tall, wide, _ = pixels.shape
    limits = np.iinfo(pixels.dtype)
    unit = 1
    total = pixels
    if height != tall:
        total, unit = _lines(total, height), unit * _UNIT
    if width != wide:
        total, unit = _lines(total.transpose(1, 0, 2), width).transpose(1, 0, 2), unit * _UNIT
    if unit == 1:
        return pixels.copy()
    shift = unit.bit_length() - 1
    whole = (total + (unit >> 1)) >> shift
    return np.ascontiguousarray(whole.clip(limits.min, limits.max).astype(pixels.dtype))


def _lines(pixels: NDArray[Any], wanted: int) -> NDArray[Any]:
    """Weigh the lines of an image, tap by tap: whole lines lie together in memory, which is what makes it fast."""
    places, found = weights(len(pixels), wanted, exact=True)
    # 8 bits weighed once stay below 2**31: weights add up to 2**16, and to less than twice as much without their signs
    dtype = np.int32 if pixels.dtype.itemsize == 1 else np.int64
    flat = np.ascontiguousarray(pixels).reshape(len(pixels), -1)
    total = np.empty((wanted, flat.shape[1]), dtype)
    step = min(max(1, _BAND // max(flat.shape[1], 1)), wanted)
    product = np.empty((step, flat.shape[1]), dtype)
    for top in range(0, wanted, step):
        part = total[top : top + step]
        part[:] = 0
        for tap in range(places.shape[1]):
            weight = found[top : top + step, tap].astype(dtype)
            if weight.any():
                np.multiply(flat.take(places[top : top + step, tap], axis=0), weight[:, None], out=product[: len(part)])
                part += product[: len(part)]
    return total.reshape(wanted, *pixels.shape[1:])


@lru_cache(maxsize=32)  # of a data set, most images have one size; together they take some hundred kilobytes
def weights(length: int, wanted: int, *, exact: bool) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Which pixels of a line make up each pixel of a line of another length, and how much each of them counts.

    Args:
        length: Of the line, in pixels.
        wanted: Length of the result.
        exact: Gives whole numbers that add up to 65,536; otherwise doubles that add up to 1.

    Returns:
        Places and weights, both of shape (wanted, n), which can't be changed.

    Example:
        >>> [part.tolist() for part in weights(3, 3, exact=True)]
        [[[0], [1], [2]], [[65536], [65536], [65536]]]
    """
    places, found = _weights(length, wanted, exact=exact)
    places.flags.writeable = found.flags.writeable = False
    return places, found


def _weights(length: int, wanted: int, *, exact: bool) -> tuple[NDArray[np.int64], NDArray[Any]]:
    if length == wanted:
        return np.arange(length)[:, None], np.full((length, 1), _UNIT if exact else 1.0)
    scale = length / wanted
    stretch = max(scale, 1.0)
    centres = (np.arange(wanted) + 0.5) * scale
    first = np.floor(centres - _REACH * stretch).astype(np.int64)
    places = first[:, None] + np.arange(int(np.ceil(2 * _REACH * stretch)) + 2)
    found = _cubic((places + 0.5 - centres[:, None]) / stretch)
    found[(places < 0) | (places >= length)] = 0.0
    total = np.zeros(wanted)
    for column in range(found.shape[1]):  # in this order everywhere
        total += found[:, column]
    found /= total[:, None]
    places = np.clip(places, 0, length - 1)
    if not exact:
        return places, found
    whole = np.floor(found * _UNIT + 0.5).astype(np.int64)
    whole[np.arange(wanted), whole.argmax(axis=1)] += _UNIT - whole.sum(axis=1)
    return places, whole


def _cubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1.0
    far = ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _weighed(pixels: NDArray[Any], places: NDArray[np.int64], found: NDArray[Any], axis: int) -> NDArray[Any]:
    shape = list(pixels.shape)
    shape[axis] = len(places)
    total: NDArray[Any] = np.zeros(shape, found.dtype)
    for tap in range(places.shape[1]):
        weight = found[:, tap] if axis == 0 else found[:, :, tap]
        if weight.any():
            total += weight * pixels.take(places[:, tap], axis=axis).astype(found.dtype)
    return total


def _settled(total: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if dtype.kind == "f":
        return total.astype(dtype)
    limits = np.iinfo(dtype)
    rounded = np.floor(total + 0.5)
    inside = np.clip(rounded, limits.min, float(limits.max))
    safe = np.minimum(inside, np.nextafter(float(limits.max), 0))  # the largest number of 64 bits is no double
    return np.where(inside >= float(limits.max), limits.max, safe.astype(dtype)).astype(dtype)
