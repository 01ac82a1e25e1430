"""Ranges over HTTP, whatever the server makes of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.errors import IntegrityError
from imagecards.storage.ranges import answered_range, no_bytes, range_header


def serve(data: bytes, header: str) -> bytes:
    """What a server that keeps ranges sends, where there is at least a byte of it."""
    first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", header).groups()  # type: ignore[union-attr]  # else it is no header
    return data[int(first) : int(last) + 1 if last else None]


@given(st.binary(max_size=20), st.integers(0, 25), st.none() | st.integers(0, 25), st.booleans())
def test_what_is_asked_for_is_a_slice_or_an_error(data: bytes, start: int, length: int | None, ranged: bool) -> None:
    header = range_header(start, length)
    needed = start + (length or 0)

    def answer() -> bytes:
        if header is None or (ranged and header and start >= len(data)):  # nothing to send, or 416
            return no_bytes("a", len(data), start, length)
        sent = serve(data, header) if ranged and header else data
        return answered_range("a", sent, start, length, ranged=ranged or not header)

    if needed > len(data):
        with pytest.raises(IntegrityError, match=f"a is truncated: .*{needed} are needed"):
            answer()
    else:
        assert answer() == data[start : None if length is None else needed]


def test_what_no_server_takes_is_not_asked_for() -> None:
    assert range_header(1 << 62, None) is None
    assert range_header((1 << 62) - 1, 1 << 70) == f"bytes={(1 << 62) - 1}-{(1 << 62) - 1}"
