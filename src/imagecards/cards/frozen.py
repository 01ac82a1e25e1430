"""JSON values that can't be changed: what a card keeps of what its author gave."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn, TypeVar

from imagecards.digests import MAX_SAFE_INTEGER, JsonValue

K = TypeVar("K")
V = TypeVar("V")

DEEPEST = 64
"""How many lists and objects may be nested in a document of a registry."""


def _refuse(self: object, *_: object, **__: object) -> NoReturn:
    raise TypeError("a card can't be changed: copy the value with dict(...) or list(...) and change the copy")


class FrozenDict(dict[K, V]):
    """A dict that can't be changed; equal to the plain dict with the same items."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _refuse  # every way to change a dict refuses
    clear = pop = popitem = setdefault = update = _refuse

    def __copy__(self) -> "FrozenDict[K, V]":
        return self

    def __deepcopy__(self, memo: object) -> "FrozenDict[K, V]":
        return self

    def __reduce__(self) -> tuple[Any, tuple[dict[K, V]]]:
        return type(self), (dict(self),)


class FrozenList(list[V]):
    """A list that can't be changed; equal to the plain list with the same items."""

    __slots__ = ()
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> "FrozenList[V]":
        return self

    def __deepcopy__(self, memo: object) -> "FrozenList[V]":
        return self

    def __reduce__(self) -> tuple[Any, tuple[list[V]]]:
        return type(self), (list(self),)


def freeze_json(value: object) -> JsonValue:
    """A deep copy of a JSON value that can't be changed.

    Args:
        value: None, a bool, a number, a text, or lists, tuples and mappings of these.

    Raises:
        ValueError: Some part is not JSON, or a number that not every reader of JSON keeps; names the part.

    Example:
        >>> freeze_json({"sensor": {"gain": (1, 2.5)}})
        {'sensor': {'gain': [1, 2.5]}}
        >>> freeze_json({"sensor": {"gain": float("nan")}})
        Traceback (most recent call last):
        ValueError: sensor.gain: nan is not a JSON number; leave it out or write it as text
    """
    return _freeze(value, (), DEEPEST)


def _freeze(value: object, place: tuple[str | int, ...], depth: int) -> JsonValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise _fault(place, f"{value!r} has half a surrogate pair, which is no character; remove it") from None
        return str(value)
    if isinstance(value, int):
        if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
            raise _fault(place, f"{_short(value)} is beyond 2^53, where JSON readers round; write it as text")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _fault(place, f"{float(value)!r} is not a JSON number; leave it out or write it as text")
        return float(value)
    if not isinstance(value, Mapping | list | tuple):
        raise _fault(place, f"{type(value).__name__} is not JSON; write it as text, a number, a list or a dict")
    if depth == 0:
        raise _fault(place, f"more than {DEEPEST} lists and dicts are nested; flatten them")
    if isinstance(value, Mapping):
        return FrozenDict(_items(value, place, depth - 1))
    return FrozenList([_freeze(item, (*place, index), depth - 1) for index, item in enumerate(value)])


def _items(mapping: Mapping[Any, object], place: tuple[str | int, ...], depth: int) -> Iterable[tuple[str, JsonValue]]:
    for key, item in mapping.items():
        if not isinstance(key, str):
            raise _fault(place, f"the key {key!r} is not text, and JSON has no other keys; write it as text")
        name = _freeze(key, place, depth)
        yield str(name), _freeze(item, (*place, key), depth)


def _fault(place: tuple[str | int, ...], what: str) -> ValueError:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    return ValueError(f"{path}: {what}" if path else what)


def _short(number: int) -> str:
    return str(number) if abs(number) < 10**40 else f"an integer of {number.bit_length()} bits"
