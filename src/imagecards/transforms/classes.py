"""The classes of a dataset: which there are, what a parameter means by one, and giving them other names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr

from imagecards.datasets import ImageDataset
from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.records import shown
from imagecards.transforms.columns import Flat, flat, kept, refilled, with_column, with_field

MOST_CLASSES = 10_000
"""How many classes a parameter may list."""

_MOST_SHOWN = 20

Label: TypeAlias = (
    Annotated[StrictInt, Field(ge=-MAX_SAFE_INTEGER, le=MAX_SAFE_INTEGER)]
    | Annotated[StrictStr, Field(min_length=1, max_length=1000)]
)
"""A class: its name, or its id."""

Labels: TypeAlias = Annotated[Sequence[Label], Field(min_length=1, max_length=MOST_CLASSES), AfterValidator(tuple)]
"""Several classes."""


def pairs_of(value: Any) -> Any:
    """The entries of a mapping as pairs, in order; anything else as it is."""
    return tuple(value.items()) if isinstance(value, Mapping) else value


Pairs: TypeAlias = Annotated[
    Mapping[Label, Label] | Sequence[Annotated[tuple[Label, Label], Field(strict=False)]],
    Field(min_length=1, max_length=MOST_CLASSES),
    BeforeValidator(pairs_of),
    AfterValidator(tuple),
]
"""Old and new names. A mapping is kept as pairs: as a key of JSON, a number would become text."""


@dataclass(frozen=True)
class Classes:
    """The classes of a dataset.

    Attributes:
        dataset: The dataset.
        step: The step that asks, for messages.
    """

    dataset: ImageDataset
    step: str

    @cached_property
    def listed(self) -> tuple[Mapping[str, Any], ...]:
        """The categories of the dataset's attributes.

        Raises:
            InvalidMetadataError: They are something else than categories, or an id or a name is there twice.
        """
        said = self.dataset.attributes.get("categories") or ()
        if not isinstance(said, list | tuple) or not all(map(_is_category, said)):
            raise InvalidMetadataError(
                f"{self.step}: the categories of the dataset's attributes are a list, as COCO has them, each with "
                "an id and a name: correct them first"
            )
        for key in ("id", "name"):
            if len({entry[key] for entry in said}) < len(said):
                raise InvalidMetadataError(
                    f"{self.step}: two categories of the dataset's attributes have one {key}: number or name them anew"
                )
        return tuple(said)

    @cached_property
    def used(self) -> tuple[str | int, ...]:
        """The values that images and objects have, in order."""
        table = self.dataset.table
        objects = pc.struct_field(pc.list_flatten(table["objects"]), "category")
        both = [pc.unique(column.drop_null()) for column in (pc.list_flatten(table["categories"]), objects)]
        return tuple(sorted({value for values in both for value in values.to_pylist()}))

    @cached_property
    def values(self) -> tuple[str | int, ...]:
        """All classes: those that are listed, in order, then the others that are used."""
        names = [entry["name"] for entry in self.listed]
        known = set(names)
        return (*names, *(value for value in self.used if value not in known))

    def find(self, label: str | int) -> str | int:
        """The class that a parameter means: the one of that name, else the one of that id.

        Raises:
            InvalidInputError: There is none; says which there are.
        """
        if label in self._known:
            return label
        for entry in self.listed:
            if type(label) is int and entry["id"] == label:
                name: str | int = entry["name"]
                return name
        shown_classes = ", ".join(map(shown, self.values[:_MOST_SHOWN])) or "none"
        more = f" and {len(self.values) - _MOST_SHOWN:,} more" if len(self.values) > _MOST_SHOWN else ""
        raise InvalidInputError(
            f"{self.step}: there is no class {shown(label)} in this dataset: it has {shown_classes}{more}"
        )

    def find_all(self, labels: Iterable[str | int]) -> frozenset[str | int]:
        """The classes that several labels mean.

        Raises:
            InvalidInputError: One of them is none.
        """
        return frozenset(map(self.find, labels))

    @cached_property
    def _known(self) -> frozenset[str | int]:
        return frozenset(self.values)


def only_classes(table: pa.Table, classes: frozenset[str | int]) -> pa.Table:
    """Drop the objects of other classes, and other classes from what is said of whole images."""
    objects, images = flat(table, "objects"), flat(table, "categories")
    table = with_column(
        table, "objects", kept(objects, is_one_of(pc.struct_field(objects.entries, "category"), classes))
    )
    return with_column(table, "categories", kept(images, is_one_of(images.entries, classes)))


def is_one_of(values: pa.Array, classes: frozenset[str | int]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Whether each value is one of the classes."""
    wanted = [value for value in classes if isinstance(value, str) == pa.types.is_string(values.type)]
    found = pc.is_in(values, value_set=pa.array(sorted(wanted, key=str), values.type))
    mask: np.ndarray[Any, np.dtype[np.bool_]] = found.to_numpy(zero_copy_only=False).astype(bool)
    return mask


def relabelled(table: pa.Table, names: Mapping[str | int, str | int], step: str) -> pa.Table:
    """Give classes other names, in objects and in what is said of whole images, where each is then said once.

    Args:
        table: The records.
        names: The new name of every class that is used.
        step: The step that asks, for messages.

    Raises:
        InvalidInputError: Some names would be text and others numbers.
    """
    texts = {isinstance(new, str) for new in names.values()}
    if len(texts) > 1:
        mixed = sorted(map(shown, {new for new in names.values() if not isinstance(new, str)}))
        raise InvalidInputError(
            f"{step}: the classes of a dataset are all text or all whole numbers, and {', '.join(mixed[:_MOST_SHOWN])} "
            "would be numbers beside text: name all of them"
        )
    if not names:
        return table
    dtype = pa.string() if texts == {True} else pa.int64()
    objects, images = flat(table, "objects"), flat(table, "categories")
    renamed = with_field(
        objects.entries, "category", _mapped(pc.struct_field(objects.entries, "category"), names, dtype)
    )
    table = with_column(table, "objects", refilled(objects, renamed))
    return with_column(table, "categories", _once(images, _mapped(images.entries, names, dtype)))


def with_categories(dataset: ImageDataset, categories: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The dataset's attributes with other categories; without any, and none before, there is still no such key."""
    attributes = dict(dataset.attributes)
    if categories or "categories" in attributes:
        attributes["categories"] = [dict(entry) for entry in categories]
    return attributes


def with_ids(classes: Classes, names: Iterable[str | int]) -> tuple[Mapping[str, Any], ...]:
    """The categories that are listed, and behind them the whole numbers in use, which are their own ids.

    Args:
        classes: The classes.
        names: What they are to be called. Where that is text, a number that gets a name stays the id of it; where it
            is numbers, they go on being their own ids.
    """
    if not any(isinstance(name, str) for name in names):
        return classes.listed
    taken = {entry["id"] for entry in classes.listed} | {entry["name"] for entry in classes.listed}
    own = [value for value in classes.used if isinstance(value, int) and value not in taken]
    return (*classes.listed, *({"id": value, "name": value} for value in own))


def _is_category(entry: object) -> bool:
    return isinstance(entry, Mapping) and type(entry.get("id")) is int and isinstance(entry.get("name"), str | int)


def _mapped(values: pa.Array, names: Mapping[str | int, str | int], dtype: pa.DataType) -> pa.Array:
    old = [name for name in names if isinstance(name, str) == pa.types.is_string(values.type)]
    places = pc.index_in(values, value_set=pa.array(old, values.type))
    return pa.array([names[name] for name in old], dtype).take(places)


def _once(found: Flat, values: pa.Array) -> pa.ListArray:
    """The lists of values without those that are there twice."""
    codes = pc.dictionary_encode(values)
    keys = found.rows * max(len(codes.dictionary), 1) + codes.indices.to_numpy().astype(np.int64)
    keep = np.zeros(len(values), np.bool_)
    keep[np.unique(keys, return_index=True)[1]] = True
    return kept(Flat(found.lists, values, found.rows), keep)
