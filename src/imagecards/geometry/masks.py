"""Masks as arrays, and images of instance ids, to runs and back."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from imagecards.errors import FormatError
from imagecards.geometry.rings import parts
from imagecards.geometry.runs import Ints, Runs, check_size, runs_from_flat, runs_from_spans, spans


def mask_to_runs(mask: ArrayLike) -> Runs:
    """Turn a mask into runs.

    Args:
        mask: Shape (height, width), bool, or numbers of which all but 0 count.

    Raises:
        FormatError: The array has another shape or no pixels.

    Example:
        >>> mask_to_runs([[0, 1], [0, 1]]).counts.tolist()
        [2, 2]
    """
    pixels = mask_pixels(mask)
    height, width = pixels.shape
    return runs_from_flat(pixels.ravel(order="F"), height, width)


def mask_pixels(mask: ArrayLike) -> NDArray[np.bool_]:
    """Return a mask as a bool array of shape (height, width).

    Raises:
        FormatError: The array has another shape, no pixels, or holds no numbers.

    Example:
        >>> mask_pixels([[0, 255]]).tolist()
        [[False, True]]
    """
    try:
        pixels = np.asarray(mask)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"a mask is an array of numbers, this can't be read as one: {error}") from error
    if pixels.ndim != 2 or pixels.dtype.kind not in "biuf":
        raise FormatError(
            f"a mask has the shape (height, width) and holds numbers, this has the shape {pixels.shape} and the type "
            f"{pixels.dtype}: give one channel"
        )
    check_size(*pixels.shape)
    return pixels.astype(np.bool_, copy=False)


def runs_to_mask(runs: Runs) -> NDArray[np.bool_]:
    """Turn runs into a mask.

    Returns:
        bool, shape (height, width), in row order.

    Example:
        >>> runs_to_mask(Runs((2, 2), np.array([2, 2]))).tolist()
        [[False, True], [False, True]]
    """
    height, width = runs.size
    bits = np.arange(runs.counts.size) % 2 == 1
    return np.ascontiguousarray(np.repeat(bits, runs.counts).reshape(width, height).T)


def instances_of(ids: NDArray[Any]) -> list[tuple[int, Runs]]:
    """Take an image of instance ids apart, in one pass however many ids there are.

    Args:
        ids: Shape (height, width), whole numbers; 0 is the background.

    Returns:
        Each id above 0 and its pixels, by id.

    Raises:
        FormatError: Not whole numbers of that shape, or one is negative.

    Example:
        >>> [(number, runs.counts.tolist()) for number, runs in instances_of(np.array([[7, 0], [7, 2]]))]
        [(2, [3, 1]), (7, [0, 2, 2])]
    """
    ids = np.asarray(ids)
    if ids.ndim != 2 or ids.dtype.kind not in "iub":
        raise FormatError(
            f"an image of ids has one whole number a pixel, this has the shape {ids.shape} and numbers of the type "
            f"{ids.dtype}: store it as a PNG or TIFF of one channel"
        )
    height, width = check_size(*ids.shape)
    flat = ids.ravel(order="F")
    starts = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
    ends = np.append(starts[1:], flat.size)
    values = flat[starts]
    if values.dtype.kind == "i" and values.min() < 0:
        raise FormatError(f"an image of ids has the id {values.min()}: ids are positive, and 0 is the background")
    order = np.flatnonzero(values)
    order = order[values[order].argsort(kind="stable")]
    if not order.size:
        return []
    starts, ends, values = starts[order], ends[order], values[order]
    first = np.concatenate([[True], values[1:] != values[:-1]])
    before = np.where(first, 0, np.append(0, ends[:-1]))
    rest = flat.size - ends[np.append(first[1:], True)]
    # An id's counts are a gap and a length for each run, and what is left behind the last one, if anything is.
    begins = np.flatnonzero(first)
    group = first.cumsum() - 1
    tails = np.concatenate([[0], (rest > 0).cumsum()])
    place = 2 * np.arange(starts.size) + tails[group]
    counts = np.empty(2 * starts.size + int(tails[-1]), np.int64)
    counts[place], counts[place + 1] = starts - before, ends - starts
    offsets = np.append(place[begins], counts.size)
    tailed = rest > 0
    counts[offsets[1:][tailed] - 1] = rest[tailed]
    counts.flags.writeable = False
    bounds = offsets.tolist()
    return [
        (number, Runs((height, width), counts[start:stop]))
        for number, start, stop in zip(values[begins].tolist(), bounds[:-1], bounds[1:], strict=True)
    ]


def paint(
    instances: Sequence[Runs], ids: Sequence[int], height: int, width: int, dtype: DTypeLike = np.uint16
) -> NDArray[Any]:
    """Paint instances into one image of ids, later ones over earlier ones.

    Args:
        instances: Masks of the image's size.
        ids: One for each instance.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
        dtype: Of the result, a type of whole numbers.

    Returns:
        Shape (height, width), 0 where no instance is.

    Raises:
        FormatError: A mask has another size, an id doesn't fit the type, or there isn't one id an instance.

    Example:
        >>> paint([Runs((1, 3), np.array([0, 2, 1])), Runs((1, 3), np.array([1, 2]))], [5, 6], 1, 3).tolist()
        [[5, 6, 6]]
    """
    height, width = check_size(height, width)
    kind = np.dtype(dtype)
    if kind.kind not in "iu":
        raise FormatError(f"an image of ids holds whole numbers, {kind} are none: choose uint8, uint16 or uint32")
    if len(instances) != len(ids):
        raise FormatError(f"there are {len(instances)} instances but {len(ids)} ids: give one each")
    largest = int(np.iinfo(kind).max)
    flat = np.zeros(height * width, kind)
    for runs, number in zip(instances, ids, strict=True):
        if runs.size != (height, width):
            raise FormatError(
                f"instance {number} is of an image of {runs.size[0]} x {runs.size[1]} pixels, not of {height} x {width}"
            )
        if not 0 <= number <= largest:
            raise FormatError(f"the id {number} doesn't fit into {kind}: choose a larger type or number the ids anew")
        flat[_places(*spans(runs))] = number
    return np.ascontiguousarray(flat.reshape(width, height).T)


def components(mask: Runs | ArrayLike, connectivity: int = 8) -> list[Runs]:
    """Part a mask into its connected components.

    Args:
        mask: Runs, or an array of shape (height, width).
        connectivity: 8 if pixels that touch at a corner are connected, 4 if only at an edge.

    Returns:
        Masks of the same size, ordered by their first pixel in column order.

    Raises:
        FormatError: The connectivity is neither, or the mask has another shape.

    Example:
        >>> diagonal = np.eye(2, dtype=bool)
        >>> len(components(diagonal, 8)), len(components(diagonal, 4))
        (1, 2)
    """
    if connectivity not in (4, 8):
        raise FormatError(f"pixels are connected to 4 or 8 others, not to {connectivity}")
    runs = mask if isinstance(mask, Runs) else mask_to_runs(mask)
    height, width = runs.size
    (column, top, bottom), part = parts(runs, connectivity)
    order = part.argsort(kind="stable")
    starts, ends = (column * height + top)[order], (column * height + bottom)[order]
    bounds = np.append(np.flatnonzero(np.diff(part[order], prepend=-1)), order.size).tolist()
    return [runs_from_spans(starts[start:stop], ends[start:stop], height, width) for start, stop in pairwise(bounds)]


def _places(starts: Ints, ends: Ints) -> Ints:
    """Return every position of the spans."""
    lengths = ends - starts
    places: Ints = np.arange(int(lengths.sum())) + np.repeat(starts - (lengths.cumsum() - lengths), lengths)
    return places
