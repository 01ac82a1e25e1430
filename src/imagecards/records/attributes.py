"""What may be said of a dataset as a whole: JSON that every reader can hold, by the rules of further fields."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from imagecards.records.exact import field_path
from imagecards.records.issues import Issue, shown
from imagecards.records.json_values import json_problems


def attribute_issues(attributes: Mapping[str, Any]) -> Iterator[Issue]:
    """Yield what makes the attributes of a dataset something else than JSON that every reader can hold.

    Example:
        >>> [str(issue) for issue in attribute_issues({"info": {"year": 2**60}})]
        ['attributes: info.year: the number is too large to keep exactly; write it as text (number-too-large)']
    """
    for key, value in attributes.items():
        # each is JSON of its own, as a further field of a record is
        for problem in chain(json_problems({key: None}, ()), json_problems(value, ())):
            place = field_path((str(key), *problem.place))
            yield Issue("attributes", None, place, shown(problem.value), problem.rule, problem.message)
