"""Label Studio's brush masks: vectors that its own converter (label-studio-sdk 2.1.2) made, and hostile lists."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imagecards.errors import FormatError
from imagecards.geometry import decode_brush, encode_brush

Mask = NDArray[np.bool_]


def random_mask(height: int, width: int, share: float, seed: int) -> Mask:
    return np.random.default_rng(seed).random((height, width)) < share


def _band() -> Mask:
    mask = np.zeros((200, 300), np.bool_)
    mask[150:160] = True
    return mask


VECTORS = [
    (np.array([[0, 1, 1], [1, 0, 0]]), [0, 0, 0, 24, 57, 27, 252, 96, 22, 255, 231, 0, 0]),
    (
        np.array([[0, 0, 1, 0, 1], [1, 0, 1, 0, 1], [0, 0, 1, 0, 1]]),
        bytes.fromhex("0000003c391bfce011ffc6013ffc6011ffc6011ffce011ffc6011ff8"),
    ),
    (
        _band(),
        [0, 3, 169, 128, 57, 27, 255, 255, 255, 0, 255, 255, 224, 30, 252, 124, 3, 151, 111, 255, 251, 183, 240, 0],
    ),
]


@pytest.mark.parametrize(("mask", "rle"), VECTORS)
def test_what_label_studio_wrote_is_read_and_written_alike(mask: Mask, rle: list[int]) -> None:
    rle = list(rle)
    assert np.array_equal(decode_brush(rle, *mask.shape), mask)
    # Their converter adds a byte of zeros where none is needed.
    assert encode_brush(mask) in (rle, rle[:-1])


def test_single_values_are_read() -> None:
    values = np.array([0, 1, 2, 0, 1, 1, 2, 0, 1, 0, 0, 2, 0, 0, 1, 1, 0, 2, 2, 2, 0, 2, 0, 1])
    rle = [0, 0, 0, 24, 57, 27, 248, 0, 0, 0, 128, 4, 0, 4, 32, 32, 1, 0, 0, 0, 12, 32, 0, 1, 66, 1, 8, 8, 0, 17, 1]
    rle += [0, 0, 0, 16, 0, 0, 0, 128]
    assert np.array_equal(decode_brush(rle, 2, 3), values.reshape(2, 3, 4)[:, :, 3] > 0)


def packed(*fields: tuple[int, int]) -> list[int]:
    bits = "".join(f"{value:0{size}b}" for value, size in fields)
    bits += "0" * (-len(bits) % 8)
    return [int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)]


@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 3), min_size=1, max_size=9)), min_size=1, max_size=8))
def test_any_records_are_read_as_a_plain_reader_does(records: list[tuple[bool, list[int]]]) -> None:
    fields, values = [], []
    for is_run, given_values in records:
        length = len(given_values)
        fields += [(int(is_run), 1), (3, 2), (length - 1, 16)]
        fields += [(value, 2) for value in (given_values[:1] if is_run else given_values)]
        values += given_values[:1] * length if is_run else given_values
    missing = -len(values) % 4
    if missing:
        fields += [(1, 1), (0, 2), (missing - 1, 3), (0, 2)]
        values += [0] * missing
    head = [(len(values), 32), (1, 5), (2, 4), (3, 4), (7, 4), (15, 4)]
    mask = decode_brush(packed(*head, *fields), 1, len(values) // 4)
    assert np.array_equal(mask[0], np.array(values)[3::4] > 0)


@given(st.builds(random_mask, st.integers(1, 30), st.integers(1, 30), st.floats(0, 1), st.integers(0, 2**32)))
def test_masks_round_trip(mask: Mask) -> None:
    rle = encode_brush(mask)
    assert all(type(value) is int for value in rle)
    assert np.array_equal(decode_brush(rle, *mask.shape), mask)
    assert np.array_equal(decode_brush(np.array(rle, np.uint8), *mask.shape), mask)


def test_long_runs_are_split() -> None:
    for width in (2**14 - 1, 2**14, 2**14 + 1, 2**15, 100_000):
        for value in (True, False):
            mask = np.full((1, width), value)
            assert np.array_equal(decode_brush(encode_brush(mask), 1, width), mask)


def test_every_truncation_is_a_format_error() -> None:
    rle = encode_brush(_band())
    for length in range(len(rle) - 1):
        with pytest.raises(FormatError):
            decode_brush(rle[:length], 200, 300)


@given(st.lists(st.integers(0, 255), max_size=30), st.booleans())
def test_any_bytes_are_read_or_are_a_format_error(rle: list[int], headed: bool) -> None:
    if headed:
        rle = [0, 0, 0, 24, *rle]
    try:
        mask = decode_brush(rle, 2, 3)
    except FormatError:
        return
    assert mask.shape == (2, 3)


GOOD = encode_brush(np.ones((2, 3)))


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [0],
        [-1, *GOOD[1:]],
        [256, *GOOD[1:]],
        [0.0, *GOOD[1:]],
        ["0", *GOOD[1:]],
        [None],
        [True, *GOOD[1:]],
        [10**30],
        "rle",
        None,
        5,
        [*GOOD, 0, 0, 0],
        [255, 255, 255, 255, *GOOD[4:]],
        encode_brush(np.ones((2, 4))),
        packed((24, 32), (7, 5), (2, 4), (3, 4), (7, 4), (15, 4), (1, 1), (3, 2), (24, 16), (1, 8)),
        packed((24, 32), (31, 5), (2, 4), (3, 4), (7, 4), (15, 4), (0, 1), (3, 2), (23, 16), (1, 8)),
    ],
)
def test_hostile_lists_are_format_errors(bad: Any) -> None:
    with pytest.raises(FormatError):
        decode_brush(bad, 2, 3)


def test_a_claimed_size_costs_nothing() -> None:
    with pytest.raises(FormatError):
        decode_brush([255, 255, 255, 252, 57, 27, 255], 2**15, 2**15)
    with pytest.raises(FormatError):
        decode_brush(GOOD, 2**40, 2**40)


def test_what_is_no_mask_is_not_written() -> None:
    for bad in (np.ones(4), np.ones((2, 2, 4)), np.ones((0, 3))):
        with pytest.raises(FormatError):
            encode_brush(bad)
