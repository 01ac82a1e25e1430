"""Decoding: what is in the file, or a FormatError."""

import io
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imagecards.datasets import examine_bytes
from imagecards.errors import FormatError
from imagecards.images import EXTENSIONS, ImageInfo, decode, probe

DATA = Path(__file__).parents[3] / "shared" / "data"


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    image.save(target := io.BytesIO(), kind, **options)
    return target.getvalue()


def test_pixels_come_back() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (9, 11, 3), dtype=np.uint8)
    for kind, options in (("PNG", {}), ("TIFF", {}), ("BMP", {}), ("WEBP", {"lossless": True})):
        assert (np.asarray(decode(saved(Image.fromarray(noise), kind, **options))) == noise).all()
    deep = (noise[..., 0].astype(np.uint16) + 1) * 255
    assert (np.asarray(decode(saved(Image.fromarray(deep), "TIFF"))) == deep).all()
    floats = noise[..., 0].astype(np.float32) / 7
    assert (np.asarray(decode(saved(Image.fromarray(floats), "TIFF"))) == floats).all()
    for kind in ("JPEG", "GIF"):
        assert decode(saved(Image.fromarray(noise), kind)).size == (11, 9)


@pytest.mark.parametrize("kind", sorted(set(EXTENSIONS.values())))
def test_damaged_pixels_are_a_format_error_or_pass(kind: str) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    for length in range(0, len(data), max(1, len(data) // 60)):
        try:
            decode(data[:length])
        except FormatError:
            continue
    with pytest.raises(FormatError, match=r"Pillow can't decode|cut short"):
        decode(data[: len(data) // 2])


def test_limits() -> None:
    data = saved(Image.new("1", (100, 100)), "PNG")
    with pytest.raises(FormatError, match="max_pixels"):
        decode(data, max_pixels=9_999)


def test_pixel_types_that_pillow_does_not_hold() -> None:
    tags = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 64), (262, 3, 1, 1), (273, 4, 1, 8), (339, 3, 1, 3)]
    data = b"II*\0" + struct.pack("<LH", 8, len(tags))
    data += b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(200)
    with pytest.raises(FormatError, match="float64x1"):
        decode(data)


def test_real_files() -> None:
    files = [path for path in sorted(DATA.rglob("*")) if path.suffix in EXTENSIONS]
    if not files:
        pytest.skip("the shared test data is not beside this checkout")
    for path in files[:4]:
        with Image.open(path) as reference:
            assert (np.asarray(decode(path.read_bytes())) == np.asarray(reference)).all()


def tiled(width: int, height: int) -> bytes:
    tags = [(256, 3, 1, 16), (257, 3, 1, 16), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (277, 3, 1, 1)]
    tags += [(322, 4, 1, width), (323, 4, 1, height), (324, 4, 1, 8), (325, 4, 1, width * height % 2**32)]
    data = b"II*\0" + struct.pack("<LH", 8, len(tags))
    return data + b"".join(struct.pack("<HHLL", *tag) for tag in tags) + bytes(400)


def test_tiles_larger_than_the_limit_are_refused() -> None:
    for open_it in (probe, decode):
        with pytest.raises(FormatError, match="tiles of 65536 x 65536"):
            open_it(tiled(65536, 65536))
        with pytest.raises(FormatError, match="max_pixels"):
            open_it(tiled(16, 16), max_pixels=255)
    assert probe(tiled(16, 16))[:2] == (16, 16)
    issue = examine_bytes("a.tif", tiled(65536, 65536)).issue
    assert issue is not None
    assert (issue.rule, "tiles of 65536 x 65536" in issue.message) == ("too-many-pixels", True)


def test_pillow_must_see_the_size_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    lie = ImageInfo(3, 3, "RGB", "PNG")
    monkeypatch.setattr(sys.modules["imagecards.images.decode"], "probe", lambda *_args, **_options: lie)
    with pytest.raises(FormatError, match="takes the size for 4 x 4"):
        decode(saved(Image.new("RGB", (4, 4)), "PNG"))
