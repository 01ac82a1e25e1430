"""What is inside an HDF5 file that was found to be harmless: groups, and datasets to read from."""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imagecards.formats.hdf5.inflation import chunks_stay_within, inflated_row, is_row_deflated, never_larger
from imagecards.formats.hdf5.watched import Watched


class GuardedGroup(NamedTuple):
    """A group that was reached by links of the file itself: its path, and h5py's ``GroupID``."""

    path: str
    found: Any


class GuardedDataset:
    """A dataset that was found to be harmless.

    Args:
        file: The file that it is in.
        found: h5py's ``DatasetID``.
        path: Where.

    Attributes:
        shape: Its shape; empty for a single value.
        dtype: The type of its numbers.
    """

    def __init__(self, file: Watched, found: Any, path: str) -> None:
        self._file, self._found, self._path = file, found, path
        self.shape: tuple[int, ...] = found.shape or ()
        self.dtype: np.dtype[Any] = found.dtype
        self._bounded = never_larger(file.limits.nbytes, found)
        self._row_size = prod(self.shape[1:]) * self.dtype.itemsize
        fits = self._row_size <= file.limits.nbytes
        self._most = file.nbytes
        self._row_deflated = fits and is_row_deflated(found, self._most)

    def read(self) -> NDArray[Any]:
        """Read all of it.

        Raises:
            FormatError: It would be larger than the limit, or is damaged.
        """
        from h5py import h5s

        self._check(self.shape, None)
        values = np.empty(self.shape, self.dtype)
        if values.size:
            with self._file.telling(self._path):
                self._found.read(h5s.ALL, h5s.ALL, values)
        return values

    def read_at(self, index: int) -> NDArray[Any]:
        """Read what it has at one place of its first axis.

        Raises:
            FormatError: It would be larger than the limit, or is damaged.
        """
        from h5py import h5s

        part = (1, *self.shape[1:])
        if self._row_deflated and (row := self._inflated(index)) is not None:
            return row
        self._check(part, index)
        values = np.empty(part, self.dtype)
        if values.size:
            with self._file.telling(self._path):
                space = self._found.get_space()  # of its own, as threads may read at once
                space.select_hyperslab((index, *(0 for _ in part[1:])), part)
                self._found.read(h5s.create_simple(part), space, values)
        whole: NDArray[Any] = values[0]
        return whole

    def _inflated(self, index: int) -> NDArray[Any] | None:
        try:
            found = inflated_row(self._found, index, self._row_size)
        except Exception:  # whatever it is, it is told; a context entered for every example takes as long as all else
            with self._file.telling(self._path):
                raise
        if found is None:
            return None
        row: NDArray[Any] = np.frombuffer(found, self.dtype).reshape(self.shape[1:]).copy()  # it may be written to
        return row

    def _check(self, part: tuple[int, ...], index: int | None) -> None:
        self._file.check_size(prod(part) * self.dtype.itemsize, self._path)
        if self._bounded:
            return
        limit = self._file.limits.nbytes
        with self._file.telling(self._path):
            if not chunks_stay_within(limit, self._found, self._most, index):
                raise self._file.fault(f"has a chunk that would become larger than {limit:,} bytes", self._path)
