"""What an image file says of itself: width, height, pixel type and format; and the limits on it."""

from imagecards.images.decode import decode
from imagecards.images.header import probe, read_header, read_tiff_header, seems_complete, too_many_pixels
from imagecards.images.info import EXTENSIONS, MAX_PIXELS, Content, ImageInfo, describe, sniff

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "Content",
    "ImageInfo",
    "decode",
    "describe",
    "probe",
    "read_header",
    "read_tiff_header",
    "seems_complete",
    "sniff",
    "too_many_pixels",
]
