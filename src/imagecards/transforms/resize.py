"""Resize: images in another size."""

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from imagecards.datasets import ImageDataset, Step
from imagecards.errors import InvalidMetadataError
from imagecards.geometry import ScaleRule, area, bounds, runs_of, scaled
from imagecards.images import MAX_PIXELS
from imagecards.records import Issue
from imagecards.transforms.crop import LARGEST_SIDE
from imagecards.transforms.names import kinds_of
from imagecards.transforms.outlines import encoded_row, outline_of, polygons_row
from imagecards.transforms.reshaping import Group, Made, reshaped, too_large
from imagecards.transforms.sizes import image_sizes

_Side = Annotated[int, Field(ge=1, le=LARGEST_SIDE)]


class Resize(Step):
    """Give images another size, and objects with them.

    Say one of three: ``width`` and ``height``; ``scale``, a factor for both; or ``longest``, the longer side, which
    keeps the proportions. Sides are rounded to the nearest pixel, halves up, and are at least 1. An image that has the
    size already stays the same file; others are new files, PNG or TIFF, with the type of numbers and the channels of
    the original.

    Boxes and polygons are multiplied. Masks of run lengths are drawn anew: by ``nearest``, a pixel is that in which its
    centre lies; by ``area``, it belongs to the mask if at least half of it does; by ``any-overlap``, if any part of it
    does, which keeps stripes and specks that are thinner than a pixel of the result. Such an object has the box around
    its new mask.

    Attributes:
        width: Of each image, in pixels.
        height: Of each image, in pixels.
        scale: What both sides are multiplied by.
        longest: The longer side of each image, in pixels.
        antialias: Whether all pixels that fall into one are weighed (a cubic, as Pillow's ``BICUBIC``). Without, each
            pixel is one of the original's: for images whose numbers are names.
        masks: How masks of run lengths are drawn anew.
        lost: What is done about a mask that has no pixel left: the step is refused, or the object dropped.

    Example:
        >>> Resize(longest=512, masks="any-overlap").antialias
        True
    """

    step_name: ClassVar[str] = "resize"

    width: _Side | None = None
    height: _Side | None = None
    scale: Annotated[float, Field(gt=0, le=1000)] | None = None
    longest: _Side | None = None
    antialias: bool = True
    masks: ScaleRule = "area"
    lost: Literal["refuse", "drop"] = "refuse"

    @model_validator(mode="after")
    def _one_of_three(self) -> "Resize":
        if (self.width is None) != (self.height is None):
            raise ValueError("width and height belong together: give both, or scale, or longest")
        if sum(each is not None for each in (self.width, self.scale, self.longest)) != 1:
            raise ValueError("give one of three: width and height, or scale, or longest")
        return self

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of the new size.

        Raises:
            InvalidMetadataError: An image would be too large, a mask would be lost, or an outline can't be drawn.
        """
        plan = []
        for row, (width, height) in enumerate(image_sizes(dataset, self.step_name).tolist()):
            size = self._size(width, height)
            if size[0] * size[1] > MAX_PIXELS:
                raise too_large(dataset.names[row], *size, self.step_name)
            plan.append(Made(row, (width, height), (0, 0, width, height), size))
        return reshaped(
            dataset,
            plan,
            partial(self._scaled, dataset),
            kinds_of(dataset) if any(not made.is_original for made in plan) else (),
            self.step_name,
            antialias=self.antialias,
        )

    def _size(self, width: int, height: int) -> tuple[int, int]:
        if self.width is not None and self.height is not None:
            return self.width, self.height
        if self.longest is not None:
            sides = [
                (2 * self.longest * side + max(width, height)) // (2 * max(width, height)) for side in (width, height)
            ]
        else:
            assert self.scale is not None
            sides = [int(side * self.scale + 0.5) for side in (width, height)]
        return max(sides[0], 1), max(sides[1], 1)

    def _scaled(
        self, dataset: ImageDataset, entry: dict[str, Any], group: Group
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """What an object becomes in the one image that is made of its own."""
        [made] = group.images
        across, down = made.size[0] / made.whole[0], made.size[1] / made.whole[1]
        x, y, width, height = entry["bbox"]
        changed: dict[str, Any] = {"bbox": [x * across, y * down, width * across, height * down]}
        if entry.get("area") is not None:
            changed["area"] = entry["area"] * across * down
        outline = outline_of(entry.get("segmentation"))
        if isinstance(outline, list):
            factors = (across, down)
            scaled_ones = [[number * factors[index % 2] for index, number in enumerate(each)] for each in outline]
            changed["segmentation"] = polygons_row(scaled_ones)
        elif outline is not None:
            runs = runs_of(outline, made.whole[1], made.whole[0])
            mask = scaled(runs, *made.size, self.masks)
            if not area(mask) and area(runs):
                if self.lost == "drop":
                    return
                self._refuse(dataset.names[made.row], area(runs))
            changed["segmentation"] = encoded_row(mask, entry["segmentation"])
            if area(mask):
                changed["bbox"] = [float(number) for number in bounds(mask)]
                if "area" in changed:
                    changed["area"] = float(area(mask))
        yield 0, {**entry, **changed}

    def _refuse(self, name: str, pixels: int) -> None:
        message = f"a mask of {pixels:,} pixels would have none left by the rule {self.masks!r}"
        raise InvalidMetadataError(
            f"{self.step_name}: {name}: {message}: use masks='any-overlap', or lost='drop'",
            [Issue(name, None, "objects.segmentation", f"{pixels:,} pixels", "mask-lost", message)],
        )
