"""How things were made: the steps from parents to a version, and from a version to an artifact."""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, Strict

from imagecards.cards.frozen import FrozenDict, freeze_json
from imagecards.cards.model import CardModel, Text
from imagecards.cards.name import check_label
from imagecards.digests import JsonValue

MOST_STEPS = 100
"""How many steps a card may name."""

_LONGEST = 60  # characters of a parameter's text


def _freeze_object(value: Any) -> JsonValue:
    if not isinstance(value, dict):
        raise ValueError(f"a dict of JSON values belongs here, not {type(value).__name__}")
    return freeze_json(value)


def _check_step_name(name: str) -> str:
    return check_label(name, "step name")


JsonObject = Annotated[dict[str, Any], PlainValidator(_freeze_object)]


class Made(CardModel):
    """One step, as a card records it: what it takes to do it again.

    Attributes:
        name: The step's name, by which a registered step is found. Nothing is ever imported by it.
        version: Which meaning of that name.
        params: The step's fields.

    Example:
        >>> print(Made(name="min-area", params={"pixels": 300}))
        min-area(pixels=300)
    """

    name: Annotated[str, Strict(), AfterValidator(_check_step_name)]
    version: Annotated[int, Strict(), Field(ge=1, le=10**6)] = 1
    params: JsonObject = FrozenDict()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{name}={_short(value)}' for name, value in self.params.items())})"


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


Steps = Annotated[tuple[Made, ...], Field(max_length=MOST_STEPS)]


class Written(CardModel):
    """How an artifact was made from the version that it is kept beside.

    Attributes:
        format: The annotation format that it is written in.
        options: The options of writing.
        steps: What was done to the version before.
        imagecards: The version of this package that wrote it.
    """

    format: Annotated[str, Strict(), Field(max_length=64)]
    options: JsonObject = FrozenDict()
    steps: Steps = ()
    imagecards: Text
