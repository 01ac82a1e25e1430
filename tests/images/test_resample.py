"""Pixels in other sizes, against Pillow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagecards.images import resample, resampled
from imagecards.images.resample import weights

SIDES = st.integers(1, 40)


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 9))
def test_eight_bits_are_pillows_bicubic(wide: int, tall: int, width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(96, 160, (tall, wide, 3), np.uint8)
    theirs = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    ours = resampled(pixels, width, height)
    assert ours.dtype == np.uint8
    assert np.abs(ours - theirs).max() <= 1 + (wide != width and tall != height)  # Pillow rounds in between


@given(SIDES, SIDES, SIDES, SIDES, st.integers(0, 9))
def test_floats_are_pillows_bicubic(wide: int, tall: int, width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).normal(0, 1e4, (tall, wide)).astype(np.float32)
    theirs = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))
    ours = resampled(pixels[..., None], width, height)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours[..., 0], theirs, rtol=1e-4, atol=0.5)


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
def test_every_type_stays_and_flat_pixels_stay_flat(dtype: str) -> None:
    kind = np.dtype(dtype)
    whole = kind.kind in "iu"
    largest = min(np.iinfo(kind).max, 2**40) if whole else 1e6  # doubles do the sums
    smallest = max(np.iinfo(kind).min, -(2**40)) if whole else -1e6
    for value in (largest, smallest, kind.type(77)):
        pixels = np.full((9, 14, 5), value, kind)
        for antialias in (True, False):
            ours = resampled(pixels, 5, 20, antialias=antialias)
            assert (ours.dtype, ours.shape) == (kind, (20, 5, 5))
            if kind.kind == "f":
                np.testing.assert_allclose(ours, float(value))
            else:
                assert (ours == value).all()


@given(SIDES, SIDES, st.integers(0, 9), st.booleans())
def test_the_same_size_is_the_same_image(width: int, height: int, seed: int, antialias: bool) -> None:
    pixels = np.random.default_rng(seed).integers(0, 65536, (height, width, 2), np.uint16)
    assert np.array_equal(resampled(pixels, width, height, antialias=antialias), pixels)


@given(SIDES, SIDES, SIDES, SIDES, st.integers(1, 99))
def test_bands_change_nothing(wide: int, tall: int, width: int, height: int, band: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (tall, wide, 1), np.uint8)
    whole = resampled(pixels, width, height)
    before, resample._BAND = resample._BAND, band
    try:
        assert np.array_equal(resampled(pixels, width, height), whole)
    finally:
        resample._BAND = before


@given(st.integers(1, 300), st.integers(1, 300))
def test_weights_add_up_to_one(length: int, wanted: int) -> None:
    places, found = weights(length, wanted, exact=True)
    assert (found.sum(axis=1) == 65536).all()
    assert places.min() >= 0
    assert places.max() < length
    np.testing.assert_allclose(weights(length, wanted, exact=False)[1].sum(axis=1), 1)


def test_without_antialias_values_are_those_that_are_there() -> None:
    ids = np.random.default_rng(0).choice([0, 3, 60_000], (50, 70, 1)).astype(np.uint16)
    assert set(np.unique(resampled(ids, 33, 21, antialias=False))) <= {0, 3, 60_000}
