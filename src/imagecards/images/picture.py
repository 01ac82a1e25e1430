"""Pictures: the pixels of an image as numbers, of the type that its file has."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.images.decode import decode
from imagecards.images.header import probe
from imagecards.images.info import MAX_PIXELS
from imagecards.images.png_samples import png_samples
from imagecards.images.tiff_samples import tiff_samples

Colour = Literal["grey", "rgb", "cmyk", "bands"]

_BYTES_A_PIXEL = 16  # that are accepted
_DIRECT: dict[str, tuple[Colour, bool]] = {
    "L": ("grey", False),
    "LA": ("grey", True),
    "RGB": ("rgb", False),
    "RGBA": ("rgb", True),
    "CMYK": ("cmyk", False),
    "I;16": ("grey", False),
    "I;16B": ("grey", False),
    "I": ("grey", False),
    "F": ("grey", False),
}


@dataclass(frozen=True, eq=False)
class Picture:
    """The pixels of an image.

    Attributes:
        pixels: Shape (height, width, channels), uint8, uint16, float32 or whatever the file has.
        colour: What the channels are; ``bands`` are just numbers.
        alpha: Whether the last channel is the opacity.
    """

    pixels: NDArray[Any]
    colour: Colour
    alpha: bool

    @property
    def is_plain(self) -> bool:
        """Whether PNG can hold it: grey or RGB, with opacity or without, of 8 or 16 bits."""
        return self.pixels.dtype in (np.uint8, np.uint16) and self.colour in ("grey", "rgb")


def read_picture(data: bytes, *, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode the first image of a file to what its samples are, without rounding any of them.

    A palette becomes its colours, a bitmap grey, YCbCr RGB. Colour profiles and orientation by EXIF are left aside, as
    sizes of images are everywhere here.

    Args:
        data: The whole file.
        max_pixels: Largest width x height that is accepted.

    Raises:
        FormatError: It is not an acceptable image, is damaged, or can't be decoded without loss.

    Example:
        >>> from io import BytesIO
        >>> from PIL import Image
        >>> Image.new("I;16", (40, 30), 60000).save(file := BytesIO(), "PNG")
        >>> read_picture(file.getvalue()).pixels[0, 0].tolist()
        [60000]
    """
    info = probe(data, max_pixels=max_pixels)
    if info.format == "PNG" and data[24] == 16 and data[25] != 0:
        pixels = png_samples(data, info.width, info.height)
        return Picture(pixels, "grey" if data[25] == 4 else "rgb", data[25] != 2)
    if info.format == "TIFF":
        found = tiff_samples(data, _BYTES_A_PIXEL * max_pixels)
        if found is not None:
            return Picture(*found)
    image = decode(data, max_pixels=max_pixels)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.mode == "PA" or "transparency" in image.info else "RGB")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("YCbCr", "RGBX"):
        image = image.convert("RGB")
    if image.mode not in _DIRECT:
        raise FormatError(f"an image of the type {image.mode} can't be taken apart into pixels: convert it to RGB")
    pixels = np.asarray(image)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    return Picture(pixels.reshape(*pixels.shape[:2], -1), *_DIRECT[image.mode])
