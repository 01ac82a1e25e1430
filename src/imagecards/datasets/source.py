"""Where a dataset reads its image files from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable


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


@runtime_checkable
class Relay(Source, Protocol):
    """A source that hands on images of other sources as they are, under the same names or others.

    Who knows the other sources need not read these images: a registry finds those that it stores already.
    """

    def origins(self) -> Iterable[tuple[Source, Mapping[str, str]]]:
        """Each other source, and the name there of each image that is handed on, by its name here."""
        ...
