"""COCO's compressed text of run lengths: 5 bits a character, differences to the run before the last."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry.runs import LARGEST_AREA, Ints, shorten

_MOST_CHARACTERS = 7  # of one number: 35 bits hold any difference of two runs
_SHORT = 600  # characters
_ALPHABET = bytes(range(48, 112))
_LIMITS = 2 ** np.arange(4, 5 * _MOST_CHARACTERS, 5, dtype=np.int64)  # from each on, a number takes one more character


def decode_counts(text: str | bytes) -> Ints:
    """Read COCO's compressed text.

    Args:
        text: Each number is written in groups of 5 bits, lowest first, as characters from code 48; bit 5 says that
            more follow, and the sign is that of the last group. From the fourth run on, a number is the difference
            to the run two before.

    Returns:
        The run lengths, int64, as they are written: zeros in the middle stay.

    Raises:
        FormatError: A character can't occur, the last number is cut off, or a run is negative.

    Example:
        >>> decode_counts("52203").tolist()
        [5, 2, 2, 2, 5]
    """
    data = _characters(text)
    quick = _short_counts(data.tobytes()) if data.size <= _SHORT else None
    if quick is not None:
        return quick
    counts, _ = _decoded(data, np.array([data.size]))
    return counts


def decode_many(texts: Sequence[str | bytes]) -> tuple[Ints, Ints]:
    """Read many compressed texts at once, many times as fast as one by one.

    Returns:
        The run lengths of all of them, and offsets: those of text i are ``counts[offsets[i]:offsets[i + 1]]``.

    Raises:
        FormatError: As for `decode_counts`.

    Example:
        >>> [part.tolist() for part in decode_many(["52203", "04"])]
        [[5, 2, 2, 2, 5, 0, 4], [0, 5, 7]]
    """
    if not texts:
        return np.zeros(0, np.int64), np.zeros(1, np.int64)
    if set(map(type, texts)) <= {bytes}:
        data = _characters(b"".join(texts))  # type: ignore[arg-type]  # the line above sees that all are bytes
    else:
        data = np.concatenate([_characters(text) for text in texts])
    return _decoded(data, np.fromiter(map(len, texts), np.int64, len(texts)))


def encode_counts(counts: Sequence[int] | NDArray[Any]) -> str:
    """Write run lengths as COCO's compressed text, character for character as pycocotools does.

    Raises:
        FormatError: A run is negative or longer than any mask.

    Example:
        >>> encode_counts([5, 2, 2, 2, 5])
        '52203'
    """
    values = whole_counts(counts)
    check_counts(values)
    numbers = values.copy()
    numbers[3:] -= values[1:-2]
    return _encoded(numbers)[0]


def encode_many(counts: NDArray[np.int64], offsets: NDArray[np.int64]) -> list[str]:
    """Write many masks' run lengths at once: the inverse of `decode_many`.

    Raises:
        FormatError: As for `encode_counts`.

    Example:
        >>> encode_many(np.array([5, 2, 2, 2, 5, 0, 4]), np.array([0, 5, 7]))
        ['52203', '04']
    """
    check_counts(counts)
    owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    numbers = counts.copy()
    later = np.flatnonzero(np.arange(counts.size) - offsets[owner] > 2)
    numbers[later] -= counts[later - 2]
    text, ends = _encoded(numbers)
    stops = np.concatenate([[0], ends])[offsets].tolist()
    return [text[start:stop] for start, stop in pairwise(stops)]


def whole_counts(counts: Any) -> Ints:
    """Read a list of whole numbers; neither floats nor booleans are any."""
    try:
        values = np.asarray(counts)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"the mask's counts can't be read as a list of whole numbers: {error}") from error
    if values.ndim == 1 and values.size == 0:
        return np.zeros(0, np.int64)
    if (
        values.ndim != 1
        or values.dtype.kind not in "iu"
        or (isinstance(counts, list) and bool in set(map(type, counts)))
    ):
        raise FormatError(f"the mask's counts are a text or a list of whole numbers, these are {shorten(counts)}")
    if values.dtype.kind == "u" and int(values.max()) > LARGEST_AREA:
        raise FormatError(f"a run of the mask has the length {values.max()}: at most {LARGEST_AREA:,} can be handled")
    return values.astype(np.int64)


def check_counts(counts: Ints) -> None:
    """Prove that no run is negative or longer than any mask.

    Raises:
        FormatError: One is.

    Example:
        >>> check_counts(np.array([0, 5]))
    """
    # Each run is bounded before they are summed: the sum of fewer than 2**32 of them can't overflow then.
    if counts.size and (counts.min() < 0 or counts.max() > LARGEST_AREA):
        place = int(((counts < 0) | (counts > LARGEST_AREA)).argmax())
        raise FormatError(
            f"run {place} of the mask has the length {counts[place]}: lengths are from 0 to {LARGEST_AREA:,}. "
            "Take the counts from the original file"
        )


def _encoded(numbers: Ints) -> tuple[str, Ints]:
    """Write signed numbers in groups of 5 bits, and tell where each one ends."""
    # A number takes the groups that hold it and its sign: those of the larger of x and ~x, and one bit more.
    length = np.searchsorted(_LIMITS, np.where(numbers < 0, ~numbers, numbers), side="right") + 1
    ends = length.cumsum()
    owner = np.repeat(np.arange(numbers.size), length)
    place = np.arange(owner.size) - (ends - length)[owner]
    groups = ((numbers[owner] >> (5 * place)) & 31) + 80
    groups[ends - 1] -= 32
    return groups.astype(np.uint8).tobytes().decode("ascii"), ends


def _short_counts(data: bytes) -> Ints | None:
    """Read a short text that has nothing wrong with it: for a hundred runs, array operations cost more than a loop."""
    if data.translate(None, _ALPHABET):
        return None
    values: list[int] = []
    number = shift = before = last = 0
    for code in data:
        number |= (code - 48 & 31) << shift
        shift += 5
        if code < 80:
            if code & 16 == 0:  # codes begin at 48, which has this bit, so it tells the sign the other way round
                number -= 1 << shift
            if len(values) > 2:
                number += before
            values.append(number)
            before, last = last, number
            number = shift = 0
    if not values or shift or min(values) < 0 or max(values) > LARGEST_AREA:
        return None
    return np.array(values, np.int64)


def _decoded(data: NDArray[np.uint8], sizes: Ints) -> tuple[Ints, Ints]:
    """Read the texts of the given lengths that follow one another in ``data``."""
    bits = data - 48  # uint8: what lies below 48 wraps around and is too large as well
    if bits.size and bits.max() > 63:
        place = int((bits > 63).argmax())
        raise FormatError(
            f"a mask's counts have the character {chr(data[place])!r}: compressed counts consist of the characters "
            "from '0' to 'o'. Take the counts from the original file"
        )
    stops = sizes.cumsum()
    if (bits[stops[sizes > 0] - 1] & 32).any():
        raise FormatError("a mask's counts break off within a number: take the counts from the original file")
    values, ends = _numbers(bits)
    offsets = np.concatenate([[0], np.searchsorted(ends, stops)])
    _add_up(values, offsets)
    check_counts(values)
    return values, offsets


def _add_up(values: Ints, offsets: Ints) -> None:
    """Make run lengths of differences: within each text, from its fourth number on.

    Every second number is summed up over all texts at once, and what was summed up before a text's own numbers is
    taken off again. Its first number is in no sum.
    """
    starts, stops = offsets[:-1], offsets[1:]
    some = stops > starts
    starts, stops = starts[some], stops[some]
    firsts = values[starts]
    sums = np.zeros(values.size + 1, np.int64)  # the last is that of nothing, in front of the first text
    for parity in (0, 1):
        np.cumsum(values[parity::2], out=sums[:-1][parity::2])
    for parity in (0, 1):
        before = sums[np.where(starts % 2 == parity, starts, starts - 1)]
        counts = (stops + 1 - parity) // 2 - (starts + 1 - parity) // 2
        values[parity::2] = sums[:-1][parity::2] - np.repeat(before, counts)
    values[starts] = firsts


def _numbers(bits: NDArray[np.uint8]) -> tuple[Ints, Ints]:
    """Put groups of 5 bits together to signed numbers, and tell where each one's last group is."""
    last = bits < 32
    ends = np.flatnonzero(last)
    starts = np.concatenate([[0], ends[:-1] + 1])[: ends.size]
    lengths = ends - starts + 1
    longest = int(lengths.max(initial=0))
    if longest > _MOST_CHARACTERS:
        raise FormatError(f"a number in a mask's counts has {longest} characters: no run of a mask is that long")
    groups = (bits & 31).astype(np.int64)
    values: Ints = groups[starts]
    for place in range(1, longest):
        longer = np.flatnonzero(lengths > place)
        values[longer] |= groups[starts[longer] + place] << (5 * place)
    values -= ((groups[ends] & 16) << 1) << (5 * (lengths - 1))
    return values, ends


def _characters(text: str | bytes) -> NDArray[np.uint8]:
    if isinstance(text, str):
        if not text.isascii():
            raise FormatError("the mask's counts have characters outside ASCII: take them from the original file")
        text = text.encode("ascii")
    if not isinstance(text, bytes):
        raise FormatError(f"compressed counts are a text, these are {shorten(text)}")
    return np.frombuffer(text, np.uint8)
