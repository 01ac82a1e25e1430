"""JSON that every reader can hold.

JSON allows more than every reader of a dataset can hold. A value is refused when some reader would change it:
numbers that are not finite, whole numbers beyond 2**53, texts with NUL or half a surrogate pair, nesting
without end. `null` and an absent key mean the same.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.records.problem import Problem, refuse

MAX_DEPTH = 32
"""How deep a line may nest: far more than any annotation needs, and what parquet holds, where a list takes two levels
of the hundred that its readers accept."""

_DEEPEST_PLACE = MAX_DEPTH - 2  # a further field of a record lies in the brackets of the record alone
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_PLAIN = frozenset({str, int, float, bool, type(None)})


def json_value(value: object) -> Any:
    """Return ``value`` if it is JSON that every reader can hold, without the keys whose value is null.

    Raises:
        pydantic.ValidationError: It isn't.
    """
    refuse(json_problems(value, ()))
    return without_nulls(value)


def parallel_value(value: object) -> Any:
    """Return the value of a further field of objects as `json_value` does; it lies one level deeper.

    Raises:
        pydantic.ValidationError: It isn't JSON that every reader can hold.
    """
    refuse(json_problems(value, (), _DEEPEST_PLACE - 1))
    return without_nulls(value)


def json_problems(value: object, place: tuple[str | int, ...], deepest: int = _DEEPEST_PLACE) -> Iterator[Problem]:
    """Yield what makes ``value`` something else than JSON that every reader can hold.

    Args:
        value: The value.
        place: Where it is.
        deepest: How many keys and indices may lead to a list or an object in it.
    """
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        yield from text_problems(value, place)
    elif isinstance(value, int | float):
        yield from number_problems(value, place)
    elif len(place) > deepest:
        yield Problem((), "too-deep", f"this nests deeper than {MAX_DEPTH} levels", "")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield Problem(place, "wrong-type", f"a key is text, not {kind_name(key)}", key)
                continue
            yield from text_problems(key, place)
            yield from json_problems(item, (*place, key), deepest)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from json_problems(item, (*place, index), deepest)
    else:
        yield Problem(place, "wrong-type", f"JSON has no {kind_name(value)}", value)


def text_problems(value: str, place: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """Yield what makes a text impossible to store: NUL, or half a surrogate pair."""
    match = _NOT_TEXT.search(value)
    if match is not None:
        what = "a NUL character" if match[0] == "\0" else f"half a surrogate pair (U+{ord(match[0]):04X})"
        yield Problem(place, "bad-text", f"the text has {what}", value)


def number_problems(value: object, place: tuple[str | int, ...]) -> Iterator[Problem]:
    """Yield what makes ``value`` something else than a finite number that a double keeps."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        yield Problem(place, "wrong-type", f"this is a number, not {kind_name(value)}", value)
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield Problem(place, "not-finite", "the number is not finite", value)
    elif abs(value) > MAX_SAFE_INTEGER:
        yield Problem(place, "number-too-large", "the number is too large to keep exactly; write it as text", value)


def without_nulls(value: Any) -> Any:
    """Return a JSON value without the keys whose value is null; nulls in lists stay, as they hold a place."""
    if type(value) in _PLAIN:  # nearly all are, and this is asked of every value of every record
        return value
    if isinstance(value, Mapping):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(item) for item in value]
    return value


def kind_name(value: object) -> str:
    """Name the kind of a value as a user of JSON would."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, Mapping):
        return "an object"
    return f"a Python {type(value).__name__}"
