"""Summaries: what a person wants to know of a dataset before opening it."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, Strict, model_validator

from imagecards.cards.frozen import FrozenDict
from imagecards.cards.model import CardModel, Count, Text

_Counts = Annotated[dict[Text, Count], AfterValidator(FrozenDict)]
_Range = tuple[Count, Count]
_Category = Annotated[int, Strict()] | Text

MOST_CATEGORIES = 1000
"""How many categories a summary lists; the records have all of them."""


class Summary(CardModel):
    """Counts of a dataset. Those that do not apply to its kind are zero, empty or ``None``.

    Attributes:
        images: How many images.
        annotated: How many of them have a caption, a category, objects or other fields of their own.
        objects: How many boxes, in all images.
        bytes: The size of all image files together, or of the table's file.
        categories: The most frequent categories, each with how often an image or an object has it.
        category_count: How many different categories there are, when they are more than those listed.
        formats: How many images of each file format (``JPEG``, ``PNG``...).
        modes: How many images of each mode (``RGB``, ``L``, ``I;16``...).
        width: The smallest and the largest width, in pixels.
        height: The smallest and the largest height, in pixels.
        splits: How many images each split has.
        linked: How many images are not in the registry: its records name the objects elsewhere that they are.
        rows: How many rows a table has.
        columns: Name and type of each column of a table.
        container: What a table was registered as.
    """

    images: Count = 0
    annotated: Count = 0
    objects: Count = 0
    bytes: Count = 0
    categories: Annotated[tuple[tuple[_Category, Count], ...], Field(max_length=MOST_CATEGORIES)] = ()
    category_count: Count = 0
    formats: _Counts = FrozenDict()
    modes: _Counts = FrozenDict()
    width: _Range | None = None
    height: _Range | None = None
    splits: _Counts = FrozenDict()
    linked: Count = 0
    rows: Count | None = None
    columns: tuple[tuple[Text, Text], ...] = ()
    container: Literal["polars", "pandas", "pyarrow", "numpy"] | None = None

    @model_validator(mode="after")
    def _check_ranges(self) -> Self:
        for what, limits in (("width", self.width), ("height", self.height)):
            if limits is not None and limits[0] > limits[1]:
                raise ValueError(f"the {what} goes from {limits[0]} to {limits[1]}: give the smaller number first")
        if self.linked > self.images:
            raise ValueError(f"{self.linked} of {self.images} images are linked: there are no more than all")
        return self
