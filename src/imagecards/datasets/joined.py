"""The images of several sources, as one source."""

from collections.abc import Iterator, Mapping, Sequence

from imagecards.datasets.source import Source
from imagecards.errors import NotFoundError


class JoinedSource:
    """A source whose images are in several others.

    Args:
        parts: Each other source, and the name there of each image, by its name here.
    """

    def __init__(self, parts: Sequence[tuple[Source, Mapping[str, str]]]) -> None:
        self._sources = [source for source, _ in parts]
        numbered = enumerate(names for _, names in parts)
        self._places = {name: (number, place) for number, names in numbered for name, place in names.items()}

    def __repr__(self) -> str:
        return f"JoinedSource({', '.join(map(repr, self._sources))})"

    def read(self, name: str) -> bytes:
        """The bytes of one image file.

        Raises:
            NotFoundError: There is no image of that name.
        """
        if name not in self._places:
            raise NotFoundError(f"there is no image {name!r} in this dataset: see its names")
        number, place = self._places[name]
        return self._sources[number].read(place)

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several image files, in the order of ``names``."""
        return map(self.read, names)

    def origins(self) -> Iterator[tuple[Source, Mapping[str, str]]]:
        """The sources that are read from, and the names there of the images."""
        parts: list[dict[str, str]] = [{} for _ in self._sources]
        for name, (number, place) in self._places.items():
            parts[number][name] = place
        yield from zip(self._sources, parts, strict=True)

    def close(self) -> None:
        """Give back what is kept open; a later read opens it again."""
        for source in self._sources:
            source.close()
