"""Decoding an image file, within the limits."""

from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING

from imagecards.errors import FormatError
from imagecards.images.header import probe
from imagecards.images.info import MAX_PIXELS

if TYPE_CHECKING:
    from PIL import Image

# Pillow's class for each format. `PIL.Image.open` would try all formats that Pillow knows, some of which run
# other programs, and warn of large images through filters that are one for all threads.
_CLASSES = {
    "JPEG": ("PIL.JpegImagePlugin", "JpegImageFile"),
    "PNG": ("PIL.PngImagePlugin", "PngImageFile"),
    "TIFF": ("PIL.TiffImagePlugin", "TiffImageFile"),
    "WEBP": ("PIL.WebPImagePlugin", "WebPImageFile"),
    "BMP": ("PIL.BmpImagePlugin", "BmpImageFile"),
    "GIF": ("PIL.GifImagePlugin", "GifImageFile"),
}


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS) -> "Image.Image":
    """Decode the first image of a file.

    Args:
        data: The whole file.
        max_pixels: Largest width x height that is accepted.

    Returns:
        A Pillow image, in the mode of the file; nothing is converted or turned.

    Raises:
        FormatError: It is not an acceptable image (see `imagecards.images.probe`), its pixels are damaged, or
            of a type that Pillow does not hold.
    """
    info = probe(data, max_pixels=max_pixels)
    module, name = _CLASSES[info.format]
    try:
        image: Image.Image = getattr(import_module(module), name)(BytesIO(data))
        if image.size != (info.width, info.height):  # the limit was held against the size that we read
            raise ValueError(f"it takes the size for {image.size[0]} x {image.size[1]}")
        image.load()
    # What Pillow raises for damaged files is not one documented type, and each means the same to our caller.
    except Exception as error:
        raise FormatError(
            f"Pillow can't decode this {info.format} file ({info.width} x {info.height}, {info.mode}): "
            f"{error}; its bytes can still be read"
        ) from error
    return image
