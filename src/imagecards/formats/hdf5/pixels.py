"""The pixels of an example: channels first, of the type that the file has."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.formats.hdf5.recipe import Colour
from imagecards.images import decode, probe, read_picture, resampled

_WEIGHTS = (19595, 38470, 7471)  # ITU-R 601, in parts of 65,536, as Pillow takes them


def read_pixels(data: bytes, colour: Colour | None, shape: tuple[int, int] | None) -> NDArray[Any]:
    """Decode an image.

    Args:
        data: The whole file.
        colour: What its channels become; by default they stay what they are.
        shape: Height and width, by a cubic that weighs all pixels; by default its own.

    Returns:
        Shape (channels, height, width), of 8 or 16 bits, or floats, as in the file.

    Raises:
        FormatError: It is not an image that can be decoded, or has no such colours.
    """
    pixels = _as_grey_jpeg(data) if colour == "grey" else None
    if pixels is None:
        pixels = _as_it_is(data) if colour is None else _coloured(data, colour)
    if shape is not None and pixels.shape[:2] != shape:
        pixels = resampled(pixels, shape[1], shape[0])
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _as_it_is(data: bytes) -> NDArray[Any]:
    return read_picture(data).pixels


def _as_grey_jpeg(data: bytes) -> NDArray[Any] | None:
    """The grey of a JPEG file; ``None`` for other files. Pillow's sum is the one below, many times as fast."""
    if probe(data).format != "JPEG":
        return None
    image = decode(data)
    return np.asarray(image.convert("L"))[:, :, None] if image.mode in ("L", "RGB") else None


def _coloured(data: bytes, colour: Colour) -> NDArray[Any]:
    picture = read_picture(data)
    if picture.colour not in ("grey", "rgb"):
        raise FormatError(f"an image of the kind {picture.colour} is not turned into {colour}: convert it before")
    pixels = picture.pixels[:, :, :-1] if picture.alpha else picture.pixels
    if colour == "rgb":
        return pixels if pixels.shape[2] == 3 else np.repeat(pixels, 3, axis=2)
    if pixels.shape[2] == 1:
        return pixels
    if pixels.dtype.kind == "f":
        doubles = pixels.astype(np.float64)
        summed = sum(doubles[:, :, channel] * (weight / 65536) for channel, weight in enumerate(_WEIGHTS))
        return np.asarray(summed)[:, :, None].astype(pixels.dtype)
    whole = pixels.astype(np.int64)
    total = sum(whole[:, :, channel] * weight for channel, weight in enumerate(_WEIGHTS))
    return ((np.asarray(total) + 32768) >> 16)[:, :, None].astype(pixels.dtype)
