"""The header of a GIF file, up to its first image."""

from imagecards.errors import FormatError
from imagecards.images.info import ImageInfo

_GREYS = bytes(level for level in range(256) for _ in "rgb")
_MAX_BLOCKS = 100_000  # before the first image; a comment of a megabyte has some 4,000


def read_gif(data: bytes) -> ImageInfo:
    """Read a GIF file up to the description of its first image; frames are not counted.

    Pillow is not asked: it warns of large images through `warnings`, whose filters are one for all threads.

    Args:
        data: The file.

    Raises:
        FormatError: The header is damaged or cut short.
    """
    try:
        return _read(data)
    except IndexError:
        raise FormatError("the GIF header is cut short: the file ends before its first image") from None


def _read(data: bytes) -> ImageInfo:
    width, height = data[6] | data[7] << 8, data[8] | data[9] << 8
    flags = data[10]
    position = 13
    palette = b""
    if flags & 0x80:
        palette = data[13 : 13 + (6 << (flags & 7))]
        position += 6 << (flags & 7)
    blocks = 0
    while data[position] == 0x21:  # extensions: a label, then sub-blocks up to an empty one
        position += 2
        while size := data[position]:
            position += size + 1
            blocks += 1
            if blocks > _MAX_BLOCKS:
                raise FormatError(f"the GIF file has more than {_MAX_BLOCKS:,} blocks before its first image")
        position += 1
        blocks += 1
    if data[position] != 0x2C:
        raise FormatError(f"the GIF header is damaged: byte {position} starts no block")
    if not width or not height:
        raise FormatError(f"the image is {width} x {height} pixels: it has no area")
    left, top, columns, rows = (data[position + place] | data[position + place + 1] << 8 for place in (1, 3, 5, 7))
    flags = data[position + 9]
    position += 10
    if flags & 0x80:
        palette = data[position : position + (6 << (flags & 7))]
        position += 6 << (flags & 7)
    if position >= len(data):  # the code size of the first image has to be there
        raise IndexError
    # A first image that reaches beyond the screen makes the screen larger, as Pillow and browsers have it.
    return ImageInfo(max(width, left + columns), max(height, top + rows), _mode(palette), "GIF")


def _mode(palette: bytes) -> str:
    return "L" if _GREYS.startswith(palette) else "P"
