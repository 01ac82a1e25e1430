"""One plan: the images and splits of one fold, or of one k-shot run, alone."""

from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.errors import InvalidInputError
from imagecards.records import shown
from imagecards.splits.plan import SplitName


class OnePlan(Step):
    """Take the splits whose names begin with that of a plan, and call them by what stands behind it.

    Of ``mskf_2/train``, ``mskf_2/valid`` and others, ``OnePlan(plan="mskf_2")`` leaves ``train`` and ``valid``; images
    that are in neither go. So one fold is written in a format whose splits are folders.

    Attributes:
        plan: What the names begin with, without the slash.

    Example:
        >>> from imagecards.splits import KFold
        >>> from imagecards.testing.flakes import make_flakes
        >>> import pathlib, tempfile
        >>> flakes = ImageDataset(make_flakes(pathlib.Path(tempfile.mkdtemp()), 12, width=64, height=48).images)
        >>> list(OnePlan(plan="mskf_2").apply(KFold(k=3).apply(flakes)).splits)
        ['train', 'valid']
    """

    step_name: ClassVar[str] = "one-plan"

    plan: SplitName

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Take the plan.

        Raises:
            InvalidInputError: There is no split of that plan.
        """
        begin = f"{self.plan}/"
        splits = {name.removeprefix(begin): names for name, names in dataset.splits.items() if name.startswith(begin)}
        if not splits:
            plans = sorted({name.rpartition("/")[0] for name in dataset.splits} - {""})
            there = f"there are {', '.join(map(shown, plans[:10]))}" if plans else "there are none"
            raise InvalidInputError(f"there is no plan {shown(self.plan)} in this dataset: {there}")
        inside = pa.array({name for names in splits.values() for name in names}, pa.string())
        table = dataset.table
        return replaced(dataset, table=table.filter(pc.is_in(table["file_name"], value_set=inside)), splits=splits)
