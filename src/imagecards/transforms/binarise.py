"""Binarise: one class against the rest."""

from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.errors import InvalidInputError
from imagecards.records import shown
from imagecards.transforms.classes import Classes, Label, is_one_of, only_classes, relabelled, with_categories
from imagecards.transforms.columns import flat


class Binarise(Step):
    """Set one class against the rest.

    Without ``rest``, what is not of the class becomes background: objects of other classes go. With it they become the
    class of that name.

    Attributes:
        positive: The class, by name or id; it keeps both.
        rest: What all other classes are called.
        negatives: Whether images stay that do not have the class, in an object or as a whole.

    Example:
        >>> Binarise(positive="scratch", negatives=False).rest is None
        True
    """

    step_name: ClassVar[str] = "binarise"

    positive: Label
    rest: Label | None = None
    negatives: bool = True

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of one class, or two.

        Raises:
            InvalidInputError: There is no such class, or the rest would be called as it is.
        """
        classes = Classes(dataset, self.step_name)
        positive = classes.find(self.positive)
        if self.rest == positive:
            raise InvalidInputError(f"{self.step_name}: the rest can't be called {shown(positive)} too: rename it")
        table = dataset.table if self.negatives else dataset.table.filter(_having(dataset.table, positive))
        categories = [entry for entry in classes.listed if entry["name"] == positive]
        if self.rest is None:
            table = only_classes(table, frozenset([positive]))
        else:
            names = {value: positive if value == positive else self.rest for value in classes.used}
            table = relabelled(table, names, self.step_name)
            if categories:
                first_free = 1 + max(entry["id"] for entry in classes.listed)
                categories.append({"id": first_free, "name": self.rest})
        return replaced(dataset, table=table, attributes=with_categories(dataset, categories))


def _having(table: pa.Table, positive: str | int) -> pa.Array:
    """Whether each image has the class, in an object or as a whole."""
    found = np.zeros(table.num_rows, np.bool_)
    wanted = frozenset([positive])
    objects, images = flat(table, "objects"), flat(table, "categories")
    found[objects.rows[is_one_of(pc.struct_field(objects.entries, "category"), wanted)]] = True
    found[images.rows[is_one_of(images.entries, wanted)]] = True
    return pa.array(found)
