"""What a JSON file is, told from its beginning; and reading the JSON that Python's own encoder writes."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from imagecards.errors import FormatError
from imagecards.formats.documents import parse_json, read_bytes, read_text
from imagecards.records import printable

_HEAD = 256 * 1024
_WORD = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}:,]|[^\s"\[\]{}:,]+', re.DOTALL)
_LARGE = 32 * 2**20
_BLANK = re.compile(r"[ \t\r\n]*")
_NEXT = re.compile(r"[ \t\r\n]*([\[\],]?)")
_NO_NUMBER = re.compile(rb"\b(?:NaN|Infinity)\b|\d[eE]\+?\d{3}")
_END = re.compile(r"[ \t\r\n]*\]")


class Head(NamedTuple):
    """The beginning of a JSON file.

    Attributes:
        kind: ``"object"``, ``"list"`` (of objects), or ``""`` for anything else.
        keys: Those of the object, or of the first object in the list, as far as they were seen.
        complete: Whether all of them were seen.
    """

    kind: str
    keys: frozenset[str]
    complete: bool


def json_head(path: Path) -> Head:
    """Look at the beginning of a file that may be JSON; nothing is believed of it, and no more is read.

    Raises:
        OSError: It can't be read.
    """
    with path.open("rb") as file:
        data = file.read(_HEAD)
    text = data.decode("utf-8-sig", errors="replace")
    return _head(text)


def _head(text: str) -> Head:
    """Tell kind and keys of JSON that may break off.

    Example:
        >>> _head('[{"id": {"b": [2]}, "c')
        Head(kind='list', keys=frozenset({'id'}), complete=False)
    """
    start = text.lstrip()[:1]
    if start not in ("{", "["):
        return Head("", frozenset(), True)
    wanted = 1 if start == "{" else 2
    keys: set[str] = set()
    depth, last, inside = 0, "", False
    for match in _WORD.finditer(text):
        word = match[0]
        if word in "{[":
            depth += 1
            if depth == 2 and wanted == 2 and word == "[":
                return Head("", frozenset(), True)
            inside = inside or (depth == wanted and word == "{")
        elif word in "}]":
            if depth == wanted and word == "}":
                return Head("object" if wanted == 1 else "list", frozenset(keys), True)
            depth -= 1
            if depth <= 0:
                break
        elif word == ":" and depth == wanted and inside:
            keys.add(_unquoted(last))
        last = word
    return Head("object" if wanted == 1 else "list" if inside else "", frozenset(keys), not inside)


class LooseParser:
    """Parses JSON in which numbers may be NaN or infinite, as Python writes them.

    What holds such a number can so be named; whoever uses a number has to look whether it is one.

    Attributes:
        loose: Whether anything was parsed that has such a number, or may have one.

    Example:
        >>> parse = LooseParser()
        >>> parse(b"[1]"), parse.loose, parse(b"[NaN]"), parse.loose
        ([1], False, [nan], True)
    """

    def __init__(self) -> None:
        self.loose = False

    def __call__(self, data: bytes) -> Any:
        """Parse some JSON.

        Raises:
            orjson.JSONDecodeError: It is none.
        """
        data = data.removeprefix(b"\xef\xbb\xbf")
        try:
            return orjson.loads(data)
        except orjson.JSONDecodeError:
            if not _NO_NUMBER.search(data):
                raise
            try:
                parsed = json.loads(data.decode())
            except (ValueError, RecursionError):
                pass
            else:
                self.loose = True
                return parsed
            raise


def read_loose_json(path: Path) -> Any:
    """Read an annotation file as JSON as `LooseParser` parses it.

    Raises:
        FormatError: It is not JSON; also as `imagecards.formats.documents.read_bytes`.
    """
    return parse_json(read_bytes(path), path, LooseParser())


def each_entry(path: Path, large: int = _LARGE) -> Iterator[Any]:
    """Read the entries of a file that is a JSON list, those of a large file one by one, as `read_loose_json` does.

    Raises:
        FormatError: It is not JSON, or no list; also as `imagecards.formats.documents.read_bytes`.
    """
    if path.stat().st_size < large:
        entries = read_loose_json(path)
        if not isinstance(entries, list):
            raise FormatError(f"{printable(str(path))} is not a list: this is another kind of file")
        yield from entries
        return
    text = read_text(path)
    decode = json.JSONDecoder().raw_decode
    place, awaited = 0, "["
    while True:
        found = _NEXT.match(text, place)
        assert found is not None  # it matches nothing, too
        place = found.end()
        if found[1] not in awaited or not found[1]:
            if awaited == "[":
                raise FormatError(f"{printable(str(path))} is not a list: this is another kind of file")
            raise _not_json(path, text, place, "a comma or the end of the list is missing")
        if found[1] == "]":
            break
        if awaited == "[" and (end := _END.match(text, place)):
            place = end.end()
            break
        try:
            entry, place = decode(text, _BLANK.match(text, place).end())  # type: ignore[union-attr]
        except json.JSONDecodeError as error:
            raise _not_json(path, text, error.pos, error.msg) from error
        except (ValueError, RecursionError) as error:
            raise _not_json(path, text, place, "a number is too long, or it nests too deep") from error
        yield entry
        awaited = ",]"
    if _BLANK.match(text, place).end() != len(text):  # type: ignore[union-attr]
        raise _not_json(path, text, place, "something follows the list")


def _not_json(path: Path, text: str, place: int, what: str) -> FormatError:
    line = text.count("\n", 0, place) + 1
    return FormatError(
        f"{printable(str(path))}:{line}: this is not JSON ({what}): correct it, or export the file again"
    )


def _unquoted(word: str) -> str:
    return word[1:-1] if word.startswith('"') else word
