"""Splits that a field of the records names."""

from typing import Annotated, ClassVar

from pydantic import Field

from imagecards.datasets import ImageDataset, Step
from imagecards.errors import InvalidInputError
from imagecards.records import shown
from imagecards.splits.fields import field_of
from imagecards.splits.plan import SplitName, joined_name, with_splits

MOST_SPLITS = 10_000
"""How many splits a field or a folder may name."""


class FromColumn(Step):
    """Add the splits that a field of the records names: one, or a list of them. Images that name none are in none.

    Attributes:
        field: The field; one inside another is named ``outer.inner``.
        name: What the names of the splits begin with, before a slash; nothing by default.

    Example:
        >>> FromColumn(field="subset").field
        'subset'
    """

    step_name: ClassVar[str] = "split-from-column"

    field: Annotated[str, Field(min_length=1, max_length=1000)]
    name: SplitName = ""

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Add the splits.

        Raises:
            InvalidInputError: There is no such field, it names no split, or a name is taken or not safe.
        """
        members: dict[str, list[int]] = {}
        for row, value in enumerate(field_of(dataset.table, self.field, lists=True).to_pylist()):
            for split in value if isinstance(value, list) else [value]:
                if split is not None:
                    members.setdefault(joined_name(self.name, str(split)), []).append(row)
        if not members or len(members) > MOST_SPLITS:
            count = f"{len(members):,} splits" if members else "no split"
            raise InvalidInputError(f"the field {shown(self.field)} names {count}: name one with 1 to {MOST_SPLITS:,}")
        return with_splits(dataset, {split: sorted(set(rows)) for split, rows in members.items()})
