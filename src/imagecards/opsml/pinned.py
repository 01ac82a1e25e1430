"""Images that lie elsewhere, each held to the digest that was registered."""

import hashlib
from collections.abc import Iterator, Sequence

import pyarrow as pa

from imagecards.datasets import FILE_FACTS, Source
from imagecards.datasets.largefile import LargeFile, find_large
from imagecards.errors import IntegrityError, NotFoundError


class PinnedSource:
    """A source that hands on images of another one, and checks each the first time.

    Args:
        source: Where the images are read from.
        place: What they belong to, for messages.
        facts: The table of `imagecards.datasets.FILE_FACTS` of all images.
    """

    def __init__(self, source: Source, place: str, facts: pa.Table) -> None:
        assert set(FILE_FACTS.names) <= set(facts.column_names)
        self._source = source
        self._place = place
        self._expected = dict(zip(facts["file_name"].to_pylist(), facts["sha256"].to_pylist(), strict=True))
        self._checked: set[str] = set()

    def __repr__(self) -> str:
        return f"PinnedSource({self._place!r})"

    def read(self, name: str) -> bytes:
        """The bytes of one image file.

        Raises:
            NotFoundError: The dataset has no image of that name.
            IntegrityError: It is gone, or has other bytes than were registered.
        """
        if name not in self._expected:
            raise NotFoundError(f"{self._place} has no image {name!r}: .names lists what it has")
        try:
            data = self._source.read(name)
        except NotFoundError as error:
            message = f"{name} of {self._place} is gone from {self._source!r}: restore it from a copy"
            raise IntegrityError(message, name, "", "missing") from error
        if name not in self._checked:
            expected, actual = self._expected[name], hashlib.sha256(data).digest()
            if actual != expected:
                message = f"{name} of {self._place} was changed in {self._source!r}: restore it from a copy"
                raise IntegrityError(message, name, f"sha256:{expected.hex()}", f"sha256:{actual.hex()}")
            self._checked.add(name)
        return data

    def large(self, name: str) -> LargeFile | None:
        """An image file that is too large to be read as a whole; ``None`` where it is not."""
        found = find_large(self._source, name) if name in self._expected else None
        if found is not None:
            found.sha256 = self._expected[name]
        return found

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several image files, in the order of ``names``."""
        return map(self.read, names)

    def close(self) -> None:
        """Give back what is kept open; a later read opens it again."""
        self._source.close()
