"""The header of a JPEG file."""

import re

from imagecards.errors import FormatError
from imagecards.images.info import ImageInfo

_MODES = {1: "L", 3: "RGB", 4: "CMYK"}

# Every start-of-frame marker; C4, C8 and CC lie between them and mean something else.
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})

# Tables, application data and comments: nothing of them is read.
_PASSED_OVER = frozenset({0xC4, 0xDB, 0xDD, *range(0xE0, 0xF0), 0xFE})

# Real files have tens of segments, a long EXIF or colour profile hundreds; a file made of markers only must
# not keep the interpreter busy.
_MAX_SEGMENTS = 10_000
_NOT_PADDING = re.compile(rb"[^\xff]")


def read_jpeg(data: bytes) -> ImageInfo:
    """Read the segments of a JPEG file up to the first scan.

    The segments are walked here, not in Pillow, because this runs once for every image of a dataset: Pillow
    takes some 20 us a file, half of what reading and hashing a small file takes in all.

    Args:
        data: The file.

    Raises:
        FormatError: The header is damaged, cut short, or of a kind that cannot be decoded.
    """
    frame: ImageInfo | None = None
    position, end = 2, len(data)
    for _ in range(_MAX_SEGMENTS):
        # What most segments are is passed over first: this loop takes half of the time of reading headers.
        if position < end - 3 and data[position] == 0xFF and data[position + 1] in _PASSED_OVER:
            following = position + 2 + (data[position + 2] << 8 | data[position + 3])
            if position + 4 <= following <= end:
                position = following
                continue
        # Bytes between segments are tolerated, as by every decoder; a marker may be padded with FF.
        position = data.find(b"\xff", position)
        if 0 <= position < end - 3 and data[position + 1] == 0xFF:
            padded = _NOT_PADDING.search(data, position)
            position = padded.start() - 1 if padded else -1
        if not 0 <= position < end - 3:
            raise FormatError("the JPEG header is cut short: the file ends before the image data")
        marker = data[position + 1]
        if marker == 0 or 0xD0 <= marker <= 0xD8:  # these stand alone
            position += 2
            continue
        if marker < 0xC0 or marker == 0xD9:
            raise FormatError(f"the JPEG header is damaged: marker FF{marker:02X} at byte {position}")
        length = data[position + 2] << 8 | data[position + 3]
        following = position + 2 + length
        if length < 2 or following > end:
            raise FormatError(f"the JPEG header is cut short: segment FF{marker:02X} at byte {position}")
        if marker in _FRAMES:
            if frame is not None:
                raise FormatError(f"the JPEG header is damaged: a second frame at byte {position}")
            frame = _frame(data, position + 4, length - 2)
        elif marker == 0xDA:
            if frame is None:
                raise FormatError("the JPEG header is damaged: image data without a size before it")
            if length < 6:
                raise FormatError("the JPEG header is damaged: its scan names no component")
            return frame
        elif marker in (0xC8, 0xDE) or 0xF0 <= marker <= 0xFD:
            raise FormatError(f"hierarchical or extended JPEG (marker FF{marker:02X}) is not supported")
        position = following
    raise FormatError(f"the JPEG header has more than {_MAX_SEGMENTS:,} segments")


def _frame(data: bytes, start: int, length: int) -> ImageInfo:
    if length < 6 or length < 6 + 3 * data[start + 5]:
        raise FormatError("the JPEG header is damaged: its frame is too short")
    if data[start] != 8:
        raise FormatError(f"JPEG with {data[start]} bits a sample is not supported: store it as PNG or TIFF")
    mode = _MODES.get(data[start + 5])
    if mode is None:
        raise FormatError(f"JPEG with {data[start + 5]} components is not supported")
    height = data[start + 1] << 8 | data[start + 2]
    width = data[start + 3] << 8 | data[start + 4]
    return ImageInfo(width, height, mode, "JPEG")


def jpeg_ends(data: bytes) -> bool:
    """Whether a JPEG file has the marker that ends an image after its last scan data."""
    # In coded data FF is always followed by 00 or a restart marker, so FFD9 can only be the end; an embedded
    # thumbnail has its own, but lies before the scan.
    if data.endswith(b"\xff\xd9"):
        return True
    end = data.rfind(b"\xff\xd9")
    return end >= 0 and data.find(b"\xff\xda", end) < 0
