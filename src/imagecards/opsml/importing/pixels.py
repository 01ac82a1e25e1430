"""Pixels in memory, as opsml 2 kept them, to image files that lose none of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imagecards.errors import FormatError
from imagecards.images import MAX_PIXELS
from imagecards.images.encode import encode
from imagecards.images.picture import Colour, Picture
from imagecards.opsml.importing.shards import ShardRow
from imagecards.records.issues import shown


@dataclass(frozen=True)
class Mode:
    """A type of pixels.

    Attributes:
        dtype: The type of a sample.
        channels: How many samples a pixel has.
        colour: What they are.
        alpha: Whether the last one is the opacity.
        ending: Of the file that holds them.
    """

    dtype: str
    channels: int
    colour: Colour
    alpha: bool
    ending: str = ".png"


MODES: Mapping[str, Mode] = {
    "1": Mode("u1", 1, "grey", False),
    "L": Mode("u1", 1, "grey", False),
    "P": Mode("u1", 1, "grey", False),
    "LA": Mode("u1", 2, "grey", True),
    "RGB": Mode("u1", 3, "rgb", False),
    "RGBA": Mode("u1", 4, "rgb", True),
    "I;16": Mode("<u2", 1, "grey", False),
    "I;16B": Mode(">u2", 1, "grey", False),
    "CMYK": Mode("u1", 4, "cmyk", False, ".tiff"),
    "I": Mode("<i4", 1, "grey", False, ".tiff"),
    "F": Mode("<f4", 1, "grey", False, ".tiff"),
}
"""What is imported, by Pillow's names: as PNG, or as TIFF where PNG can't hold it.

Of an image with a palette only the numbers of its colours were kept: they are grey values here.
"""


def mode_of(row: ShardRow) -> Mode:
    """The type of the pixels of a row.

    Raises:
        FormatError: There is none of that name that could be imported without a loss.
    """
    mode = MODES.get(row.mode)
    if mode is None:
        raise FormatError(
            f"{row.place}: pixels of the type {shown(row.mode)} can't be imported without a loss: there are "
            f"{', '.join(MODES)}"
        )
    return mode


def encoded(row: ShardRow) -> bytes:
    """The image file of a row.

    Raises:
        FormatError: Its sides are impossible, or its bytes are not so many pixels.
    """
    mode = mode_of(row)
    height, width = row.height, row.width
    if height < 1 or width < 1 or height * width > MAX_PIXELS:
        raise FormatError(
            f"{row.place}: an image has 1 to {MAX_PIXELS:,} pixels, and {width:,} x {height:,} are said to be there"
        )
    line = -(-width // 8) if row.mode == "1" else width * mode.channels * np.dtype(mode.dtype).itemsize
    if len(row.data) != height * line:
        raise FormatError(
            f"{row.place}: {width:,} x {height:,} pixels of the type {row.mode} are {height * line:,} bytes, and "
            f"{len(row.data):,} are there: the shard is damaged"
        )
    samples = np.frombuffer(row.data, mode.dtype)
    if row.mode == "1":
        bits = np.unpackbits(samples.reshape(height, line), axis=1, count=width)
        samples = (bits * np.uint8(255)).reshape(-1)
    pixels = samples.reshape(height, width, mode.channels)
    return encode(Picture(pixels.astype(pixels.dtype.newbyteorder("=")), mode.colour, mode.alpha))
