"""The rows of a dataset that a split names."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.errors import InvalidInputError
from imagecards.records import shown

_MOST_NAMED = 10


def rows_of(names: pa.ChunkedArray, splits: Mapping[str, Sequence[str]], split: str) -> NDArray[np.int64]:
    """Find the images of a split.

    Args:
        names: The file name of each image.
        splits: The file names of each split.
        split: Which split.

    Returns:
        The row of each of its images, in the order of the split.

    Raises:
        InvalidInputError: There is no such split, or it names an image that is not there.
    """
    if split not in splits:
        there = ", ".join(map(shown, list(splits)[:_MOST_NAMED])) + (", ..." if len(splits) > _MOST_NAMED else "")
        message = f"there is no split {shown(split)} in this dataset: it has {there or 'none'}"
        raise InvalidInputError(message)
    found = pc.index_in(pa.array(splits[split], pa.string()), value_set=names)
    if found.null_count:
        raise _missing(split, splits[split], found)
    return np.asarray(found.to_numpy(), np.int64)


def check_members(names: pa.ChunkedArray, splits: Mapping[str, Sequence[str]]) -> None:
    """See that splits name only images that are there.

    Args:
        names: The file name of each image.
        splits: The file names of each split.

    Raises:
        InvalidInputError: One names another.
    """
    members = pa.array(sorted(set().union(*splits.values())), pa.string())
    if pc.all(pc.is_in(members, value_set=names), min_count=0).as_py():
        return
    for split, images in splits.items():
        found = pc.index_in(pa.array(images, pa.string()), value_set=names)
        if found.null_count:
            raise _missing(split, images, found)


def _missing(split: str, images: Sequence[str], found: pa.Array) -> InvalidInputError:
    lost = images[found.is_null().to_pylist().index(True)]
    message = f"the split {shown(split)} names images that are not there: {found.null_count:,}, {shown(lost)} first"
    return InvalidInputError(f"{message}; take them out of it")
