"""How values that have a text form stand in pydantic models and in JSON: as that text."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

T = TypeVar("T")


def text_schema(cls: type[T], parse: Callable[[str], T]) -> "CoreSchema":
    """A pydantic schema that takes a value of ``cls`` or its text, and writes the text.

    Args:
        cls: The class.
        parse: From text to a value; raises a ``ValueError`` for text that means none.
    """
    from pydantic_core import core_schema  # names and versions work without pydantic

    def validate(value: Any) -> T:
        return value if isinstance(value, cls) else parse(value)

    return core_schema.no_info_plain_validator_function(
        validate,
        json_schema_input_schema=core_schema.str_schema(),
        serialization=core_schema.to_string_ser_schema(when_used="json"),
    )
