"""The orientation in a JPEG's EXIF is the one that Pillow and OpenCV find."""

from io import BytesIO

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imagecards.images import orientation


def jpeg(turn: int, order: str = "<") -> bytes:
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F] = "a maker"
    exif[0x0112] = turn
    Image.new("RGB", (24, 16)).save(file := BytesIO(), "JPEG", exif=exif.tobytes())
    return file.getvalue()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_all_of_them(turn: int, order: str) -> None:
    data = jpeg(turn, order)
    assert orientation(data) == Image.open(BytesIO(data)).getexif()[0x0112] == turn
    loaded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert loaded is not None
    assert (loaded.shape[:2] == (24, 16)) == (orientation(data) > 4)


@pytest.mark.parametrize("turn", [0, 9, 77])
def test_what_is_none(turn: int) -> None:
    assert orientation(jpeg(turn)) == 1


def test_none_is_said() -> None:
    Image.new("RGB", (24, 16)).save(jfif := BytesIO(), "JPEG")
    Image.new("RGB", (24, 16)).save(png := BytesIO(), "PNG")
    assert [orientation(each) for each in (jfif.getvalue(), png.getvalue(), b"", b"\xff\xd8", b"\xff\xd8\xff")] == [
        1
    ] * 5


def test_behind_other_segments_and_padding() -> None:
    data = jpeg(6)
    assert orientation(data[:2] + b"\xff\xe1\0\x06XMP\0" + b"\xff\xff\xff\xfe\0\x04ab" + data[2:]) == 6


def test_a_file_of_markers_does_not_take_long() -> None:
    assert orientation(b"\xff\xd8" + b"\xff" * 2**24) == 1


@settings(max_examples=300, deadline=None)
@given(st.integers(2, 120), st.binary(max_size=12), st.booleans())
def test_damage_is_survived(place: int, other: bytes, cut: bool) -> None:
    data = jpeg(6)
    assert 1 <= orientation(data[:place] + other + (b"" if cut else data[place + len(other) :])) <= 8
