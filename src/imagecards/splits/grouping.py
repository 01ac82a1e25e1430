"""Groups: images that must not be parted, such as those of one observation."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, TypeAlias, TypeVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, field_validator

from imagecards.datasets import ImageDataset
from imagecards.digests import canonical_text
from imagecards.errors import AlreadyExistsError, InvalidInputError
from imagecards.records import ImageMetadata, ImageRecord, shown
from imagecards.splits.fields import field_of

GroupFunction: TypeAlias = Callable[[ImageRecord], str | int]
AnyFunction = TypeVar("AnyFunction", bound=GroupFunction)

_MOST_TEXT = 1000
_WHOLE = "whole_match"
_functions: dict[str, GroupFunction] = {}


class Pattern(BaseModel):
    """Groups by what a regular expression finds in the file name.

    The group is what the named groups of the expression match, or else all that it matches, at the first place
    where it does. The syntax is that of RE2, which takes linear time whatever the expression.

    Attributes:
        pattern: The expression: ``^S[0-9]{10}`` for the observation in ``S0305830701_M.png``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    pattern: Annotated[str, Field(min_length=1, max_length=_MOST_TEXT)]

    @field_validator("pattern")
    @classmethod
    def _check(cls, pattern: str) -> str:
        try:
            pc.match_substring_regex(pa.array([""]), pattern)  # as it is: x)|(y is one only within brackets
            _matches(pa.array([""]), pattern)
        except pa.ArrowInvalid as error:
            raise ValueError(
                f"{shown(pattern)} is no regular expression of RE2 with named groups only ({error}): "
                "write (?:...) or (?P<name>...) for a group"
            ) from None
        return pattern


class Function(BaseModel):
    """Groups by a function that `register_group` was told of.

    Attributes:
        function: Its name there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    function: Annotated[str, Field(min_length=1, max_length=_MOST_TEXT)]


GroupBy: TypeAlias = Annotated[str, Field(min_length=1, max_length=_MOST_TEXT)] | Pattern | Function
"""How images are grouped: the name of a further field of records, a `Pattern`, or a `Function`."""


def register_group(name: str) -> Callable[[AnyFunction], AnyFunction]:
    """Make a function that says which group a record is in known by a name.

    Raises:
        AlreadyExistsError: Another function has this name.

    Example:
        >>> @register_group("exposure")
        ... def exposure(record):
        ...     return record.file_name.split("-ccd")[0]
        >>> Function(function="exposure")
        Function(function='exposure')
    """

    def register(function: AnyFunction) -> AnyFunction:
        known = _functions.get(name)
        if known is not None and _place(known) != _place(function):
            raise AlreadyExistsError(f"the group function {name!r} is {'.'.join(_place(known))}: choose another name")
        _functions[name] = function
        return function

    return register


def groups_of(dataset: ImageDataset, by: GroupBy, rows: Sequence[int] | None = None) -> list[str]:
    """Name the group of each image.

    Args:
        dataset: The images.
        by: How they are grouped.
        rows: Only these.

    Raises:
        InvalidInputError: Some image is in no group, or a function or field is not known.
    """
    table = dataset.table if rows is None else dataset.table.take(pa.array(rows, pa.int64()))
    if isinstance(by, Function):
        return _called(table, by.function)
    if isinstance(by, Pattern):
        found, what = _matches(table["file_name"], by.pattern), f"the pattern {shown(by.pattern)} is not found in"
    else:
        found, what = field_of(table, by).to_pylist(), f"the field {shown(by)} is not given for"
    lost = [row for row, group in enumerate(found) if group is None]
    if lost:
        first = shown(table["file_name"][lost[0]].as_py())
        message = f"{what} {len(lost):,} of {len(found):,} images, {first} first: every image needs a group"
        raise InvalidInputError(message)
    return [group if isinstance(group, str) else canonical_text(group) for group in found]


def _matches(names: pa.ChunkedArray | pa.Array, pattern: str) -> list[str | list[str] | None]:
    named = re.search(r"\(\?P?<\w+>", pattern) is not None
    found = pc.extract_regex(names, pattern if named else f"(?P<{_WHOLE}>{pattern})")
    groups = [field.name for field in found.type]
    if not groups or len(set(groups)) < len(groups):
        raise pa.ArrowInvalid("two of its groups have one name" if groups else "what looks like a group is none")
    return [None if match is None else _joined(list(match.values())) for match in found.to_pylist()]


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else canonical_text(parts)


def _called(table: pa.Table, name: str) -> list[str]:
    function = _functions.get(name)
    if function is None:
        raise InvalidInputError(
            f"no group function is registered as {shown(name)}: import the module that does so with register_group"
        )
    groups = []
    for record in ImageMetadata.from_table(table).records:
        group = function(record)
        if isinstance(group, bool) or not isinstance(group, str | int):
            message = f"the group function {shown(name)} gives {shown(group)} for {shown(record.file_name)}"
            raise InvalidInputError(f"{message}: a group is text or a whole number")
        groups.append(str(group))
    return groups


def _place(function: GroupFunction) -> tuple[str, str]:
    return function.__module__, getattr(function, "__qualname__", type(function).__qualname__)
