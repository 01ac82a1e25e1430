"""What is wrong with a value, and how pydantic is told."""

import itertools
from collections.abc import Iterable
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

MAX_PROBLEMS = 100
"""How many problems are told of one value."""


class Problem(NamedTuple):
    """One thing that is wrong with a value.

    Attributes:
        place: Where in the value, as keys and indices: ``("bbox", 2)``; empty for the value itself.
        rule: The broken rule's stable name.
        message: What is wrong.
        value: What was found.
    """

    place: tuple[str | int, ...]
    rule: str
    message: str
    value: object


def refuse(problems: Iterable[Problem]) -> None:
    """Raise one pydantic error that holds all ``problems``, a hundred at most; return when there are none.

    Raises:
        pydantic.ValidationError: When there is a problem.
    """
    details = [
        InitErrorDetails(type=_custom_error(problem), loc=problem.place, input=problem.value)
        for problem in itertools.islice(problems, MAX_PROBLEMS)
    ]
    if details:
        raise ValidationError.from_exception_data("record", details)


def _custom_error(problem: Problem) -> PydanticCustomError:
    return PydanticCustomError(problem.rule, problem.message)  # without a context pydantic formats nothing
