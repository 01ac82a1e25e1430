"""The header of a WebP file."""

from imagecards.errors import FormatError
from imagecards.images.info import ImageInfo

_MAX_CHUNKS = 10_000


def read_webp(data: bytes) -> ImageInfo:
    """Read the first chunks of a WebP file: lossy, lossless or extended (with alpha, animated).

    Pillow is not asked: it creates a decoder with room for the whole canvas only to learn its size.

    Args:
        data: The file.

    Raises:
        FormatError: The header is damaged, or the file is shorter than it says.
    """
    size = int.from_bytes(data[4:8], "little")
    if size < 12 or len(data) < 30 or size + 8 > len(data):
        raise FormatError("the WebP file is cut short")
    end = size + 8
    kind = data[12:16]
    if kind != b"VP8X":
        return _image(data, 12, end)
    canvas = int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    alpha = bool(data[20] & 0x10)
    if data[20] & 0x02:  # animated: the canvas is the image, frames come later
        return ImageInfo(*canvas, "RGBA" if alpha else "RGB", "WEBP")
    position = 12
    for _ in range(_MAX_CHUNKS):
        kind = data[position : position + 4]
        if kind in (b"VP8 ", b"VP8L"):
            info = _image(data, position, end)
            if (info.width, info.height) != canvas:
                raise FormatError(f"the WebP header is damaged: canvas {canvas}, image {info[:2]}")
            # A lossless image says itself whether it has alpha; a lossy one has it in a chunk of its own.
            transparent = info.mode == "RGBA" if kind == b"VP8L" else alpha
            return info._replace(mode="RGBA" if transparent else "RGB")
        alpha = alpha or kind == b"ALPH"
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + length + (length & 1)
        if position + 8 > end:
            break
    raise FormatError("the WebP header is damaged: no image in the file")


def _image(data: bytes, position: int, end: int) -> ImageInfo:
    kind = data[position : position + 4]
    start = position + 8
    if start + int.from_bytes(data[position + 4 : start], "little") > end or start + 10 > end:
        raise FormatError("the WebP file is cut short")
    if kind == b"VP8 ":
        if data[start] & 1 or data[start + 3 : start + 6] != b"\x9d\x01\x2a":
            raise FormatError("the WebP header is damaged: its first frame does not stand alone")
        width = (data[start + 6] | data[start + 7] << 8) & 0x3FFF
        height = (data[start + 8] | data[start + 9] << 8) & 0x3FFF
        return ImageInfo(width, height, "RGB", "WEBP")
    if kind == b"VP8L":
        bits = int.from_bytes(data[start + 1 : start + 5], "little")
        if data[start] != 0x2F or bits >> 29:
            raise FormatError("the WebP header is damaged: unknown lossless signature")
        mode = "RGBA" if bits >> 28 & 1 else "RGB"
        return ImageInfo((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, mode, "WEBP")
    raise FormatError(f"the WebP header is damaged: unknown chunk {kind!r}")
