"""The objects of a record one by one, instead of as parallel lists."""

from collections.abc import Mapping
from typing import Any


def objects_of(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The objects of a record, a dict each; what is null of one is left out.

    Args:
        record: As a line of metadata.jsonl has it.

    Example:
        >>> objects_of({"file_name": "a.png", "objects": {"bbox": [[0, 0, 2, 2]], "categories": ["cat"], "id": [None]}})
        [{'bbox': [0, 0, 2, 2], 'category': 'cat'}]
    """
    lists = record.get("objects") or {}
    names = ["category" if name == "categories" else name for name in lists]
    rows = zip(*lists.values(), strict=True)
    return [{name: item for name, item in zip(names, row, strict=True) if item is not None} for row in rows]
