"""The header of a PNG file."""

from zlib import crc32

from imagecards.errors import FormatError
from imagecards.images.info import ImageInfo

# (bits a sample, colour type) -> the mode in which Pillow opens it
_MODES = {
    (1, 0): "1",
    (2, 0): "L",
    (4, 0): "L",
    (8, 0): "L",
    (16, 0): "I;16",
    (8, 2): "RGB",
    (16, 2): "RGB",
    (1, 3): "P",
    (2, 3): "P",
    (4, 3): "P",
    (8, 3): "P",
    (8, 4): "LA",
    (16, 4): "RGBA",
    (8, 6): "RGBA",
    (16, 6): "RGBA",
}

_MAX_CHUNKS = 10_000  # before the image data; real files have fewer than a hundred
_END = b"\0\0\0\0IEND\xaeB`\x82"


def read_png(data: bytes) -> ImageInfo:
    """Read the chunks of a PNG file up to the image data, checksums included.

    The chunks are walked here, not in Pillow, for the same reason as in `imagecards.images.jpeg`.

    Args:
        data: The file.

    Raises:
        FormatError: The header is damaged or cut short.
    """
    if len(data) < 33:
        raise FormatError("the PNG header is cut short")
    if data[8:16] != b"\0\0\0\rIHDR":
        raise FormatError("the PNG header is damaged: the file does not begin with an IHDR chunk")
    mode = _MODES.get((data[24], data[25]))
    if mode is None:
        raise FormatError(f"PNG with {data[24]} bits and colour type {data[25]} does not exist")
    if data[26] or data[27] or data[28] > 1:
        raise FormatError("the PNG header is damaged: unknown compression, filter or interlace method")
    position, end = 8, len(data)
    for _ in range(_MAX_CHUNKS):
        if position + 12 > end:
            raise FormatError("the PNG header is cut short: the file ends before the image data")
        kind = data[position + 4 : position + 8]
        if kind == b"IDAT":
            width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
            return ImageInfo(width, height, mode, "PNG")
        checksum = position + 8 + int.from_bytes(data[position : position + 4], "big")
        if checksum + 4 > end:
            raise FormatError(f"the PNG header is cut short in its {kind!r} chunk at byte {position}")
        if crc32(data[position + 4 : checksum]) != int.from_bytes(data[checksum : checksum + 4], "big"):
            raise FormatError(f"the PNG header is damaged: checksum of the {kind!r} chunk at byte {position}")
        if kind == b"IEND" or (kind == b"IHDR" and position != 8) or not kind.isalpha():
            raise FormatError(f"the PNG header is damaged: chunk {kind!r} at byte {position}")
        position = checksum + 4
    raise FormatError(f"the PNG file has more than {_MAX_CHUNKS:,} chunks before its image data")


def png_ends(data: bytes) -> bool:
    """Whether a PNG file has its end chunk."""
    return data.endswith(_END) or _END in data
