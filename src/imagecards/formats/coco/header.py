"""What COCO's files say besides images and annotations: categories, info, licences, and keys of anybody's own."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.coco.layout import AnnotationFile
from imagecards.records import shown
from imagecards.records.json_values import json_problems, without_nulls

SPLITS = "splits"
"""The attribute that has what the file of a split says otherwise than the first file, by split."""

_NOT_ATTRIBUTES = frozenset({"images", "annotations", "categories"})
_EMPTY: tuple[Any, ...] = ({}, [], None)


class Header:
    """The attributes of a dataset, gathered from the files of its splits.

    Categories are one if they have one name. Of other keys the first file counts; what another says otherwise is in
    ``attributes["splits"][split]``.

    Args:
        builder: Takes what is wrong.

    Attributes:
        attributes: What was gathered so far.
    """

    def __init__(self, builder: DatasetBuilder) -> None:
        self.attributes: dict[str, Any] = {}
        self._builder = builder
        self._categories: dict[str, dict[str, Any]] = {}  # by name
        self._ids: dict[int, str] = {}
        self._most = 0
        self._first: dict[str, AnnotationFile] = {}  # where a category or another key was first seen

    def take(self, document: Mapping[str, Any], file: AnnotationFile) -> dict[int, str]:
        """Take what one file says.

        Returns:
            The names of its categories, by id.
        """
        for key, value in document.items():
            # what is empty says nothing; our own files have such keys, as readers of COCO look for them
            if key not in _NOT_ATTRIBUTES and value not in _EMPTY and self._is_sound(value, file, key):
                self._take_attribute(f"{key}_" if key == SPLITS else key, without_nulls(value), file)
        names = self._take_categories(document.get("categories", []), document.get("annotations"), file)
        if self._categories:
            self.attributes["categories"] = list(self._categories.values())
        return names

    def _take_attribute(self, key: str, value: Any, file: AnnotationFile) -> None:
        before = self.attributes.setdefault(key, value)
        first = self._first.setdefault(key, file)
        if before != value:
            of_splits = self.attributes.setdefault(SPLITS, {})
            of_splits.setdefault(file.split or "", {})[key] = value
            message = f"{first.path} says something else: both are kept, this one as that of the split"
            self._builder.warn("attributes-differ", message, file.path, None, key, value)

    def _placeholders(self, entries: list[Any], annotations: Any, file: AnnotationFile) -> set[int]:
        """The categories that only have the name of another one: no object has them."""
        alike: dict[str, list[int]] = defaultdict(list)
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and isinstance(entry.get("name"), str) and type(entry.get("id")) is int:
                alike[entry["name"]].append(number)
        doubtful = [numbers for numbers in alike.values() if len(numbers) > 1]
        ids = (entry.get("category_id") for entry in annotations or () if isinstance(entry, dict)) if doubtful else ()
        used = {each for each in ids if type(each) is int}
        found: set[int] = set()
        for numbers in doubtful:
            real = [number for number in numbers if entries[number]["id"] in used]
            real = real or [number for number in numbers if entries[number].get("supercategory") != "none"]
            if len(real) != 1:
                continue  # which of them is meant?
            for number in numbers:
                if number != real[0]:
                    found.add(number)
                    message = f"no object has this category, and categories[{real[0]}] has its name: it is left out"
                    where = f"categories[{number}] (id {entries[number]['id']}).name"
                    self._builder.warn("placeholder-category", message, file.path, None, where, entries[number]["name"])
        return found

    def _take_categories(self, entries: Any, annotations: Any, file: AnnotationFile) -> dict[int, str]:
        if not isinstance(entries, list):
            self._error(file, "wrong-type", "the categories are a list", "categories", entries)
            return {}
        placeholders = self._placeholders(entries, annotations, file)
        numbers: dict[int, int] = {}
        names: dict[int, str] = {}
        seen: set[str] = set()
        for number, entry in enumerate(entries):
            where = f"categories[{number}]"
            if number in placeholders:
                continue
            if not isinstance(entry, dict):
                self._error(file, "wrong-type", "a category is an object", where, entry)
                continue
            own, name = entry.get("id"), entry.get("name")
            if type(own) is not int or abs(own) > MAX_SAFE_INTEGER:
                rule = "missing-field" if own is None else "wrong-type"
                self._error(file, rule, "a category has an id, a whole number", f"{where}.id", own)
                continue
            where = f"{where} (id {own})"
            if not isinstance(name, str):
                rule = "missing-field" if name is None else "wrong-type"
                self._error(file, rule, "a category has a name, a text", f"{where}.name", name)
            elif own in numbers:
                message = f"the category categories[{numbers[own]}] has the same id"
                self._error(file, "duplicate-id", message, f"{where}.id", own)
            elif self._is_sound(entry, file, where):
                if name in seen:
                    message = "another category has the same name: its objects can't be told from those of this one"
                    self._error(file, "duplicate-category", message, f"{where}.name", name)
                numbers[own], names[own] = number, name
                seen.add(name)
                self._merge(without_nulls(entry), file, where)
        return names

    def _merge(self, entry: dict[str, Any], file: AnnotationFile, where: str) -> None:
        """Add a category, if no file had one of its name."""
        own, name = entry["id"], entry["name"]
        before = self._categories.get(name)
        first = self._first.setdefault(f"category {name}", file)
        if before is None:
            if own in self._ids:
                message = f"this id is that of {shown(self._ids[own])} in another file: number the categories alike"
                self._error(file, "category-ids-differ", message, f"{where}.id", own)
                entry = {**entry, "id": self._most + 1}
            self._categories[name] = entry
            self._ids[entry["id"]] = name
            self._most = max(self._most, entry["id"])
        elif first is file:
            return  # told as a duplicate
        elif before["id"] != own:
            message = f"{shown(name)} has the id {before['id']} in {first.path}: number the categories alike"
            self._error(file, "category-ids-differ", message, f"{where}.id", own)
        elif before != entry:
            message = f"{first.path} says something else of this category, and counts"
            self._builder.warn("attributes-differ", message, file.path, None, where, entry)

    def _is_sound(self, value: Any, file: AnnotationFile, where: str) -> bool:
        problems = list(json_problems(value, ()))
        for problem in problems[:10]:
            place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.place)
            self._error(file, problem.rule, problem.message, where + place, problem.value)
        return not problems

    def _error(self, file: AnnotationFile, rule: str, message: str, where: str, value: object) -> None:
        self._builder.error(rule, message, file.path, None, where, "" if value is None else value)
