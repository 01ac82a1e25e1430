"""Samples of PNG files of 16 bits and several channels, which Pillow would cut down to 8 bits."""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError

_CHANNELS = {2: 3, 4: 2, 6: 4}


def png_samples(data: bytes, width: int, height: int) -> NDArray[np.uint16]:
    """Decode such a file.

    Args:
        data: The file, whose header was found sound.
        width: As the header says, in pixels.
        height: As the header says, in pixels.

    Returns:
        uint16, shape (height, width, channels).

    Raises:
        FormatError: The pixels are damaged, cut short or interlaced.
    """
    if data[28]:
        raise FormatError("interlaced PNG files of 16 bits and several channels can't be decoded: save it anew without")
    size = 2 * _CHANNELS[data[25]]
    row = 1 + width * size
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(b"".join(_image_data(data)), height * row)
    except zlib.error as error:
        raise FormatError(f"the pixels of the PNG file are damaged ({error}): replace it by a sound copy") from error
    if len(raw) != height * row:
        raise FormatError("the pixels of the PNG file are cut short: replace it by a sound copy")
    lines = np.frombuffer(raw, np.uint8).reshape(height, row)
    if lines[:, 0].max() > 4:
        raise FormatError("the pixels of the PNG file are damaged: a row has an unknown filter")
    pixels = _unfiltered(lines[:, 1:].reshape(height, width, size), lines[:, 0])
    return np.ascontiguousarray(pixels).view(">u2").astype(np.uint16)


def _image_data(data: bytes) -> list[bytes]:
    found, position = [], 8
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        kind, body = data[position + 4 : position + 8], data[position + 8 : position + 8 + length]
        if kind == b"IDAT":
            crc = int.from_bytes(data[position + 8 + length : position + 12 + length], "big")
            if zlib.crc32(kind + body) != crc:
                raise FormatError(f"the pixels of the PNG file are damaged: checksum at byte {position}")
            found.append(body)
        elif found:
            break
        position += 12 + length
    return found


def _unfiltered(lines: NDArray[np.uint8], filters: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Undo the filters of all rows at once, from diagonal to diagonal: each pixel needs those left, above and both."""
    height, width, size = lines.shape
    out = np.zeros((height + 1, width + 1, size), np.int16)
    for diagonal in range(width + height - 1):
        y = np.arange(max(0, diagonal - width + 1), min(height, diagonal + 1))
        x = diagonal - y
        left, above, corner = out[y + 1, x], out[y, x + 1], out[y, x]
        guess: NDArray[Any] = left + above - corner
        distances = np.stack([np.abs(guess - left), np.abs(guess - above), np.abs(guess - corner)])
        paeth = np.choose(distances.argmin(axis=0), [left, above, corner])  # of equal ones the first
        none = np.zeros_like(left)
        predicted = np.choose(filters[y, None], [none, left, above, (left + above) >> 1, paeth])
        out[y + 1, x + 1] = (lines[y, x] + predicted) & 255
    return out[1:, 1:].astype(np.uint8)
