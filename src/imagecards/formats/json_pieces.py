"""Large JSON files, parsed a piece at a time: the parser's own copy of a whole file is as large as the result."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from imagecards.errors import FormatError
from imagecards.formats.documents import parse_json, read_bytes
from imagecards.records import printable

_LARGE = 32 * 2**20
_PIECE = 8 * 2**20
_BLOCK = 2**20

_QUOTE, _OPEN, _CLOSE, _ESCAPE = 1, 2, 3, 4
_KINDS = np.zeros(256, np.uint8)
_KINDS[ord('"')], _KINDS[ord("\\")] = _QUOTE, _ESCAPE
_KINDS[list(b"{[")], _KINDS[list(b"}]")] = _OPEN, _CLOSE
_STEPS = np.array([0, 0, 1, -1, 0], np.int64)
_ESCAPED = re.compile(rb"\\.", re.DOTALL)


def read_large_json(
    path: Path,
    key: str,
    *,
    once: Sequence[str] = (),
    parse: Callable[[bytes], Any] = orjson.loads,
    compact: Callable[[list[Any]], None] = lambda entries: None,
    large: int = _LARGE,
    piece: int = _PIECE,
) -> Any:
    """Read a JSON file as `imagecards.formats.documents.read_json` does, in less memory.

    Args:
        path: The file.
        key: The member of the file's object that is a long list.
        once: Members that the file's object may have only once: of two, a parser keeps the last without a word.
        parse: What parses a piece.
        compact: Makes the entries of a piece smaller, in place, before the next one is parsed.
        large: From how many bytes on the list is parsed in pieces.
        piece: About how many bytes of it at a time.

    Raises:
        FormatError: It is not JSON, or has a member twice; also as `imagecards.formats.documents.read_bytes`.
    """
    data = read_bytes(path)
    document = _parse(data, path, key, parse, compact, large, piece)
    for name in once:
        if data.count(b'"%b"' % name.encode()) > 1 and _count_members(data, name) > 1:
            message = f"{printable(str(path))} has {name} twice, and it is not clear which counts"
            raise FormatError(f"{message}: make one of them")
    return document


def _parse(
    data: bytes,
    path: Path,
    key: str,
    parse: Callable[[bytes], Any],
    compact: Callable[[list[Any]], None],
    large: int,
    piece: int,
) -> Any:
    cuts = _cuts(data, key, piece) if len(data) >= large else []
    if not cuts:
        return parse_json(data, path, parse)
    try:
        document = parse(b"".join((data[: cuts[0]], data[cuts[-1] :])).removeprefix(b"\xef\xbb\xbf"))
        entries: list[Any] = []
        for first, last in pairwise(cuts):
            found = parse(_as_list(data[first:last], first == cuts[0]))
            compact(found)
            entries += found
    except orjson.JSONDecodeError:
        return parse_json(data, path, parse)  # which says where in the file
    if document.get(key) != []:  # a key that only looks like it
        return parse_json(data, path, parse)
    document[key] = entries
    return document


def _as_list(text: bytes, is_first: bool) -> bytes:
    """A piece of a list as a list; as what is no JSON, where the comma between two entries is missing."""
    text = text.strip()
    if is_first or not text:
        return b"[%b]" % text
    return b"[%b]" % text[1:] if text.startswith(b",") and text[1:].strip() else b""


def _cuts(data: bytes, key: str, piece: int) -> list[int]:
    """Where to cut a member that is a list: behind its bracket, behind some of its objects, before its last bracket.

    Nothing where there is no such list, or several. Only brackets outside of texts are looked at, so what is cut
    may be no JSON; then no piece is, or the whole.
    """
    begins = re.compile(rb'"%b"\s*:\s*\[\Z' % re.escape(key.encode()))
    cuts: list[int] = []
    depth, inside, closed, start = 0, False, False, 0
    while start < len(data):
        stop = _block_end(data, start)
        places, steps, inside = _brackets(data, start, stop, inside)
        depths = depth + np.cumsum(steps)
        depth = int(depths[-1]) if len(depths) else depth
        for place in places[(depths == 2) & (steps > 0)].tolist():
            if data[place] == ord("[") and begins.search(data[max(0, place - 99) : place + 1]):
                if cuts:
                    return []
                cuts.append(place + 1)
        if cuts and not closed:
            first = cuts[0]
            ends = places[(depths == 1) & (steps < 0) & (places > first)]
            last = int(ends[0]) if len(ends) else len(data)
            for place in places[(depths == 2) & (steps < 0) & (places > first) & (places < last)].tolist():
                if place + 1 - cuts[-1] >= piece:
                    cuts.append(place + 1)
            if len(ends):
                closed = True
                cuts.append(last)
        start = stop
    return cuts if closed else []


def _count_members(data: bytes, key: str) -> int:
    """How many members of a JSON object are called so; those of objects within it don't count."""
    # where texts hold such text, the quotes in it are escaped
    begins = np.array([found.start() for found in re.finditer(rb'(?<!\\)"%b"\s*:' % re.escape(key.encode()), data)])
    count, depth, inside, start = 0, 0, False, 0
    while start < len(data):
        stop = _block_end(data, start)
        places, steps, inside = _brackets(data, start, stop, inside)
        depths = np.concatenate(([depth], depth + np.cumsum(steps)))
        here = begins[(begins >= start) & (begins < stop)]
        count += int((depths[np.searchsorted(places, here)] == 1).sum())
        depth, start = int(depths[-1]), stop
    return count


def _block_end(data: bytes, start: int) -> int:
    """The end of a block, which never parts an escape."""
    stop = min(len(data), start + _BLOCK)
    while stop < len(data) and data[stop - 1] == ord("\\"):
        stop += 1
    return stop


def _brackets(data: bytes, start: int, stop: int, inside: bool) -> tuple[Any, Any, bool]:
    """The places of brackets outside of texts, and 1 or -1 for each; whether a text goes on behind the block."""
    block = data[start:stop]
    if b"\\" in block:
        block = _ESCAPED.sub(b"..", block)
    kinds = _KINDS[np.frombuffer(block, np.uint8)]
    places = np.flatnonzero(kinds)
    found = kinds[places]
    quotes = np.cumsum(found == _QUOTE) + inside
    bare = (found != _QUOTE) & (quotes % 2 == 0)
    goes_on = bool(quotes[-1] % 2) if len(quotes) else inside
    return places[bare] + start, _STEPS[found[bare]], goes_on
