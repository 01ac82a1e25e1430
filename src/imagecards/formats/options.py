"""Options of a format: keyword arguments that its reader or writer may not have."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from imagecards.errors import InvalidInputError


def check_options(function: Callable[..., Any], options: Mapping[str, object], doing: str) -> None:
    """See that a reader or writer has the options that are given.

    Raises:
        InvalidInputError: It hasn't; says which it has.

    Example:
        >>> def read_it(path, builder, *, encoding="utf-8"): ...
        >>> check_options(read_it, {"enc": "latin-1"}, "reading it")
        Traceback (most recent call last):
        imagecards.errors.InvalidInputError: reading it has no option 'enc': it has encoding
    """
    parameters = inspect.signature(function).parameters.values()
    known = [each.name for each in parameters if each.kind is inspect.Parameter.KEYWORD_ONLY]
    for name in options:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InvalidInputError(f"{doing} has no option {name!r}: {has}")
