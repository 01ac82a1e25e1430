"""How a JPEG file says that its pixels are to be turned when they are shown."""

import struct

_MOST_SEGMENTS = 1_000
_APP1, _START_OF_SCAN = 0xE1, 0xDA
_HEAD = b"Exif\0\0"
_ORIENTATION, _SHORT = 274, 3


def orientation(data: bytes) -> int:
    """Tell the orientation that a JPEG file has in its EXIF.

    Width and height of `imagecards.images.probe`, and what `imagecards.images.decode` gives, are those of the pixels
    as they are stored. Many programs, OpenCV among them, turn them by this number when they load them.

    Args:
        data: The file.

    Returns:
        1 to 8, as EXIF numbers them: 1 is as stored, also for what is no JPEG or says nothing that can be understood;
        from 5 on width and height are exchanged.

    Example:
        >>> orientation(b"no JPEG")
        1
    """
    if data[:2] != b"\xff\xd8":
        return 1
    position = 2
    for _ in range(_MOST_SEGMENTS):
        if position + 4 > len(data) or data[position] != 0xFF or data[position + 1] == _START_OF_SCAN:
            break
        if data[position + 1] == 0xFF:  # padding
            position += 1
            continue
        following = position + 2 + (data[position + 2] << 8 | data[position + 3])
        if data[position + 1] == _APP1 and data.startswith(_HEAD, position + 4):
            return _first_directory(data[position + 4 + len(_HEAD) : following])
        position = following
    return 1


def _first_directory(exif: bytes) -> int:
    """The orientation in EXIF's first directory, which is one of TIFF's."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "L", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for place in range(start + 2, start + 2 + 12 * entries, 12):
            tag, kind, _, value = struct.unpack_from(order + "HHLH", exif, place)
            if tag == _ORIENTATION:
                return int(value) if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
