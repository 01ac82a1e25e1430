"""Two datasets side by side, image by image and object by object."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

import pyarrow as pa

from imagecards.datasets.dataset import ImageDataset
from imagecards.datasets.matching import is_near, match_objects
from imagecards.records.issues import printable
from imagecards.records.objects import objects_of
from imagecards.records.schema import to_dicts

if TYPE_CHECKING:
    import polars

ObjectChange: TypeAlias = Literal["equal", "moved", "reclassed", "changed", "added", "removed"]
ImageChange: TypeAlias = Literal["equal", "changed", "added", "removed"]

_BATCH = 512
_EXACT = 1 - 1e-9
_PLACE = ("bbox", "segmentation", "category")
_DEFAULTS = {"iscrowd": 0}
_FILLED_IN = ("area", "id")  # by formats that demand them: compared where both sides say them
_UNKNOWN_SIZE = (1 << 15, 1 << 15)


class ObjectRow(NamedTuple):
    """What became of one object.

    Attributes:
        image: The name of its image.
        change: ``equal``; ``moved`` (another outline, or another box where there is none); ``reclassed`` (another
            category); ``changed`` (only further fields differ, or the box beside one and the same outline);
            ``added``; ``removed``.
        before: Its number among the image's objects in the first dataset.
        after: The same in the second.
        category_before: Its category in the first.
        category_after: The same in the second.
        iou: Intersection over union of the two outlines, or of the boxes where one has no outline.
        fields: The further fields that differ.
    """

    image: str
    change: ObjectChange
    before: int | None
    after: int | None
    category_before: str | int | None
    category_after: str | int | None
    iou: float
    fields: tuple[str, ...]


class ImageRow(NamedTuple):
    """What became of one image: its caption, categories, splits, size, further fields, whether objects are known."""

    image: str
    change: ImageChange
    fields: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """What is equal and what is not between two datasets.

    Attributes:
        images: One row an image, by name.
        objects: One row an object, by image, in the order of the first dataset.
    """

    images: tuple[ImageRow, ...]
    objects: tuple[ObjectRow, ...]

    @property
    def equal(self) -> bool:
        """Whether nothing differs."""
        rows: tuple[ImageRow | ObjectRow, ...] = (*self.images, *self.objects)
        return all(row.change == "equal" for row in rows)

    @cached_property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """How often each change happened to images, and to objects."""
        sides = (("images", self.images), ("objects", self.objects))
        return {name: dict(sorted(Counter(row.change for row in rows).items())) for name, rows in sides}

    def to_polars(self) -> "polars.DataFrame":
        """The objects as a table, one row each; categories as text."""
        return objects_table(self.objects)

    def to_json(self) -> str:
        """Everything as JSON text; equal images and objects are only counted."""
        changed = {
            name: [row._asdict() for row in rows if row.change != "equal"]
            for name, rows in (("images", self.images), ("objects", self.objects))
        }
        return json.dumps({"equal": self.equal, "counts": self.counts, **changed}, indent=1)

    def render(self, limit: int = 20) -> str:
        """Say it in text: counts first, then the first ``limit`` changes."""
        lines = [
            f"{name}: " + (", ".join(f"{count:,} {change}" for change, count in counts.items()) or "none")
            for name, counts in self.counts.items()
        ]
        told = [*map(_image_line, self.images), *map(object_line, self.objects)]
        changes = [line for line in told if line]
        lines += [f"  {line}" for line in changes[:limit]]
        return "\n".join([*lines, *([f"  ... and {len(changes) - limit:,} more"] if len(changes) > limit else [])])


def compare(before: ImageDataset, after: ImageDataset, *, least: float = 0.5) -> Comparison:
    """Compare two datasets: images by their names, objects by what they cover.

    An image's or object's id, and an object's area, count where both sides say them: formats fill them in. An object
    of which nothing is said is no crowd.

    Args:
        before: The first.
        after: The second.
        least: The smallest intersection over union of two objects that count as one.
    """
    sizes = [_sizes(dataset) for dataset in (before, after)]
    splits = [_members(dataset) for dataset in (before, after)]
    places = {name: row for row, name in enumerate(after.names)}
    common = [name for name in before.names if name in places]
    order = pa.array([places[name] for name in common], pa.int64())
    others = to_dicts(after.table.take(order))
    images: list[ImageRow] = []
    objects: list[ObjectRow] = []
    for name, record in zip(before.names, to_dicts(before.table), strict=True):
        if name not in places:
            images.append(ImageRow(name, "removed", ()))
            objects += _lone(name, record, "removed")
            continue
        other = next(others)
        size = sizes[0].get(name) or sizes[1].get(name) or _UNKNOWN_SIZE
        differ = [*_fields(record, other, ("objects",))]
        differ += ["objects"] if ("objects" in record) != ("objects" in other) else []
        differ += ["splits"] if splits[0].get(name) != splits[1].get(name) else []
        differ += ["size"] if size != sizes[1].get(name, size) else []
        images.append(ImageRow(name, "changed" if differ else "equal", tuple(sorted(differ))))
        objects += compare_objects(name, objects_of(record), objects_of(other), size, least)
    known = set(before.names)
    added = [
        (name, record) for name, record in zip(after.names, to_dicts(after.table), strict=True) if name not in known
    ]
    for name, record in added:
        images.append(ImageRow(name, "added", ()))
        objects += _lone(name, record, "added")
    order_of = {row.image: number for number, row in enumerate(sorted(images))}
    return Comparison(tuple(sorted(images)), tuple(sorted(objects, key=lambda row: order_of[row.image])))


def objects_table(rows: Sequence[ObjectRow]) -> "polars.DataFrame":
    """Objects as a table, one row each; categories as text."""
    import polars

    columns = list(zip(*rows, strict=True)) or [()] * len(ObjectRow._fields)
    named = dict(zip(ObjectRow._fields, columns, strict=True))
    for side in ("category_before", "category_after"):
        named[side] = tuple(None if value is None else str(value) for value in named[side])
    named["fields"] = tuple(list(names) for names in named["fields"])
    kinds = [polars.String, polars.String, polars.Int64, polars.Int64, polars.String, polars.String, polars.Float64]
    schema = polars.Schema(zip(ObjectRow._fields, [*kinds, polars.List(polars.String)], strict=True))
    return polars.DataFrame(named, schema=schema, strict=False)


def compare_objects(
    name: str, before: list[dict[str, Any]], after: list[dict[str, Any]], size: tuple[int, int], least: float
) -> Iterator[ObjectRow]:
    """Yield what became of the objects of one image.

    Args:
        name: The image.
        before: Its objects, as `imagecards.records.objects.objects_of` gives them.
        after: The same later.
        size: Its width and height, in pixels.
        least: The smallest intersection over union of two objects that count as one.
    """
    for one, other, common in match_objects(before, after, size, least=least):
        if one is None:
            yield ObjectRow(name, "added", None, other, None, after[other or 0]["category"], 0.0, ())
            continue
        if other is None:
            yield ObjectRow(name, "removed", one, None, before[one]["category"], None, 0.0, ())
            continue
        left, right = before[one], after[other]
        fields = _fields(left, right, _PLACE)
        if ("segmentation" in left) != ("segmentation" in right):
            fields = tuple(sorted((*fields, "segmentation")))
        if common >= _EXACT and not is_near(left["bbox"], right["bbox"]):
            fields = tuple(sorted((*fields, "bbox")))
        change: ObjectChange = "changed" if fields else "equal"
        if left["category"] != right["category"]:
            change = "reclassed"
        elif common < _EXACT:
            change = "moved"
        yield ObjectRow(name, change, one, other, left["category"], right["category"], common, fields)


def _fields(one: Mapping[str, Any], other: Mapping[str, Any], without: tuple[str, ...]) -> tuple[str, ...]:
    names = {*one, *other} - set(without) - {name for name in _FILLED_IN if (name in one) != (name in other)}
    return tuple(
        name for name in sorted(names) if one.get(name, _DEFAULTS.get(name)) != other.get(name, _DEFAULTS.get(name))
    )


def _lone(name: str, record: Mapping[str, Any], change: Literal["added", "removed"]) -> Iterator[ObjectRow]:
    for number, entry in enumerate(objects_of(record)):
        if change == "added":
            yield ObjectRow(name, change, None, number, None, entry["category"], 0.0, ())
        else:
            yield ObjectRow(name, change, number, None, entry["category"], None, 0.0, ())


def _sizes(dataset: ImageDataset) -> dict[str, tuple[int, int]]:
    table = dataset.table
    if not {"width", "height"} <= set(table.column_names):
        return {}
    rows = zip(dataset.names, table["width"].to_pylist(), table["height"].to_pylist(), strict=True)
    return {name: (width, height) for name, width, height in rows if width and height}


def _members(dataset: ImageDataset) -> dict[str, list[str]]:
    members: dict[str, list[str]] = {}
    for split, names in dataset.splits.items():
        for name in names:
            members.setdefault(name, []).append(split)
    return members


def _image_line(row: ImageRow) -> str:
    if row.change == "equal":
        return ""
    return f"{printable(row.image)}: {row.change}{': ' + printable(', '.join(row.fields)) if row.fields else ''}"


def object_line(row: ObjectRow) -> str:
    """What became of an object, in words that are safe for a terminal; nothing where it is equal."""
    if row.change == "equal":
        return ""
    number = row.before if row.before is not None else row.after
    what = f"{printable(row.image)} objects[{number}]"
    before, after = printable(str(row.category_before)), printable(str(row.category_after))
    if row.change == "reclassed":
        return f"{what}: {before} became {after}"
    if row.change == "moved":
        return f"{what}: {before} moved, IoU {row.iou:.3f}"
    if row.change == "changed":
        return f"{what}: {before} has other {printable(', '.join(row.fields))}"
    return f"{what}: {after if row.change == 'added' else before} {row.change}"
