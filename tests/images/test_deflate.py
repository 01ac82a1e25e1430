"""Compression that is the same everywhere, against zlib."""

import zlib
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.images import deflate as module
from imagecards.images.deflate import code_lengths, deflate


@given(st.binary(max_size=2000))
def test_zlib_gives_back_what_was_compressed(data: bytes) -> None:
    assert zlib.decompress(deflate(data)) == data


@given(st.binary(min_size=1, max_size=300), st.integers(1, 50))
def test_blocks_follow_each_other(data: bytes, block: int) -> None:
    before, module._BLOCK = module._BLOCK, block
    try:
        assert zlib.decompress(deflate(data)) == data
    finally:
        module._BLOCK = before


@pytest.mark.parametrize("size", [(1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3 << 18])
def test_large_data(size: int) -> None:
    data = np.random.default_rng(0).normal(0, 9, size).astype(np.int8).tobytes()
    small = deflate(data)
    assert zlib.decompress(small) == data
    assert len(small) < 0.7 * size


def test_what_never_changes_takes_a_bit_a_byte() -> None:
    assert len(deflate(bytes(80_000))) < 10_200


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=257).filter(any))
def test_codes_are_complete_and_short_enough(counts: list[int]) -> None:
    lengths = code_lengths(np.array(counts))
    assert [length > 0 for length in lengths] == [count > 0 for count in counts]
    used = lengths[lengths > 0]
    assert used.max() <= 15
    assert used.size == 1 or (0.5**used).sum() == 1


def test_frequencies_that_would_need_longer_codes() -> None:
    fibonacci = [1, 1]
    while len(fibonacci) < 40:
        fibonacci.append(fibonacci[-1] + fibonacci[-2])
    lengths = code_lengths(np.array(fibonacci))
    assert lengths.max() <= 15
    assert (0.5**lengths).sum() == 1


def test_the_bytes_never_change() -> None:
    data = bytes(range(256)) * 3 + b"the same everywhere" * 40
    assert sha256(deflate(data)).hexdigest() == "bd0b048a7fba68c1267afe28c4788ad43e139a5dce9aad90400ef3be26ba6a3f"
