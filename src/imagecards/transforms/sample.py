"""Sample: some of the images, drawn by their names."""

from hashlib import sha256
from typing import Annotated, ClassVar

import pyarrow as pa
from pydantic import Field, model_validator

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.digests import MAX_SAFE_INTEGER
from imagecards.errors import InvalidInputError

_WHOLE = 1 << 64


class Sample(Step):
    """Draw some of the images.

    Each image has a lot of its own: the first eight bytes of the sha256 of ``<seed>:<file name>`` (UTF-8), as a whole
    number, highest byte first. ``fraction`` takes the images whose lot is below that fraction of 2^64: whether an image
    is taken depends on its name and the seed alone, and about that share of the images is. ``n`` takes the images with
    the lowest lots (of equal ones that with the lower name). The order of the images stays.

    Attributes:
        n: How many.
        fraction: Which share of them, from 0 to 1.
        seed: Another one draws others.

    Example:
        >>> Sample(n=100, seed=7).n
        100
    """

    step_name: ClassVar[str] = "sample"

    n: Annotated[int, Field(ge=1, le=MAX_SAFE_INTEGER)] | None = None
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: Annotated[int, Field(ge=0, le=MAX_SAFE_INTEGER)] = 0

    @model_validator(mode="after")
    def _one_of_two(self) -> "Sample":
        if (self.n is None) == (self.fraction is None):
            raise ValueError("give either n or fraction")
        return self

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of the images that were drawn.

        Raises:
            InvalidInputError: There are fewer images than are asked for.
        """
        names: list[str] = dataset.table["file_name"].to_pylist()
        lots = [lot_of(self.seed, name) for name in names]
        if self.fraction is not None:
            limit = self.fraction * _WHOLE
            return replaced(dataset, table=dataset.table.filter(pa.array([lot < limit for lot in lots], pa.bool_())))
        assert self.n is not None
        if self.n > len(names):
            raise InvalidInputError(
                f"sample: {self.n:,} images are asked for, and there are {len(names):,}: draw fewer"
            )
        drawn = sorted(range(len(names)), key=lambda row: (lots[row], names[row]))[: self.n]
        return replaced(dataset, table=dataset.table.take(pa.array(sorted(drawn), pa.int64())))


def lot_of(seed: int, name: str) -> int:
    """The lot of an image: a whole number below 2^64.

    Example:
        >>> lot_of(0, "0001.png")
        16342230491630297208
    """
    return int.from_bytes(sha256(f"{seed}:{name}".encode()).digest()[:8], "big")
