"""What changed between two versions of a dataset: images, annotations, categories, splits."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from imagecards.datasets.category_changes import CategoryChanges
from imagecards.datasets.compare import ObjectRow, object_line, objects_table
from imagecards.datasets.diff import DiffCounts
from imagecards.datasets.split_changes import SplitChanges, SplitRow

if TYPE_CHECKING:
    import polars

_WORDS = {
    "changed_images": "with other bytes",
    "changed_records": "with other annotations",
    "reclassed": "of another category",
}


class FieldRow(NamedTuple):
    """A field of an image's record that says something else.

    Attributes:
        image: The image, by its newer name.
        field: ``caption``, ``categories``, ``objects`` (where it is known on one side only), or a field of your own.
        before: What it said; ``None`` where it said nothing.
        after: What it says; ``None`` where it says nothing.
    """

    image: str
    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Diff:
    """What changed between two versions, from images down to single objects.

    Attributes:
        images: Which images came, went, got other names, other bytes, other annotations.
        fields: Captions, categories of images and fields of your own that say something else.
        objects: Objects that were added, removed, moved, re-classed or changed, in images that both versions have.
        objects_added: How many objects came with images that came.
        objects_removed: How many objects went with images that went.
        categories: Which categories came, went, or are called something else.
        splits: Which splits came and went, and which images changed theirs.
        attributes: What else is said differently of the dataset as a whole: ``info``, ``licenses``.

    Example:
        >>> diff = Diff(DiffCounts(added=("b.png",), unchanged=3), objects_added=2)
        >>> print(diff)
        images: 1 added, 3 unchanged
        objects: 2 added with images
          + b.png
    """

    images: DiffCounts
    fields: tuple[FieldRow, ...] = ()
    objects: tuple[ObjectRow, ...] = ()
    objects_added: int = 0
    objects_removed: int = 0
    categories: CategoryChanges = field(default_factory=CategoryChanges)
    splits: SplitChanges = field(default_factory=SplitChanges)
    attributes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Whether nothing differs; only the order of objects, or the last digits of coordinates, may."""
        rest = (self.fields, self.objects, self.categories, self.splits, self.attributes)
        return not any((*self.images.moves, *rest))

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """How often each change happened, by what it happened to; what did not happen is left out."""
        objects = Counter(row.change for row in self.objects)
        told = {
            "images": self.images.counts,
            "objects": {
                **{change: objects[change] for change in ("added", "removed", "moved", "reclassed", "changed")},
                "added with images": self.objects_added,
                "removed with images": self.objects_removed,
            },
            "fields": dict(sorted(Counter(row.field for row in self.fields).items())),
            "categories": self.categories.counts,
            "splits": self.splits.counts,
            "attributes": dict.fromkeys(self.attributes, 1),
        }
        present = {what: {change: count for change, count in counts.items() if count} for what, counts in told.items()}
        return {what: counts for what, counts in present.items() if counts}

    def to_polars(self) -> "dict[str, polars.DataFrame]":
        """Everything as tables: ``images``, ``fields``, ``objects``, ``categories``, ``splits``; values as text."""
        from polars import DataFrame, List, Schema, String

        fields = [(row.image, row.field, _text(row.before), _text(row.after)) for row in self.fields]
        moved = [(row.image, list(row.before), list(row.after)) for row in self.splits.moved]
        texts: dict[str, tuple[tuple[str, ...], Iterable[tuple[Any, ...]]]] = {
            "images": (("change", "image", "before"), self.images.rows()),
            "fields": (("image", "field", "before", "after"), fields),
            "categories": (("change", "before", "after"), self.categories.rows()),
        }
        tables = {
            name: DataFrame(list(rows), Schema((each, String) for each in names), orient="row")
            for name, (names, rows) in texts.items()
        }
        columns = Schema(zip(SplitRow._fields, (String, List(String), List(String)), strict=True))
        splits = DataFrame(moved, columns, orient="row")
        return {**tables, "objects": objects_table(self.objects), "splits": splits}

    def to_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "same": self.same,
            "counts": self.counts,
            "images": {name: list(members) for name, members in self.images.groups.items()},
            "fields": [row._asdict() for row in self.fields],
            "objects": [row._asdict() for row in self.objects],
            "categories": self.categories.to_dict(),
            "splits": self.splits.to_dict(),
            "attributes": list(self.attributes),
        }

    def render(self, limit: int = 20) -> str:
        """Say it in text: the counts, then the first ``limit`` changes of each kind."""
        lines = [
            f"{what}: " + ", ".join(f"{count:,} {_WORDS.get(change, change)}" for change, count in counts.items())
            for what, counts in self.counts.items()
        ]
        for group in (
            self.images.lines(),
            (f"~ {row.image}: {row.field}: {_shown(row.before)} -> {_shown(row.after)}" for row in self.fields),
            (f"~ {object_line(row)}" for row in self.objects),
            self.categories.lines(),
            self.splits.lines(),
        ):
            lines += [f"  {line}" for line in islice(group, limit)]
            more = sum(1 for _ in group)
            if more:
                lines.append(f"  ... and {more:,} more")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.render()


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else str(value)


def _shown(value: object) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
