"""Pixels in the size of a panel: averages, in whole numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.images import Picture

Grey = NDArray[np.uint8]

_EDGES = (0.5, 99.5)  # percent of the samples that lie between black and white


def fitting(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """The largest size of the same shape that fits.

    Example:
        >>> fitting(1920, 1200, 320, 240), fitting(8, 6, 320, 240), fitting(10_000, 1, 320, 240)
        ((320, 200), (320, 240), (320, 1))
    """
    if width * most_height > height * most_width:
        return most_width, max(1, height * most_width // width)
    return max(1, width * most_height // height), most_height


def in_size(pixels: NDArray[Any], width: int, height: int) -> NDArray[np.uint8]:
    """Pixels of 8 bits in another size: the mean of those that fall into one, or the one that is there.

    Args:
        pixels: Shape (height, width, channels), uint8.
        width: Of the result.
        height: Of the result.

    Example:
        >>> in_size(np.array([[[10], [20], [30], [50]]], np.uint8), 2, 1).ravel().tolist()
        [15, 40]
    """
    for axis, length in ((0, height), (1, width)):
        has = pixels.shape[axis]
        begins = np.arange(length) * has // length
        if length >= has:
            pixels = pixels.take(begins, axis=axis)
            continue
        counts = np.diff(begins, append=has)
        shape = [length, 1, 1] if axis == 0 else [1, length, 1]
        total = np.zeros((length, *pixels.shape[1:]) if axis == 0 else (len(pixels), length, pixels.shape[2]), np.int32)
        for step in range(int(counts.max())):
            there = (counts > step).astype(np.uint8).reshape(shape)  # the last of them are not in every pixel
            total += pixels.take(np.minimum(begins + step, has - 1), axis=axis) * there
        each = counts.astype(np.int32).reshape(shape)
        pixels = ((total + each // 2) // each).astype(np.uint8)
    return pixels


def eight_bits(picture: Picture) -> NDArray[np.uint8]:
    """A picture as RGB of 8 bits, to be looked at: deeper samples are stretched over what they use.

    Returns:
        Shape (height, width, 3).
    """
    pixels = picture.pixels
    colours = 3 if picture.colour == "rgb" or (picture.colour == "bands" and pixels.shape[2] >= 3) else 1
    if picture.colour == "cmyk":
        black = 255 - pixels[..., 3:4].astype(np.int64)
        whole = (255 - pixels[..., :3].astype(np.int64)) * black // 255
        return whole.astype(np.uint8)
    shown = pixels[..., :colours]
    if shown.dtype != np.uint8:
        shown = _stretched(shown)
    return np.broadcast_to(shown, (*shown.shape[:2], 3))


def _stretched(samples: NDArray[Any]) -> NDArray[np.uint8]:
    values = samples.astype(np.float64)
    known = values[np.isfinite(values)]
    if not known.size:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(known, _EDGES)
    scaled = (values - low) / (high - low) if high > low else np.zeros(values.shape)
    inside = np.nan_to_num(np.clip(scaled, 0.0, 1.0), nan=0.0)
    return np.floor(inside * 255 + 0.5).astype(np.uint8)
