"""A dataset as writers see it: split by split, image by image, with sizes, categories and a place for losses."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.formats.losses import Losses
from imagecards.formats.parallel import batches, map_ordered
from imagecards.formats.rows import records_of
from imagecards.formats.sizes import read_sizes
from imagecards.paths import check_relative
from imagecards.records import Issue, Report, attribute_issues, objects_of

Write: TypeAlias = Callable[[str, Iterable[bytes]], None]
"""Writes one file of the output: its relative path, and its bytes in pieces."""

_BATCH = 64
_ROWS = 512


class View(NamedTuple):
    """One image in one split.

    Attributes:
        name: What it is called in the dataset.
        path: What it is called within its split: the same without the split's name in front.
        width: In pixels.
        height: In pixels.
        record: What is said of it, as a line of metadata.jsonl says it.
    """

    name: str
    path: str
    width: int
    height: int
    record: Mapping[str, Any]

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Its objects, a dict each: ``bbox``, ``category``, and what else is said of them."""
        return objects_of(self.record)


class Part(NamedTuple):
    """The images of one split; ``split`` is ``None`` for those of a dataset without splits."""

    split: str | None
    rows: Sequence[int]


@dataclass(frozen=True)
class Category:
    """A category of the dataset.

    Attributes:
        id: Its number in formats that have numbers.
        name: Its value in the records.
        fields: What else is said of it: ``supercategory``.
    """

    id: int
    name: str | int
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """A dataset that is to be written.

    Attributes:
        dataset: The dataset.
        executor: Where to do what takes long.
        losses: Takes what the format can't hold.
    """

    dataset: ImageDataset
    executor: Executor | None = None
    losses: Losses = field(default_factory=Losses)

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The splits by name, then the images that are in none."""
        rows = {name: row for row, name in enumerate(self.dataset.names)}
        parts = [Part(split, [rows[name] for name in names]) for split, names in self.dataset.splits.items()]
        inside = {name for names in self.dataset.splits.values() for name in names}
        rest = [row for name, row in rows.items() if name not in inside]
        return tuple([*parts, Part(None, rest)] if rest or not parts else parts)

    @cached_property
    def sizes(self) -> Sequence[tuple[int, int]]:
        """Width and height of each image: those that the dataset knows, or those of the files.

        Raises:
            InvalidMetadataError: An image has none.
        """
        table = self.dataset.table
        if {"width", "height"} <= set(table.column_names):
            known = [table[side].to_pylist() for side in ("width", "height")]
            if None not in known[0] and None not in known[1]:
                return list(zip(*known, strict=True))
        sizes = read_sizes(self.dataset.source, self.dataset.names, self.executor)
        pairs = zip(self.dataset.names, sizes, strict=True)
        Report(
            Issue(name, None, "", "", "not-an-image", size) for name, size in pairs if isinstance(size, str)
        ).raise_errors()
        return [size for size in sizes if not isinstance(size, str)]

    @cached_property
    def categories(self) -> tuple[Category, ...]:
        """The categories of the objects by id: as the dataset's attributes have them, the others behind these.

        Without attributes, whole numbers are their own ids, and names get 1, 2, ... in their order.

        Raises:
            InvalidMetadataError: The attributes have something else than categories.
        """
        said = self.dataset.attributes.get("categories") or []
        if not isinstance(said, list | tuple):
            raise InvalidMetadataError("the categories of the dataset's attributes are a list, as COCO has them")
        listed = [_category(entry) for entry in said]
        known = {category.name for category in listed}
        values = [value for value in _used_categories(self.dataset.table) if value not in known]
        used = {category.id for category in listed}
        if len(used) != len(listed) or len(known) != len(listed):
            raise InvalidMetadataError(
                "two categories of the dataset's attributes have one id or one name: number them anew"
            )
        if values and isinstance(values[0], int) and not used & set(values):
            listed += [Category(value, value) for value in values]
        else:
            first = max(used, default=0) + 1
            listed += [Category(number, value) for number, value in enumerate(values, start=first)]
        return tuple(sorted(listed, key=lambda category: category.id))

    def views(self, part: Part, *, objects: bool = True) -> Iterator[View]:
        """The images of a part, in order, some hundreds in memory at a time.

        Args:
            part: The part.
            objects: Whether their objects are wanted, which take the longest.
        """
        prefix = f"{part.split}/" if part.split is not None else ""
        names, sizes = self.dataset.names, self.sizes
        bare = all(names[row].startswith(prefix) for row in part.rows)
        table = self.dataset.table if objects else self.dataset.table.drop_columns(["objects"])
        for rows in batches(part.rows, _ROWS):
            for row, record in zip(rows, records_of(_taken(table, rows)), strict=True):
                path = names[row].removeprefix(prefix) if bare else names[row]
                yield View(names[row], path, *sizes[row], record)

    def map(self, function: Callable[[Sequence[View]], Any], part: Part) -> Iterator[Any]:
        """Yield what a function makes of each batch of images, in order; see `map_ordered`."""
        return map_ordered(function, _gathered(self.views(part), _BATCH), self.executor)

    def copy_images(self, part: Part, write: Write, path_of: Callable[[View], str]) -> None:
        """Write the image files of a part, byte for byte."""
        for view in self.views(part, objects=False):
            write(path_of(view), [self.dataset.read_bytes(view.name)])


def check_splits(dataset: ImageDataset) -> None:
    """See that splits can be folders, and that what is said of the dataset as a whole is sound.

    Raises:
        InvalidInputError: A split has a name that is not safe.
        InvalidMetadataError: An attribute is not sound.
    """
    for split in dataset.splits:
        reason = check_relative(split)
        if reason is not None:
            raise InvalidInputError(f"the split {split!r} can't be a folder, it {reason}: give it another name")
    Report(attribute_issues(dataset.attributes)).raise_errors()


def _taken(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    """Some rows of a table, without a copy where they are neighbours."""
    first = rows[0]
    if all(row == first + place for place, row in enumerate(rows)):
        return table.slice(first, len(rows))
    return table.take(pa.array(rows, pa.int64()))


def _used_categories(table: pa.Table) -> list[Any]:
    """The categories of all objects, each once, in order."""
    objects = table["objects"].combine_chunks()
    values = pc.unique(pc.struct_field(pc.list_flatten(objects), "category")).to_pylist()
    return sorted(values)


def _gathered(views: Iterable[View], size: int) -> Iterator[list[View]]:
    batch: list[View] = []
    for view in views:
        batch.append(view)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _category(entry: object) -> Category:
    if (
        not isinstance(entry, Mapping)
        or type(entry.get("id")) is not int
        or not isinstance(entry.get("name"), str | int)
    ):
        raise InvalidMetadataError(f"a category of the dataset's attributes has an id and a name, {entry!r} has not")
    fields = {key: value for key, value in entry.items() if key not in ("id", "name")}
    return Category(entry["id"], entry["name"], fields)
