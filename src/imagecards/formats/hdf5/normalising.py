"""How pixels become the numbers that a network takes, when they are read."""

from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import InvalidInputError

Normalisation: TypeAlias = Literal["none", "zero_centered", "zero_one", "standard_score"]
"""``zero_one``: 0 to 1. ``zero_centered``: -1 to 1. ``standard_score``: mean 0 and deviation 1, image by image."""


def check_normalisation(rule: str) -> None:
    """See that there is such a rule.

    Raises:
        InvalidInputError: There is none.
    """
    if rule not in get_args(Normalisation):
        raise InvalidInputError(f"normalise is one of {', '.join(get_args(Normalisation))}, not {rule!r:.60}")


def normalised(pixels: NDArray[Any], rule: Normalisation) -> NDArray[Any]:
    """Return pixels as float32, or as they are by ``none``.

    What is white is the largest number of the type: 255 of 8 bits, 65,535 of 16; floats are taken to be 0 to 1. An
    image that is the same all over becomes 0 by ``standard_score``.

    Example:
        >>> normalised(np.array([0, 255], np.uint8), "zero_centered").tolist()
        [-1.0, 1.0]
    """
    if rule == "none":
        return pixels
    values: NDArray[np.float32] = pixels.astype(np.float32)
    if rule == "standard_score":
        deviation = float(values.std(dtype=np.float64))
        values -= np.float32(values.mean(dtype=np.float64))
        values /= np.float32(deviation or 1.0)
        return values
    white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
    values /= np.float32(white if rule == "zero_one" else white / 2)
    if rule == "zero_centered":
        values -= np.float32(1)
    return values
