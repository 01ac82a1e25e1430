"""Reading what an image file says of itself, without decoding a pixel."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from imagecards.errors import FormatError
from imagecards.images.bmp import read_bmp
from imagecards.images.gif import read_gif
from imagecards.images.info import MAX_PIXELS, Content, ImageInfo, describe, sniff
from imagecards.images.jpeg import jpeg_ends, read_jpeg
from imagecards.images.png import png_ends, read_png
from imagecards.images.tiff import read_tiff, tile_of
from imagecards.images.webp import read_webp

_READERS: Mapping[str, Callable[[bytes], ImageInfo]] = MappingProxyType(
    {
        "JPEG": read_jpeg,
        "PNG": read_png,
        "TIFF": read_tiff,
        "WEBP": read_webp,
        "BMP": read_bmp,
        "GIF": read_gif,
    }
)


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS) -> ImageInfo:
    """Tell size, pixel type and format of an image from its file's bytes.

    The format is decided by the first bytes alone, and only that format's header is read: nothing is decoded,
    no frame or page is counted, and memory does not depend on the size that the header claims.

    Args:
        data: The whole file.
        max_pixels: Largest width x height that is accepted.

    Raises:
        FormatError: It is not an image of a known format, its header is damaged or cut short, or it, or a tile
            of it, has more than ``max_pixels`` pixels.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> Image.new("L", (40, 30)).save(file := BytesIO(), "PNG")
        >>> probe(file.getvalue())
        ImageInfo(width=40, height=30, mode='L', format='PNG')
    """
    info = read_header(data)
    reason = too_many_pixels(data, info, max_pixels)
    if reason is not None:
        raise FormatError(reason)
    return info


def read_header(data: bytes) -> ImageInfo:
    """Tell what `probe` tells, of an image of any size.

    Args:
        data: The whole file.

    Raises:
        FormatError: It is not an image of a known format, or its header is damaged or cut short.
    """
    kind = sniff(data)
    if kind is None:
        raise FormatError(f"this is not a JPEG, PNG, TIFF, WebP, BMP or GIF file: it is {describe(data)}")
    return _with_area(_READERS[kind](data))


def read_tiff_header(data: Content) -> ImageInfo:
    """Tell what `read_header` tells, of a TIFF file of which only the directory is looked at.

    Args:
        data: The file, which begins as a TIFF file does.

    Raises:
        FormatError: Its directory is damaged or cut short.
    """
    return _with_area(read_tiff(data))


def _with_area(info: ImageInfo) -> ImageInfo:
    if info.width <= 0 or info.height <= 0:
        raise FormatError(f"the {info.format} header is damaged: an image of {info.width} x {info.height} pixels")
    return info


def too_many_pixels(data: Content, info: ImageInfo, max_pixels: int) -> str | None:
    """Say that an image, or a tile of it, is larger than the limit, and what to do about it; ``None`` if it isn't.

    Args:
        data: The whole file.
        info: What its header says.
        max_pixels: The limit: a decoder takes memory for a whole image, and for a whole tile however small the image.
    """
    width, height, what = info.width, info.height, "the image has"
    tile = tile_of(data) if info.format == "TIFF" and width * height <= max_pixels else None
    if tile is not None:
        (width, height), what = tile, "the image has tiles of"
    if width * height <= max_pixels:
        return None
    return (
        f"{what} {width} x {height} = {width * height:,} pixels, and the limit is {max_pixels:,}: "
        "raise max_pixels if you trust its origin"
    )


def seems_complete(data: bytes, kind: str) -> bool:
    """Whether the end of an image file is there, for the formats that mark it.

    Half-copied files have a sound header and open without complaint. Some sound files lack the mark too
    (frames of web cameras), so this is ground for a warning, not for refusal.

    Args:
        data: The whole file.
        kind: Its format.
    """
    if kind == "JPEG":
        return jpeg_ends(data)
    return kind != "PNG" or png_ends(data)
