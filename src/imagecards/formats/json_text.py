"""A JSON object written in pieces: long arrays batch by batch, so that only one batch is in memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson


class JsonText:
    """The text of one JSON object.

    Args:
        indent: Whether to write it for people, with two blanks a level.

    Example:
        >>> text = JsonText()
        >>> b"".join([*text.members({"a": 1}), *text.array("b", [text.entries([2, 3]), text.entries([4])]), text.end()])
        b'{"a":1,"b":[2,3,4]}'
    """

    def __init__(self, indent: bool = False) -> None:
        self._indent = indent
        self._begun = False

    def members(self, values: Mapping[str, Any]) -> Iterator[bytes]:
        """Yield members whose values are small."""
        for key, value in values.items():
            text = orjson.dumps(value, option=orjson.OPT_INDENT_2 if self._indent else None)
            yield self._key(key) + text.replace(b"\n", b"\n  ")  # within texts, line ends are escapes

    def array(self, key: str, batches: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a member that is an array, its entries written by `entries`."""
        yield self._key(key) + b"["
        written = False
        for batch in batches:
            if batch:
                yield (b"," if written else b"") + (b"\n" if self._indent else b"") + batch
                written = True
        yield b"\n  ]" if self._indent and written else b"]"

    def entries(self, values: Sequence[Any]) -> bytes:
        """The text of some entries of an array; nothing for none."""
        if not values:
            return b""
        if not self._indent:
            return orjson.dumps(values)[1:-1]
        return b"  " + orjson.dumps(values, option=orjson.OPT_INDENT_2)[2:-2].replace(b"\n", b"\n  ")

    def end(self) -> bytes:
        """The end of the object."""
        begun = b"" if self._begun else b"{"
        return begun + (b"\n}\n" if self._indent else b"}")

    def _key(self, key: str) -> bytes:
        start = b"," if self._begun else b"{"
        self._begun = True
        name = orjson.dumps(key)
        return start + (b"\n  " + name + b": " if self._indent else name + b":")
