"""Sealed documents: the JSON files of a registry, each with the digest of its own text.

A sealed document is UTF-8 text. Without its second line it is exactly what Python's
``json.dumps(body, sort_keys=True, indent=1, ensure_ascii=False)`` writes, and a line end. The second line is
the first member, ``"checksum"``: the sha256 of that text. So ``sed 2d card.json | sha256sum`` checks a card
without this library, and no byte of it can change unnoticed.
"""

import json
import re
from collections.abc import Mapping
from json.encoder import encode_basestring
from math import isfinite
from typing import Any

from imagecards.cards.frozen import DEEPEST
from imagecards.digests import digest
from imagecards.errors import IntegrityError, InvalidInputError

LARGEST = 16 * 1024 * 1024
"""The most bytes that a document may have."""

_HEAD = re.compile(rb'\{\n "checksum": "(sha256:[0-9a-f]{64})",\n')
# Each level is indented by one blank, and a JSON text has no bare line ends within strings.
_TOO_DEEP = "\n" + " " * (DEEPEST + 1)
_REPAIR = "restore the file from a copy"


def seal(body: Mapping[str, Any]) -> bytes:
    """A document's bytes.

    Args:
        body: At least one member, JSON values only, none of them named ``checksum``.

    Raises:
        InvalidInputError: The body is not JSON, nested more than 64 deep, or larger than 16 MiB.

    Example:
        >>> print(seal({"format": "1.0", "reason": "wrong labels"}).decode(), end="")
        {
         "checksum": "sha256:f9d997093be141d9791a85a342109803b212f36b1fe40027c99c2e352f670a1a",
         "format": "1.0",
         "reason": "wrong labels"
        }
    """
    if not body or "checksum" in body:
        raise InvalidInputError("a document has at least one member, and none named 'checksum': that one is its own")
    try:
        text = _text(body)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInputError(f"a document can hold JSON only ({error}): change what is not") from error
    sealed = b'{\n "checksum": "%b",' % digest(text).encode("ascii") + text[1:]
    if len(sealed) > LARGEST:
        message = f"a document of {len(sealed):,} bytes is larger than the {LARGEST:,} that a registry reads"
        raise InvalidInputError(f"{message}: keep long lists in a file of the dataset or in an artifact")
    return sealed


def unseal(data: bytes, place: str) -> dict[str, Any]:
    """The body of a document whose every byte is as it was sealed.

    Args:
        data: The bytes.
        place: Where they are from, for messages.

    Raises:
        IntegrityError: Anything differs from what `seal` writes.
    """
    body = unseal_unchecked_form(data, place)
    try:
        exact = seal(body) == data
    except InvalidInputError:
        exact = False
    if not exact:
        raise not_exact(place)
    return body


def unseal_unchecked_form(data: bytes, place: str) -> dict[str, Any]:
    """The body of a document whose checksum holds; the caller compares what it would write with ``data``.

    Args:
        data: The bytes.
        place: Where they are from, for messages.

    Raises:
        IntegrityError: It is too large, the checksum does not hold, or it is not a JSON object.
    """
    if len(data) > LARGEST:
        message = f"{place} has {len(data):,} bytes, and no document has more than {LARGEST:,}: {_REPAIR}"
        raise IntegrityError(message, place)
    head = _HEAD.match(data)
    if head is None:
        message = f"{place} does not begin with its checksum: it is damaged or no document; {_REPAIR}"
        raise IntegrityError(message, place)
    text = b"{\n" + data[head.end() :]
    expected, actual = head[1].decode("ascii"), digest(text)
    if expected != actual:
        message = f"{place} is damaged: it states the checksum {expected}, and its text has {actual}; {_REPAIR}"
        raise IntegrityError(message, place, expected, actual)
    try:
        body = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise IntegrityError(f"{place} is not a JSON document ({error}): {_REPAIR}", place) from error
    if not isinstance(body, dict):  # pragma: no cover  # the text begins with a brace
        raise IntegrityError(f"{place} is not a JSON object: {_REPAIR}", place)
    return body


def not_exact(place: str) -> IntegrityError:
    """What to raise for a document with a true checksum that is not what `seal` would write."""
    message = (
        f"{place} has a true checksum but is not in the exact form of a document (sorted keys once each, "
        f"an indent of one, nothing empty written out): another program wrote it; {_REPAIR}"
    )
    return IntegrityError(message, place)


def _text(body: Mapping[str, Any]) -> bytes:
    text = _write(body, "\n")
    if _TOO_DEEP in text:
        raise ValueError(f"it is nested more than {DEEPEST} deep")
    return text.encode("utf-8") + b"\n"


def _write(value: Any, line: str) -> str:
    """What json.dumps writes with these arguments, in half its time (with an indent it runs in Python)."""
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        if not isfinite(value):
            raise ValueError(f"{value} is no JSON number")
        return float.__repr__(value)
    deeper = line + " "
    if isinstance(value, dict):
        members = [f"{encode_basestring(key)}: {_write(value[key], deeper)}" for key in sorted(value)]
        return "{" + deeper + ("," + deeper).join(members) + line + "}" if members else "{}"
    if isinstance(value, list | tuple):
        parts = [_write(part, deeper) for part in value]
        return "[" + deeper + ("," + deeper).join(parts) + line + "]" if parts else "[]"
    raise TypeError(f"{type(value).__name__} is no JSON type")
