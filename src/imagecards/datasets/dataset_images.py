"""The images of a dataset: their bytes, and their pixels."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from imagecards.datasets.source import Source
from imagecards.images import MAX_PIXELS, decode

if TYPE_CHECKING:
    from PIL import Image


class DatasetImages:
    """The images of an `imagecards.datasets.ImageDataset`, read when they are asked for."""

    _source: Source

    if TYPE_CHECKING:

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
