"""Images that are cut out of others, or have another size: made when they are read."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

from imagecards.datasets import Source
from imagecards.errors import FormatError, NotFoundError
from imagecards.images import Picture, encode, read_picture, resampled

Window = tuple[int, int, int, int]
"""Left, top, width, height, in pixels."""


class Edit(NamedTuple):
    """How an image is made from another one.

    Attributes:
        name: What the other one is called in its source.
        kind: The format of the file that is made.
        window: What is cut out of it.
        size: Width and height that this gets.
        antialias: Whether all pixels that fall into one are weighed.
    """

    name: str
    kind: Literal["PNG", "TIFF"]
    window: Window
    size: tuple[int, int]
    antialias: bool = True


class EditedSource:
    """A source some of whose images are made from those of another source, and the others are its images as they are.

    A made image is the same file on every machine and with every version of a library that decodes the original to the
    same pixels. It has the type of numbers and the channels of the original. The picture that was decoded last stays in
    memory, for each thread, since neighbouring tiles are read one after the other.

    Args:
        source: Where the originals are.
        edits: How each image that is made is made, by its name here.
        kept: The names of the images that are as they were.
    """

    def __init__(self, source: Source, edits: Mapping[str, Edit], kept: Iterable[str] = ()) -> None:
        self._source = source
        self._edits = dict(edits)
        self._kept = frozenset(kept)
        self._local = threading.local()

    def __repr__(self) -> str:
        return f"<{len(self._edits):,} images made from {self._source!r}>"

    def __reduce__(self) -> tuple[type["EditedSource"], tuple[Source, dict[str, Edit], frozenset[str]]]:
        return EditedSource, (self._source, self._edits, self._kept)

    def read(self, name: str) -> bytes:
        """The bytes of one image file.

        Raises:
            NotFoundError: There is no image of that name.
            FormatError: The original can't be decoded without loss.
        """
        if name in self._kept:
            return self._source.read(name)
        edit = self._edits.get(name)
        if edit is None:
            raise NotFoundError(f"there is no image {name!r} in this dataset: see its names")
        try:
            return encode(_edited(self._picture(edit.name), edit), edit.kind)
        except FormatError as error:
            raise FormatError(f"{name} can't be made from {edit.name}: {error}") from error

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several image files, in the order of ``names``."""
        return map(self.read, names)

    def origins(self) -> Iterator[tuple[Source, Mapping[str, str]]]:
        """Where the images are from that are as they were."""
        yield self._source, {name: name for name in sorted(self._kept)}

    def close(self) -> None:
        """Give back what is kept open; a later read opens it again."""
        self._local = threading.local()
        self._source.close()

    def _picture(self, name: str) -> Picture:
        last: tuple[str, Picture] | None = getattr(self._local, "last", None)
        if last is None or last[0] != name:
            self._local.last = None  # two of them at a time would be one too many
            last = name, read_picture(self._source.read(name))
            self._local.last = last
        return last[1]


def _edited(picture: Picture, edit: Edit) -> Picture:
    x, y, width, height = edit.window
    tall, wide = picture.pixels.shape[:2]
    if x + width > wide or y + height > tall:
        raise FormatError(f"it has {wide} x {tall} pixels, and other sizes were said of it: correct what is said of it")
    pixels = picture.pixels[y : y + height, x : x + width]
    if edit.size != (width, height):
        pixels = resampled(pixels, *edit.size, antialias=edit.antialias)
    return replace(picture, pixels=pixels)
