"""The masks of Label Studio's brush: run lengths of a whole RGBA image, packed to bits.

A list of bytes, read bit by bit, highest first: the number of values (32 bits), the bits of a value less 1 (5 bits),
four sizes of lengths, each less 1 (4 bits each). Then records until all values are there: 1 bit that tells a run from
single values, 2 bits that choose a size, the length less 1 in that many bits, then one value, or as many as the length
says. The values are the image's, row by row, four a pixel; a pixel belongs to the mask where the fourth, alpha,
isn't 0.
"""

from collections.abc import Sequence
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imagecards.errors import FormatError
from imagecards.geometry.masks import mask_pixels, mask_to_runs
from imagecards.geometry.runs import check_size

_CHANNELS = 4
_VALUE_BITS = 8
_LENGTH_BITS = (3, 4, 8, 16)
_HEADER_BITS = 32 + 5 + 4 * 4
_LONGEST_RECORD = 1 + 2 + 16 + _VALUE_BITS
_OPAQUE = 255


def decode_brush(rle: Sequence[int] | NDArray[np.uint8], height: int, width: int) -> NDArray[np.bool_]:
    """Read a mask; what is needed for it is allocated only after the whole list was found to be right.

    Args:
        rle: Whole numbers from 0 to 255.
        height: Of the image (``original_height``), in pixels.
        width: Of the image (``original_width``), in pixels.

    Returns:
        bool, shape (height, width).

    Raises:
        FormatError: It isn't a list of bytes, is of an image of another size, breaks off or goes on for too long.

    Example:
        >>> decode_brush(encode_brush(np.array([[True, False]])), 1, 2).tolist()
        [[True, False]]
    """
    height, width = check_size(height, width)
    data = _bytes(rle)
    last = 8 * len(data)

    def read(place: int, bits: int) -> int:
        if place + bits > last:
            raise FormatError(f"the brush mask breaks off after {len(data)} bytes: take it from the original export")
        end = place + bits
        return (int.from_bytes(data[place >> 3 : (end + 7) >> 3]) >> (-end % 8)) & ((1 << bits) - 1)

    total = read(0, 32)
    if total != height * width * _CHANNELS:
        raise FormatError(
            f"the brush mask has {total:,} values, an RGBA image of {height} x {width} has "
            f"{height * width * _CHANNELS:,}: correct the image's size"
        )
    value_bits = read(32, 5) + 1
    length_bits = [read(37 + 4 * index, 4) + 1 for index in range(4)]
    place, done = _HEADER_BITS, 0
    starts: list[int] = []
    ends: list[int] = []
    singles: list[NDArray[np.int64]] = []
    while done < total:
        head = read(place, 3)
        bits = length_bits[head & 3]
        stop = done + 1 + read(place + 3, bits)
        place += 3 + bits
        if stop > total:
            raise FormatError(f"a run of the brush mask goes beyond its {total:,} values: take it from the original")
        if head & 4:
            if read(place, value_bits) and stop // _CHANNELS > done // _CHANNELS:
                starts.append(done // _CHANNELS)
                ends.append(stop // _CHANNELS)
            place += value_bits
        else:
            end = place + (stop - done) * value_bits
            if end > last:
                read(end, 1)
            raw = np.frombuffer(data[place >> 3 : (end + 7) >> 3], np.uint8)
            values = np.unpackbits(raw)[place & 7 :][: end - place].reshape(-1, value_bits).max(axis=1) > 0
            alphas = np.arange(-(done + 1) % _CHANNELS, values.size, _CHANNELS)
            singles.append((done + alphas[values[alphas]]) // _CHANNELS)
            place = end
        done = stop
    if last - place >= 16:  # a byte may be begun, and Label Studio's own converter adds one
        raise FormatError(f"the brush mask is complete after {place // 8 + 1} bytes, but has {len(data)}")
    steps = np.zeros(height * width + 1, np.int8)
    steps[starts] += 1
    steps[ends] -= 1
    mask = steps[:-1].cumsum(dtype=np.int8).astype(np.bool_)
    for pixels in singles:
        mask[pixels] = True
    return mask.reshape(height, width)


def encode_brush(mask: ArrayLike) -> list[int]:
    """Write a mask as white and opaque where it is, and transparent elsewhere.

    Args:
        mask: Shape (height, width), bool, or numbers of which all but 0 count; at most 2**30 - 1 pixels.

    Returns:
        Whole numbers from 0 to 255.

    Raises:
        FormatError: The array has another shape, or too many pixels.

    Example:
        >>> encode_brush([[1, 0]])
        [0, 0, 0, 8, 57, 27, 252, 127, 241, 128, 0]
    """
    pixels = mask_pixels(mask)
    runs = mask_to_runs(pixels.T)  # runs down the columns of the transposed mask are those along the rows of this one
    height, width = pixels.shape
    total = height * width * _CHANNELS
    if total >= 1 << 32:
        raise FormatError(f"a brush mask of {height} x {width} pixels is too large: its length is written in 32 bits")
    values = np.arange(runs.counts.size) % 2 * _OPAQUE
    lengths = runs.counts * _CHANNELS
    longest = 1 << _LENGTH_BITS[-1]
    pieces = np.maximum(-(-lengths // longest), lengths > 0)
    owner = np.repeat(np.arange(lengths.size), pieces)
    is_last = np.append(owner[1:] != owner[:-1], True)
    rest = lengths - (pieces - 1) * longest
    lengths = np.where(is_last, rest[owner], longest)
    choice = np.searchsorted(1 << np.array(_LENGTH_BITS), lengths)
    bits = np.array(_LENGTH_BITS)[choice]
    codes = ((((4 | choice) << bits) | (lengths - 1)) << _VALUE_BITS) | values[owner]
    used = 3 + bits + _VALUE_BITS
    places = np.arange(_LONGEST_RECORD - 1, -1, -1)
    records = ((codes[:, None] >> places) & 1).astype(np.uint8)[places < used[:, None]]
    header = total
    for number, size in ((_VALUE_BITS - 1, 5), *((size - 1, 4) for size in _LENGTH_BITS)):
        header = header << size | number
    head = np.array([header >> place & 1 for place in range(_HEADER_BITS - 1, -1, -1)], np.uint8)
    return np.packbits(np.concatenate([head, records])).tolist()


def _bytes(rle: Sequence[int] | NDArray[np.uint8]) -> bytes:
    if isinstance(rle, np.ndarray):
        rle = rle.tolist()
    if not isinstance(rle, Sequence) or isinstance(rle, str):
        raise FormatError(f"a brush mask is a list of bytes, this is a {type(rle).__name__}")
    if not all(isinstance(value, Integral) and not isinstance(value, bool) for value in rle):
        raise FormatError("a brush mask is a list of whole numbers from 0 to 255: something else is among them")
    try:
        return bytes(rle)
    except ValueError:
        raise FormatError("a brush mask is a list of whole numbers from 0 to 255: one is outside") from None
