"""Ranges of bytes over HTTP: how they are asked for, and what the answer to one must be."""

from imagecards.errors import IntegrityError

FAR = 1 << 62
"""Nothing stored ends there, and no server takes larger numbers."""


def range_header(start: int, length: int | None) -> str | None:
    """What asks for a range: ``""`` for everything, None where no range of HTTP says it.

    Example:
        >>> range_header(0, None), range_header(5, 10), range_header(5, None), range_header(5, 0)
        ('', 'bytes=5-14', 'bytes=5-', None)
    """
    if length == 0 or start >= FAR:
        return None
    if start == 0 and length is None:
        return ""
    end = "" if length is None else min(start + length, FAR) - 1
    return f"bytes={start}-{end}"


def answered_range(place: str, data: bytes, start: int, length: int | None, *, ranged: bool) -> bytes:
    """The bytes that were asked for.

    Args:
        place: What was read, for errors.
        data: What came.
        start: The first byte that was asked for.
        length: How many were; None for all up to the end.
        ranged: Whether the server sent the range alone; some always send everything.

    Raises:
        IntegrityError: There are fewer bytes than were asked for.

    Example:
        >>> answered_range("a", b"01234567", 2, 3, ranged=False)
        b'234'
    """
    if not ranged:
        if start > len(data):
            raise truncated(place, len(data), start + (length or 0))
        data = data[start : None if length is None else start + length]
    if length is not None and len(data) < length:
        raise truncated(place, start + len(data), start + length)
    return data


def no_bytes(place: str, size: int, start: int, length: int | None) -> bytes:
    """A range without bytes, of what has a size.

    Raises:
        IntegrityError: It doesn't reach as far as the range begins or ends.
    """
    needed = start + (length or 0)
    if needed > size:
        raise truncated(place, size, needed)
    return b""


def truncated(place: str, size: int, needed: int) -> IntegrityError:
    """What to raise where fewer bytes are stored than are needed."""
    message = f"{place} is truncated: it has {size:,} bytes, {needed:,} are needed. Restore it from a copy"
    return IntegrityError(message, place, f"{needed} bytes", f"{size} bytes")
