"""Crop: one part of each image."""

from typing import Annotated, ClassVar

from pydantic import Field

from imagecards.datasets import ImageDataset, Step
from imagecards.errors import InvalidInputError
from imagecards.transforms.cutting import CutObject
from imagecards.transforms.names import kinds_of
from imagecards.transforms.reshaping import Made, reshaped
from imagecards.transforms.sizes import image_sizes

LARGEST_SIDE = 1 << 20
"""Pixels that a parameter may ask for."""


class Crop(Step):
    """Cut the same window out of each image, and objects to it.

    Of an image that ends within the window the part inside is cut out; an image that the window contains stays the same
    file. Objects keep their ids; those of which nothing is left, or less than ``min_share``, go. What is cut is a new
    file, PNG or TIFF, with the type of numbers and the channels of the original.

    Attributes:
        x: Left edge of the window, in pixels.
        y: Top edge.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        min_share: How much of an object must be left: a share of its pixels, or of its box where it has no outline.

    Example:
        >>> Crop(x=0, y=100, width=512, height=512).min_share
        0.0
    """

    step_name: ClassVar[str] = "crop"

    x: Annotated[int, Field(ge=0, le=LARGEST_SIDE)]
    y: Annotated[int, Field(ge=0, le=LARGEST_SIDE)]
    width: Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
    height: Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of the parts.

        Raises:
            InvalidInputError: An image lies outside of the window.
            InvalidMetadataError: An outline can't be drawn into its image.
        """
        plan = []
        for row, (width, height) in enumerate(image_sizes(dataset, self.step_name).tolist()):
            if self.x >= width or self.y >= height:
                raise InvalidInputError(
                    f"{self.step_name}: the window begins at {self.x}, {self.y}, and {dataset.names[row]} has only "
                    f"{width} x {height} pixels: choose another window, or leave the image out first"
                )
            window = (self.x, self.y, min(self.width, width - self.x), min(self.height, height - self.y))
            plan.append(Made(row, (width, height), window, window[2:]))
        return reshaped(
            dataset,
            plan,
            lambda entry, group: CutObject(entry, group.images[0].whole, self.min_share).pieces(group),
            kinds_of(dataset) if any(not made.is_original for made in plan) else (),
            self.step_name,
        )
