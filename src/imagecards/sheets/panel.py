"""One image of a sheet, with its boxes, masks, classes and caption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imagecards.geometry import Runs, runs_to_mask
from imagecards.images import Picture
from imagecards.sheets.lettering import fitted, font, printable, wrapped
from imagecards.sheets.palette import Ink, Paint
from imagecards.sheets.shrinking import eight_bits, fitting, in_size

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

NAME_SIZE, TEXT_SIZE, TAG_SIZE = 13, 12, 11  # pixels
CAPTION_LINES = 2
BELOW = NAME_SIZE + 6 + CAPTION_LINES * (TEXT_SIZE + 4) + 8
"""How many pixels a panel has below its image."""

_COVER = 96  # of 255, that a mask covers of what is below it
_MOST_TAGS = 6  # more would hide the image; the legend tells the colours
_INK: Ink = (30, 30, 30)
_PALE: Ink = (105, 105, 105)
_WRONG: Ink = (170, 30, 30)


@dataclass(frozen=True)
class Drawn:
    """An object.

    Attributes:
        label: Its class.
        box: Left, top, width, height, in pixels of the image.
        mask: Its pixels, where they are known.
    """

    label: str
    box: tuple[float, float, float, float]
    mask: Runs | None = None


@dataclass(frozen=True, eq=False)
class Panel:
    """What is shown of an image.

    Attributes:
        name: Its file name.
        picture: Its pixels; or what is wrong with it.
        objects: What is in it.
        classes: What it is as a whole.
        caption: What is said of it.
    """

    name: str
    picture: Picture | str
    objects: Sequence[Drawn] = ()
    classes: Sequence[str] = ()
    caption: str = ""


def draw_image(panel: Panel, width: int, height: int, colours: Mapping[str, Paint]) -> NDArray[np.uint8] | None:
    """The image of a panel with its masks, as large as fits; nothing where there is none.

    Returns:
        Shape (height, width, 3).
    """
    if isinstance(panel.picture, str):
        return None
    pixels = eight_bits(panel.picture)
    wide, high = fitting(pixels.shape[1], pixels.shape[0], width, height)
    small = in_size(pixels, wide, high).astype(np.int64)
    for each in panel.objects:
        if each.mask is not None:
            cover = in_size(runs_to_mask(each.mask)[..., None].astype(np.uint8) * _COVER, wide, high).astype(np.int64)
            small += (np.array(colours[each.label].fill) - small) * cover // 255
    return small.astype(np.uint8)


def draw_marks(
    draw: "ImageDraw", panel: Panel, place: tuple[int, int], size: tuple[int, int], colours: Mapping[str, Paint]
) -> None:
    """Draw boxes and their classes over an image.

    Args:
        draw: The sheet.
        panel: What is shown.
        place: Left and top of the image on the sheet.
        size: Width and height of the image on the sheet.
        colours: Those of the classes.
    """
    if isinstance(panel.picture, str):
        return
    high, wide = panel.picture.pixels.shape[:2]
    left, top = place
    right, bottom = left + size[0] - 1, top + size[1] - 1
    for each in panel.objects:
        x, y, width, height = each.box
        corners = [
            min(max(left + round(x * size[0] / wide), left), right),
            min(max(top + round(y * size[1] / high), top), bottom),
            min(max(left + round((x + width) * size[0] / wide) - 1, left), right),
            min(max(top + round((y + height) * size[1] / high) - 1, top), bottom),
        ]
        corners[2:] = [max(corners[0], corners[2]), max(corners[1], corners[3])]
        paint = colours[each.label]
        draw.rectangle(corners, outline=paint.fill, width=2)
        if len(panel.objects) <= _MOST_TAGS:
            _tag(draw, each.label, (corners[0], corners[1]), (left, top, right), paint)


def _tag(draw: "ImageDraw", label: str, corner: tuple[int, int], inside: tuple[int, int, int], paint: Paint) -> None:
    text = fitted(printable(label), TAG_SIZE, (inside[2] - inside[0]) // 2)
    width, height = int(font(TAG_SIZE).getlength(text)) + 6, TAG_SIZE + 4
    left = max(min(corner[0], inside[2] - width), inside[0])
    top = corner[1] - height if corner[1] - height >= inside[1] else corner[1]
    draw.rectangle((left, top, left + width, top + height - 1), fill=paint.fill)
    draw.text((left + 3, top + height // 2), text, fill=paint.text, font=font(TAG_SIZE), anchor="lm")


def draw_words(draw: "ImageDraw", panel: Panel, left: int, top: int, width: int) -> None:
    """Draw the name of an image and what is said of it, below it."""
    draw.text((left, top + 3), _end_of(panel.name, width), fill=_INK, font=font(NAME_SIZE))
    wrong = isinstance(panel.picture, str)
    said = [str(panel.picture)] if wrong else [", ".join(panel.classes), panel.caption]
    text = " - ".join(part for part in map(printable, said) if part)
    for number, line in enumerate(wrapped(text, TEXT_SIZE, width, CAPTION_LINES)):
        place = (left, top + NAME_SIZE + 7 + number * (TEXT_SIZE + 4))
        draw.text(place, line, fill=_WRONG if wrong else _PALE, font=font(TEXT_SIZE))


def _end_of(name: str, width: int) -> str:
    """A name that fits; of a long one its end, which is what tells files of a folder apart."""
    shown = printable(name)
    if font(NAME_SIZE).getlength(shown) <= width:
        return shown
    return "..." + fitted(shown[::-1], NAME_SIZE, width).removesuffix("...")[::-1]
