"""Where a dataset reads its image files from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable


@runtime_checkable
class Source(Protocol):
    """The bytes of images, by file name.

    A folder is one kind, `imagecards.datasets.FolderSource`; the registry makes another for what it stores.
    A source can be used by several threads at once and can be pickled, so that data loaders can hand it to
    their workers.
    """

    def read(self, name: str) -> bytes:
        """The bytes of one image file.

        Raises:
            NotFoundError: There is no file of that name.
        """
        ...

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several image files, in the order of ``names``."""
        ...

    def close(self) -> None:
        """Give back what is kept open; a later read opens it again."""
        ...


class Origin(NamedTuple):
    """Where images were read from.

    Attributes:
        url: The folder or file, with the commit where there is one; the bare name of a file on disk.
        size: The bytes of a file.
        sha256: The digest of a file.
    """

    url: str
    size: int | None = None
    sha256: bytes | None = None


@runtime_checkable
class Relay(Source, Protocol):
    """A source that hands on images of other sources as they are, under the same names or others.

    Who knows the other sources need not read these images: a registry finds those that it stores already.
    """

    def origins(self) -> Iterable[tuple[Source, Mapping[str, str]]]:
        """Each other source, and the name there of each image that is handed on, by its name here."""
        ...


def origins_of(source: Source) -> list[Origin]:
    """The places that a source reads from, as far as they can be named to others, each once."""
    origin = getattr(source, "origin", None)
    if isinstance(origin, Origin):
        return [origin]
    found = [each for other, _ in (source.origins() if isinstance(source, Relay) else ()) for each in origins_of(other)]
    return list(dict.fromkeys(found))
