"""MinArea: small objects go."""

from typing import Annotated, ClassVar

from pydantic import Field

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.transforms.columns import flat, kept, with_column
from imagecards.transforms.outlines import areas_of


class MinArea(Step):
    """Keep the objects of at least so many pixels; images stay, also those that lose all their objects.

    The area is measured, whatever the records say of it: of an object with an outline, polygons or run lengths, it is
    the number of pixels that pycocotools fills; of one that has only a box, width times height.

    Attributes:
        pixels: The smallest area that stays.

    Example:
        >>> MinArea(pixels=300)
        MinArea(pixels=300.0)
    """

    step_name: ClassVar[str] = "min-area"

    pixels: Annotated[float, Field(ge=0, le=MAX_SAFE_INTEGER)]

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of the objects that are large enough.

        Raises:
            InvalidMetadataError: An outline can't be drawn into its image; says which.
        """
        keep = areas_of(dataset, self.step_name) >= self.pixels
        lists = kept(flat(dataset.table, "objects"), keep)
        return replaced(dataset, table=with_column(dataset.table, "objects", lists))
