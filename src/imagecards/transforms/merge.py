"""Merge: several datasets become one."""

from collections.abc import Sequence
from functools import reduce
from typing import Annotated, Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, Field

from imagecards.datasets import FILE_FACTS, ImageDataset, JoinedSource, Step, replaced
from imagecards.errors import InvalidInputError
from imagecards.paths import check_relative, collision_key
from imagecards.records.schema import KNOWN_FIELDS, conform_table, shape_of_table, table_schema
from imagecards.records.shape import NAMES, Conflict, Shape, joined
from imagecards.transforms.classes import Classes
from imagecards.transforms.columns import flat
from imagecards.transforms.origins import without_ids

_SIDES = ("width", "height")


def _plain(prefix: str) -> str:
    problem = check_relative(prefix)
    if problem is not None:
        raise ValueError(f"as a folder for images, {prefix!r} {problem}")
    return prefix


class Merge(Step):
    """Make one dataset of several.

    Classes are the same if they have the same name; their ids say nothing. A class has the id of the first dataset that
    has it, or the next free one where a class of an earlier dataset has that id. Splits of one name become one. What is
    said of the datasets as wholes stays as far as they do not contradict each other. Where objects of two datasets have
    one ``id``, all ids become ``source_id``.

    Attributes:
        prefixes: A folder for the images of each dataset, in order: ``a.png`` becomes ``lab-1/a.png``. Without them,
            two images of one name are an error.

    Example:
        >>> Merge(prefixes=["lab-1", "lab-2"]).prefixes
        ('lab-1', 'lab-2')
    """

    step_name: ClassVar[str] = "merge"
    joins: ClassVar[bool] = True

    prefixes: Annotated[
        Sequence[Annotated[str, Field(max_length=200), AfterValidator(_plain)]],
        Field(max_length=1000),
        AfterValidator(tuple),
    ] = ()

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of all images.

        Raises:
            InvalidInputError: Two images have one name, classes are numbers without names, a field has different types,
                or there is not one prefix a dataset.
        """
        parts = (dataset, *others)
        if self.prefixes and len(self.prefixes) != len(parts):
            raise InvalidInputError(f"merge: {len(self.prefixes)} prefixes for {len(parts)} datasets: give one each")
        names = [self._names(number, part) for number, part in enumerate(parts)]
        _check_names(names)
        categories = _categories([Classes(part, self.step_name) for part in parts])
        sources = []
        splits: dict[str, list[str]] = {}
        for part, new in zip(parts, names, strict=True):
            called = dict(zip(part.names, new, strict=True))
            sources.append((part.source, dict(zip(new, part.names, strict=True))))
            for split, members in part.splits.items():
                splits.setdefault(split, []).extend(called[name] for name in members)
        attributes = _attributes(parts)
        if categories:
            attributes["categories"] = categories
        return replaced(
            dataset, table=_table(parts, names), source=JoinedSource(sources), splits=splits, attributes=attributes
        )

    def _names(self, number: int, part: ImageDataset) -> list[str]:
        return [f"{self.prefixes[number]}/{name}" if self.prefixes else name for name in part.names]


def _check_names(names: Sequence[Sequence[str]]) -> None:
    owners: dict[str, tuple[int, str]] = {}
    for number, part in enumerate(names, start=1):
        for name in part:
            first = owners.setdefault(collision_key(name), (number, name))
            if first != (number, name):
                raise InvalidInputError(
                    f"merge: dataset {number} has an image {name!r}, and dataset {first[0]} has {first[1]!r}: give a "
                    "prefix for each dataset, prefixes=[...]"
                )


def _categories(parts: Sequence[Classes]) -> list[dict[str, Any]]:
    """The categories of all datasets by name."""
    having = [part for part in parts if part.values]
    if len(having) > 1 and any(isinstance(value, int) for part in having for value in part.values):
        raise InvalidInputError(
            "merge: the classes of a dataset are whole numbers, which may mean something else in another dataset: give "
            "them names with RenameClasses first"
        )
    merged: dict[str | int, dict[str, Any]] = {}
    taken: set[int] = set()
    free = 1 + max((entry["id"] for part in parts for entry in part.listed), default=0)
    for part in parts:
        for entry in part.listed:
            if entry["name"] in merged:
                continue
            number = entry["id"]
            if number in taken:
                number, free = free, free + 1
            taken.add(number)
            merged[entry["name"]] = {**entry, "id": number}
    return list(merged.values())


def _attributes(parts: Sequence[ImageDataset]) -> dict[str, Any]:
    """What no dataset contradicts that says something of it."""
    said: dict[str, Any] = {}
    for part in parts:
        for key, value in part.attributes.items():
            said.setdefault(key, []).append(value)
    return {key: values[0] for key, values in said.items() if all(value == values[0] for value in values)}


def _table(parts: Sequence[ImageDataset], names: Sequence[Sequence[str]]) -> pa.Table:
    tables = [part.table.select(_annotations(part.table)) for part in parts]
    if _share_ids(tables):
        tables = [without_ids(table, "merge") for table in tables]
    conflicts: list[Conflict] = []
    shape: Shape = reduce(lambda one, other: joined(one, other, (), conflicts), map(shape_of_table, tables))
    if conflicts:
        field = ".".join(name for name in conflicts[0].place if name != "extra")
        kinds = f"{NAMES[conflicts[0].before.kind]} in one dataset and {NAMES[conflicts[0].here.kind]} in another"
        raise InvalidInputError(f"merge: the field {field} is {kinds}: change or rename it in one of them")
    schema = table_schema(shape)
    whole = pa.concat_tables([conform_table(table, schema) for table in tables])
    called = pa.array([name for part in names for name in part], pa.string())
    whole = whole.set_column(0, "file_name", called)
    known = all(set(FILE_FACTS.names) <= set(part.table.column_names) for part in parts)
    for field in FILE_FACTS if known else [FILE_FACTS.field(side) for side in _SIDES]:
        if field.name != "file_name" and any(field.name in part.table.column_names for part in parts):
            whole = whole.append_column(field, pa.concat_arrays([_column(part.table, field) for part in parts]))
    return whole


def _annotations(table: pa.Table) -> list[str]:
    return [name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names]


def _column(table: pa.Table, field: pa.Field) -> pa.Array:
    if field.name not in table.column_names:
        return pa.nulls(table.num_rows, field.type)
    return table[field.name].combine_chunks().cast(field.type)


def _share_ids(tables: Sequence[pa.Table]) -> bool:
    """Whether objects of two datasets have one id."""
    seen: list[pa.Array] = []
    for table in tables:
        entries = flat(table, "objects").entries
        if entries.type.get_field_index("id") < 0:
            continue
        ids = pc.struct_field(entries, "id").drop_null()
        for other in seen:
            if other.type == ids.type and pc.any(pc.is_in(ids, value_set=other), min_count=0).as_py():
                return True
        seen.append(ids)
    return False
