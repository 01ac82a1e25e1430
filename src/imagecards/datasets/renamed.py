"""Images that have other names in the dataset than on disk."""

from collections.abc import Iterator, Mapping, Sequence

from imagecards.datasets.largefile import LargeFile, find_large
from imagecards.datasets.source import Source
from imagecards.errors import NotFoundError


class RenamedSource:
    """A source whose images have other names than the one that it reads from.

    Layouts put the same images into different folders; under names of their own they stay the same dataset.

    Args:
        source: Where the bytes are.
        places: The name there of each image, by its name here.
    """

    def __init__(self, source: Source, places: Mapping[str, str]) -> None:
        self._source = source
        self._places = dict(places)

    def __repr__(self) -> str:
        return repr(self._source)

    def read(self, name: str) -> bytes:
        """The bytes of one image file.

        Raises:
            NotFoundError: There is no image of that name.
        """
        if name not in self._places:
            raise NotFoundError(f"there is no image {name!r} in this dataset: see its names")
        return self._source.read(self._places[name])

    def large(self, name: str) -> LargeFile | None:
        """An image file that is too large to be read as a whole; ``None`` where it is not."""
        return find_large(self._source, self._places[name]) if name in self._places else None

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several image files, in the order of ``names``."""
        return map(self.read, names)

    def origins(self) -> Iterator[tuple[Source, Mapping[str, str]]]:
        """The source that is read from, and the name there of each image."""
        yield self._source, self._places

    def close(self) -> None:
        """Give back what is kept open; a later read opens it again."""
        self._source.close()
