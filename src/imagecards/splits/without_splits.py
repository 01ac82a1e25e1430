"""Without splits: a dataset as one whole."""

from typing import ClassVar

from imagecards.datasets import ImageDataset, Step, replaced


class WithoutSplits(Step):
    """Drop all splits; every image stays. So masks are written once an image, and not once a split.

    Example:
        >>> from imagecards.splits import KFold
        >>> from imagecards.testing.flakes import make_flakes
        >>> import pathlib, tempfile
        >>> flakes = ImageDataset(make_flakes(pathlib.Path(tempfile.mkdtemp()), 12, width=64, height=48).images)
        >>> len(WithoutSplits().apply(KFold(k=3).apply(flakes)).splits)
        0
    """

    step_name: ClassVar[str] = "without-splits"

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Drop the splits."""
        return replaced(dataset, splits={})
