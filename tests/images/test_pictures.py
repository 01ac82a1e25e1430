"""Pixels out of files and into files, against Pillow and OpenCV."""

import struct
import zlib
from contextlib import suppress
from hashlib import sha256
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imagecards.errors import FormatError
from imagecards.images import Picture, encode, probe, read_picture, seems_complete

LAYOUTS = {
    "grey": ("grey", False, 1),
    "grey and alpha": ("grey", True, 2),
    "rgb": ("rgb", False, 3),
    "rgb and alpha": ("rgb", True, 4),
    "cmyk": ("cmyk", False, 4),
    "bands": ("bands", False, 5),
}
TYPES = ("u1", "u2", "i2", "u4", "i4", "f2", "f4", "f8")


def noise(shape: tuple[int, ...], dtype: str, seed: int = 0) -> NDArray[Any]:
    """Numbers of all sizes, in smooth places and in noise."""
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (*shape, np.dtype(dtype).itemsize), np.uint8)
    values[: shape[0] // 2] = np.arange(shape[1], dtype=np.uint8)[None, :, None, None]
    numbers = values.view(np.dtype(dtype))[..., 0]
    return np.nan_to_num(numbers) if numbers.dtype.kind == "f" else numbers


def same(one: Picture, other: Picture) -> bool:
    return (one.colour, one.alpha, one.pixels.dtype, one.pixels.shape) == (
        other.colour,
        other.alpha,
        other.pixels.dtype,
        other.pixels.shape,
    ) and np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pixels_come_back_as_they_were(layout: str, dtype: str) -> None:
    colour, alpha, channels = LAYOUTS[layout]
    picture = Picture(noise((13, 17, channels), dtype), colour, alpha)  # type: ignore[arg-type]  # one of the colours
    data = encode(picture)
    info = probe(data)
    assert (info.width, info.height) == (17, 13)
    assert info.format == ("PNG" if dtype in ("u1", "u2") and channels < 5 and colour != "cmyk" else "TIFF")
    assert seems_complete(data, info.format)
    assert same(read_picture(data), picture)


@given(
    st.integers(1, 9),
    st.integers(1, 9),
    st.sampled_from([1, 2, 3, 4]),
    st.sampled_from(["u1", "u2"]),
    st.integers(0, 99),
)
def test_pngs_of_any_size(height: int, width: int, channels: int, dtype: str, seed: int) -> None:
    picture = Picture(
        noise((height, width, channels), dtype, seed), "grey" if channels < 3 else "rgb", channels % 2 == 0
    )
    assert same(read_picture(encode(picture)), picture)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_others_read_our_pngs(channels: int, dtype: str) -> None:
    pixels = noise((20, 31, channels), dtype)
    data = encode(Picture(pixels, "grey" if channels < 3 else "rgb", channels == 4))
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert theirs is not None
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    assert np.array_equal(theirs.reshape(pixels.shape)[..., order], pixels)
    if dtype == "u1":
        assert np.array_equal(np.asarray(Image.open(BytesIO(data))).reshape(pixels.shape), pixels)


@pytest.mark.parametrize(("channels", "dtype"), [(1, "f4"), (3, "f4"), (1, "f8"), (3, "f8"), (1, "i4")])
def test_others_read_our_tiffs(channels: int, dtype: str) -> None:
    pixels = noise((20, 31, channels), dtype)
    data = encode(Picture(pixels, "grey" if channels == 1 else "rgb", False))
    theirs = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert theirs is not None
    assert np.array_equal(theirs.reshape(pixels.shape)[..., ::-1] if channels == 3 else theirs[..., None], pixels)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("kind", [".png", ".tiff"])
def test_16_bits_of_colour_written_by_others_stay_16_bits(channels: int, kind: str) -> None:
    pixels = noise((33, 21, channels), "u2")
    options = [cv2.IMWRITE_TIFF_COMPRESSION, 8] if kind == ".tiff" else [cv2.IMWRITE_PNG_STRATEGY, 1]
    done, data = cv2.imencode(kind, pixels, options)
    assert done
    order = [2, 1, 0, 3][:channels]
    picture = read_picture(data.tobytes())
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, pixels[..., order])
    assert picture.alpha == (channels == 4)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_pixels_are_those_that_pillow_shows(mode: str, kind: str) -> None:
    if kind == "PNG" and mode in ("CMYK", "F", "I"):
        return
    if mode in ("I;16", "I", "F"):
        dtype = {"I;16": "u2", "I": "i4", "F": "f4"}[mode]
        image = Image.fromarray(noise((9, 12, 1), dtype)[..., 0])
    else:
        image = Image.fromarray(noise((9, 12, 3), "u1")).convert(mode)
    image.save(target := BytesIO(), kind)
    theirs = image.convert({"1": "L", "P": "RGB"}.get(mode, mode)) if mode in ("1", "P") else image
    pixels = np.asarray(theirs)
    assert np.array_equal(read_picture(target.getvalue()).pixels, pixels.reshape(9, 12, -1))


def test_a_palette_with_a_see_through_colour_gets_an_alpha() -> None:
    image = Image.fromarray(noise((9, 12, 1), "u1")[..., 0] % 4).convert("P")
    image.save(target := BytesIO(), "PNG", transparency=0)
    assert read_picture(target.getvalue()).alpha


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_tiffs_is_that_of_pillow(orientation: int) -> None:
    pixels = noise((5, 8, 3), "u1")
    Image.fromarray(pixels).save(target := BytesIO(), "TIFF", tiffinfo={274: orientation})
    theirs = Image.open(BytesIO(target.getvalue()))
    assert np.array_equal(read_picture(target.getvalue()).pixels, np.asarray(theirs))


@pytest.mark.parametrize("compression", ["raw", "tiff_deflate", "tiff_lzw", "packbits"])
@pytest.mark.parametrize("predictor", [1, 2])
def test_compressed_tiffs(compression: str, predictor: int) -> None:
    pixels = noise((40, 30, 3), "u1")
    options: dict[str, Any] = {"tiffinfo": {317: predictor}} if compression in ("tiff_deflate", "tiff_lzw") else {}
    Image.fromarray(pixels).save(target := BytesIO(), "TIFF", compression=compression, **options)
    assert np.array_equal(read_picture(target.getvalue()).pixels, pixels)


def test_what_would_lose_bits_is_refused() -> None:
    done, data = cv2.imencode(".tiff", noise((9, 9, 3), "u2"), [cv2.IMWRITE_TIFF_COMPRESSION, 5])
    assert done
    with pytest.raises(FormatError, match="3 channels of 16 bits with the compression 5 can't be decoded without loss"):
        read_picture(data.tobytes())


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_damage_is_one_typed_error(dtype: str) -> None:
    data = encode(Picture(noise((30, 30, 3), dtype), "rgb", False))
    for cut in range(40, len(data) - 30, len(data) // 29):
        with pytest.raises(FormatError):
            read_picture(data[:cut])


@given(st.integers(8, 400), st.binary(min_size=1, max_size=8), st.sampled_from(["u2", "f4"]))
def test_no_damage_is_anything_else(place: int, junk: bytes, dtype: str) -> None:
    data = bytearray(encode(Picture(noise((5, 6, 3), dtype), "rgb", False)))
    data[place : place + len(junk)] = junk
    with suppress(FormatError):
        read_picture(bytes(data))


def test_pngs_that_unpack_to_more_than_they_say_cost_nothing() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, 2, 0, 0, 0))
    bomb = chunk(b"IDAT", zlib.compress(bytes(50_000_000)))
    data = b"\x89PNG\r\n\x1a\n" + header + bomb + chunk(b"IEND", b"")
    assert read_picture(data).pixels.shape == (2, 2, 3)


def test_the_bytes_never_change() -> None:
    pixels = np.arange(20 * 30 * 3, dtype=np.uint16).reshape(20, 30, 3)
    files = [encode(Picture(pixels.astype(dtype), "rgb", False)) for dtype in ("u1", "u2", "f4")]
    assert [sha256(data).hexdigest()[:16] for data in files] == [
        "1c5525238712171d",
        "4391de790e0d95d1",
        "f868427e59df89b1",
    ]
