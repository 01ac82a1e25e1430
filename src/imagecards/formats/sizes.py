"""Width and height of images, and how they are turned when they are shown, from their headers."""

from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from imagecards.datasets import Source
from imagecards.errors import FormatError, NotFoundError
from imagecards.formats.parallel import batches, map_ordered
from imagecards.images import EXTENSIONS, orientation, probe

_BATCH = 256
_JPEG = tuple(ending for ending, kind in EXTENSIONS.items() if kind == "JPEG")

Size = tuple[int, int]


class Head(NamedTuple):
    """What the header of an image says.

    Attributes:
        size: Width and height as they are stored.
        orientation: As `imagecards.images.orientation` tells it.
    """

    size: Size
    orientation: int


def read_sizes(source: Source, names: Sequence[str], executor: Executor | None) -> list[Size | str]:
    """Read the size of each image, or what is wrong with it.

    Args:
        source: Where the images are.
        names: Which.
        executor: Where to read them.

    Returns:
        For each image width and height, or a sentence that says why it has none.
    """
    return [head if isinstance(head, str) else head.size for head in read_heads(source, names, executor)]


def read_heads(source: Source, names: Sequence[str], executor: Executor | None) -> list[Head | str]:
    """Read size and orientation of each image, or what is wrong with it; see `read_sizes`."""
    work = map_ordered(partial(_read_batch, source), batches(names, _BATCH), executor)
    return [head for batch in work for head in batch]


def orientations_of(source: Source, names: Sequence[str]) -> list[int]:
    """How each image is turned when it is shown; 1, as it is stored, for one that is not there.

    Args:
        source: Where the images are; only those that are called as JPEG files are, are read.
        names: Which.
    """
    found = [1] * len(names)
    places = [place for place, name in enumerate(names) if name.lower().endswith(_JPEG)]
    asked = [names[place] for place in places]
    try:
        for place, data in zip(places, source.read_many(asked), strict=True):
            found[place] = orientation(data)
    except NotFoundError:
        for place in places:
            with suppress(NotFoundError):
                found[place] = orientation(source.read(names[place]))
    return found


def _read_batch(source: Source, names: Sequence[str]) -> list[Head | str]:
    heads: list[Head | str] = []
    for name in names:
        try:
            data = source.read(name)
            info = probe(data)
        except (FormatError, NotFoundError) as error:
            heads.append(str(error))
        else:
            heads.append(Head((info.width, info.height), orientation(data)))
    return heads
