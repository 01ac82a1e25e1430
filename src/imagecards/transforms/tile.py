"""Tile: images become many smaller ones."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from imagecards.datasets import ImageDataset, Step, replaced
from imagecards.errors import InvalidInputError
from imagecards.transforms.crop import LARGEST_SIDE
from imagecards.transforms.cutting import CutObject
from imagecards.transforms.edited_source import Window
from imagecards.transforms.names import kinds_of
from imagecards.transforms.origins import with_tile_of, without_ids
from imagecards.transforms.reshaping import Made, reshaped
from imagecards.transforms.sizes import image_sizes

_MOST_TILES = 2_000_000


class Tile(Step):
    """Cut each image into tiles, row by row, and objects to them.

    The tile of ``flakes/7.jpg`` whose left top corner is at 512, 256 is ``flakes/7_512_256.png``. It is in the splits
    in which its image was, and its field ``tile_of`` names this, so that the tiles of an image can be kept together.
    An object can be in several tiles: what was its ``id`` is ``source_id`` in each. An image that is not larger than a
    tile stays the same file.

    Attributes:
        width: Of a tile, in pixels.
        height: Of a tile, in pixels.
        overlap: How many pixels neighbouring tiles share.
        edge: What becomes of tiles that would reach beyond the image: they are ``cut``, or ``shift``-ed back into it,
            so that all have one size.
        min_share: How much of an object must be in a tile: a share of its pixels, or of its box where it has no
            outline.

    Example:
        >>> Tile(width=512, height=512, overlap=64).edge
        'cut'
    """

    step_name: ClassVar[str] = "tile"

    width: Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
    height: Annotated[int, Field(ge=1, le=LARGEST_SIDE)]
    overlap: Annotated[int, Field(ge=0, le=LARGEST_SIDE)] = 0
    edge: Literal["cut", "shift"] = "cut"
    min_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    @model_validator(mode="after")
    def _goes_on(self) -> "Tile":
        if self.overlap >= min(self.width, self.height):
            raise ValueError("the overlap is smaller than a tile")
        return self

    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the dataset of the tiles.

        Raises:
            InvalidInputError: There would be more than two million tiles, or two of one name.
            InvalidMetadataError: An outline can't be drawn into its image.
        """
        sizes = [(width, height) for width, height in image_sizes(dataset, self.step_name).tolist()]
        count = sum(self._count(width, self.width) * self._count(height, self.height) for width, height in sizes)
        if count > _MOST_TILES:
            raise InvalidInputError(
                f"tile: there would be {count:,} tiles, more than {_MOST_TILES:,}: make them larger"
            )
        plan = [
            Made(row, whole, window, window[2:], f"_{window[0]}_{window[1]}")
            for row, whole in enumerate(sizes)
            for window in self._windows(*whole)
        ]
        if all(made.is_original for made in plan):
            return dataset
        tiles = reshaped(
            dataset,
            plan,
            lambda entry, group: CutObject(entry, group.images[0].whole, self.min_share).pieces(group),
            kinds_of(dataset),
            self.step_name,
        )
        table = without_ids(tiles.table, self.step_name)
        return replaced(tiles, table=with_tile_of(table, [dataset.names[made.row] for made in plan], self.step_name))

    def _count(self, length: int, tile: int) -> int:
        return 1 + max(0, -(-(length - tile) // (tile - self.overlap)))

    def _windows(self, width: int, height: int) -> Iterator[Window]:
        """The tiles of an image, row by row."""
        for top, tall in self._spans(height, self.height):
            for left, wide in self._spans(width, self.width):
                yield left, top, wide, tall

    def _spans(self, length: int, tile: int) -> Iterator[tuple[int, int]]:
        for number in range(self._count(length, tile)):
            start = number * (tile - self.overlap)
            if self.edge == "shift":
                start = max(0, min(start, length - tile))
            yield start, min(tile, length - start)
