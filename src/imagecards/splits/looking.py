"""What images look like: a digest of their pixels, and a hash that images much alike share most bits of."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from imagecards.datasets import Source
from imagecards.errors import FormatError, IntegrityError, MissingDependencyError, NotFoundError
from imagecards.images import decode
from imagecards.progress import track

if TYPE_CHECKING:
    from PIL import Image

_BATCH = 64
_AS_COLOURS = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr"})


class Look(NamedTuple):
    """What was seen of one image.

    Attributes:
        sha256: The digest of its bytes; ``None`` where they can't be read.
        pixels: A digest of its pixels; ``None`` where it can't be decoded, or was not asked for.
        hash: 64 bits that an image much alike shares most of; ``None`` likewise.
        fault: Why it can't be read or decoded.
    """

    sha256: bytes | None = None
    pixels: bytes | None = None
    hash: int | None = None
    fault: str = ""


def look_at(
    source: Source, names: Sequence[str], *, pixels: bool, alike: bool, max_pixels: int, executor: Executor | None
) -> Iterator[Look]:
    """Read images one after the other, and yield what is seen of each, in order.

    Args:
        source: Where they are.
        names: Which.
        pixels: Whether to decode them.
        alike: Whether to compute the hash; needs ``pixels``.
        max_pixels: Largest width x height that is decoded.
        executor: Where to do it; by default here.

    Raises:
        MissingDependencyError: The library that hashes is not installed.
    """
    if alike:
        check_hashing()
    batches = [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]
    count = len(batches)
    arguments = ([source] * count, batches, [pixels] * count, [alike] * count, [max_pixels] * count)
    with track("looking at images", len(names)) as advance:
        for looks in (map if executor is None else executor.map)(_look_at_batch, *arguments):
            yield from looks
            advance(len(looks))


def check_hashing() -> None:
    """See that the library that hashes is installed.

    Raises:
        MissingDependencyError: It is not.
    """
    try:
        import imagehash  # noqa: F401
    except ImportError as error:
        message = (
            "near-duplicates need ImageHash: pip install 'imagecards[leaks]', or look for none (near=None, --no-near)"
        )
        raise MissingDependencyError(message) from error


def _look_at_batch(source: Source, names: Sequence[str], pixels: bool, alike: bool, max_pixels: int) -> list[Look]:
    return [_look(source, name, pixels, alike, max_pixels) for name in names]


def _look(source: Source, name: str, pixels: bool, alike: bool, max_pixels: int) -> Look:
    try:
        data = source.read(name)
    except (FormatError, IntegrityError, NotFoundError) as error:
        return Look(fault=str(error))
    sha256 = hashlib.sha256(data).digest()
    if not pixels:
        return Look(sha256)
    try:
        image = decode(data, max_pixels=max_pixels)
    except FormatError as error:
        return Look(sha256, fault=str(error))
    return Look(sha256, _pixel_digest(image), _hash(image) if alike else None)


def _pixel_digest(image: "Image.Image") -> bytes:
    """The digest of size and colours; how a file holds them, as palette, grey or RGB, does not count."""
    image = image.convert("RGBA") if image.mode in _AS_COLOURS else image
    found = hashlib.sha256(f"{image.mode} {image.width} {image.height} ".encode())
    found.update(image.tobytes())
    return found.digest()


def _hash(image: "Image.Image") -> int:
    import imagehash

    return int(str(imagehash.phash(_grey(image))), 16)


def _grey(image: "Image.Image") -> "Image.Image":
    """The image in 256 greys; from more than 8 bits they go from the darkest to the lightest that there is."""
    if image.mode in _AS_COLOURS:
        return image.convert("L")
    from PIL import Image

    values = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
    low, high = values.min(), values.max()
    return Image.fromarray(((values - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8))
