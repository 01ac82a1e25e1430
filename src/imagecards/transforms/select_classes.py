"""SelectClasses: objects of some classes stay, the others go."""

from typing import ClassVar

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.transforms.classes import Classes, Labels, only_classes, with_categories


class SelectClasses(Step):
    """Keep the objects of some classes; images stay, also those that lose all their objects.

    Ids of classes and of objects stay as they are. Categories of whole images are treated alike.

    Attributes:
        classes: Their names or ids; a number is an id where no class has it as its name.

    Example:
        >>> SelectClasses(classes=["cat", 3]).classes
        ('cat', 3)
    """

    step_name: ClassVar[str] = "select-classes"

    classes: Labels

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of these classes.

        Raises:
            InvalidInputError: There is no such class; says which there are.
        """
        classes = Classes(dataset, self.step_name)
        selected = classes.find_all(self.classes)
        categories = [entry for entry in classes.listed if entry["name"] in selected]
        return replaced(
            dataset, table=only_classes(dataset.table, selected), attributes=with_categories(dataset, categories)
        )
