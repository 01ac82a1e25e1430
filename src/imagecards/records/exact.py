"""One line of metadata.jsonl, read with care: a record, or all that is wrong with it.

This is the path that decides. The columnar path only proves lines valid that this one accepts as well.
"""

import difflib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from imagecards.records.issues import Issue, field_name, shown
from imagecards.records.json_values import MAX_DEPTH, kind_name
from imagecards.records.problem import MAX_PROBLEMS
from imagecards.records.record import ImageRecord
from imagecards.records.schema import KNOWN_FIELDS, KNOWN_OBJECT_FIELDS, shape_view
from imagecards.records.shape import NAMES, Shape, ShapeConflictError, grown

MAX_LINE_BYTES = 16 * 2**20
MAX_FIELDS = 1000

_RULES = {"missing": "missing-field", "model_type": "wrong-type", "model_attributes_type": "wrong-type"}
_ABSENT = object()
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


class Line(NamedTuple):
    """One line that was read.

    Attributes:
        number: Its number in the file, counted from 1.
        fields: The JSON object as it was written.
        record: The same as a record.
    """

    number: int
    fields: Mapping[str, Any]
    record: ImageRecord


class _Refused(NamedTuple):
    """Why a line is no JSON object; its issues are made only where they are kept."""

    rule: str
    message: str
    value: object = _ABSENT
    duplicates: Sequence[str] = ("",)

    def issues(self, file: str, number: int) -> list[Issue]:
        value = shown(self.value) if self.value is not _ABSENT else ""
        return [Issue(file, number, field_name(key), value, self.rule, self.message) for key in self.duplicates]


def read_line(text: bytes, file: str, number: int, max_bytes: int = MAX_LINE_BYTES) -> Line | list[Issue]:
    """Read one line that is not blank.

    Args:
        text: The line without its line end.
        file: The file's name, for the issues.
        number: The line's number, for the issues.
        max_bytes: How long a line may be.

    Returns:
        The line, or one issue for each thing that is wrong with it.
    """
    fields = _parse(text, max_bytes)
    if isinstance(fields, _Refused):
        return fields.issues(file, number)
    try:
        return Line(number, fields, ImageRecord.model_validate(fields))
    except ValidationError as error:
        return record_issues(error, fields, file, number)


def read_or_rules(text: bytes, number: int, max_bytes: int = MAX_LINE_BYTES) -> Line | list[str]:
    """Read one line as `read_line` does, but name only the rules that it breaks: many times as fast."""
    fields = _parse(text, max_bytes)
    if isinstance(fields, _Refused):
        return [fields.rule] * len(fields.duplicates)
    try:
        return Line(number, fields, ImageRecord.model_validate(fields))
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        return [_RULES.get(detail["type"], detail["type"]) for detail in details]


def settle(line: Line, shape: Shape, file: str, max_fields: int) -> tuple[Shape, list[Issue]]:
    """Hold a line against what the lines before it have settled.

    Args:
        line: The line.
        shape: The types that are settled.
        file: The file's name, for the issues.
        max_fields: How many columns the dataset may have.

    Returns:
        The shape with what this line settles, and warnings; or, when the line contradicts it, the same shape
        and the error.
    """
    try:
        after = grown(shape, shape_view(line.record, line.fields), line.number)
    except ShapeConflictError as conflict:
        return shape, [_conflict_issue(conflict, line, file)]
    if after is shape:
        return shape, []
    if after.cost > max_fields:
        message = f"the dataset has too many different fields for its size: at most {max_fields:,} columns"
        hint = "write them as one list or text"
        return shape, [Issue(file, line.number, "", "", "too-many-fields", message, suggestion=hint)]
    return after, _new_field_warnings(shape, after, line.number, file)


def record_issues(error: ValidationError, fields: object, file: str, number: int | None) -> list[Issue]:
    """Turn pydantic's error into issues.

    Args:
        error: What pydantic found.
        fields: The JSON that it looked at; its keys help to find misspelt ones.
        file: The file's name.
        number: The line's number.

    Returns:
        One issue an error.
    """
    return [_issue(dict(detail), fields, file, number) for detail in error.errors(include_url=False)]


def field_path(place: Sequence[str | int]) -> str:
    """Write a place in a record as text.

    Example:
        >>> field_path(("objects", "bbox", 2))
        'objects.bbox[2]'
    """
    parts = [f"[{part}]" if isinstance(part, int) else f".{field_name(part)}" for part in place]
    return "".join(parts).removeprefix(".")


def depth(text: bytes) -> int:
    """Return how deep the brackets of a JSON text nest, without recursion.

    Example:
        >>> depth(b'{"a": [1, "]]]"]}')
        2
    """
    brackets = _STEPS[np.frombuffer(_STRING.sub(b"", text), dtype=np.uint8)]
    return int(np.cumsum(brackets, dtype=np.int32).max(initial=0))


def _parse(text: bytes, max_bytes: int) -> dict[str, Any] | _Refused:
    """Parse a line into a JSON object, or say why it isn't one."""
    if len(text) > max_bytes:
        return _Refused("line-too-long", f"the line has {len(text):,} bytes, at most {max_bytes:,} are allowed")
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start + 1} of the line is not UTF-8"
        return _Refused("not-utf8", message, text[error.start :][:8])
    if text.count(b"[") + text.count(b"{") > MAX_DEPTH and depth(text) > MAX_DEPTH:
        return _Refused("too-deep", f"the line nests deeper than {MAX_DEPTH} levels")
    duplicates: list[str] = []
    try:
        parsed = json.loads(decoded, object_pairs_hook=lambda pairs: _unique(pairs, duplicates))
    except json.JSONDecodeError as error:
        message = f"{_lower_first(error.msg)} at character {error.pos + 1}"
        return _Refused("not-json", message, error.doc[error.pos : error.pos + 40])
    except ValueError:  # Python refuses to read whole numbers of thousands of digits
        return _Refused("number-too-large", "a number is too large to keep exactly; write it as text")
    if not isinstance(parsed, dict):
        return _Refused("not-an-object", f"a line is one JSON object, not {kind_name(parsed)}", parsed)
    if duplicates:
        return _Refused("duplicate-key", "the key is written twice in one object", _ABSENT, duplicates)
    objects = parsed.get("objects")
    if max(len(parsed), len(objects) if isinstance(objects, dict) else 0) > MAX_FIELDS:
        return _Refused("too-many-fields", f"the line has more than {MAX_FIELDS:,} fields")
    return parsed


def spread_document(text: bytes, file: str, number: int, *, alone: bool) -> Issue | None:
    """Tell whether the first line of a file shows that the file is one JSON document, spread over lines.

    Args:
        text: The first line that is not blank.
        file: The file's name, for the issue.
        number: The line's number.
        alone: Whether no other line follows.
    """
    start = text.strip()
    if not (start.startswith(b"[") or start == b"{"):
        return None
    parsed = _parse(text, MAX_LINE_BYTES)
    if isinstance(parsed, _Refused) and (parsed.rule == "not-json" or (parsed.rule == "not-an-object" and alone)):
        hint = "write each record on a line of its own, without a list around them: json.dumps(record) for each"
        message = "this is one JSON document, not one object a line"
        return Issue(file, number, "", shown(start[:40]), parsed.rule, message, suggestion=hint)
    return None


def _unique(pairs: list[tuple[str, Any]], duplicates: list[str]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen and len(duplicates) < MAX_PROBLEMS:
                duplicates.append(key)
            seen.add(key)
    return fields


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _issue(detail: dict[str, Any], fields: object, file: str, number: int | None) -> Issue:
    place, value = detail["loc"], detail["input"]
    rule, message, hint = detail["type"], detail["msg"], None
    if rule == "missing":
        message = "the field is required"
        value, hint = "", _misspelt(place[-1], value)
    elif rule in {"model_type", "model_attributes_type"}:
        message = f"this is an object, not {kind_name(value)}"
    rule = _RULES.get(rule, rule)
    return Issue(file, number, field_path(place), shown(value) if value != "" else "", rule, message, suggestion=hint)


def _misspelt(missing: str, fields: object) -> str | None:
    """Suggest the key that was probably meant to be the missing one."""
    keys = [key for key in fields if key not in KNOWN_FIELDS] if isinstance(fields, Mapping) else []
    close = difflib.get_close_matches(missing, keys, n=1, cutoff=0.75)
    return f"`{close[0]}` should probably be `{missing}`" if close else None


def _conflict_issue(conflict: ShapeConflictError, line: Line, file: str) -> Issue:
    settled, place = conflict.settled, _place_in_record(conflict.place, line.record)
    message = (
        f"this is {kind_name(conflict.value)}, but on line {settled.line} it is {NAMES[settled.kind]}: "
        f"{'categories' if conflict.place[0] == 'category' else 'a field'} must have one type in a dataset"
    )
    return Issue(file, line.number, field_path(place), shown(conflict.value), "mixed-types", message)


def _place_in_record(place: tuple[str | int, ...], record: ImageRecord) -> tuple[str | int, ...]:
    """Translate a place in the view that was settled to one in the record."""
    if place[0] == "extra":
        return place[1:]
    if place[0] != "category":
        return place
    index, own = int(place[1]), len(record.categories or ())
    return ("categories", index) if index < own else ("objects", "categories", index - own)


def _new_field_warnings(before: Shape, after: Shape, number: int, file: str) -> list[Issue]:
    """Warn of new fields whose names look like misspelt known ones."""
    warnings = []
    for group, prefix, known in (("extra", "", KNOWN_FIELDS), ("objects", "objects.", KNOWN_OBJECT_FIELDS)):
        for name in after.field(group).fields:
            if name in known or name in before.field(group).fields:
                continue
            close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.75)
            if close:
                message = "this is kept as a further field, but looks like a misspelt one"
                hint = f"did you mean `{close[0]}`?"
                warnings.append(
                    Issue(file, number, prefix + field_name(name), "", "unknown-field", message, "warning", hint)
                )
    return warnings
