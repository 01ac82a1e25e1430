"""An object as far as it is looked at: what lies between two places, in ranges."""

import hashlib
from collections.abc import Iterator

from imagecards.datasets.largefile import LargeFile
from imagecards.datasets.remote.access import objects_at, read_pieces
from imagecards.datasets.remote.objects import RemoteObject, changed

_BLOCK = 64 << 10
_MOST_BLOCKS = 64


class LargeObject(LargeFile):
    """An object that need not be read as a whole to be looked at.

    Blocks of 64 KiB that were read stay, up to 4 MiB of them: headers are read in many small places.

    Args:
        name: What the image is called.
        wanted: The object.
    """

    def __init__(self, name: str, wanted: RemoteObject) -> None:
        self.name = name
        self.sha256: bytes | None = None
        self._wanted = wanted
        self._blocks: dict[int, bytes] = {}

    def __len__(self) -> int:
        return self._wanted.size

    def __getitem__(self, place: slice) -> bytes:
        start, stop, _ = place.indices(len(self))
        if stop <= start:
            return b""
        if stop - start > _BLOCK * _MOST_BLOCKS // 2:
            return self._read(start, stop)
        first, last = start // _BLOCK, (stop - 1) // _BLOCK
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if missing:
            if len(self._blocks) + len(missing) > _MOST_BLOCKS:
                self._blocks = {number: data for number, data in self._blocks.items() if first <= number <= last}
            begin = missing[0] * _BLOCK
            data = self._read(begin, min((missing[-1] + 1) * _BLOCK, len(self)))
            for number in range(missing[0], missing[-1] + 1):
                self._blocks[number] = data[number * _BLOCK - begin : (number + 1) * _BLOCK - begin]
        together = b"".join(self._blocks[number] for number in range(first, last + 1))
        return together[start - first * _BLOCK : stop - first * _BLOCK]

    def pieces(self) -> Iterator[bytes]:
        """Its bytes in pieces of 8 MiB.

        Raises:
            StorageError: It can't be read, or was changed meanwhile.
        """
        sha = hashlib.sha256()
        for piece in read_pieces(self._wanted):
            sha.update(piece)
            yield piece
        if self.sha256 is not None and sha.digest() != self.sha256:
            raise changed(self._wanted.url, "it has other bytes than when it was read before")

    def _read(self, start: int, stop: int) -> bytes:
        return objects_at(self._wanted.url).read(self._wanted, start, stop).data
