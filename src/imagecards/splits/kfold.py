"""K folds: every image is in the validation part of one fold, and in the training part of the others."""

from typing import Annotated, ClassVar

from pydantic import Field

from imagecards.datasets import ImageDataset, Step
from imagecards.splits.balance import Balance, balance
from imagecards.splits.draw import Seed
from imagecards.splits.grouping import GroupBy
from imagecards.splits.labels import CATEGORIES
from imagecards.splits.plan import SplitName, deal_images, joined_name, pool_of, with_splits


class KFold(Step):
    """Add k folds, multilabel-stratified: splits such as ``mskf_0/train`` and ``mskf_0/valid``.

    Attributes:
        k: How many folds.
        seed: Another one gives other folds.
        name: What the names of the folds begin with.
        of: The split to draw from; all images by default.
        stratify_by: What each fold gets its share of: the classes of an image and its objects, the values of another
            field of its record, or nothing. "No label" counts as a label.
        group_by: What stays together: a field of the record, a `Pattern` on the file name, or a `Function`.
        allow_missing: Whether a fold may be without some class.

    Example:
        >>> from imagecards.datasets import ImageDataset
        >>> from imagecards.testing.flakes import make_flakes
        >>> import pathlib, tempfile
        >>> flakes = ImageDataset(make_flakes(pathlib.Path(tempfile.mkdtemp()), 12, width=64, height=48).images)
        >>> folds = KFold(k=3, seed=42).apply(flakes)
        >>> [len(folds.split(f"mskf_{fold}/valid")) for fold in range(3)]
        [4, 4, 4]
    """

    step_name: ClassVar[str] = "k-fold"

    k: Annotated[int, Field(ge=2, le=100)]
    seed: Seed = 0
    name: SplitName = "mskf"
    of: str | None = None
    stratify_by: str | None = CATEGORIES
    group_by: GroupBy | None = None
    allow_missing: bool = False

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Add the folds.

        Raises:
            InvalidInputError: There are too few images, groups, or images of a class; or a name is taken.
        """
        rows = pool_of(dataset, self.of)
        folds = deal_images(
            dataset,
            rows,
            dict.fromkeys(self.parts, 1),
            seed=self.seed,
            purpose="k-fold",
            stratify_by=self.stratify_by,
            group_by=self.group_by,
            allow_missing=self.allow_missing,
        )
        members: dict[str, list[int]] = {}
        for number, fold in enumerate(folds):
            inside = set(fold)
            members[joined_name(f"{self.name}_{number}", "train")] = [row for row in rows if row not in inside]
            members[joined_name(f"{self.name}_{number}", "valid")] = fold
        return with_splits(dataset, members)

    @property
    def parts(self) -> tuple[str, ...]:
        """The splits that share the images among them: the validation part of each fold."""
        return tuple(joined_name(f"{self.name}_{number}", "valid") for number in range(self.k))

    def balance(self, dataset: ImageDataset) -> Balance:
        """How evenly the folds of a dataset share each label.

        Args:
            dataset: One that has them.
        """
        return balance(dataset, dict.fromkeys(self.parts, 1), stratify_by=self.stratify_by or CATEGORIES)
