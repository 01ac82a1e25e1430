"""The kinds of image file that imagecards knows, and what is told of one."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol

MAX_PIXELS = 100_000_000
"""How many pixels an image may have unless the caller says otherwise."""

EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {
        ".jpg": "JPEG",
        ".jpeg": "JPEG",
        ".jpe": "JPEG",
        ".jfif": "JPEG",
        ".png": "PNG",
        ".tif": "TIFF",
        ".tiff": "TIFF",
        ".webp": "WEBP",
        ".bmp": "BMP",
        ".dib": "BMP",
        ".gif": "GIF",
    }
)
"""Lower-case file name extensions and the format that each promises."""


class Content(Protocol):
    """The bytes of a file, as far as they are asked for: ``bytes``, or a file too large to be held."""

    def __len__(self) -> int: ...

    def __getitem__(self, place: slice, /) -> bytes: ...


class ImageInfo(NamedTuple):
    """What the header of an image file says.

    Attributes:
        width: Columns of the first image in the file, in pixels.
        height: Rows of the first image in the file, in pixels.
        mode: The pixel type: Pillow's name for it (``"RGB"``, ``"I;16"``), or, where Pillow has none, the
            type of a sample and the number of samples (``"float32x5"``).
        format: ``"JPEG"``, ``"PNG"``, ``"TIFF"``, ``"WEBP"``, ``"BMP"`` or ``"GIF"``.
    """

    width: int
    height: int
    mode: str
    format: str


_OTHERS = (
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"%PDF", "PDF"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"SIMPLE  =", "FITS"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "gzip"),
    (b"version https://git-lfs", "a Git LFS pointer whose content was never downloaded"),
)


def sniff(data: bytes) -> str | None:
    """Tell the format of an image file by its first bytes.

    Args:
        data: The file, or at least its first 12 bytes.

    Returns:
        One of the formats of `EXTENSIONS`, or ``None``.

    Example:
        >>> sniff(b"GIF89a...")
        'GIF'
        >>> sniff(b"%!PS-Adobe-3.0 EPSF-3.0") is None
        True
    """
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:2] == b"BM":
        return "BMP"
    return None


def describe(data: bytes) -> str:
    """Say in words what a file that is none of our formats looks like."""
    if not data:
        return "empty"
    for magic, name in _OTHERS:
        if data.startswith(magic):
            return name
    if data[4:8] == b"ftyp":
        return "HEIF, AVIF or a film"
    start = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"<svg") or (start.startswith(b"<?xml") and b"<svg" in data[:4096].lower()):
        return "SVG"
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if start.startswith(b"<?xml"):
        return "XML"
    if start.startswith((b"{", b"[")):
        return "JSON"
    return "none of the known image formats"
