"""How large the images of a dataset are."""

import numpy as np
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidMetadataError

_SIDES = ("width", "height")


def image_sizes(dataset: ImageDataset, step: str) -> NDArray[np.int64]:
    """Width and height of each image: those that the dataset knows, or those of the files, which are read for it.

    Args:
        dataset: The dataset.
        step: The step that asks, for messages.

    Returns:
        int64, shape (n, 2), in pixels.

    Raises:
        InvalidMetadataError: An image has none.
    """
    table = dataset.table
    if not set(_SIDES) <= set(table.column_names) or any(table[side].null_count for side in _SIDES):
        table = dataset.facts
    for side in _SIDES:
        if table[side].null_count:
            name = table["file_name"].filter(table[side].is_null())[0].as_py()
            raise InvalidMetadataError(f"{step}: the size of {name} is not known, it is no image: replace or remove it")
    return np.stack([table[side].to_numpy().astype(np.int64) for side in _SIDES], axis=1)
