"""From a plan of which part of which image becomes which image of what size, to the dataset."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset, Source, replaced
from imagecards.errors import FormatError, InvalidMetadataError
from imagecards.images import MAX_PIXELS
from imagecards.records import Issue
from imagecards.transforms.columns import with_column
from imagecards.transforms.edited_source import Edit, EditedSource, Window
from imagecards.transforms.names import Kind, made_names
from imagecards.transforms.outlines import trace_all

_ROWS = 256
_OF_THE_FILE = ("sha256", "size", "mode", "format")


@dataclass(frozen=True, slots=True)
class Made:
    """One image of the result.

    Attributes:
        row: The original, in the dataset.
        whole: Width and height of the original, in pixels.
        window: What is cut out of it.
        size: Width and height of the image.
        mark: What its name gets.
    """

    row: int
    whole: tuple[int, int]
    window: Window
    size: tuple[int, int]
    mark: str = ""

    @property
    def is_original(self) -> bool:
        """Whether the image is as it was."""
        return self.window == (0, 0, *self.whole) and self.size == self.whole


@dataclass(frozen=True)
class Group:
    """The images that are made of one original.

    Attributes:
        images: Which; where they are several, their windows lie row by row, from the top on.
    """

    images: tuple[Made, ...]

    def near(self, extent: tuple[float, float, float, float]) -> list[int]:
        """The places of the images that may have something of an object: their windows are 2 pixels from it at most.

        Args:
            extent: Left, top, right and bottom of the object, in pixels of the original.
        """
        left, top, right, bottom = extent
        first, last = (
            np.searchsorted(self._sides[3], top - 2, "left"),
            np.searchsorted(self._sides[1], bottom + 2, "right"),
        )
        begins, ends = self._sides[0, first:last], self._sides[2, first:last]
        found: list[int] = (first + np.flatnonzero((begins <= right + 2) & (ends >= left - 2))).tolist()
        return found

    @cached_property
    def _sides(self) -> NDArray[np.int64]:
        """Left, top, right and bottom of each window."""
        x, y, width, height = np.array([made.window for made in self.images], np.int64).T
        return np.stack([x, y, x + width, y + height])


Change = Callable[[dict[str, Any], Group], Iterator[tuple[int, dict[str, Any]]]]
"""Takes an object and the images that are made of its own, and yields the places of those that still have it, each with
what it becomes there."""


def reshaped(
    dataset: ImageDataset,
    plan: Sequence[Made],
    change: Change,
    kinds: Sequence[Kind],
    step: str,
    *,
    antialias: bool = True,
) -> ImageDataset:
    """Make the dataset of a plan.

    Args:
        dataset: The originals.
        plan: The images of the result, in order; those of one original stand together.
        change: Says what objects become.
        kinds: The format in which each original is written anew.
        step: The step that asks, for messages.
        antialias: Whether pixels are weighed where the size changes.

    Raises:
        InvalidMetadataError: An outline can't be drawn into its image.
        InvalidInputError: Two images would have one name.
    """
    if all(made.is_original for made in plan) and len(plan) == len(dataset):
        return dataset
    originals = [dataset.names[made.row] for made in plan]
    formats = [kinds[made.row] for made in plan]
    marks = [None if made.is_original else made.mark for made in plan]
    names = made_names(originals, formats, marks, step)
    dtype = dataset.table.schema.field("objects").type
    bare = with_column(dataset.table, "objects", pa.nulls(len(dataset), dtype))  # each tile would get a copy of all
    table = bare.take(pa.array([made.row for made in plan], pa.int64()))
    changed = pa.chunked_array(list(_changed(dataset.table, plan, change, step)), dtype)
    table = with_column(with_column(table, "objects", changed), "file_name", pa.array(names, pa.string()))
    for index, side in enumerate(("width", "height")):
        table = with_column(table, side, pa.array([made.size[index] for made in plan], pa.int32()))
    table = table.drop_columns([name for name in _OF_THE_FILE if name in table.column_names])
    return replaced(
        dataset,
        table=table,
        source=_source(dataset.source, plan, originals, names, formats, antialias=antialias),
        splits=_splits(dataset, originals, names),
    )


def too_large(name: str, width: int, height: int, step: str) -> InvalidMetadataError:
    """The error of an image that would have more pixels than any image may have."""
    message = f"it would have {width} x {height} = {width * height:,} pixels, and the limit is {MAX_PIXELS:,}"
    issue = Issue(name, None, "", f"{width} x {height}", "too-many-pixels", message)
    return InvalidMetadataError(f"{step}: {name} can't be made larger: {message}; choose a smaller size", [issue])


def _changed(table: pa.Table, plan: Sequence[Made], change: Change, step: str) -> Iterator[pa.Array]:
    """The objects of each image of the result, some hundreds of images at a time."""
    column = table["objects"]
    lists: list[list[dict[str, Any]] | None] = []
    for row, group in groupby(plan, key=lambda made: made.row):
        entries = column[row].as_py()
        try:
            lists += _of_one(entries, Group(tuple(group)), change)
        except FormatError as error:
            name = table["file_name"][row].as_py()
            issue = Issue(name, None, "objects.segmentation", "", "bad-outline", str(error))
            raise InvalidMetadataError(f"{step}: an outline of {name} can't be drawn: {error}", [issue]) from error
        if len(lists) >= _ROWS:
            yield _column(lists, column.type)
            lists = []
    yield _column(lists, column.type)


def _column(lists: list[list[dict[str, Any]] | None], dtype: pa.DataType) -> pa.Array:
    trace_all(entry for entries in lists for entry in entries or ())
    return pa.array(lists, dtype)


def _of_one(entries: list[dict[str, Any]] | None, group: Group, change: Change) -> list[list[dict[str, Any]] | None]:
    """The objects of each image that is made of one original."""
    if entries is None or all(made.is_original for made in group.images):
        return [entries] * len(group.images)
    found: list[list[dict[str, Any]]] = [[] for _ in group.images]
    for entry in entries:
        for place, there in change(entry, group):
            found[place].append(there)
    return list(found)


def _source(
    source: Source,
    plan: Sequence[Made],
    originals: Sequence[str],
    names: Sequence[str],
    formats: Sequence[Kind],
    *,
    antialias: bool,
) -> EditedSource:
    parts = list(zip(plan, originals, names, formats, strict=True))
    edits = {
        name: Edit(original, kind, made.window, made.size, antialias)
        for made, original, name, kind in parts
        if not made.is_original
    }
    return EditedSource(source, edits, [name for made, _, name, _ in parts if made.is_original])


def _splits(dataset: ImageDataset, originals: Sequence[str], names: Sequence[str]) -> Mapping[str, Sequence[str]]:
    made: dict[str, list[str]] = {}
    for original, name in zip(originals, names, strict=True):
        made.setdefault(original, []).append(name)
    return {
        split: [name for original in members for name in made.get(original, ())]
        for split, members in dataset.splits.items()
    }
