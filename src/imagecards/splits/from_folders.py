"""Splits that the folders of the images name."""

from typing import Annotated, ClassVar

from pydantic import Field

from imagecards.datasets import ImageDataset, Step
from imagecards.errors import InvalidInputError
from imagecards.splits.from_column import MOST_SPLITS
from imagecards.splits.plan import SplitName, joined_name, with_splits


class FromFolders(Step):
    """Add a split for each folder: ``train`` for ``train/a.png``. Images that lie less deep are in none.

    Attributes:
        depth: How many folders, from the top, name the split.
        name: What the names of the splits begin with, before a slash; nothing by default.

    Example:
        >>> FromFolders().depth
        1
    """

    step_name: ClassVar[str] = "split-from-folders"

    depth: Annotated[int, Field(ge=1, le=100)] = 1
    name: SplitName = ""

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Add the splits.

        Raises:
            InvalidInputError: No image lies in a folder, or a name is taken.
        """
        members: dict[str, list[int]] = {}
        for row, file_name in enumerate(dataset.names):
            folders = file_name.split("/")[:-1]
            if len(folders) >= self.depth:
                members.setdefault(joined_name(self.name, *folders[: self.depth]), []).append(row)
        if not members or len(members) > MOST_SPLITS:
            count = f"{len(members):,} folders" if members else "no image in a folder"
            raise InvalidInputError(f"there are {count} {self.depth} deep: choose a depth with 1 to {MOST_SPLITS:,}")
        return with_splits(dataset, members)
