"""Masks as run lengths: what is read from and written to other tools' files.

The runs alternate between 0s and 1s and begin with 0s, column after column. The same mask has three texts: COCO's
compressed one, COCO's list, and Kaggle's "start length start length ..." with starts from 1. A `Runs` that a
function here returns is sound: what comes in is checked in full before anything is built from it, and nothing is
allocated in proportion to a claimed size.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry.counts import (
    check_counts,
    decode_counts,
    decode_many,
    encode_counts,
    encode_many,
    whole_counts,
)
from imagecards.geometry.regions import area, bounds, difference, intersection, iou, union
from imagecards.geometry.runs import Ints, Runs, check_size, runs_from_flat, runs_from_spans, shorten, spans

__all__ = [
    "Runs",
    "area",
    "bounds",
    "decode_counts",
    "difference",
    "encode_counts",
    "intersection",
    "iou",
    "runs_from_coco",
    "runs_from_coco_many",
    "runs_from_pairs",
    "runs_from_row_major",
    "runs_to_coco",
    "runs_to_coco_many",
    "runs_to_pairs",
    "union",
]


def runs_from_coco(rle: Mapping[str, Any]) -> Runs:
    """Read a COCO mask, compressed or not, and prove all of it.

    Args:
        rle: ``{"size": [height, width], "counts": text or list of whole numbers}``.

    Raises:
        FormatError: The size can't be, or the counts don't fill it exactly.

    Example:
        >>> runs_from_coco({"size": [4, 4], "counts": "52203"}).counts.tolist()
        [5, 2, 2, 2, 5]
    """
    height, width = _size_of(rle)
    counts = rle["counts"]
    if isinstance(counts, str | bytes):
        values = decode_counts(counts)
    else:
        values = whole_counts(counts)
        check_counts(values)
    return _runs_from_counts(values, height, width)


def runs_from_coco_many(rles: Sequence[Mapping[str, Any]]) -> list[Runs]:
    """Read many COCO masks: as `runs_from_coco` for each, several times as fast.

    Raises:
        FormatError: As for `runs_from_coco`; the message begins with the place of the first bad mask in ``rles``.

    Example:
        >>> [area(runs) for runs in runs_from_coco_many([{"size": [4, 4], "counts": "52203"}] * 2)]
        [4, 4]
    """
    texts = [text for text in map(_text_of, rles) if text is not None]
    if len(texts) == len(rles):
        try:
            counts, offsets = decode_many(texts)
            sizes = [_size_of(rle) for rle in rles]
        except FormatError:
            pass  # which mask it was, and what is wrong, is found by looking at them one by one
        else:
            quick = canonical_runs(counts, offsets, sizes)
            if quick is not None:
                return quick
    masks = []
    for place, rle in enumerate(rles):
        try:
            masks.append(runs_from_coco(rle))
        except FormatError as error:
            raise FormatError(f"mask {place}: {error}") from error
    return masks


def runs_to_coco(runs: Runs, compressed: bool = True) -> dict[str, Any]:
    """Write a mask as COCO's ``{"size": [height, width], "counts": ...}``, as text or as a list.

    Example:
        >>> runs_to_coco(runs_from_pairs("6 2 10 2", 4, 4))
        {'size': [4, 4], 'counts': '52203'}
    """
    counts = encode_counts(runs.counts) if compressed else runs.counts.tolist()
    return {"size": list(runs.size), "counts": counts}


def runs_to_coco_many(masks: Sequence[Runs]) -> list[dict[str, Any]]:
    """Write many masks with compressed counts: as `runs_to_coco` for each, several times as fast.

    Example:
        >>> runs_to_coco_many([runs_from_pairs("6 2 10 2", 4, 4)])
        [{'size': [4, 4], 'counts': '52203'}]
    """
    if not masks:
        return []
    offsets = np.concatenate([[0], np.cumsum([runs.counts.size for runs in masks])])
    texts = encode_many(np.concatenate([runs.counts for runs in masks]), offsets)
    return [{"size": list(runs.size), "counts": text} for runs, text in zip(masks, texts, strict=True)]


def runs_from_pairs(text: str, height: int, width: int) -> Runs:
    """Read Kaggle's "start length start length ..." (as Severstal's ``EncodedPixels``).

    Args:
        text: Starts count from 1, down the first column and on to the next; an empty text is an empty mask.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        FormatError: Not pairs of whole numbers, or runs that overlap, are out of order or leave the image.

    Example:
        >>> runs_from_pairs("6 2 10 2", 4, 4).counts.tolist()
        [5, 2, 2, 2, 5]
    """
    height, width = check_size(height, width)
    if not isinstance(text, str):
        raise FormatError(f"the pixels of a mask are a text of pairs, this is {shorten(text)}: an empty mask is ''")
    words = text.split()
    for word in words:
        if not (word.isascii() and word.isdigit() and len(word) <= 12):
            raise FormatError(f"{shorten(word)} in the mask's pixels is not a positive whole number: correct the pair")
    if len(words) % 2:
        raise FormatError(f"the mask's pixels are {len(words)} numbers, but they come in pairs: start and length")
    numbers = np.array(list(map(int, words)), np.int64)
    starts, lengths = numbers[::2] - 1, numbers[1::2]
    ends = starts + lengths
    wrong = (starts < 0) | (lengths < 1) | (ends > height * width)
    wrong[1:] |= starts[1:] < ends[:-1]
    if wrong.any():
        pair = int(wrong.argmax())
        raise FormatError(
            f"pair {pair + 1} of the mask's pixels is '{words[2 * pair]} {words[2 * pair + 1]}' for an image of "
            f"{height} x {width}: starts count from 1 and ascend, and runs neither overlap nor leave the image"
        )
    return runs_from_spans(starts, ends, height, width)


def runs_to_pairs(runs: Runs) -> str:
    """Write a mask as Kaggle's "start length start length ..."; an empty one is an empty text.

    Example:
        >>> runs_to_pairs(runs_from_coco({"size": [4, 4], "counts": "52203"}))
        '6 2 10 2'
    """
    starts, ends = spans(runs)
    return " ".join(map(str, np.stack([starts + 1, ends - starts], axis=1).ravel().tolist()))


def runs_from_row_major(counts: Sequence[int] | NDArray[Any], height: int, width: int) -> Runs:
    """Read runs that go along rows, as most tools other than COCO's count them; needs a byte a pixel meanwhile.

    Args:
        counts: Lengths of runs of 0s and 1s in turn, beginning with 0s.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        FormatError: The counts don't fill the image exactly.

    Example:
        >>> runs_from_row_major([1, 2, 1], 2, 2).counts.tolist()
        [1, 2, 1]
        >>> runs_from_row_major([0, 3, 3], 2, 3).counts.tolist()
        [0, 1, 1, 1, 1, 1, 1]
    """
    height, width = check_size(height, width)
    values = whole_counts(counts)
    check_counts(values)
    sound = _runs_from_counts(values, width, height)
    bits = np.arange(sound.counts.size) % 2 == 1
    flat = np.repeat(bits, sound.counts).reshape(height, width).ravel(order="F")
    return runs_from_flat(flat, height, width)


def _text_of(rle: object) -> str | bytes | None:
    text = rle.get("counts") if isinstance(rle, Mapping) else None
    return text if isinstance(text, str | bytes) else None


def _size_of(rle: object) -> tuple[int, int]:
    if not isinstance(rle, Mapping) or "size" not in rle or "counts" not in rle:
        raise FormatError(f"a mask has the keys 'size' and 'counts', this is {shorten(rle)}")
    size = rle["size"]
    if not isinstance(size, Sequence | np.ndarray) or isinstance(size, str | bytes) or len(size) != 2:
        raise FormatError(f"a mask's size is [height, width], this is {shorten(size)}: correct the size")
    return check_size(size[0], size[1])


def canonical_runs(counts: Ints, offsets: Ints, sizes: Sequence[tuple[int, int]]) -> list[Runs] | None:
    """Make runs of counts that fill their sizes exactly and have no zeros but the first; ``None`` if one doesn't.

    Args:
        counts: The run lengths of all masks, as `decode_many` gives them.
        offsets: Where those of each mask begin, and their number.
        sizes: Height and width of each mask, which were checked before.
    """
    sums = np.concatenate([[0], counts.cumsum()])
    zeros = np.flatnonzero(counts == 0)
    if (
        (np.diff(offsets) < 1).any()
        or (sums[offsets[1:]] - sums[offsets[:-1]]).tolist() != [height * width for height, width in sizes]
        or not np.isin(zeros, offsets).all()
    ):
        return None
    counts.flags.writeable = False
    bounds = offsets.tolist()
    parts = zip(sizes, bounds[:-1], bounds[1:], strict=True)
    return [Runs(size, counts[start:stop]) for size, start, stop in parts]


def _runs_from_counts(counts: Ints, height: int, width: int) -> Runs:
    total = int(counts.sum())
    if total != height * width:
        raise FormatError(
            f"the mask's runs have {total:,} pixels but its size of {height} x {width} has {height * width:,}: "
            "correct the size or take the counts from the original file"
        )
    if counts[1:].all():
        return Runs((height, width), counts)
    edges = counts.cumsum()
    ends = edges[1::2]
    starts = edges[::2][: ends.size]
    some = ends > starts
    return runs_from_spans(starts[some], ends[some], height, width)
