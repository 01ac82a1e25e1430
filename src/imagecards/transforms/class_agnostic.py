"""ClassAgnostic: all classes become one."""

from typing import ClassVar

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.transforms.classes import Classes, Label, relabelled, with_categories


class ClassAgnostic(Step):
    """Make one class of all; objects keep their ids, so they are the same as in the version with classes.

    The class has the id 1. Images with categories of their own have this one category afterwards.

    Attributes:
        name: What the class is called.

    Example:
        >>> ClassAgnostic(name="flake").name
        'flake'
    """

    step_name: ClassVar[str] = "class-agnostic"

    name: Label = "object"

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of one class."""
        classes = Classes(dataset, self.step_name)
        table = relabelled(dataset.table, dict.fromkeys(classes.used, self.name), self.step_name)
        categories = [{"id": 1, "name": self.name}] if classes.values else []
        return replaced(dataset, table=table, attributes=with_categories(dataset, categories))
