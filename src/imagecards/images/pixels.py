"""Pixels for a training loop: decoded by the fastest library that gives the same ones, in colours as asked for."""

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from imagecards.errors import FormatError, InvalidInputError
from imagecards.images.header import probe
from imagecards.images.info import MAX_PIXELS, ImageInfo
from imagecards.images.picture import Picture, read_picture

ColourMode = Literal["rgb", "grey", "stored"]
Room = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]

_PNG_CHANNELS = {0: 1, 2: 3, 6: 4}
_PNG_PLAIN = frozenset({b"IHDR", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"sRGB", b"gAMA", b"cHRM"})


def read_pixels(
    data: bytes, colour: ColourMode = "stored", *, max_pixels: int = MAX_PIXELS, room: Room = np.empty
) -> NDArray[Any]:
    """Decode the first image of a file.

    JPEG is decoded by simplejpeg and PNG by OpenCV where these are installed and the file is of a kind for which they
    give what Pillow gives, pixel by pixel; everything else, and what they refuse, by Pillow and by us. So the pixels do
    not depend on what is installed.

    Args:
        data: The whole file.
        colour: ``rgb`` gives three channels and ``grey`` one; opacity is left out, and grey is what Pillow makes of
            colours. ``stored`` gives the channels that the file has.
        max_pixels: Largest width x height that is accepted.
        room: Makes the array that the pixels are put into; the decoder writes to it if it can.

    Returns:
        Shape (height, width, channels), of the type of the file's samples: uint8, uint16, float32.

    Raises:
        FormatError: It is not an acceptable image, is damaged, or has no colours of that kind.
        InvalidInputError: There is no such ``colour``.

    Example:
        >>> from imagecards.images import encode
        >>> grey = np.full((2, 3, 1), 60_000, np.uint16)
        >>> read_pixels(encode(Picture(grey, "grey", False)), "rgb")[0, 0].tolist()
        [60000, 60000, 60000]
    """
    if colour not in ("rgb", "grey", "stored"):
        raise InvalidInputError(f"colour is 'rgb', 'grey' or 'stored', not {colour!r}")
    info = probe(data, max_pixels=max_pixels)
    direct = info.format == "JPEG" and colour in ("stored", {"RGB": "rgb", "L": "grey"}.get(info.mode))
    quick = _quick(data, info, room if direct else np.empty)
    picture = quick or read_picture(data, max_pixels=max_pixels)
    if colour == "stored":
        pixels = picture.pixels
    else:
        pixels = _as_rgb(picture) if colour == "rgb" else _as_grey(picture)
    if room is np.empty or (direct and quick):
        return pixels
    placed = room(pixels.shape, pixels.dtype)
    placed[...] = pixels
    return placed


def _quick(data: bytes, info: ImageInfo, room: Room) -> Picture | None:
    """What another library than Pillow makes of a file; nothing where it is not known to make the same."""
    if info.format == "JPEG" and info.mode in ("RGB", "L"):
        decoder = _library("simplejpeg")
        if decoder is None:
            return None
        kind, channels = ("RGB", 3) if info.mode == "RGB" else ("GRAY", 1)
        room_for_it = room((info.height, info.width, channels), np.uint8)
        try:  # it is strict: what it takes without complaint, Pillow decodes to the same
            pixels = decoder.decode_jpeg(data, colorspace=kind, buffer=room_for_it)
        except ValueError:
            return None
        return Picture(pixels, "rgb" if channels == 3 else "grey", False) if _fits(pixels, info) else None
    if info.format == "PNG" and _is_plain_png(data):
        decoder = _library("cv2")
        if decoder is None:
            return None
        try:
            found = decoder.imdecode(np.frombuffer(data, np.uint8), decoder.IMREAD_UNCHANGED)
        except decoder.error:
            return None
        channels = _PNG_CHANNELS[data[25]]
        if found is None or not _fits(found, info) or found.size != info.width * info.height * channels:
            return None
        pixels = found.reshape(info.height, info.width, channels)
        if channels > 1:  # it has blue first
            pixels = pixels[..., [2, 1, 0, 3][:channels]]
        return Picture(pixels, "rgb" if channels > 1 else "grey", channels == 4)
    return None


@lru_cache
def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        return None


def _fits(pixels: NDArray[Any], info: ImageInfo) -> bool:
    return pixels.shape[:2] == (info.height, info.width)


def _is_plain_png(data: bytes) -> bool:
    """Whether a PNG file has samples of 8 or 16 bits, no palette, and nothing that changes what they mean."""
    if data[24] not in (8, 16) or data[25] not in _PNG_CHANNELS or data[28]:
        return False
    position = 8
    while (kind := data[position + 4 : position + 8]) in _PNG_PLAIN:
        position += 12 + int.from_bytes(data[position : position + 4], "big")
    return kind == b"IDAT"


def _as_rgb(picture: Picture) -> NDArray[Any]:
    pixels = picture.pixels
    if picture.colour == "rgb":
        return pixels[..., :3]
    if picture.colour == "grey":
        return np.repeat(pixels[..., :1], 3, axis=2)
    if picture.colour == "cmyk" and pixels.dtype == np.uint8 and pixels.shape[2] == 4:
        from PIL import Image

        return np.asarray(Image.fromarray(np.ascontiguousarray(pixels), "CMYK").convert("RGB"))
    raise FormatError(
        f"an image of {pixels.shape[2]} channels ({picture.colour}, {pixels.dtype}) has no colours that are known: "
        "take it as it is stored"
    )


def _as_grey(picture: Picture) -> NDArray[Any]:
    if picture.colour == "grey":
        return picture.pixels[..., :1]
    colours = _as_rgb(picture)
    if colours.dtype.kind == "f":
        weights = np.array([0.299, 0.587, 0.114], colours.dtype)
        summed: NDArray[Any] = (colours * weights).sum(axis=2, keepdims=True, dtype=colours.dtype)
        return summed
    if colours.dtype not in (np.uint8, np.uint16):
        raise FormatError(f"colours of {colours.dtype} have no grey that is agreed upon: take them as they are stored")
    red, green, blue = (colours[..., channel].astype(np.uint32) for channel in range(3))
    grey = (19_595 * red + 38_470 * green + 7_471 * blue + 32_768) >> 16
    return grey.astype(colours.dtype)[..., None]
