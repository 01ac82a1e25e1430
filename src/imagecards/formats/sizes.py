"""Width and height of images, from their headers."""

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial

from imagecards.datasets import Source
from imagecards.errors import FormatError, NotFoundError
from imagecards.formats.parallel import batches, map_ordered
from imagecards.images import probe

_BATCH = 256

Size = tuple[int, int]


def read_sizes(source: Source, names: Sequence[str], executor: Executor | None) -> list[Size | str]:
    """Read the size of each image, or what is wrong with it.

    Args:
        source: Where the images are.
        names: Which.
        executor: Where to read them.

    Returns:
        For each image width and height, or a sentence that says why it has none.
    """
    work = map_ordered(partial(_read_batch, source), batches(names, _BATCH), executor)
    return [size for batch in work for size in batch]


def _read_batch(source: Source, names: Sequence[str]) -> list[Size | str]:
    sizes: list[Size | str] = []
    for name in names:
        try:
            info = probe(source.read(name))
        except (FormatError, NotFoundError) as error:
            sizes.append(str(error))
        else:
            sizes.append((info.width, info.height))
    return sizes
