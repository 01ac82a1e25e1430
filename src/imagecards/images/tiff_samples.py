"""Samples of TIFF files of any number of channels and bits, in the types that they have."""

import zlib
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.images.tiff import read_directory

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES = 256, 257, 258, 259, 262, 274, 277
_ROWS, _PLANAR, _PREDICTOR, _EXTRA, _FORMAT = 278, 284, 317, 338, 339
_STRIPS, _STRIP_SIZES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES = 273, 279, 322, 323, 324, 325
_TAGS = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _ORIENTATION, _SAMPLES, _ROWS, _PLANAR, _PREDICTOR, _EXTRA}
    | {_FORMAT, _STRIPS, _STRIP_SIZES, _TILE_WIDTH, _TILE_HEIGHT, _TILES, _TILE_SIZES}
)
_DEFLATE = (8, 32946)
_COLOURS: dict[int, tuple[Literal["grey", "rgb", "cmyk"], int]] = {1: ("grey", 1), 2: ("rgb", 3), 5: ("cmyk", 4)}
_WHOLE = (((8,), 1), ((16,), 1), ((32,), 2), ((32,), 3))  # bits and kinds of one sample that Pillow keeps as they are

Found = tuple[NDArray[Any], Literal["grey", "rgb", "cmyk", "bands"], bool]


def tiff_samples(data: bytes, most_bytes: int) -> Found | None:
    """Decode a TIFF file that is not compressed, or by deflate.

    Args:
        data: The file, whose header was found sound.
        most_bytes: How large its pixels may be.

    Returns:
        The samples, shape (height, width, channels); what colours they are; whether the last is the opacity. ``None``
        for what Pillow decodes without loss.

    Raises:
        FormatError: It is damaged, is too large, or can't be decoded without loss.
    """
    tags = read_directory(data, _TAGS)
    samples = tags.get(_SAMPLES, (1,))[0]
    bits = set(tags.get(_BITS, (1,)))
    kinds = set(tags.get(_FORMAT, (1,)))
    compression, photometric = tags.get(_COMPRESSION, (1,))[0], tags.get(_PHOTOMETRIC, (0,))[0]
    kept_by_pillow = max(bits) <= 8 or (samples == 1 and len(kinds) == 1 and (tuple(bits), min(kinds)) in _WHOLE)
    dtype = _dtype(data, bits, kinds)
    if compression not in (1, *_DEFLATE) or dtype is None or photometric in (0, 3, 6, 8):
        if kept_by_pillow and samples <= 4:
            return None
        raise FormatError(
            f"a TIFF file of {samples} channels of {'+'.join(map(str, sorted(bits)))} bits with the compression "
            f"{compression} can't be decoded without loss: save it anew, not compressed or by deflate"
        )
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    part = max(width, *tags.get(_TILE_WIDTH, (1,))) * max(height, *tags.get(_TILE_HEIGHT, (1,)))
    size = part * samples * dtype.itemsize
    if size > most_bytes:
        raise FormatError(f"the pixels of the TIFF file take {size:,} bytes, and the limit is {most_bytes:,}")
    pixels = _assembled(data, tags, dtype, (height, width, samples))
    pixels = _turned(pixels, tags.get(_ORIENTATION, (1,))[0])
    return pixels.astype(dtype.newbyteorder("=")), *_colours(photometric, samples, tags.get(_EXTRA, ()))


def _dtype(data: bytes, bits: set[int], kinds: set[int]) -> np.dtype[Any] | None:
    if len(bits) != 1 or len(kinds) != 1:
        return None
    code = {1: "u", 2: "i", 3: "f"}.get(min(kinds))
    size = min(bits) // 8
    if code is None or min(bits) not in ((16, 32, 64) if code == "f" else (8, 16, 32, 64)):
        return None
    return np.dtype(f"{'<' if data[:2] == b'II' else '>'}{code}{size}")


def _colours(
    photometric: int, samples: int, extra: tuple[int, ...]
) -> tuple[Literal["grey", "rgb", "cmyk", "bands"], bool]:
    colour, channels = _COLOURS.get(photometric, ("grey", 0))
    if samples == channels:
        return colour, False
    if samples == channels + 1 and (extra in ((1,), (2,)) or (colour == "rgb" and not extra)):
        return colour, True  # four channels without a word on the fourth: everybody takes it for the opacity
    return "bands", False


def _assembled(
    data: bytes, tags: dict[int, tuple[int, ...]], dtype: np.dtype[Any], shape: tuple[int, int, int]
) -> NDArray[Any]:
    """Put strips or tiles together."""
    height, width, samples = shape
    if _TILES in tags:
        if len(tags.get(_TILE_WIDTH, ())) != 1 or len(tags.get(_TILE_HEIGHT, ())) != 1:
            raise FormatError("the TIFF directory is damaged: its tiles have no size")
        wide, high = tags[_TILE_WIDTH][0], tags[_TILE_HEIGHT][0]
        offsets, sizes = tags[_TILES], tags.get(_TILE_SIZES, ())
    else:
        wide, high = width, min(tags.get(_ROWS, (height,))[0], height)
        offsets, sizes = tags.get(_STRIPS, ()), tags.get(_STRIP_SIZES, ())
    if not wide or not high:
        raise FormatError("the TIFF directory is damaged: its parts have no size")
    planes = samples if tags.get(_PLANAR, (1,))[0] == 2 else 1
    depth = samples // planes
    across, down = -(-width // wide), -(-height // high)
    if not len(offsets) == len(sizes) == across * down * planes:
        raise FormatError(f"the TIFF directory is damaged: {len(offsets):,} parts, not {across * down * planes:,}")
    pixels = np.zeros(shape, dtype)
    deflated = tags.get(_COMPRESSION, (1,))[0] in _DEFLATE
    predictor = tags.get(_PREDICTOR, (1,))[0] if deflated else 1
    for number, (offset, size) in enumerate(zip(offsets, sizes, strict=True)):
        plane, place = divmod(number, across * down)
        top, left = place // across * high, place % across * wide
        rows = high if _TILES in tags else min(high, height - top)
        part = _part(data[offset : offset + size], dtype, (rows, wide, depth), deflated, predictor)
        target = pixels[top : top + rows, left : left + wide, plane * depth : (plane + 1) * depth]
        target[...] = part[: target.shape[0], : target.shape[1]]
    return pixels


def _part(
    raw: bytes, dtype: np.dtype[Any], shape: tuple[int, int, int], deflated: bool, predictor: int
) -> NDArray[Any]:
    length = shape[0] * shape[1] * shape[2] * dtype.itemsize
    if deflated:
        try:
            raw = zlib.decompressobj().decompress(raw, length)
        except zlib.error as error:
            message = f"the pixels of the TIFF file are damaged ({error}): replace it by a sound copy"
            raise FormatError(message) from error
    if len(raw) < length:
        raise FormatError("the pixels of the TIFF file are cut short: replace it by a sound copy")
    if predictor == 3 and dtype.kind == "f":
        planes = np.frombuffer(raw, np.uint8, length).reshape(shape[0], -1, shape[2])
        planes = planes.cumsum(axis=1, dtype=np.uint8).reshape(shape[0], dtype.itemsize, -1)
        values = np.ascontiguousarray(planes.transpose(0, 2, 1)).view(dtype.newbyteorder(">"))
        return values.reshape(shape).astype(dtype)
    part = np.frombuffer(raw, dtype, length // dtype.itemsize).reshape(shape)
    if predictor == 2 and dtype.kind in "iu":
        return part.cumsum(axis=1, dtype=dtype.newbyteorder("="))
    if predictor != 1:
        raise FormatError(f"a TIFF file with the predictor {predictor} can't be decoded: save it anew, not compressed")
    return part


def _turned(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn upright, as Pillow does."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
