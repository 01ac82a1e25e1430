"""The header of a BMP file."""

from io import BytesIO

from imagecards.errors import FormatError
from imagecards.images.info import ImageInfo


def read_bmp(data: bytes) -> ImageInfo:
    """Read the header of a BMP file through Pillow's own class for it; no pixel is decoded.

    Args:
        data: The file.

    Raises:
        FormatError: The header is damaged, cut short, or of a kind that Pillow does not read.
    """
    from PIL.BmpImagePlugin import BmpImageFile

    # Pillow would take a palette that is cut short for another palette.
    if len(data) < 26 or int.from_bytes(data[10:14], "little") >= len(data):
        raise FormatError("the BMP header is cut short")
    try:
        with BmpImageFile(BytesIO(data)) as image:
            return ImageInfo(*image.size, image.mode, "BMP")
    # What Pillow raises for a damaged header is not one documented type (SyntaxError, OSError, ValueError,
    # struct.error ...), and each of them means the same to our caller.
    except Exception as error:
        raise FormatError(f"the BMP header is damaged or not supported: {error}") from error
