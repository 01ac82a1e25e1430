"""RenameClasses: classes get other names."""

from collections import Counter
from typing import ClassVar

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.errors import InvalidInputError
from imagecards.records import shown
from imagecards.transforms.classes import Classes, Pairs, pairs_of, relabelled, with_categories, with_ids


class RenameClasses(Step):
    """Give classes other names; their ids, colours and supercategories stay.

    All names change at once, so two classes can swap theirs. A whole number that stood for itself becomes the id of the
    name that it gets.

    Attributes:
        names: The new name of each old name or id.

    Example:
        >>> RenameClasses(names={"falke": "flake"}).names
        (('falke', 'flake'),)
    """

    step_name: ClassVar[str] = "rename-classes"

    names: Pairs

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset with the new names.

        Raises:
            InvalidInputError: There is no such class, or two classes would have one name.
        """
        classes = Classes(dataset, self.step_name)
        given = [(classes.find(old), new) for old, new in pairs_of(self.names)]
        renamed = dict(given)
        if len(renamed) < len(given):
            raise InvalidInputError(f"{self.step_name}: a class is named twice in names: leave one of the two out")
        names = {value: renamed.get(value, value) for value in classes.values}
        name, count = Counter(names.values()).most_common(1)[0]
        if count > 1:
            raise InvalidInputError(
                f"{self.step_name}: {count} classes would be called {shown(name)}: use MergeClasses to make them one"
            )
        categories = [{**entry, "name": names[entry["name"]]} for entry in with_ids(classes, names.values())]
        table = relabelled(dataset.table, {value: names[value] for value in classes.used}, self.step_name)
        return replaced(dataset, table=table, attributes=with_categories(dataset, categories))
