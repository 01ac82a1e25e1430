"""What of an object is left in a window of its image."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from imagecards.geometry import Runs, area, bounds, cut, polygon_bounds, runs_of
from imagecards.transforms.edited_source import Window
from imagecards.transforms.outlines import encoded_row, outline_of, polygons_row
from imagecards.transforms.reshaping import Group, Made


@dataclass(frozen=True)
class CutObject:
    """An object that is cut to one window or to several.

    A box is cut to the window. Run lengths are cut exactly; polygons that lie inside are moved, and others are cut to
    the pixels that pycocotools fills and traced along these. A cut object has the box around what is left of its
    outline, and its area, where one is stated, is that of its pixels, or its share of what was stated.

    Attributes:
        entry: The object, as a row of its column.
        whole: Width and height of its image, in pixels.
        min_share: How much of it must be left: a share of its pixels, or of its box where it has no outline.
    """

    entry: dict[str, Any]
    whole: tuple[int, int]
    min_share: float

    def pieces(self, group: Group) -> Iterator[tuple[int, dict[str, Any]]]:
        """What is left of it in each image that is made of its own, where anything is, with the place of the image.

        Raises:
            FormatError: Its outline can't be drawn into the image.
        """
        for place in group.near(self._extent):
            left = self.within(group.images[place])
            if left is not None:
                yield place, left

    def within(self, made: Made) -> dict[str, Any] | None:
        """What is left of it in a window; ``None`` where that is nothing, or too little.

        An outline that is to be traced is the `Runs` of its mask: many are traced faster at once.

        Raises:
            FormatError: Its outline can't be drawn into the image.
        """
        entry, outline = self.entry, self._outline
        box, share = cut_box(entry["bbox"], made.window)
        if outline is None:
            if not share or share < self.min_share:
                return None
            stated = {"area": entry["area"] * share} if share < 1 and entry.get("area") is not None else {}
            return {**entry, "bbox": box, **stated}
        if not _overlap(self._extent, made.window):
            return None
        if not isinstance(outline, Mapping) and _lies_within(self._extent, made.window):
            x, y = made.window[:2]
            moved = [[number - (y if index % 2 else x) for index, number in enumerate(each)] for each in outline]
            return {**entry, "bbox": box, "segmentation": polygons_row(moved)}
        left = cut(self._runs, *made.window)
        before, after = area(self._runs), area(left)
        if before or not isinstance(outline, Mapping):  # of a mask without pixels, the box tells where it is
            share = after / max(before, 1)
        if not share or share < self.min_share:
            return None
        like = entry["segmentation"]
        changed: dict[str, Any] = {
            "bbox": box,
            "segmentation": encoded_row(left, like) if isinstance(outline, Mapping) else left,
        }
        if after < before:
            changed["bbox"] = [float(number) for number in bounds(left)]
            if entry.get("area") is not None:
                changed["area"] = float(after)
        return {**entry, **changed}

    @cached_property
    def _outline(self) -> Any:
        return outline_of(self.entry.get("segmentation"))

    @cached_property
    def _runs(self) -> Runs:
        return runs_of(self._outline, self.whole[1], self.whole[0])

    @cached_property
    def _extent(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the outline, or of the box where there is none with a pixel."""
        if self._outline is None or (isinstance(self._outline, Mapping) and not area(self._runs)):
            x, y, width, height = self.entry["bbox"]
        elif isinstance(self._outline, Mapping):
            x, y, width, height = map(float, bounds(self._runs))
        else:
            x, y, width, height = map(float, polygon_bounds(self._outline))
        return x, y, x + width, y + height


def cut_box(box: list[float], window: Window) -> tuple[list[float], float]:
    """The part of a box that lies in a window, in pixels of the window, and which share of it that is.

    A box without an area is in or out as its left top corner is, so that it is in one of several tiles.

    Example:
        >>> cut_box([8, 2, 4, 4], (0, 0, 10, 10))
        ([8, 2, 2, 4], 0.5)
    """
    (left, top, wide, high), (x, y, width, height) = box, window
    if left >= x and top >= y and left + wide <= x + width and top + high <= y + height and wide * high > 0:
        return [left - x, top - y, wide, high], 1.0
    first, last = max(left, x), min(left + wide, x + width)
    begin, end = max(top, y), min(top + high, y + height)
    part = [first - x, begin - y, max(last - first, 0), max(end - begin, 0)]
    if not wide * high > 0:
        return part, float(x <= left < x + width and y <= top < y + height)
    return part, part[2] * part[3] / (wide * high)


def _overlap(extent: tuple[float, float, float, float], window: Window) -> bool:
    """Whether an outline may have pixels in a window: those of polygons lie up to one beyond them."""
    x, y, width, height = window
    return extent[0] <= x + width + 1 and extent[2] >= x - 1 and extent[1] <= y + height + 1 and extent[3] >= y - 1


def _lies_within(extent: tuple[float, float, float, float], window: Window) -> bool:
    x, y, width, height = window
    return extent[0] >= x and extent[1] >= y and extent[2] <= x + width and extent[3] <= y + height
