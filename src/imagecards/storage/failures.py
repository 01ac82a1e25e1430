"""What the operating system said, as an error that names the place and the next step."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from imagecards.errors import ImageCardsError, ReadOnlyError, StorageError

_NO_ENTRY = {errno.EROFS, errno.EACCES, errno.EPERM}
_NEXT_STEP = {
    errno.ENOSPC: "free some space, then do it again",
    errno.EDQUOT: "the quota is used up: free some space or ask for more, then do it again",
    errno.EFBIG: "files of that size aren't allowed there: raise the limit (ulimit -f)",
    errno.EMFILE: "raise the number of open files (ulimit -n) or use fewer workers",
    errno.ENFILE: "the machine has too many files open: use fewer workers",
    errno.EIO: "the disk or the network fails: check it before you do it again",
    errno.ESTALE: "the network folder was mounted anew: do it again",
    errno.ENOTDIR: "a file stands where a folder should be: move it away",
    errno.EROFS: "it is mounted read-only: mount it for writing, or use another registry",
    errno.EACCES: "ask for the right to write there, or use another registry",
    errno.EPERM: "ask for the right to write there, or use another registry",
}


@contextmanager
def writing(place: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into the `StorageError` for a write that left nothing visible.

    Args:
        place: The file or folder that the block writes, for the message.

    Raises:
        ReadOnlyError: Writing isn't allowed there.
        StorageError: Anything else that the operating system said.
    """
    try:
        yield
    except ImageCardsError:
        raise
    except OSError as error:
        kind = ReadOnlyError if error.errno in _NO_ENTRY else StorageError
        raise _explained(kind, f"{place} can't be written", error) from error


@contextmanager
def reading(place: str) -> Iterator[None]:
    """Turn an ``OSError`` of the block into the `StorageError` for a read.

    Args:
        place: The file or folder that the block reads, for the message.

    Raises:
        StorageError: What the operating system said.
    """
    try:
        yield
    except ImageCardsError:
        raise
    except OSError as error:
        raise _explained(StorageError, f"{place} can't be read", error) from error


def _explained(kind: type[StorageError], what: str, error: OSError) -> StorageError:
    next_step = _NEXT_STEP.get(error.errno or 0, "see what is there, then do it again")
    if kind is StorageError and error.errno in _NO_ENTRY:
        next_step = "ask for the right to read it"
    explained = kind(f"{what}: {error.strerror or error}; {next_step}")
    explained.errno = error.errno
    return explained
