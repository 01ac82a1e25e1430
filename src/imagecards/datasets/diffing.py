"""Finding out what changed between two versions, from digests down to single objects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.category_changes import category_changes
from imagecards.datasets.changes import Diff, FieldRow
from imagecards.datasets.compare import ObjectRow, compare_objects
from imagecards.datasets.dataset import ImageDataset
from imagecards.datasets.diff import DiffCounts, diff_counts
from imagecards.datasets.sides import Side
from imagecards.datasets.split_changes import split_changes
from imagecards.records.objects import objects_of
from imagecards.records.schema import to_dicts

_UNKNOWN_SIZE = (1 << 15, 1 << 15)
_BATCH = 4096  # images whose records are in memory at once


def diff_datasets(before: ImageDataset, after: ImageDataset) -> Diff:
    """What changed from one dataset to another, wherever they are.

    Args:
        before: The older one.
        after: The newer one.
    """
    return diff_sides(Side.of(before), Side.of(after))


def diff_sides(before: Side, after: Side) -> Diff:
    """What changed from one side to the other; only what differs by digest is looked into."""
    images = diff_counts(before.index, after.index)
    fields: list[FieldRow] = []
    objects: list[ObjectRow] = []
    for row in record_changes(before, after, images):
        fields.append(row) if isinstance(row, FieldRow) else objects.append(row)
    return Diff(
        images=images,
        fields=tuple(fields),
        objects=tuple(objects),
        objects_added=_count_objects(after, images.added),
        objects_removed=_count_objects(before, images.removed),
        **whole_changes(before, after, images, objects),
    )


def whole_changes(before: Side, after: Side, images: DiffCounts, objects: Iterable[ObjectRow]) -> dict[str, Any]:
    """What changed of the dataset as a whole: ``categories``, ``splits``, ``attributes``."""
    gone = [
        name
        for name in sorted({*before.attributes, *after.attributes} - {"categories"})
        if before.attributes.get(name) != after.attributes.get(name)
    ]
    return {
        "categories": category_changes((before.attributes, before.used), (after.attributes, after.used), objects),
        "splits": split_changes(before.splits, after.splits, images),
        "attributes": tuple(gone),
    }


def record_changes(before: Side, after: Side, images: DiffCounts) -> Iterator[FieldRow | ObjectRow]:
    """Yield what differs in the records of images that both sides have, image by image, when it is asked for."""
    same_name = ((name, name) for name in sorted((*images.changed_images, *images.changed_records)))
    pairs = chain(same_name, images.renamed)
    while batch := list(islice(pairs, _BATCH)):
        tables = [
            side.rows(pa.array([pair[index] for pair in batch], pa.string()))
            for index, side in enumerate((before, after))
        ]
        sizes = [_sizes(table) for table in tables]
        sides = zip(batch, *map(to_dicts, tables), *sizes, strict=True)
        for (_, name), old, new, old_size, new_size in sides:
            yield from _fields(name, old, new)
            found = compare_objects(name, objects_of(old), objects_of(new), old_size or new_size or _UNKNOWN_SIZE, 0.5)
            yield from (row for row in found if row.change != "equal")


def _fields(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[FieldRow]:
    for key in sorted({*old, *new} - {"file_name", "objects"}):
        if old.get(key) != new.get(key):
            yield FieldRow(name, key, old.get(key), new.get(key))
    if ("objects" in old) != ("objects" in new):
        known = ["known" if "objects" in record else None for record in (old, new)]
        yield FieldRow(name, "objects", *known)


def _sizes(table: pa.Table) -> list[tuple[int, int] | None]:
    if not {"width", "height"} <= set(table.column_names):
        return [None] * table.num_rows
    pairs = zip(table["width"].to_pylist(), table["height"].to_pylist(), strict=True)
    return [pair if all(pair) else None for pair in pairs]


def _count_objects(side: Side, names: Sequence[str]) -> int:
    total = 0
    for start in range(0, len(names), _BATCH * 16):
        rows = side.rows(pa.array(names[start : start + _BATCH * 16], pa.string()))
        total += pc.sum(pc.list_value_length(rows["objects"])).as_py() or 0
    return total
