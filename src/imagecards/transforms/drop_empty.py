"""DropEmpty: images without objects go."""

from typing import ClassVar

import pyarrow.compute as pc

from imagecards.datasets import ImageDataset, Step, replaced


class DropEmpty(Step):
    """Drop each image that has no object, whether it is known to have none or nothing is known of its objects.

    Captions and categories of images as a whole do not count as objects.

    Example:
        >>> DropEmpty().step_name
        'drop-empty'
    """

    step_name: ClassVar[str] = "drop-empty"

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of the images that have objects."""
        counts = pc.fill_null(pc.list_value_length(dataset.table["objects"]), 0)
        return replaced(dataset, table=dataset.table.filter(pc.greater(counts, 0)))
