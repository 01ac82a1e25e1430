"""Writing a new file's bytes, past the page cache where the system allows it.

What is written here is made durable at once and seldom read soon: copies of it in the page cache cost several times
what the disk does, and push out the images that are being read. Most file systems of Linux write straight from
aligned memory; everything else gets the usual writes.
"""

import errno
import fcntl
import mmap
import os

_BUFFER = 4 << 20  # bytes: a multiple of every block size; what is smaller is written as usual
_DIRECT = getattr(os, "O_DIRECT", 0)


class BodyWriter:
    """Writes pieces of any size to an empty file, one after another.

    Args:
        descriptor: The file, open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._buffer = memoryview(mmap.mmap(-1, _BUFFER))  # begins at a page
        self._filled = 0
        self._flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        self._direct = False
        self._refused = not _DIRECT

    def write(self, piece: bytes) -> None:
        """Take a piece; bytes are written when there are enough of them.

        Raises:
            OSError: As `os.write` raises it.
        """
        rest = memoryview(piece)
        while rest:
            taken = min(len(rest), _BUFFER - self._filled)
            self._buffer[self._filled : self._filled + taken] = rest[:taken]
            self._filled += taken
            rest = rest[taken:]
            if self._filled == _BUFFER:
                self._flush(direct=not self._refused)

    def finish(self) -> None:
        """Write what is left.

        Raises:
            OSError: As `os.write` raises it.
        """
        self._flush(direct=False)  # the last bytes fill no block

    def _flush(self, *, direct: bool) -> None:
        self._switch(direct=direct)
        rest = self._buffer[: self._filled]
        while rest:
            try:
                rest = rest[os.write(self.descriptor, rest) :]
            except OSError as error:
                if error.errno != errno.EINVAL or not self._direct:
                    raise
                self._refused = True  # it was allowed and isn't, or a write ended within a block
                self._switch(direct=False)
        self._filled = 0

    def _switch(self, *, direct: bool) -> None:
        if direct == self._direct:
            return
        try:
            fcntl.fcntl(self.descriptor, fcntl.F_SETFL, self._flags | _DIRECT if direct else self._flags)
        except OSError:
            if not direct:
                raise
            self._refused = True  # this file system has no such writes
        else:
            self._direct = direct
