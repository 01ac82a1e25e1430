"""Files on their way to the Hub: kept aside until they are whole, sent ahead if they are large, then committed."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.hf_api import RepoFile

    from imagecards.storage.hubrepo import HubRepo

_IN_MEMORY = 1 << 20  # bytes; what is longer waits in a temporary file


class Staged:
    """A file that is whole, and not in the repo yet.

    Attributes:
        path: Where it will be in the repo.
        size: Its bytes.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.size = 0
        self._sha256 = hashlib.sha256()
        self._file = ""
        self._data: bytes | None = None
        self._addition: CommitOperationAdd | None = None

    @classmethod
    def of(cls, path: str, body: Iterable[bytes]) -> Self:
        """Take in all pieces of a body.

        Raises:
            OSError: The temporary file can't be written.
        """
        made = cls(path)
        try:
            made._take(body)
        except BaseException:
            made.drop()
            raise
        return made

    def _take(self, body: Iterable[bytes]) -> None:
        pieces: list[bytes] = []
        file = None
        try:
            for piece in body:
                self._sha256.update(piece)
                self.size += len(piece)
                pieces.append(piece)
                if self.size > _IN_MEMORY:
                    if file is None:
                        descriptor, self._file = tempfile.mkstemp(prefix="imagecards-")
                        file = os.fdopen(descriptor, "wb")
                    file.writelines(pieces)
                    pieces.clear()
        finally:
            if file is not None:
                file.close()
        if not self._file:
            self._data = b"".join(pieces)

    def uploaded(self, repo: "HubRepo") -> "CommitOperationAdd":
        """As an operation of a commit; the bytes of a large file are sent ahead the first time.

        Raises:
            Refused: What the Hub said.
        """
        from huggingface_hub import CommitOperationAdd

        if self._addition is None:
            addition = CommitOperationAdd(self.path, self._file if self._data is None else self._data)
            addition.upload_info.sha256 = self._sha256.digest()
            repo.upload(addition)
            self._addition = addition
            if addition.path_or_fileobj == b"" and self.size:  # it is there, and is kept nowhere else any more
                self._data = b""
                self.drop()
        return self._addition

    def is_stored_as(self, found: "RepoFile | None") -> bool:
        """Whether what is known of a file in the repo is true of this one."""
        if found is None or found.size != self.size:
            return False
        return found.lfs is None or found.lfs.sha256 == self._sha256.hexdigest()

    def drop(self) -> None:
        """Remove the temporary file."""
        if self._file:
            with suppress(OSError):
                os.unlink(self._file)
            self._file = ""


@contextmanager
def staged(path: str, body: Iterable[bytes]) -> Iterator[Staged]:
    """A file for the time of a block."""
    file = Staged.of(path, body)
    try:
        yield file
    finally:
        file.drop()
