"""Writing image files whose bytes depend on the pixels alone: not on the version of any library."""

import struct
from typing import Any, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.images.deflate import deflate
from imagecards.images.picture import Picture

_BAND = 1 << 22  # bytes that are filtered at once
_PHOTOMETRIC = {"grey": 1, "rgb": 2, "cmyk": 5, "bands": 1}
_KINDS = {"u": 1, "i": 2, "f": 3}
_LARGEST = (1 << 32) - (1 << 20)  # bytes; offsets in TIFF have 32 bits


def encode(picture: Picture, kind: Literal["PNG", "TIFF"] | None = None) -> bytes:
    """Write a picture as a file.

    Args:
        picture: The picture.
        kind: The format; PNG where that can hold it by default, else TIFF, not compressed.

    Raises:
        FormatError: It is not what this format can hold, or larger than a file can be.

    Example:
        >>> from imagecards.images import probe
        >>> probe(encode(Picture(np.zeros((30, 40, 1), np.float32), "grey", False)))
        ImageInfo(width=40, height=30, mode='F', format='TIFF')
    """
    if kind == "PNG" and not picture.is_plain:
        channels, dtype = picture.pixels.shape[2], picture.pixels.dtype
        raise FormatError(f"PNG holds grey and RGB of 8 and 16 bits, not {channels} channels of {dtype}: write TIFF")
    return encode_png(picture) if kind == "PNG" or (kind is None and picture.is_plain) else encode_tiff(picture)


def encode_png(picture: Picture) -> bytes:
    """Write a plain picture as PNG."""
    height, width, _ = picture.pixels.shape
    samples = picture.pixels
    kind = 2 * (picture.colour == "rgb") + 4 * picture.alpha
    header = struct.pack(">IIBBBBB", width, height, 8 * samples.itemsize, kind, 0, 0, 0)
    step = max(1, _BAND // (samples[0].nbytes or 1))
    lines = [_filtered(samples, top, min(top + step, height)) for top in range(0, height, step)]
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", deflate(b"".join(lines))), _chunk(b"IEND", b""))
    return b"".join((b"\x89PNG\r\n\x1a\n", *chunks))


def encode_tiff(picture: Picture) -> bytes:
    """Write a picture as TIFF, not compressed.

    Raises:
        FormatError: It is too large.
    """
    pixels = np.ascontiguousarray(picture.pixels)
    height, width, channels = pixels.shape
    if pixels.nbytes > _LARGEST:
        raise FormatError(f"an image of {pixels.nbytes:,} bytes is too large for a TIFF file: make it smaller")
    extra = channels - {"grey": 1, "rgb": 3, "cmyk": 4, "bands": 1}[picture.colour]
    entries = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8 * pixels.itemsize] * channels),
        (259, 3, [1]),
        (262, 3, [_PHOTOMETRIC[picture.colour]]),
        (273, 4, [0]),
        (277, 3, [channels]),
        (278, 4, [height]),
        (279, 4, [pixels.nbytes]),
        (284, 3, [1]),
        *([(338, 3, [2 if picture.alpha else 0] * extra)] if extra else []),
        (339, 3, [_KINDS[pixels.dtype.kind]] * channels),
    ]
    behind = 8 + 2 + 12 * len(entries) + 4
    bodies = [struct.pack(f"<{len(values)}{'H' if kind == 3 else 'I'}", *values) for _, kind, values in entries]
    start = -(-(behind + sum(len(body) for body in bodies if len(body) > 4)) // 16) * 16
    directory, lists = struct.pack("<H", len(entries)), b""
    for (tag, kind, values), body in zip(entries, bodies, strict=True):
        place = struct.pack("<I", behind + len(lists)) if len(body) > 4 else body.ljust(4, b"\0")
        if len(body) > 4:
            lists += body
        directory += struct.pack("<HHI", tag, kind, len(values))
        directory += struct.pack("<I", start) if tag == 273 else place
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    return b"".join((b"II*\0\x08\0\0\0", directory, b"\0\0\0\0", lists.ljust(start - behind, b"\0"), little.tobytes()))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + kind + body + crc32(kind + body).to_bytes(4, "big")


def _filtered(samples: NDArray[Any], top: int, bottom: int) -> bytes:
    """Rows as differences from their neighbours, each by the filter that leaves the smallest numbers."""
    rows = bottom - top
    size = samples.shape[2] * samples.itemsize
    band = samples[max(top - 1, 0) : bottom]
    here = np.ascontiguousarray(band.astype(band.dtype.newbyteorder(">"))).view(np.uint8).reshape(len(band), -1)
    padded = np.zeros((rows + 1, here.shape[1] + size), np.uint8)
    padded[-len(band) :, size:] = here  # with the row above, which the first one has not
    line, left, above, corner = padded[1:, size:], padded[1:, :-size], padded[:-1, size:], padded[:-1, :-size]
    wide = [part.astype(np.int16) for part in (left, above, corner)]
    guess = wide[0] + wide[1] - wide[2]
    far = [np.abs(guess - part) for part in wide]
    paeth = np.where((far[0] <= far[1]) & (far[0] <= far[2]), left, np.where(far[1] <= far[2], above, corner))
    mean = ((wide[0] + wide[1]) >> 1).astype(np.uint8)
    tried = [line, line - left, line - above, line - mean, line - paeth]
    costs = np.stack([np.abs(each.view(np.int8).astype(np.int16)).sum(axis=1, dtype=np.int64) for each in tried])
    chosen = costs.argmin(axis=0)
    result = np.empty((rows, 1 + line.shape[1]), np.uint8)
    result[:, 0] = chosen
    for number, each in enumerate(tried):
        result[chosen == number, 1:] = each[chosen == number]
    return result.tobytes()
