"""The first directory of a TIFF file."""

import struct
from collections.abc import Mapping
from typing import NamedTuple

from imagecards.errors import FormatError
from imagecards.images.info import Content, ImageInfo

# The tags that say what the pixels are; everything else in a directory is passed over unread.
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_ORIENTATION, _SAMPLES, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 274, 277, 284, 338, 339
_TILES = (_TILE_WIDTH, _TILE_HEIGHT) = (322, 323)
_TAGS = frozenset(
    {_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER}
    | {_ORIENTATION, _SAMPLES, _PLANAR, _EXTRA_SAMPLES, _SAMPLE_FORMAT}
)
_LISTS = frozenset({_BITS, _EXTRA_SAMPLES, _SAMPLE_FORMAT, *_TILES})  # every other tag holds one value
_PARTS = frozenset({273, 279, 324, 325})  # but those of where strips and tiles are
_INTEGERS = {3: "H", 4: "L", 16: "Q"}  # the types that the specifications name for these tags
_OLD_JPEG, _YCBCR = 6, 6  # values of compression and of photometric interpretation
_MAX_VALUES = 10_000  # of one tag: hyperspectral images have hundreds of bands
_MAX_PARTS = 1_000_000
_KINDS = {1: "uint", 2: "int", 3: "float", 4: "void", 5: "complexint", 6: "complex"}


class _Layout(NamedTuple):
    order: str  # "<" or ">"
    head: int  # bytes of the entry count
    entry: int  # bytes of an entry
    wide: str  # struct code of counts and offsets


def read_tiff(data: Content) -> ImageInfo:
    """Read the first directory of a TIFF or BigTIFF file; further pages are not looked at.

    The directory is read here, not by Pillow, for two reasons: Pillow refuses pixel types that it can't
    decode (several float channels, 32-bit unsigned), and reports damage through `warnings`, whose filters are
    one for all threads.

    Args:
        data: The file.

    Returns:
        Width and height as Pillow gives them: exchanged where the orientation tag lays the image on its side.

    Raises:
        FormatError: The directory is damaged or lies beyond the end of the file.
    """
    try:
        return _info(read_directory(data), data[:2])
    except struct.error:
        raise FormatError("the TIFF directory is cut short") from None


def tile_of(data: Content) -> tuple[int, int] | None:
    """Tell how large the tiles are that a sound TIFF file says it has; a decoder takes memory for a whole one.

    Args:
        data: The file, which `read_tiff` has accepted.

    Returns:
        Width and height of a tile in pixels, the largest where the file has several; ``None`` without tiles.
    """
    found = read_directory(data, frozenset(_TILES))
    return (max(found[_TILE_WIDTH]), max(found[_TILE_HEIGHT])) if len(found) == 2 else None


def read_directory(data: Content, tags: frozenset[int] = _TAGS) -> dict[int, tuple[int, ...]]:
    """Read tags of the first directory.

    Args:
        data: The file.
        tags: Which; the others are passed over unread.

    Raises:
        FormatError: The directory is damaged or lies beyond the end of the file.
        struct.error: It is cut short.
    """
    order = "<" if data[:2] == b"II" else ">"
    (version,) = _unpack(order + "H", data, 2)
    layout = _Layout(order, 8, 20, "Q") if version == 43 else _Layout(order, 2, 12, "L")
    (start,) = _unpack(order + layout.wide, data, 8 if version == 43 else 4)
    (entries,) = _unpack(order + ("Q" if version == 43 else "H"), data, min(start, len(data)))
    begin = start + layout.head
    if entries * layout.entry > len(data) - begin:
        raise FormatError(f"the TIFF directory is cut short: {entries:,} entries at byte {start}")
    if entries > 65_535:
        raise FormatError(f"the TIFF directory has {entries:,} entries, more than any real file")
    found: dict[int, tuple[int, ...]] = {}
    for place in range(begin, begin + entries * layout.entry, layout.entry):
        tag, kind = _unpack(order + "HH", data, place)
        if tag in tags and (tag not in found or tag in _TILES):  # which of two tiles a decoder takes is its secret
            found[tag] = found.get(tag, ()) + _values(data, place + 4, tag, kind, layout)
    return found


def _unpack(code: str, data: Content, place: int) -> tuple[int, ...]:
    return struct.unpack(code, data[place : place + struct.calcsize(code)])


def _values(data: Content, place: int, tag: int, kind: int, layout: _Layout) -> tuple[int, ...]:
    (count,) = _unpack(layout.order + layout.wide, data, place)
    code = _INTEGERS.get(kind)
    most = _MAX_PARTS if tag in _PARTS else _MAX_VALUES if tag in _LISTS else 1
    if code is None or not 0 < count <= most:
        raise FormatError(f"the TIFF directory is damaged: tag {tag} holds {count:,} values of type {kind}")
    width = struct.calcsize("<" + layout.wide)
    place += width
    if count * struct.calcsize("<" + code) > width:  # too long for the entry itself: it holds their place
        (place,) = _unpack(layout.order + layout.wide, data, place)
        if place >= len(data):
            raise FormatError(f"the TIFF file is cut short: the values of tag {tag} lie beyond its end")
    return _unpack(f"{layout.order}{count}{code}", data, place)


def _info(tags: dict[int, tuple[int, ...]], order: bytes) -> ImageInfo:
    missing = [name for name, tag in (("width", _WIDTH), ("height", _HEIGHT)) if tag not in tags]
    if missing:
        raise FormatError(f"the TIFF directory is damaged: it has no {missing[0]}")
    width, height = tags[_WIDTH][0], tags[_HEIGHT][0]
    if tags.get(_ORIENTATION, (1,))[0] in (5, 6, 7, 8):
        width, height = height, width
    bits, extra = tags.get(_BITS, (1,)), tags.get(_EXTRA_SAMPLES, ())
    compression, photometric = tags.get(_COMPRESSION, (1,))[0], tags.get(_PHOTOMETRIC, (0,))[0]
    if compression == _OLD_JPEG:
        photometric = _YCBCR
    samples = tags.get(_SAMPLES, (3 if compression == _OLD_JPEG else 1,))[0]
    if not 0 < samples <= _MAX_VALUES:
        raise FormatError(f"the TIFF directory is damaged: {samples:,} samples a pixel")
    if len(bits) == 1:
        bits *= samples
    if len(bits) < samples:
        raise FormatError(f"the TIFF directory is damaged: bits of {len(bits)} samples, not of {samples}")
    if len(tags.get(_SAMPLE_FORMAT, (1,))) not in (1, samples) or len(extra) >= samples:
        raise FormatError(f"the TIFF directory is damaged: what it says of its samples is not of {samples}")
    bits = bits[:samples]
    formats = tuple(dict.fromkeys(tags.get(_SAMPLE_FORMAT, (1,))))
    own = f"{_kind(formats, bits)}x{samples}"
    if tags.get(_PLANAR, (1,))[0] == 2 and extra and not any(extra):
        bits, extra = bits[: -len(extra)], ()  # unspecified planes at the end, which Pillow leaves out
    if compression != 1 and photometric == _YCBCR and len(bits) == 3:
        return ImageInfo(width, height, "RGB", "TIFF")  # the decoder converts
    fill_order = tags.get(_FILL_ORDER, (1,))[0] if compression == 1 else 1
    mode = _pillow_mode((order, photometric, formats, fill_order, bits, extra))
    return ImageInfo(width, height, mode or own, "TIFF")


def _pillow_mode(layout: tuple[object, ...]) -> str | None:
    from PIL.TiffImagePlugin import OPEN_INFO

    modes: Mapping[tuple[object, ...], tuple[str, str]] = OPEN_INFO  # type: ignore[assignment]  # wider keys
    return modes.get(layout, (None, ""))[0]


def _kind(formats: tuple[int, ...], bits: tuple[int, ...]) -> str:
    kinds = "+".join(_KINDS.get(code, f"type{code}-") for code in formats)
    return kinds + "+".join(str(width) for width in dict.fromkeys(bits))
