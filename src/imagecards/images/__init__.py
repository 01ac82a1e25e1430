"""Image files: what one says of itself, the limits on it, its pixels, and files of pixels."""

from imagecards.images.decode import decode
from imagecards.images.encode import encode
from imagecards.images.exif import orientation
from imagecards.images.header import probe, read_header, read_tiff_header, seems_complete, too_many_pixels
from imagecards.images.info import EXTENSIONS, MAX_PIXELS, Content, ImageInfo, describe, sniff
from imagecards.images.picture import Picture, read_picture
from imagecards.images.pixels import ColourMode, Room, read_pixels
from imagecards.images.resample import resampled

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "ColourMode",
    "Content",
    "ImageInfo",
    "Picture",
    "Room",
    "decode",
    "describe",
    "encode",
    "orientation",
    "probe",
    "read_header",
    "read_picture",
    "read_pixels",
    "read_tiff_header",
    "resampled",
    "seems_complete",
    "sniff",
    "too_many_pixels",
]
