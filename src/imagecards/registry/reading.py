"""Reading a version: the source that hands its images to the dataset which the registry opens."""

import hashlib
import mmap
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.cards import StoredFile
from imagecards.datasets import FILE_FACTS
from imagecards.errors import IntegrityError, NotFoundError
from imagecards.registry.name_index import NameIndex
from imagecards.storage import Store
from imagecards.storage.cache import cache_for

_TOGETHER = 8 << 20  # bytes of images that are read together at most, unless a single one is larger
_GAP = 64 << 10  # bytes between two images, the header of the second one among them, that are read and left out
_GAPS = 8 << 20  # bytes of all of these that are read together at most


class ShardSource:
    """Images inside tar shards: each one is a ranged read, its digest checked the first time.

    What a forked worker has checked is checked for all: the workers of a later epoch, which are new ones, do not begin
    again.

    What comes from a server is kept in the cache when it is first read, image by image: whatever version, registry or
    shard asks for the same bytes later finds them there.

    Attributes:
        name: What the images belong to, for messages.
    """

    def __init__(self, store: Store, name: str, shards: Sequence[StoredFile], records: pa.Table) -> None:
        self.name = name
        self._store = store
        self._cache = cache_for(store)
        self._keys = [shard.key for shard in shards]
        self._rows = NameIndex(records["file_name"])
        self._shard = array("i", _column(records, "shard", np.int32).tobytes())
        self._offset = array("q", _column(records, "offset", np.int64).tobytes())
        self._size = array("q", _column(records, "size", np.int64).tobytes())
        self._sha256 = b"".join(records["sha256"].to_pylist())
        self._checked = _shared(bytes(len(self._rows)))
        self._facts = records.select(FILE_FACTS.names)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    def __getstate__(self) -> dict[str, Any]:
        """With what is checked as bytes: a process that is not forked goes on by itself."""
        return {**self.__dict__, "_checked": bytes(self._checked)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _checked=_shared(state["_checked"]))

    @property
    def url(self) -> str:
        """The registry that the images are in."""
        return self._store.url

    def read(self, name: str) -> bytes:
        """The bytes of one image.

        Raises:
            NotFoundError: The version has no image of that name.
            IntegrityError: The stored bytes are not those that were registered.
        """
        row = self._row(name)
        cached = self._cached(row)
        return cached if cached is not None else self._checked_bytes(name, row, self._get(name, row, self._size[row]))

    def facts(self, names: pa.ChunkedArray) -> pa.Table:
        """What was registered of image files: the table of `imagecards.datasets.FILE_FACTS`, in the order of names.

        Names that the version does not have get nulls.
        """
        rows = pc.index_in(names, value_set=self._facts["file_name"])
        return self._facts.take(rows).set_column(0, "file_name", names)

    def places(self, names: pa.ChunkedArray) -> NDArray[np.int64]:
        """Where images lie: shard and first byte, shape (n, 2)."""
        rows = pc.index_in(names, value_set=self._facts["file_name"]).to_numpy()
        columns = (np.frombuffer(self._shard, np.int32), np.frombuffer(self._offset, np.int64))
        return np.stack([column[rows].astype(np.int64) for column in columns], axis=1)

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        """The bytes of several images, in the order of ``names``.

        Where a request takes time, images that lie one behind the other come in one, and several are asked for at once.
        """
        if not self._store.remote:
            return map(self.read, names)
        return self._read_together(names)

    def close(self) -> None:
        """Nothing is kept open here; the store closes its own files."""

    def _row(self, name: str) -> int:
        row = self._rows.get(name)
        if row is None:
            raise NotFoundError(f"{self.name} has no image {name!r}: .names lists what it has")
        return row

    def _get(self, name: str, row: int, length: int) -> bytes:
        """Bytes of a shard, from where an image begins."""
        return self._get_ranges(name, self._keys[self._shard[row]], [(self._offset[row], length)])[0]

    def _get_ranges(self, name: str, key: str, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        try:
            return self._store.get_ranges(key, ranges)
        except NotFoundError as error:
            message = (
                f"{name} of {self.name} can't be read: {key} is missing from {self._store.url}; restore it from a copy"
            )
            raise IntegrityError(message, key, "", "missing") from error

    def _read_together(self, names: Sequence[str]) -> Iterator[bytes]:
        """Images in the order of names, so many at a time as are kept in memory."""
        some: list[tuple[str, int]] = []
        space = _TOGETHER
        for name in names:
            row = self._row(name)
            if some and self._size[row] > space:
                yield from self._read_some(some)
                some, space = [], _TOGETHER
            some.append((name, row))
            space -= self._size[row]
        yield from self._read_some(some)

    def _read_some(self, some: Sequence[tuple[str, int]]) -> Iterator[bytes]:
        """Images whose bytes are asked for together; those that lie one behind the other come in one request."""
        cached = {row: data for _, row in some if (data := self._cached(row)) is not None}
        parts: dict[int, list[list[tuple[str, int]]]] = {}  # by shard
        gaps = _GAPS
        for name, row in sorted(some, key=lambda each: (self._shard[each[1]], self._offset[each[1]])):
            if row not in cached:
                runs = parts.setdefault(self._shard[row], [])
                gap = self._gap(runs[-1][-1][1], row) if runs else _GAP + 1
                if gap <= min(_GAP, gaps):
                    runs[-1].append((name, row))
                    gaps -= max(gap, 0)
                else:
                    runs.append([(name, row)])
        fetched: dict[int, memoryview] = {}
        for shard, runs in parts.items():
            fetched.update(self._fetch(self._keys[shard], runs))
        for name, row in some:
            yield cached[row] if row in cached else self._checked_bytes(name, row, bytes(fetched[row]))

    def _gap(self, row: int, after: int) -> int:
        """How many bytes lie between an image and one further on; they may come with both."""
        return self._offset[after] - self._offset[row] - self._size[row]

    def _fetch(self, key: str, runs: Sequence[Sequence[tuple[str, int]]]) -> Iterator[tuple[int, memoryview]]:
        """The bytes of images of a shard, by row."""
        begins = [self._offset[run[0][1]] for run in runs]
        ends = [max(self._offset[row] + self._size[row] for _, row in run) for run in runs]
        ranges = [(begin, end - begin) for begin, end in zip(begins, ends, strict=True)]
        for run, begin, data in zip(runs, begins, self._get_ranges(runs[0][0][0], key, ranges), strict=True):
            together = memoryview(data)
            for _, row in run:
                start = self._offset[row] - begin
                yield row, together[start : start + self._size[row]]

    def _cached(self, row: int) -> bytes | None:
        return self._cache.get(self._digest(row), self._size[row]) if self._cache is not None else None

    def _digest(self, row: int) -> bytes:
        return self._sha256[32 * row : 32 * row + 32]

    def _checked_bytes(self, name: str, row: int, data: bytes) -> bytes:
        if not self._checked[row]:
            self._check(name, self._keys[self._shard[row]], row, data)
            if self._cache is not None:
                # once in a job: a dataset that doesn't fit would only push out what a later epoch could find
                self._cache.put(self._digest(row), data)
        return data

    def _check(self, name: str, key: str, row: int, data: bytes) -> None:
        expected = self._digest(row)
        actual = hashlib.sha256(data).digest()
        if actual != expected:
            message = (
                f"{name} of {self.name} has other bytes than were registered (in {key}): run verify --deep to see "
                "what else is damaged, then restore that file from a copy"
            )
            raise IntegrityError(message, f"{key}: {name}", f"sha256:{expected.hex()}", f"sha256:{actual.hex()}")
        self._checked[row] = 1


def _shared(marks: bytes) -> mmap.mmap:
    """A byte for each image, which processes that are forked from this one have in common with it."""
    memory = mmap.mmap(-1, max(len(marks), 1))
    memory[: len(marks)] = marks
    return memory


def _column(table: pa.Table, name: str, dtype: type[np.integer[Any]]) -> NDArray[Any]:
    return np.ascontiguousarray(table[name].combine_chunks().to_numpy(zero_copy_only=False), dtype=dtype)
