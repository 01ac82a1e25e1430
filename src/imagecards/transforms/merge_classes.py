"""MergeClasses: several classes become one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.errors import InvalidInputError
from imagecards.records import shown
from imagecards.transforms.classes import (
    MOST_CLASSES,
    Classes,
    Label,
    Labels,
    pairs_of,
    relabelled,
    with_categories,
    with_ids,
)


class MergeClasses(Step):
    """Make one class of several.

    It has the id, colour and supercategory of the class that had its name before, or else of the first one that is
    merged into it. The objects keep their ids.

    Attributes:
        into: For each new name, the names or ids of the classes that become it.

    Example:
        >>> MergeClasses(into={"ring": ["central-ring", "smoke-ring"]}).into
        (('ring', ('central-ring', 'smoke-ring')),)
    """

    step_name: ClassVar[str] = "merge-classes"

    into: Annotated[
        Mapping[Label, Labels] | Sequence[Annotated[tuple[Label, Labels], Field(strict=False)]],
        Field(min_length=1, max_length=MOST_CLASSES),
        BeforeValidator(pairs_of),
        AfterValidator(tuple),
    ]

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset with the merged classes.

        Raises:
            InvalidInputError: There is no such class, or one is to become two.
        """
        classes = Classes(dataset, self.step_name)
        heads: dict[str | int, str | int] = {}
        names: dict[str | int, str | int] = {}
        for new, olds in pairs_of(self.into):
            members = [classes.find(old) for old in olds]
            if new in heads:
                raise InvalidInputError(f"{self.step_name}: {shown(new)} is given twice: list its classes once")
            heads[new] = new if new in classes.values else members[0]
            for member in members:
                if names.setdefault(member, new) != new:
                    raise InvalidInputError(
                        f"{self.step_name}: {shown(member)} is to become {shown(names[member])} and {shown(new)}: "
                        "name it once"
                    )
        for new in heads:
            if names.get(new, new) != new:
                raise InvalidInputError(
                    f"{self.step_name}: {shown(new)} is to become {shown(names[new])}, and others to become it: choose "
                    "another name"
                )
        categories: list[dict[str, Any]] = []
        for entry in with_ids(classes, heads):
            new = names.get(entry["name"], entry["name"])
            if heads.get(new, entry["name"]) == entry["name"]:
                categories.append({**entry, "name": new})
        table = relabelled(dataset.table, {value: names.get(value, value) for value in classes.used}, self.step_name)
        return replaced(dataset, table=table, attributes=with_categories(dataset, categories))
