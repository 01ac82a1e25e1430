"""A zip unpacked into a temporary folder, for what reads folders alone."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from imagecards.datasets.largefile import LargeFile, find_large
from imagecards.datasets.source import Origin, Source
from imagecards.datasets.zips.source import ZipSource
from imagecards.destination import new_folder
from imagecards.errors import StorageError
from imagecards.progress import track
from imagecards.temporary import TemporaryPlace


class UnpackedSource:
    """A source that reads from a temporary folder, and keeps it there as long as it is used itself.

    Args:
        source: What reads from the folder.
        folder: The folder.
        origin: Where what is in it is from.
    """

    def __init__(self, source: Source, folder: TemporaryPlace, origin: Origin) -> None:
        self._source = source
        self._folder: TemporaryPlace | None = folder
        self.origin = origin

    def __repr__(self) -> str:
        return f"UnpackedSource({self.origin.url!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Without the folder, which stays where it is while this one is there."""
        return {**self.__dict__, "_folder": None}

    def read(self, name: str) -> bytes:
        """The bytes of one image file.

        Raises:
            NotFoundError: There is no image of that name.
        """
        return self._source.read(name)

    def large(self, name: str) -> LargeFile | None:
        """An image file that is too large to be read as a whole; ``None`` where it is not."""
        return find_large(self._source, name)

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several image files, in the order of ``names``."""
        return self._source.read_many(names)

    def close(self) -> None:
        """Give back what is kept open; a later read opens it again."""
        self._source.close()


def unpack(source: ZipSource) -> TemporaryPlace:
    """Write the files of a zip into the folder ``zip`` of a temporary place.

    Raises:
        IntegrityError: A member is damaged.
        StorageError: There is no room for them.
    """
    files = source.scan().files
    needed, free = sum(file.size for file in files), shutil.disk_usage(tempfile.gettempdir()).free
    if needed > free:
        message = f"{source.name} needs {needed:,} bytes unpacked, and {tempfile.gettempdir()} has {free:,}: set TMPDIR"
        raise StorageError(message)
    folder = TemporaryPlace("zip")
    with new_folder(folder.path / "zip") as write, track("unpacking", len(files)) as advance:
        for file in files:
            write(file.name, [source.read(file.name)])
            advance(1)
    return folder
