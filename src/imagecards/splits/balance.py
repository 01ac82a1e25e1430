"""How evenly the parts of a plan share what they are to share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from imagecards.datasets import ImageDataset
from imagecards.records import printable
from imagecards.splits.labels import CATEGORIES, Label, labels_of
from imagecards.splits.members import rows_of

if TYPE_CHECKING:
    import polars


class BalanceRow(NamedTuple):
    """How many images of one label each part has.

    Attributes:
        label: The label; ``None`` for images without any.
        images: How many images each part has.
        off: The largest distance of a part from its share.
    """

    label: Label | None
    images: tuple[int, ...]
    off: Fraction


@dataclass(frozen=True)
class Balance:
    """How evenly parts share each label.

    Attributes:
        parts: The parts.
        sizes: How many images each has.
        size_off: The largest distance of a part's size from its share.
        rows: The same for each label, then for images without any.
    """

    parts: tuple[str, ...]
    sizes: tuple[int, ...]
    size_off: Fraction
    rows: tuple[BalanceRow, ...]

    @property
    def worst(self) -> Fraction:
        """The largest distance of any part from its share of any label, in images."""
        return max((row.off for row in self.rows), default=Fraction(0))

    def table(self) -> "polars.DataFrame":
        """One row for each label and part: ``label``, ``split``, ``images``, ``off``."""
        import polars as pl

        rows = [
            (None if row.label is None else str(row.label), part, images, float(row.off))
            for row in self.rows
            for part, images in zip(self.parts, row.images, strict=True)
        ]
        schema = {"label": pl.String, "split": pl.String, "images": pl.Int64, "off": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def render(self) -> str:
        """The same as text: a line a label, and how far the farthest part is from its share."""
        named = [(_named(row.label), row.images, row.off) for row in self.rows]
        lines = [("images", self.sizes, self.size_off), *named]
        width = max(len(name) for name, _, _ in lines)
        digits = max(len(f"{count:,}") for _, counts, _ in lines for count in counts)
        text = [
            f"{name.ljust(width)}  {'  '.join(f'{count:,}'.rjust(digits) for count in counts)}  off by {float(off):.2f}"
            for name, counts, off in lines
        ]
        return "\n".join(text)


def balance(dataset: ImageDataset, parts: Mapping[str, int], *, stratify_by: str = CATEGORIES) -> Balance:
    """Count how many images of each label the parts of a plan have, and how far that is from their share.

    Args:
        dataset: Has the splits.
        parts: The splits that share images among them, and their shares as whole numbers.
        stratify_by: The labels: ``"categories"``, or a field of records.

    Raises:
        InvalidInputError: There is no such split or field.
    """
    labels = labels_of(dataset, stratify_by)
    names = dataset.table["file_name"]
    counts, sizes = [], []
    for part in parts:
        rows = rows_of(names, dataset.splits, part).tolist()
        empty = sum(not labels.counts[row] for row in rows)
        counts.append([*(images for images, _ in labels.totals(rows)), empty])
        sizes.append(len(rows))
    shares = tuple(parts.values())
    columns = zip(*counts, strict=True)
    found = [
        BalanceRow(label, column, _off(column, shares))
        for label, column in zip((*labels.names, None), columns, strict=True)
    ]
    return Balance(tuple(parts), tuple(sizes), _off(sizes, shares), tuple(row for row in found if any(row.images)))


def _off(counts: Sequence[int], shares: Sequence[int]) -> Fraction:
    """The largest distance of any count from its share of their sum."""
    whole, total = sum(shares), sum(counts)
    wanted = [Fraction(total * share, whole) for share in shares]
    return max((abs(count - want) for count, want in zip(counts, wanted, strict=True)), default=Fraction(0))


def _named(label: Label | None) -> str:
    return "(no label)" if label is None else printable(str(label), 40)
