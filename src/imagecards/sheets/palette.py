"""The colours of classes: told apart on photographs, also by most who see colours differently."""

from collections.abc import Iterable
from typing import NamedTuple

Ink = tuple[int, int, int]


class Paint(NamedTuple):
    """A colour, and one for text on it."""

    fill: Ink
    text: Ink


_DARK, _LIGHT = (20, 20, 20), (255, 255, 255)
_PAINTS = (
    Paint((255, 194, 10), _DARK),
    Paint((12, 123, 220), _LIGHT),
    Paint((230, 60, 60), _LIGHT),
    Paint((60, 200, 120), _DARK),
    Paint((170, 90, 230), _LIGHT),
    Paint((255, 130, 40), _DARK),
    Paint((80, 210, 230), _DARK),
    Paint((240, 110, 190), _DARK),
    Paint((150, 170, 40), _DARK),
    Paint((150, 100, 60), _LIGHT),
)


def paints(classes: Iterable[str]) -> dict[str, Paint]:
    """A colour for each class, in order; after ten they come again.

    Example:
        >>> paints(["bilayer", "bulk"])["bulk"].fill
        (12, 123, 220)
    """
    return {name: _PAINTS[number % len(_PAINTS)] for number, name in enumerate(classes)}
