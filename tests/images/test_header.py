"""`probe` tells what Pillow tells, for every kind of file that it supports."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from imagecards.errors import FormatError
from imagecards.images import EXTENSIONS, ImageInfo, describe, probe, seems_complete, sniff

Encode = Callable[..., bytes]
DATA = Path(__file__).parents[3] / "shared" / "data"

PLUGINS: dict[str, Callable[[io.BytesIO], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}

KINDS: list[tuple[str, str, dict[str, object]]] = [
    ("RGB", "JPEG", {}),
    ("L", "JPEG", {}),
    ("CMYK", "JPEG", {}),
    ("RGB", "JPEG", {"progressive": True}),
    ("RGB", "JPEG", {"optimize": True, "subsampling": 2}),
    ("RGB", "JPEG", {"icc_profile": bytes(200_000)}),
    ("RGB", "JPEG", {"exif": b"Exif\0\0" + bytes(60_000), "comment": b"\xff\xda" * 500}),
    ("L", "PNG", {}),
    ("LA", "PNG", {}),
    ("P", "PNG", {}),
    ("P", "PNG", {"bits": 2}),
    ("1", "PNG", {}),
    ("RGB", "PNG", {"icc_profile": bytes(5000), "dpi": (300, 300)}),
    ("RGBA", "PNG", {}),
    ("I;16", "PNG", {}),
    ("RGB", "TIFF", {}),
    ("L", "TIFF", {}),
    ("1", "TIFF", {}),
    ("1", "TIFF", {"compression": "group4"}),
    ("I;16", "TIFF", {}),
    ("F", "TIFF", {}),
    ("I", "TIFF", {}),
    ("LA", "TIFF", {}),
    ("P", "TIFF", {}),
    ("RGBA", "TIFF", {"compression": "tiff_lzw"}),
    ("CMYK", "TIFF", {}),
    ("LAB", "TIFF", {}),
    ("YCbCr", "TIFF", {}),
    ("RGB", "TIFF", {"compression": "jpeg"}),
    ("YCbCr", "TIFF", {"compression": "jpeg"}),
    ("RGB", "TIFF", {"big_tiff": True}),
    ("F", "TIFF", {"big_tiff": True}),
    ("RGB", "TIFF", {"tiffinfo": {274: 6}}),
    ("RGB", "WEBP", {}),
    ("RGBA", "WEBP", {}),
    ("RGB", "WEBP", {"lossless": True}),
    ("RGBA", "WEBP", {"lossless": True}),
    ("RGBA", "WEBP", {"lossless": True, "exif": b"Exif\0\0" + bytes(40)}),
    ("RGB", "WEBP", {"icc_profile": bytes(501)}),
    ("RGB", "WEBP", {"save_all": True, "append_images": [Image.new("RGB", (23, 17), "red")]}),
    ("RGBA", "WEBP", {"save_all": True, "append_images": [Image.new("RGBA", (23, 17), "red")]}),
    ("RGB", "BMP", {}),
    ("L", "BMP", {}),
    ("1", "BMP", {}),
    ("P", "BMP", {}),
    ("RGBA", "BMP", {}),
    ("P", "GIF", {}),
    ("L", "GIF", {}),
    ("RGB", "GIF", {"comment": b"x" * 3000}),
    ("P", "GIF", {"save_all": True, "append_images": [Image.new("P", (23, 17), 3)], "loop": 0}),
]


@pytest.fixture(scope="session")
def encode() -> Encode:
    """Encode a small image: ``encode(mode, format, size=(w, h), **options of Pillow's save)``."""

    def encode(mode: str, kind: str, size: tuple[int, int] = (23, 17), **options: object) -> bytes:
        noise = np.random.default_rng(7).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
        colour = Image.fromarray(noise)
        if mode == "I;16":
            image = Image.fromarray(noise[..., 0].astype(np.uint16) * 200)
        else:
            image = colour.convert(mode)
        image.save(target := io.BytesIO(), kind, **options)
        return target.getvalue()

    return encode


@pytest.fixture(scope="session")
def tiff() -> Encode:
    """Write a TIFF directory tag by tag: ``tiff({tag: (type, values)}, order="<", big=False)``."""

    def tiff(tags: dict[int, tuple[int, tuple[int, ...]]], order: str = "<", *, big: bool = False) -> bytes:
        codes = {1: "B", 3: "H", 4: "L", 16: "Q"}
        mark = b"II" if order == "<" else b"MM"
        wide, head, entry = ("Q", 16, 20) if big else ("L", 8, 12)
        directory = struct.pack(order + ("Q" if big else "H"), len(tags))
        place = head + len(directory) + entry * len(tags) + (8 if big else 4)
        values = b""
        for tag, (kind, numbers) in sorted(tags.items()):
            body = struct.pack(f"{order}{len(numbers)}{codes[kind]}", *numbers)
            if len(body) > struct.calcsize("<" + wide):
                at = struct.pack(order + wide, place + len(values))
                values += body
                body = at
            directory += struct.pack(order + "HH" + wide, tag, kind, len(numbers))
            directory += body.ljust(struct.calcsize("<" + wide), b"\0")
        start = struct.pack(order + ("HHHQ" if big else "HL"), *((43, 8, 0, 16) if big else (42, 8)))
        return mark + start + directory + struct.pack(order + wide, 0) + values

    return tiff


def pillow(data: bytes, kind: str) -> ImageInfo | None:
    """What Pillow's class for the format says; ``None`` where it refuses the file, or warns that it guesses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            with PLUGINS[kind](io.BytesIO(data)) as image:
                return ImageInfo(*image.size, image.mode, kind)
        except Exception:
            return None


def outcome(data: bytes) -> ImageInfo | None:
    """What `probe` says; ``None`` for a FormatError; anything else that it raises fails the test."""
    try:
        return probe(data, max_pixels=1 << 80)
    except FormatError:
        return None


@pytest.mark.parametrize(("mode", "kind", "options"), KINDS)
def test_agrees_with_pillow(encode: Encode, mode: str, kind: str, options: dict[str, object]) -> None:
    data = encode(mode, kind, **options)
    assert sniff(data) == kind
    info = probe(data)
    assert info == pillow(data, kind)
    assert seems_complete(data, kind)
    assert (info.width, info.height) in {(23, 17), (17, 23)}


@pytest.mark.parametrize(("mode", "kind", "options"), KINDS)
def test_every_truncation_is_refused_or_leaves_the_header_whole(
    encode: Encode, mode: str, kind: str, options: dict[str, object]
) -> None:
    data = encode(mode, kind, **options)
    whole = probe(data)
    # every length of the first 4 kB, and samples of the rest: long profiles are one segment after the other
    lengths = [*range(min(len(data), 4096)), *range(4096, len(data), 997)]
    accepted = [length for length in lengths if outcome(data[:length]) is not None]
    assert all(outcome(data[:length]) == whole for length in accepted)
    assert accepted == lengths[len(lengths) - len(accepted) :]
    assert outcome(data[:25]) is None
    if kind == "WEBP":
        assert not accepted


@pytest.mark.parametrize(("kind", "mode"), [("JPEG", "RGB"), ("PNG", "RGB"), ("PNG", "P"), ("JPEG", "CMYK")])
def test_half_a_file_does_not_seem_complete(encode: Encode, kind: str, mode: str) -> None:
    data = encode(mode, kind, size=(200, 200))
    half = data[: len(data) * 2 // 3]
    assert probe(half) == probe(data)
    assert not seems_complete(half, kind)


def test_jpeg_thumbnail_does_not_stand_for_the_end(encode: Encode) -> None:
    thumbnail = encode("RGB", "JPEG")
    data = encode("RGB", "JPEG", size=(300, 300), exif=b"Exif\0\0" + thumbnail)
    assert seems_complete(data, "JPEG")
    assert not seems_complete(data[:-2], "JPEG")


def test_pixel_types_that_pillow_has_no_name_for(tiff: Encode) -> None:
    sizes = {256: (3, (64,)), 257: (3, (48,)), 262: (3, (1,))}
    floats = {258: (3, (32,) * 5), 277: (3, (5,)), 339: (3, (3,) * 5)}
    for order in "<>":
        for big in (False, True):
            assert probe(tiff(sizes | floats, order, big=big)) == (64, 48, "float32x5", "TIFF")
    assert probe(tiff(sizes | {258: (3, (64,)), 339: (3, (3,))})).mode == "float64x1"
    assert probe(tiff(sizes | {258: (3, (16,)), 277: (3, (200,))})).mode == "uint16x200"
    assert probe(tiff(sizes | {258: (3, (5, 6, 5)), 277: (3, (3,))})).mode == "uint5+6x3"
    assert probe(tiff(sizes | {258: (3, (8, 16)), 277: (3, (2,)), 339: (3, (1, 2))})).mode == "uint+int8+16x2"
    assert probe(tiff(sizes | {258: (3, (32,)), 339: (3, (1,))}, ">")).mode == "uint32x1"


def test_width_may_be_short_or_long(tiff: Encode) -> None:
    for kind in (3, 4):
        assert probe(tiff({256: (kind, (9,)), 257: (kind, (8,)), 262: (3, (1,))})) == (9, 8, "1", "TIFF")
    assert probe(tiff({256: (16, (9,)), 257: (16, (8,)), 262: (3, (1,))}, big=True))[:2] == (9, 8)


@pytest.mark.parametrize("kind", sorted(PLUGINS))
def test_random_bytes_after_the_magic(kind: str, encode: Encode) -> None:
    head = encode("RGB", kind)[:8] if kind != "WEBP" else encode("RGB", kind)[:16]

    @given(st.binary(max_size=200))
    def check(tail: bytes) -> None:
        info = outcome(head + tail)
        reference = pillow(head + tail, kind)
        assert info is None or reference is None or info == reference

    check()


@pytest.mark.parametrize(("mode", "kind", "options"), KINDS[::3])
def test_damaged_headers(encode: Encode, mode: str, kind: str, options: dict[str, object]) -> None:
    data = encode(mode, kind, **options)

    @given(st.lists(st.tuples(st.integers(0, min(len(data), 400) - 1), st.integers(0, 255)), min_size=1, max_size=6))
    def check(changes: list[tuple[int, int]]) -> None:
        damaged = bytearray(data)
        for place, value in changes:
            damaged[place] = value
        info = outcome(bytes(damaged))
        if info is not None:
            reference = pillow(bytes(damaged), info.format)
            assert reference is None or info == reference

    check()


@given(st.binary(max_size=300))
def test_random_bytes(data: bytes) -> None:
    info = outcome(data)
    assert info is None or info.width * info.height > 0


def png_of(width: int, height: int) -> bytes:
    """A sound one-bit PNG of zeros: a bomb is small because zeros compress a thousand times."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    stripe = zlib.compressobj(9)
    row = bytes((width + 7) // 8 + 1)
    body = b"".join(stripe.compress(row) for _ in range(height)) + stripe.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def hostile(encode: Encode, tiff: Encode) -> Iterator[tuple[str, bytes, str]]:
    bomb = png_of(13_000, 13_000)
    assert len(bomb) < 30_000
    yield "PNG bomb", bomb, "169,000,000"
    yield "TIFF 2^20", tiff({256: (4, (1 << 20,)), 257: (4, (1 << 20,)), 262: (3, (1,))}), "1,099,511,627,776"
    yield "EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"
    yield "DOS EPS", b"\xc5\xd0\xd3\xc6" + bytes(40), "PostScript"
    yield "SVG", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', "SVG"
    yield "SVG with BOM", b"\xef\xbb\xbf<svg/>", "SVG"
    yield "LFS pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"
    yield "web page", b"<!DOCTYPE html><title>404</title>", "web page"
    yield "text in BM", b"BMW is a maker of cars and motorcycles", "BMP header"
    yield "empty", b"", "empty"
    yield "JPEG of markers", b"\xff\xd8" * 100_000, "segments"
    yield "JPEG of padding", b"\xff\xd8" + b"\xff" * 1_000_000, "cut short"
    yield "JPEG, two frames", two_frames(encode("RGB", "JPEG")), "second frame"
    yield (
        "JPEG, 12 bits",
        encode("RGB", "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c"),
        "12 bits",
    )
    yield "GIF of blocks", b"GIF89a\1\0\1\0\0\0\0!\xfe" + b"\1x" * 500_000 + b"\0", "blocks"
    yield (
        "PNG without colour",
        encode("RGB", "PNG").replace(b"\x08\x02\0\0\0", b"\x08\x05\0\0\0"),
        "colour type",
    )
    big = bytearray(encode("RGB", "WEBP", save_all=True, append_images=[Image.new("RGB", (23, 17))]))
    big[24:30] = b"\xff\xff\x00\xff\xff\x00"
    yield "WebP of 65,536 x 65,536", bytes(big), "4,294,967,296"
    no_rows = {256: (3, (5,)), 257: (3, (0,)), 262: (3, (1,))}
    yield "TIFF without rows", tiff(no_rows), "5 x 0"
    yield "TIFF, directory beyond the end", b"II*\0\xff\xff\xff\x7f" + bytes(50), "cut short"
    yield "TIFF, entries for a terabyte", b"MM\0+\0\x08\0\0" + struct.pack(">QQ", 16, 1 << 60), "cut short"
    yield (
        "TIFF, a width of a million values",
        tiff({256: (4, (1,) * 20_000), 257: (4, (1,))}),
        "20,000 values",
    )
    yield "TIFF, 2^32 samples", tiff({256: (3, (5,)), 257: (3, (5,)), 277: (4, (0xFFFFFFFF,))}), "samples"


def two_frames(data: bytes) -> bytes:
    place = data.index(b"\xff\xc0")
    segment = data[place : place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")]
    return data[:place] + segment + data[place:]


def test_hostile_files(encode: Encode, tiff: Encode) -> None:
    for label, data, words in hostile(encode, tiff):
        with pytest.raises(FormatError) as caught:
            probe(data)
        assert words in str(caught.value), label


def test_tiff_whose_directories_form_a_loop(tiff: Encode) -> None:
    data = bytearray(tiff({256: (3, (5,)), 257: (3, (4,)), 262: (3, (1,))}))
    data[-4:] = struct.pack("<L", 8)  # the next directory is the first one
    assert probe(bytes(data)) == (5, 4, "1", "TIFF")


def test_a_png_that_is_also_postscript_is_only_a_png(encode: Encode) -> None:
    data = encode("RGB", "PNG") + b"\n%!PS-Adobe-3.0 EPSF-3.0\n"
    assert probe(data).format == "PNG"
    with pytest.raises(FormatError):
        probe(b"%!PS-Adobe-3.0 EPSF-3.0\n" + encode("RGB", "PNG"))


def test_limit_is_settable(encode: Encode) -> None:
    data = encode("RGB", "PNG")
    assert probe(data, max_pixels=23 * 17)
    with pytest.raises(FormatError, match=r"23 x 17 = 391 pixels.*max_pixels"):
        probe(data, max_pixels=390)


def test_nothing_is_warned_of_on_any_thread(encode: Encode) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        for mode, kind, options in KINDS:
            data = encode(mode, kind, **options)
            for length in range(0, len(data), max(1, len(data) // 50)):
                outcome(data[:length])
    assert not seen


def test_gif_frame_larger_than_the_screen(encode: Encode) -> None:
    data = bytearray(encode("P", "GIF"))
    data[6:10] = struct.pack("<HH", 10, 10)
    assert probe(bytes(data))[:2] == (23, 17)
    assert probe(bytes(data)) == pillow(bytes(data), "GIF")


def test_every_extension_has_a_reader() -> None:
    assert set(EXTENSIONS.values()) == set(PLUGINS)
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in EXTENSIONS)


def test_real_files() -> None:
    files = sorted(path for path in DATA.rglob("*") if path.suffix in EXTENSIONS)
    if not files:
        pytest.skip("the shared test data is not beside this checkout")
    for path in files:
        data = path.read_bytes()
        kind = EXTENSIONS[path.suffix]
        assert probe(data) == pillow(data, kind), path.name
        assert seems_complete(data, kind), path.name


def test_decoded_size_is_the_probed_size(encode: Encode) -> None:
    for mode, kind, options in KINDS:
        data = encode(mode, kind, **options)
        with Image.open(io.BytesIO(data)) as image:
            shape = np.asarray(image).shape
        assert (shape[1], shape[0]) == probe(data)[:2], (mode, kind)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


FRAME = struct.pack(">BHHB", 8, 30, 40, 1) + b"\x01\x11\x00"
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00")
START = b"\xff\xd8"
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
IHDR = chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 0, 0))
IDAT = chunk(b"IDAT", b"")


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for name, data in chunks)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


LOSSY = b"\x10\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 40, 30) + bytes(12)
CANVAS = bytes(4) + (39).to_bytes(3, "little") + (29).to_bytes(3, "little")


@pytest.mark.parametrize(
    "data",
    [
        START + segment(0xC0, FRAME) + SCAN,
        START + b"\xff\xff\xff" + segment(0xC0, FRAME) + b"junk\xff\x00" + SCAN,
        START + b"\xff\xd0" + segment(0xC2, FRAME) + SCAN,
        PNG_MAGIC + IHDR + chunk(b"tEXt", b"a\0b") + IDAT,
        webp((b"VP8 ", LOSSY)),
        webp((b"VP8X", CANVAS), (b"ICCP", b"odd"), (b"VP8 ", LOSSY)),
    ],
)
def test_written_by_hand(data: bytes) -> None:
    assert probe(data)[:2] == (40, 30)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (START + b"\xff\x02" + bytes(9), "marker FF02"),
        (START + segment(0xC0, FRAME) + b"\xff\xd9" + bytes(9), "marker FFD9"),
        (START + segment(0xC0, FRAME) + b"\xff\xe0\x00\x01" + bytes(9), "cut short"),
        (START + SCAN, "without a size"),
        (START + segment(0xC0, FRAME) + segment(0xDA, b""), "names no component"),
        (START + segment(0xDE, FRAME) + SCAN, "FFDE"),
        (START + segment(0xF0, FRAME) + SCAN, "FFF0"),
        (START + segment(0xC0, FRAME[:5]) + SCAN, "frame is too short"),
        (START + segment(0xC0, FRAME[:-1]) + SCAN, "frame is too short"),
        (START + segment(0xC0, struct.pack(">BHHB", 8, 30, 40, 2) + bytes(6)) + SCAN, "2 components"),
        (START + segment(0xC0, struct.pack(">BHHB", 8, 0, 40, 1) + bytes(3)) + SCAN, "40 x 0"),
        (PNG_MAGIC + IDAT + IHDR, "begin with an IHDR"),
        (PNG_MAGIC + IHDR + IHDR + IDAT, "IHDR"),
        (PNG_MAGIC + IHDR + chunk(b"IEND", b""), "IEND"),
        (PNG_MAGIC + IHDR + chunk(b"a 1!", b"") + IDAT, "chunk"),
        (PNG_MAGIC + IHDR + chunk(b"tEXt", b"") * 10_001 + IDAT, "10,000 chunks"),
        (PNG_MAGIC + IHDR + b"\x7f\xff\xff\xfftEXt" + bytes(40), "cut short in"),
        (PNG_MAGIC + IHDR[:-1] + b"\0" + IDAT, "checksum"),
        (PNG_MAGIC + chunk(b"IHDR", struct.pack(">IIBBBBB", 40, 30, 8, 2, 0, 1, 0)) + IDAT, "filter"),
        (b"GIF89a\1\0\1\0\0\0\0\x99" + bytes(30), "byte 13 starts no block"),
        (b"GIF89a\0\0\1\0\0\0\0\x2c" + bytes(30), "0 x 1"),
        (b"GIF89a\1\0\1\0\0\0\0\x2c" + bytes(9), "cut short"),
        (webp((b"VP8 ", b"\x11" + LOSSY[1:])), "stand alone"),
        (webp((b"VP8L", b"\x2e" + bytes(20))), "lossless signature"),
        (webp((b"JUNK", LOSSY)), "unknown chunk"),
        (webp((b"VP8X", CANVAS), (b"JUNK", bytes(20))), "no image"),
        (webp((b"VP8X", bytes(10)), (b"VP8 ", LOSSY)), "canvas"),
        (b"RIFF\xff\xff\xff\x7fWEBPVP8 " + bytes(40), "cut short"),
    ],
)
def test_damage_written_by_hand(data: bytes, words: str) -> None:
    with pytest.raises(FormatError) as caught:
        probe(data)
    assert words in str(caught.value)


def test_tiff_damage_written_by_hand(tiff: Encode) -> None:
    size = {256: (3, (64,)), 257: (3, (48,))}
    for tags, words in (
        ({257: (3, (48,))}, "no width"),
        ({256: (3, (64,))}, "no height"),
        ({256: (3, (64,)), 257: (3, (4, 4))}, "tag 257 holds 2 values"),
        ({256: (1, (64,)), 257: (3, (48,))}, "of type 1"),
        (size | {277: (3, (3,)), 258: (3, (8,)), 339: (3, (1, 1))}, "what it says of its samples"),
        (size | {277: (3, (0,))}, "0 samples"),
        (size | {277: (3, (4,)), 258: (3, (8, 8))}, "bits of 2"),
    ):
        with pytest.raises(FormatError, match=words):
            probe(tiff(tags))
    beyond = bytearray(tiff(size | {258: (3, (8, 8, 8)), 277: (3, (3,))}))
    place = beyond.index(struct.pack("<HHL", 258, 3, 3)) + 8
    beyond[place : place + 4] = b"\xff\xff\xff\x7f"
    with pytest.raises(FormatError, match="beyond its end"):
        probe(bytes(beyond))
    jpeg = size | {259: (3, (6,)), 258: (3, (8, 8, 8)), 277: (3, (3,))}
    assert probe(tiff(jpeg)).mode == "RGB"
    planes = size | {258: (3, (8, 8)), 277: (3, (2,)), 338: (3, (0,)), 284: (3, (2,)), 262: (3, (1,))}
    assert probe(tiff(planes)).mode == "L"


def test_what_other_files_look_like() -> None:
    for data, words in (
        (b"....ftypheic", "HEIF"),
        (b"<?xml version='1.0'?><note/>", "XML"),
        (b'{"a": 1}', "JSON"),
        (b"SIMPLE  =                    T", "FITS"),
        (bytes(100), "none of the known"),
    ):
        assert words in describe(data)
