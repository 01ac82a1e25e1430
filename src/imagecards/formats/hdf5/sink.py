"""Where HDF5 writes: a file whose failures it never sees."""

import os
from pathlib import Path


class Sink:
    """A new file for HDF5, whose library crashes when it closes a file on a disk that is full.

    So what fails is remembered, and all that comes after it is taken and forgotten, until `check` is called.

    Args:
        path: The file; it must not exist.

    Attributes:
        error: The first failure.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("x+b", buffering=0)
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise the first failure, if there was one."""
        if self.error is not None:
            raise self.error

    def settle(self) -> None:
        """See that everything is on the disk.

        Raises:
            OSError: Something is not.
        """
        self.check()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Where it is."""
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        """Read what there is; h5py knows files by this."""
        return self._file.read(size) or b""

    def readinto(self, buffer: memoryview) -> int:
        """Read what there is."""
        return self._file.readinto(buffer) or 0

    def write(self, data: memoryview) -> int:
        """Take all of it."""
        rest = memoryview(data).cast("B")
        while rest and self.error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.error = error
        return len(data)

    def truncate(self, size: int) -> int:
        """Make it so long."""
        if self.error is None:
            try:
                self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size

    def flush(self) -> None:
        """Nothing is kept back."""
