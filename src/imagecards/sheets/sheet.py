"""The sheet: panels in rows, and a legend."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imagecards.errors import InvalidInputError
from imagecards.sheets.lettering import fitted, font, printable
from imagecards.sheets.palette import Paint, paints
from imagecards.sheets.panel import BELOW, TEXT_SIZE, Panel, draw_image, draw_marks, draw_words

if TYPE_CHECKING:
    from PIL import Image
    from PIL.ImageDraw import ImageDraw

NARROWEST = 200
"""How wide a sheet must be at least, in pixels."""

_GAP = 12
_LEGEND_ROW = TEXT_SIZE + 10
_MOST_LEGENDS = 40
_PAPER = (255, 255, 255)
_EMPTY = (238, 238, 238)


def draw_sheet(panels: Sequence[Panel], *, width: int = 1_000) -> "Image.Image":
    """Draw images with their boxes, masks, classes and captions side by side.

    The same panels give the same pixels.

    Args:
        panels: What is shown, in order.
        width: Of the sheet, in pixels; it is as high as it has to be.

    Returns:
        An RGB image.

    Raises:
        InvalidInputError: The sheet would be too narrow.

    Example:
        >>> draw_sheet([Panel("a.png", "it is no image")], width=320).width
        320
    """
    from PIL import Image, ImageDraw

    if width < NARROWEST:
        raise InvalidInputError(f"a sheet of {width} pixels can't be read: make it at least {NARROWEST} wide")
    columns = _columns(len(panels))
    cell = (width - _GAP * (columns + 1)) // columns
    used = sorted({each.label for panel in panels for each in panel.objects})
    colours = paints(used)
    drawn = [draw_image(panel, cell, cell * 3 // 4, colours) for panel in panels]
    pairs = list(zip(panels, drawn, strict=True))
    rows = [pairs[begin : begin + columns] for begin in range(0, len(pairs), columns)]
    heights = [max(cell // 3 if image is None else len(image) for _, image in row) for row in rows]
    legend = _legend_rows(used[:_MOST_LEGENDS], width - 2 * _GAP)
    height = _GAP + sum(each + BELOW for each in heights) + len(legend) * _LEGEND_ROW
    sheet = Image.new("RGB", (width, height + _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    top = _GAP
    for row, high in zip(rows, heights, strict=True):
        for column, (panel, image) in enumerate(row):
            left = _GAP + column * (cell + _GAP)
            draw.rectangle((left, top, left + cell - 1, top + high - 1), fill=_EMPTY)
            if image is not None:
                place = (left + (cell - image.shape[1]) // 2, top + (high - len(image)) // 2)
                sheet.paste(Image.fromarray(image), place)
                draw_marks(draw, panel, place, (image.shape[1], len(image)), colours)
            draw_words(draw, panel, left, top + high, cell)
        top += high + BELOW
    for line in legend:
        _draw_legend(draw, line, top, colours)
        top += _LEGEND_ROW
    return sheet


def _columns(count: int) -> int:
    """How many panels stand side by side."""
    return next((columns for columns, most in ((1, 1), (2, 4), (3, 9)) if count <= most), 4)


def _legend_rows(classes: Sequence[str], width: int) -> list[list[tuple[int, str, str]]]:
    """Lines of a legend: where each class begins, the class, and what is written of it."""
    rows: list[list[tuple[int, str, str]]] = []
    position = width
    for name in classes:
        text = fitted(printable(name), TEXT_SIZE, width - 2 * TEXT_SIZE)
        needed = 2 * TEXT_SIZE + int(font(TEXT_SIZE).getlength(text)) + _GAP
        if position + needed > width or not rows:
            rows.append([])
            position = 0
        rows[-1].append((_GAP + position, name, text))
        position += needed
    return rows


def _draw_legend(
    draw: "ImageDraw", line: Sequence[tuple[int, str, str]], top: int, colours: Mapping[str, Paint]
) -> None:
    for left, name, text in line:
        draw.rectangle((left, top + 3, left + TEXT_SIZE, top + 3 + TEXT_SIZE), fill=colours[name].fill)
        middle = top + 3 + TEXT_SIZE // 2
        draw.text((left + TEXT_SIZE + 6, middle), text, fill=(30, 30, 30), font=font(TEXT_SIZE), anchor="lm")
