"""Whose annotation of a Label Studio task counts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any


def chosen(annotations: Sequence[tuple[int, Mapping[str, Any]]], annotator: str | int) -> int | None:
    """The number of the annotation that counts; ``None`` where none does.

    Args:
        annotations: Those that are sound and were not cancelled, with their numbers.
        annotator: ``"last"``, ``"first"``, or the id or address of one, whose annotations alone count then. A ground
            truth comes before others.

    Example:
        >>> made = [{"created_at": "2024-01-02T00:00:00Z"}, {"created_at": "2024-01-01T00:00:00Z"}]
        >>> [chosen(list(enumerate(made)), who) for who in ("last", "first", 7)]
        [0, 1, None]
    """
    mine = list(annotations)
    if annotator not in ("first", "last"):
        mine = [(number, each) for number, each in annotations if str(annotator) in _annotators(each)]
    mine = [(number, each) for number, each in mine if each.get("ground_truth") is True] or mine
    if not mine:
        return None
    if annotator == "first":
        return min(mine, key=lambda pair: (_time(pair[1], "created_at"), pair[0]))[0]
    return max(mine, key=lambda pair: (_time(pair[1], "updated_at", "created_at"), pair[0]))[0]


def _annotators(annotation: Mapping[str, Any]) -> set[str]:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        return {str(by[key]) for key in ("id", "email") if key in by}
    return {str(by)} if by is not None else set()


def _time(annotation: Mapping[str, Any], *keys: str) -> datetime:
    """When an annotation was made or changed; those that don't say come before all others."""
    for key in keys:
        try:
            time = datetime.fromisoformat(annotation[key])
        except (KeyError, TypeError, ValueError):
            continue
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    return datetime.min.replace(tzinfo=UTC)
