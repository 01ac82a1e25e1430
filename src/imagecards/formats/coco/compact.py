"""Polygons of many annotations as arrays: as lists of Python's numbers they take four times the memory."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from imagecards.digests import MAX_SAFE_INTEGER

_NUMBERS = frozenset({int, float})
_LEAST = 6


def compact_polygons(entries: Sequence[Any]) -> None:
    """Replace the polygons of annotations by arrays of float64, in place.

    What is no polygon, or nothing that a double holds, stays as it is: whoever looks at it has to say what is wrong.

    Args:
        entries: Annotations, as they are parsed.

    Example:
        >>> entries = [{"segmentation": [[1, 2, 3, 2, 3.5, 4], [1, 2]]}]
        >>> compact_polygons(entries)
        >>> entries
        [{'segmentation': [array([1. , 2. , 3. , 2. , 3.5, 4. ]), [1, 2]]}]
    """
    places = [
        (outline, number)
        for entry in entries
        if type(entry) is dict and type(outline := entry.get("segmentation")) is list
        for number, polygon in enumerate(outline)
        if type(polygon) is list and len(polygon) >= _LEAST and len(polygon) % 2 == 0
    ]
    if not set(map(type, chain.from_iterable(outline[number] for outline, number in places))) <= _NUMBERS:
        places = [place for place in places if set(map(type, place[0][place[1]])) <= _NUMBERS]
    lengths = [len(outline[number]) for outline, number in places]
    try:
        flat = np.fromiter(chain.from_iterable(outline[number] for outline, number in places), float, sum(lengths))
    except OverflowError:
        return
    flat += 0.0  # -0.0 becomes 0.0
    sound = np.abs(flat) < MAX_SAFE_INTEGER  # not so for NaN
    every = bool(sound.all())
    start = 0
    for (outline, number), length in zip(places, lengths, strict=True):
        if every or sound[start : start + length].all():
            outline[number] = flat[start : start + length]
        start += length
