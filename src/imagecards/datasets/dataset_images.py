"""The images of a dataset: their bytes, and their pixels."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from imagecards.datasets.source import Source
from imagecards.images import MAX_PIXELS, decode

if TYPE_CHECKING:
    import pyarrow as pa
    from PIL import Image


class DatasetImages:
    """The images of an `imagecards.datasets.ImageDataset`, read when they are asked for."""

    _source: Source

    if TYPE_CHECKING:

        @cached_property
        def table(self) -> pa.Table:
            """The records; the dataset has them."""

        @cached_property
        def names(self) -> tuple[str, ...]:
            """The file names; the dataset has them."""

    @property
    def source(self) -> Source:
        """Where the images are read from."""
        return self._source

    def read_bytes(self, name: str) -> bytes:
        """The bytes of an image file.

        Raises:
            NotFoundError: There is no file of that name.
        """
        return self._source.read(name)

    def read_many(self, names: Sequence[str] | None = None) -> Iterator[bytes]:
        """The bytes of several image files, in order.

        Args:
            names: Which ones; all by default.
        """
        return self._source.read_many(self.names if names is None else names)

    def image(self, name: str, *, max_pixels: int = MAX_PIXELS) -> "Image.Image":
        """An image, decoded by Pillow.

        Args:
            name: Which one.
            max_pixels: Largest width x height that is accepted.

        Raises:
            NotFoundError: There is no file of that name.
            FormatError: It is not an image that can be decoded.
        """
        return decode(self.read_bytes(name), max_pixels=max_pixels)

    def show(self, count: int = 12, *, width: int = 1_000) -> "Image.Image":
        """Draw some images side by side, with their boxes, masks, classes and captions.

        The same dataset gives the same picture. A notebook shows it; ``.save("sheet.png")`` keeps it.

        Args:
            count: How many images, at most; they are taken at equal distances from the whole dataset.
            width: Of the sheet, in pixels.

        Raises:
            InvalidInputError: There are no images, or the sheet would be too narrow.
        """
        from imagecards.datasets.showing import panels_of
        from imagecards.sheets import draw_sheet

        return draw_sheet(panels_of(self._source, self.table, count), width=width)
