"""Parts of masks: what of one lies in a window, and putting it back into its image."""

import numpy as np

from imagecards.errors import FormatError
from imagecards.geometry.runs import Runs, check_size, columns, runs_from_spans


def cut(runs: Runs, x: int, y: int, width: int, height: int) -> Runs:
    """Return what of a mask lies in a window of its image.

    Args:
        runs: The mask.
        x: Left edge of the window, in pixels.
        y: Top edge.
        width: Of the window, and of the result.
        height: Of the window, and of the result.

    Raises:
        FormatError: The window does not lie within the image.

    Example:
        >>> cut(Runs((4, 4), np.array([5, 2, 2, 2, 5])), 2, 1, 2, 3).counts.tolist()
        [0, 2, 4]
    """
    _check_inside(x, y, width, height, *runs.size)
    column, top, bottom = columns(runs)
    top, bottom = np.maximum(top, y), np.minimum(bottom, y + height)
    inside = (column >= x) & (column < x + width) & (top < bottom)
    first = (column[inside] - x) * height - y
    return runs_from_spans(first + top[inside], first + bottom[inside], height, width)


def placed(runs: Runs, x: int, y: int, width: int, height: int) -> Runs:
    """Return a mask that is part of an image as a mask of the whole image: the inverse of `cut`.

    Args:
        runs: The part.
        x: Where its left edge is in the image, in pixels.
        y: Where its top edge is.
        width: Of the image.
        height: Of the image.

    Raises:
        FormatError: The part does not lie within the image.

    Example:
        >>> placed(Runs((2, 2), np.array([0, 2, 2])), 1, 1, 4, 4).counts.tolist()
        [5, 2, 9]
    """
    high, wide = runs.size
    _check_inside(x, y, wide, high, height, width)
    column, start, end = columns(runs)
    first = (column + x) * height + y
    return runs_from_spans(first + start, first + end, height, width)


def _check_inside(x: int, y: int, width: int, height: int, image_height: int, image_width: int) -> None:
    check_size(height, width)
    check_size(image_height, image_width)
    if x < 0 or y < 0 or x + width > image_width or y + height > image_height:
        raise FormatError(
            f"a window of {width} x {height} pixels at {x}, {y} does not lie within an image of {image_width} x "
            f"{image_height}: choose another"
        )
