"""Whatever decodes an image, its pixels are those that Pillow gives, and their type is that of the file."""

import random
from collections.abc import Callable
from io import BytesIO
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from imagecards.errors import FormatError, InvalidInputError
from imagecards.images import ColourMode, Picture, encode, pixels, read_picture, read_pixels

RNG = np.random.default_rng(0)


def noise(height: int, width: int, channels: int = 3, dtype: type[Any] = np.uint8) -> NDArray[Any]:
    return (np.clip(RNG.normal(0.5, 0.2, (height, width, channels)), 0, 1) * np.iinfo(dtype).max).astype(dtype)


def jpeg(image: Image.Image, **options: Any) -> bytes:
    image.save(file := BytesIO(), "JPEG", **options)
    return file.getvalue()


def jpegs() -> list[bytes]:
    sizes = [(1, 1), (7, 5), (16, 16), (17, 33), (65, 48)]
    files = [
        jpeg(Image.fromarray(noise(*size)).convert(mode), quality=quality, subsampling=sampling, progressive=steps)
        for size, mode, quality, sampling, steps in product(
            sizes, ("RGB", "L"), (30, 95), ("4:4:4", "4:2:2", "4:2:0", "4:1:1"), (False, True)
        )
    ]
    image = Image.fromarray(noise(40, 30))
    exif = Image.Exif()
    exif[274] = 6  # to be turned when shown
    files += [jpeg(image, keep_rgb=True), jpeg(image, restart_marker_blocks=2), jpeg(image, exif=exif)]
    return [*files, jpeg(image.convert("CMYK"))]


def pngs() -> list[bytes]:
    made = []
    for dtype, (channels, colour) in product((np.uint8, np.uint16), ((1, "grey"), (3, "rgb"), (4, "rgb"))):
        made.append(encode(Picture(noise(41, 53, channels, dtype), colour, channels == 4)))  # type: ignore[arg-type]
    image = Image.fromarray(noise(20, 30))
    for other in (image.quantize(16), image.convert("1"), image.convert("LA"), image.convert("L")):
        other.save(file := BytesIO(), "PNG")
        made.append(file.getvalue())
    image.save(file := BytesIO(), "PNG", transparency=(1, 2, 3))
    return [*made, file.getvalue()]


def same(data: bytes) -> bool:
    """Whether both readers give the same pixels, or both refuse."""
    try:
        wanted = read_picture(data).pixels
    except FormatError:
        wanted = None
    try:
        found = read_pixels(data)
    except FormatError:
        return wanted is None
    return wanted is not None and found.dtype == wanted.dtype and np.array_equal(found, wanted)


@pytest.mark.parametrize("files", [jpegs, pngs])
def test_the_same_pixels_as_pillow_gives(files: Callable[[], list[bytes]]) -> None:
    assert [number for number, data in enumerate(files()) if not same(data)] == []


@pytest.mark.parametrize("colour", ["rgb", "grey", "stored"])
@pytest.mark.parametrize("files", [jpegs, pngs])
def test_pixels_are_put_where_they_shall_be(files: Callable[[], list[bytes]], colour: ColourMode) -> None:
    rooms: list[NDArray[Any]] = []

    def room(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        rooms.append(np.full(shape, 7, dtype))
        return rooms[-1]

    for data in files():
        found = read_pixels(data, colour, room=room)
        assert found.flags.c_contiguous
        assert np.shares_memory(found, rooms[-1])
        assert np.array_equal(found, read_pixels(data, colour))
    assert len(rooms) == len(files())


@pytest.mark.parametrize(("files", "library"), [(jpegs, "simplejpeg"), (pngs, "cv2")])
def test_other_libraries_are_in_use(
    files: Callable[[], list[bytes]], library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(library)
    monkeypatch.setattr(pixels, "read_picture", None)
    read_pixels(files()[0])


def test_damage_is_seen_as_pillow_sees_it() -> None:
    chance = random.Random(5)
    files = [*jpegs()[::9], *pngs()]
    for _ in range(400):
        data = bytearray(chance.choice(files))
        place = chance.randrange(2, len(data))
        if chance.random() < 0.3:
            del data[place:]
        elif chance.random() < 0.3:
            data[place:place] = b"\0\xff"
        else:
            data[place] ^= 1 << chance.randrange(8)
        assert same(bytes(data)), bytes(data)


def test_without_other_libraries_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    data = jpegs()[3]
    with_them = read_pixels(data)
    monkeypatch.setattr(pixels, "_library", lambda name: None)
    assert np.array_equal(read_pixels(data), with_them)


def test_colours() -> None:
    colours = noise(9, 7)
    file = encode(Picture(colours, "rgb", False))
    grey = np.asarray(Image.fromarray(colours).convert("L"))
    assert np.array_equal(read_pixels(file, "grey")[..., 0], grey)
    assert np.array_equal(read_pixels(encode(Picture(noise(9, 7, 4), "rgb", True)), "rgb").shape, (9, 7, 3))
    deep = noise(9, 7, 1, np.uint16)
    found = read_pixels(encode(Picture(deep, "grey", False)), "rgb")
    assert found.dtype == np.uint16
    assert np.array_equal(found, np.repeat(deep, 3, axis=2))
    floats = RNG.random((9, 7, 3)).astype(np.float32)
    assert np.array_equal(read_pixels(encode(Picture(floats, "rgb", False))), floats)
    assert read_pixels(encode(Picture(floats, "rgb", False)), "grey").dtype == np.float32
    inks = Image.fromarray(noise(9, 7)).convert("CMYK")
    assert np.array_equal(read_pixels(jpeg(inks), "rgb"), np.asarray(Image.open(BytesIO(jpeg(inks))).convert("RGB")))


def test_what_has_no_such_colours_is_told() -> None:
    bands = encode(Picture(np.zeros((4, 4, 5), np.float32), "bands", False))
    assert read_pixels(bands).shape == (4, 4, 5)
    with pytest.raises(FormatError, match=r"5 channels .*take it as it is stored"):
        read_pixels(bands, "rgb")
    with pytest.raises(InvalidInputError, match="colour is 'rgb', 'grey' or 'stored', not 'RGB'"):
        read_pixels(bands, "RGB")  # type: ignore[arg-type]
