"""What an HDF5 file may ask for, and how its faults are told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from imagecards.errors import FormatError, IntegrityError, NotFoundError
from imagecards.records import printable


class Limits(NamedTuple):
    """What a file may ask for.

    Attributes:
        objects: How many groups and datasets a file may have.
        nbytes: Bytes that are read at once: of an example, or of a chunk, after decompression.
        ratio: How many times as many bytes as it stores a dataset may declare.
    """

    objects: int = 10_000_000
    nbytes: int = 1 << 30
    ratio: int = 1100


class Watched:
    """A file that is not trusted.

    Args:
        path: Where it is.
        limits: What it may ask for.

    Attributes:
        nbytes: How many bytes it has.
    """

    nbytes: int = 0

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits

    @contextmanager
    def telling(self, place: str = "") -> Iterator[None]:
        """Turn what HDF5 raises for damage, which is not one documented type, into an error that names the file."""
        try:
            yield
        except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
            if isinstance(error, FormatError | NotFoundError | IntegrityError):
                raise
            said = str(error).partition("\n")[0]
            raise self.fault(f"can't be read, it is damaged or no HDF5 ({said:.200})", place) from error

    def fault(self, message: str, place: str = "") -> FormatError:
        """The error that names this file and a place in it."""
        where = f"{printable(str(self.path))}{': ' + printable(place, 200) if place else ''}"
        return FormatError(f"{where} {message}: fetch it again, or make it anew")

    def check_size(self, nbytes: int, path: str) -> None:
        """See that so many bytes may be read at once."""
        if nbytes > self.limits.nbytes:
            raise self.fault(f"has {nbytes:,} bytes at once, and {self.limits.nbytes:,} are the limit", path)
