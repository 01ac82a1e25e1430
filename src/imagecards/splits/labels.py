"""What the images of a dataset are to be spread by: their classes, or the values of a field."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset
from imagecards.splits.fields import field_of

Label: TypeAlias = str | int | float | bool

CATEGORIES = "categories"
"""Stands for the classes of images and of their objects."""


@dataclass(frozen=True)
class Labels:
    """How often each image has each label.

    Attributes:
        names: The labels, sorted; whole numbers before text.
        counts: For each image how often it has each label, by the label's place in ``names``: its objects of a
            class, or 1 for a class of the image as a whole.
    """

    names: tuple[Label, ...]
    counts: tuple[dict[int, int], ...]

    def totals(self, rows: Sequence[int] | None = None) -> list[tuple[int, int]]:
        """For each label, in how many images it is and how many objects have it.

        Args:
            rows: Only in these images.
        """
        images, objects = [0] * len(self.names), [0] * len(self.names)
        for counted in self.counts if rows is None else (self.counts[row] for row in rows):
            for label, count in counted.items():
                images[label] += 1
                objects[label] += count
        return list(zip(images, objects, strict=True))


def labels_of(dataset: ImageDataset, by: str = CATEGORIES) -> Labels:
    """Find the labels of every image.

    Args:
        dataset: The images.
        by: ``"categories"``, or the name of a further field of records: one value, or a list of them.

    Raises:
        InvalidInputError: There is no such field, or its values are no labels.

    Example:
        >>> import tempfile
        >>> labels_of(ImageDataset(tempfile.mkdtemp()))
        Labels(names=(), counts=())
    """
    table = dataset.table
    if by != CATEGORIES:
        return _counted(table.num_rows, [_entries(field_of(table, by, lists=True))])
    objects = _counted(table.num_rows, [_entries(table["objects"], "category"), _entries(table["categories"])])
    whole = _counted(table.num_rows, [_entries(table["objects"], "category")])
    places = {name: place for place, name in enumerate(objects.names)}
    place = [places[name] for name in whole.names]
    counts = []
    for both, boxes in zip(objects.counts, whole.counts, strict=True):
        seen = {place[label]: count for label, count in boxes.items()}
        counts.append({label: seen.get(label, 1) for label in both})
    return Labels(objects.names, tuple(counts))


_Entries: TypeAlias = Iterator[tuple[NDArray[np.int64], pa.Array]]


def _entries(column: pa.ChunkedArray, field: str | None = None) -> _Entries:
    """The values of a column, or those in its lists, each with the row that it is in."""
    start = 0
    for chunk in column.chunks:
        rows, values = np.arange(len(chunk)), chunk
        if pa.types.is_list(chunk.type):
            rows, values = pc.list_parent_indices(chunk).to_numpy(), chunk.flatten()
        if field is not None:
            values = pc.struct_field(values, field)
        valid = values.is_valid()
        yield rows[valid.to_numpy(zero_copy_only=False)] + start, values.filter(valid)
        start += len(chunk)


def _counted(rows: int, columns: list[_Entries]) -> Labels:
    parts = [part for column in columns for part in column if len(part[1])]
    if not parts:
        return Labels((), tuple({} for _ in range(rows)))
    values = pa.chunked_array([part[1] for part in parts])
    names = sorted(pc.unique(values).to_pylist(), key=_sorting)
    codes = pc.index_in(values, value_set=pa.array(names, values.type)).to_numpy()
    keys = np.concatenate([part[0] for part in parts]) * len(names) + codes
    found, times = np.unique(keys, return_counts=True)
    counts: list[dict[int, int]] = [{} for _ in range(rows)]
    for key, count in zip(found.tolist(), times.tolist(), strict=True):
        row, label = divmod(key, len(names))
        counts[row][label] = count
    return Labels(tuple(names), tuple(counts))


def _sorting(value: Any) -> tuple[bool, Any]:
    return isinstance(value, str), value
