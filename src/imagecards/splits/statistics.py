"""What is in each split: images, objects, and the share of each class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from imagecards.datasets import ImageDataset
from imagecards.records import printable
from imagecards.splits.labels import CATEGORIES, Label, labels_of
from imagecards.splits.members import rows_of

if TYPE_CHECKING:
    import polars


class SplitCounts(NamedTuple):
    """What one split has.

    Attributes:
        split: Its name.
        images: How many images.
        objects: How many objects; an image with a class and no object of it counts as one.
        unlabelled: How many images have no class.
        classes: For each class in how many images it is, and how many objects have it.
    """

    split: str
    images: int
    objects: int
    unlabelled: int
    classes: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class SplitStatistics:
    """What the splits of a dataset have.

    Attributes:
        classes: The classes of the dataset, sorted.
        splits: One entry a split.
    """

    classes: tuple[Label, ...]
    splits: tuple[SplitCounts, ...]

    def table(self) -> "polars.DataFrame":
        """One row for each split and class.

        Returns:
            ``split``, ``class`` (text; null for images without one), ``images``, ``objects``, and ``share``: which part
            of the objects of the split has the class, from 0 to 1; null where there are none.
        """
        import polars as pl

        rows: list[tuple[str, str | None, int, int, float | None]] = []
        for each in self.splits:
            for name, (images, objects) in zip(self.classes, each.classes, strict=True):
                rows.append((each.split, str(name), images, objects, objects / each.objects if each.objects else None))
            rows.append((each.split, None, each.unlabelled, 0, None))
        columns = {"split": pl.String, "class": pl.String, "images": pl.Int64, "objects": pl.Int64, "share": pl.Float64}
        return pl.DataFrame(rows, schema=columns, orient="row")

    def render(self) -> str:
        """The same as text: a line a class, a column a split."""
        header = ["", *(printable(each.split, 40) for each in self.splits)]
        lines = [
            header,
            ["images", *(f"{each.images:,}" for each in self.splits)],
            ["objects", *(f"{each.objects:,}" for each in self.splits)],
            ["without class", *(f"{each.unlabelled:,}" for each in self.splits)],
        ]
        for place, name in enumerate(self.classes):
            cells = [_cell(each.classes[place][1], each.objects) for each in self.splits]
            lines.append([printable(str(name), 40), *cells])
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        return "\n".join(_aligned(line, widths) for line in lines)


def split_statistics(dataset: ImageDataset, splits: Sequence[str] | None = None) -> SplitStatistics:
    """Count what is in the splits of a dataset.

    Args:
        dataset: Has them.
        splits: Which, in this order; all by default.

    Raises:
        InvalidInputError: There is no such split.
    """
    labels = labels_of(dataset, CATEGORIES)
    names = dataset.table["file_name"]
    found = []
    for split in dataset.splits if splits is None else splits:
        rows = rows_of(names, dataset.splits, split).tolist()
        classes = tuple(labels.totals(rows))
        unlabelled = sum(not labels.counts[row] for row in rows)
        found.append(SplitCounts(split, len(rows), sum(objects for _, objects in classes), unlabelled, classes))
    return SplitStatistics(labels.names, tuple(found))


def _cell(count: int, whole: int) -> str:
    if not whole:
        return f"{count:,}"
    thousandths = (200_000 * count + whole) // (2 * whole)  # of a percent, halves rounded up
    return f"{count:,} ({thousandths // 1000}.{thousandths % 1000:03d}%)"


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *cells = line
    text = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))]
    return "  ".join(text).rstrip()
