"""Holding out: every image is in one part, such as train, valid or test."""

from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from imagecards.datasets import ImageDataset, Step
from imagecards.splits.balance import Balance, balance
from imagecards.splits.draw import Seed
from imagecards.splits.grouping import GroupBy
from imagecards.splits.labels import CATEGORIES
from imagecards.splits.plan import SplitName, deal_images, joined_name, pool_of, with_splits

_Share = Annotated[int, Field(gt=0, le=10**9)] | Annotated[float, Field(gt=0, le=10**9)]


class Holdout(Step):
    """Add parts that share the images in given proportions, multilabel-stratified.

    Attributes:
        shares: How much each part gets, in proportion to the others: ``{"train": 0.7, "valid": 0.15, "test": 0.15}``,
            or whole numbers. Numbers that add up to the number of images are the sizes of the parts.
        seed: Another one gives other parts.
        name: What the names of the parts begin with, before a slash; nothing by default.
        of: The split to draw from; all images by default.
        stratify_by: What each part gets its share of: the classes of an image and its objects, the values of another
            field of its record, or nothing. "No label" counts as a label.
        group_by: What stays together: a field of the record, a `Pattern` on the file name, or a `Function`.
        allow_missing: Whether a part may be without some class.

    Example:
        >>> from imagecards.testing.flakes import make_flakes
        >>> import pathlib, tempfile
        >>> flakes = ImageDataset(make_flakes(pathlib.Path(tempfile.mkdtemp()), 12, width=64, height=48).images)
        >>> parts = Holdout(shares={"train": 0.75, "test": 0.25}, seed=1).apply(flakes)
        >>> {name: len(members) for name, members in parts.splits.items()}
        {'test': 3, 'train': 9}
    """

    step_name: ClassVar[str] = "holdout"

    shares: Annotated[Mapping[SplitName, _Share], Field(min_length=1, max_length=100)]
    seed: Seed = 0
    name: SplitName = ""
    of: str | None = None
    stratify_by: str | None = CATEGORIES
    group_by: GroupBy | None = None
    allow_missing: bool = False

    @field_validator("shares")
    @classmethod
    def _sort(cls, shares: Mapping[str, int | float]) -> dict[str, int | float]:
        # the order of keys does not survive in a card, so it must mean nothing
        return dict(sorted(shares.items()))

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Add the parts.

        Raises:
            InvalidInputError: There are too few images, groups, or images of a class; or a name is taken.
        """
        parts = self.parts
        dealt = deal_images(
            dataset,
            pool_of(dataset, self.of),
            parts,
            seed=self.seed,
            purpose="holdout",
            stratify_by=self.stratify_by,
            group_by=self.group_by,
            allow_missing=self.allow_missing,
        )
        return with_splits(dataset, dict(zip(parts, dealt, strict=True)))

    @property
    def parts(self) -> dict[str, int]:
        """The splits that share the images among them, and their shares as whole numbers.

        A decimal is taken as it is written: 0.7 is seven tenths.

        Example:
            >>> Holdout(shares={"train": 0.7, "valid": 0.2, "test": 0.1}).parts
            {'test': 1, 'train': 7, 'valid': 2}
        """
        exact = {name: Fraction(repr(share)) for name, share in self.shares.items()}
        scale = lcm(*(share.denominator for share in exact.values()))
        return {joined_name(self.name, name): int(share * scale) for name, share in exact.items()}

    def balance(self, dataset: ImageDataset) -> Balance:
        """How evenly the parts of a dataset share each label.

        Args:
            dataset: One that has them.
        """
        return balance(dataset, self.parts, stratify_by=self.stratify_by or CATEGORIES)
