"""A probe of what everything rests on: that a store keeps what was put first."""

import secrets

from imagecards.errors import CommitUnknownError, StorageError
from imagecards.storage import Store


def check_exclusive(store: Store) -> None:
    """See that a store creates a key only once; what is put for that is deleted again.

    Servers that speak S3 but know nothing of ``If-None-Match`` for writing let everybody win, and so would a Hub that
    takes commits whose parent is not the head.

    Raises:
        StorageError: It replaced what was there, or can't be written at all.
    """
    key = f".imagecards-probe/{secrets.token_hex(8)}"
    try:
        kept = store.wins_once(key)
    except CommitUnknownError as error:  # nothing was committed here that anybody could lose
        raise StorageError(f"no registry was made in {store.url}: {error}") from error
    store.delete([key])
    if not kept:
        message = (
            f"no registry was made in {store.url}: it replaces what is there although it was asked not to (a server "
            "that ignores If-None-Match, or the parent of a commit), so versions of several writers would be lost; use "
            "another server, or CardRegistry(url, allow_unsafe_store=True) if there is only ever one writer"
        )
        raise StorageError(message)
