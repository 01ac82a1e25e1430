"""Steps as cards record them, and back: from a name to a kind of step that is known here, never by an import."""

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from imagecards.cards import MOST_STEPS, Made
from imagecards.datasets import Step, own_steps
from imagecards.errors import FormatError, InvalidInputError


def known_steps() -> Mapping[str, type[Step]]:
    """Every kind of step by name: the transforms, the splits, and those of your own."""
    from imagecards.splits import STEPS
    from imagecards.transforms import TRANSFORMS

    return {**own_steps(), **TRANSFORMS, **STEPS}


def make_step(name: str, params: Mapping[str, Any]) -> Step:
    """A step from its name and its fields, as people write them.

    Raises:
        InvalidInputError: There is no such step, or its fields are others.
    """
    known = known_steps()
    if name not in known:
        close = get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(sorted(known))}"
        raise InvalidInputError(f"there is no step {name!r:.80}: {hint}")
    try:
        return known[name].model_validate_json(json.dumps(dict(params)))
    except ValidationError as error:
        raise InvalidInputError(f"the step {name!r} takes other fields: {_faults(error)}") from error


def list_steps(steps: object) -> list[Step]:
    """One step, or several, as a list.

    Raises:
        InvalidInputError: It is neither.
    """
    if isinstance(steps, Step):
        return [steps]
    if not isinstance(steps, Iterable):
        raise InvalidInputError(f"steps are transforms and splits, one or a list of them, not {steps!r:.60}")
    return list(steps)


def describe_steps(steps: Iterable[Step]) -> tuple[Made, ...]:
    """What a card records of steps; each is known to come back as it is.

    Raises:
        InvalidInputError: A step is not registered, or its fields do not come back from JSON as they are.
    """
    described = tuple(map(_describe, steps))
    if len(described) > MOST_STEPS:
        raise InvalidInputError(
            f"there are {len(described)} steps, and a card names at most {MOST_STEPS}: derive twice"
        )
    return described


def rebuild_steps(described: Iterable[Made]) -> list[Step]:
    """The steps that a card records.

    Raises:
        FormatError: A step is not known here, has another version, or other fields.
    """
    known = known_steps()
    return [_rebuild(made, known) for made in described]


def _describe(step: Step) -> Made:
    if not isinstance(step, Step):
        raise InvalidInputError(f"a step is a transform or a split, not {type(step).__name__}: {step!r:.60}")
    name, kind = step.step_name, type(step)
    if known_steps().get(name) is not kind:
        message = f"{kind.__name__} is not registered as {name!r}, so nobody could replay it: decorate it with "
        raise InvalidInputError(f"{message}imagecards.transforms.register_step")
    try:
        made = Made(name=name, version=step.step_version, params=json.loads(step.model_dump_json(exclude_none=True)))
        same = _rebuild(made, {name: kind}) == step
    except (ValidationError, FormatError, ValueError) as error:
        raise InvalidInputError(f"the fields of {name} can't be kept in a card: {error}") from error
    if not same:
        raise InvalidInputError(f"the fields of {name} do not come back from JSON as they are: use plain JSON values")
    return made


def _rebuild(made: Made, known: Mapping[str, type[Step]]) -> Step:
    kind = known.get(made.name)
    if kind is None:
        message = (
            f"the step {made.name!r} is not known here: import the module that registers it (register_step), or "
            f"upgrade imagecards; known are {', '.join(sorted(known))}"
        )
        raise FormatError(message)
    if kind.step_version != made.version:
        message = f"the step {made.name!r} is of version {made.version}, and here it is {kind.step_version}: "
        raise FormatError(message + "use the version of the package that the card names in its code")
    try:
        return kind.model_validate_json(json.dumps(dict(made.params)))
    except ValidationError as error:
        raise FormatError(f"the step {made.name!r} has other fields than it takes ({_faults(error)})") from error


def _faults(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_input=False, include_context=False)[:3]
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'as a whole'}: {fault['msg']}" for fault in details)
