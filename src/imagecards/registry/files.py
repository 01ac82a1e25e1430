"""Files as a card names them: written with a digest, read back with a check."""

import hashlib
from collections.abc import Generator, Iterable, Iterator

from imagecards.cards import DataCard, StoredFile
from imagecards.errors import CommitUnknownError, IntegrityError, NotFoundError, StorageError
from imagecards.registry.ahead import ahead
from imagecards.storage import Batch, Store
from imagecards.storage.cache import cache_for

_STEP = 8 << 20


def put_file(store: Store | Batch, key: str, chunks: Iterable[bytes], *, depth: int = 0) -> StoredFile:
    """Store a new file, hashed on the way.

    Args:
        store: The registry's store, or files that will be visible in it together.
        key: Where; in a folder that only this call's attempt writes to.
        chunks: The bytes.
        depth: How many pieces to make and hash ahead of the store, in another thread; by default all in this one.

    Returns:
        The file as a card names it.

    Raises:
        StorageError: The store failed, or the key exists already.
    """
    sha = hashlib.sha256()
    size = 0

    def hashed() -> Iterator[bytes]:
        nonlocal size
        try:
            for chunk in chunks:
                sha.update(chunk)
                size += len(chunk)
                yield chunk
        finally:
            if isinstance(chunks, Generator):
                chunks.close()  # where this one is: whoever stops early waits for both

    try:
        created = store.put_if_absent(key, ahead(hashed(), depth) if depth else hashed())
    except CommitUnknownError as error:
        # only a card commits: a data file that may not be durable is a failed one
        raise StorageError(f"{key} could not be stored durably in {store.url}: {error}") from error
    if not created:
        raise StorageError(f"{key} exists already in {store.url}, in a folder of this attempt alone: try again")
    return StoredFile(key=key, size=size, digest=f"sha256:{sha.hexdigest()}")


def is_whole(store: Store, stored: StoredFile) -> bool:
    """Whether a file is there with the size that it was stored with; its bytes are not read."""
    try:
        entry = store.stat(stored.key)
    except IntegrityError:  # something else than a file lies there
        return False
    return entry is not None and entry.size == stored.size


def lost_file(store: Store, card: DataCard) -> StoredFile | None:
    """The first file that a card names and that is missing or has another size, if there is one."""
    if not store.remote:
        return next((stored for stored in card.files() if not is_whole(store, stored)), None)
    sizes = stored_sizes(store, card.files())
    return next((stored for stored in card.files() if sizes[stored.key] != stored.size), None)


def stored_sizes(store: Store, files: Iterable[StoredFile]) -> dict[str, int | None]:
    """The bytes that files have in the store, by key; None for one that is missing.

    On a server, files of one attempt are looked up by one request.
    """
    together: dict[str, list[str]] = {}
    for stored in files:
        attempt = "/".join(stored.key.split("/")[:4]) if store.remote else stored.key
        together.setdefault(attempt, []).append(stored.key)
    sizes: dict[str, int | None] = {}
    for attempt, named in together.items():
        if len(named) > 1:
            there = {entry.key: entry.size for entry in store.list(f"{attempt}/")}
            sizes.update((key, there.get(key)) for key in named)
        else:
            entry = store.stat(named[0])
            sizes[named[0]] = None if entry is None else entry.size
    return sizes


def read_file(store: Store, stored: StoredFile) -> bytes:
    """The bytes of a file, checked against what the card says of it; those of a server's are kept in the cache.

    Raises:
        IntegrityError: The file is missing or has other bytes.
    """
    cache = cache_for(store)
    if cache is None:
        return b"".join(read_chunks(store, stored))
    digest = bytes.fromhex(stored.digest.removeprefix("sha256:"))
    data = cache.get(digest, stored.size)
    if data is None:
        data = b"".join(read_chunks(store, stored))
        cache.put(digest, data)
    return data


def read_chunks(store: Store, stored: StoredFile) -> Iterator[bytes]:
    """The bytes of a file in pieces, from the store itself; the check comes with the last one.

    Raises:
        IntegrityError: The file is missing or has other bytes.
    """
    sha = hashlib.sha256()
    try:
        for start in range(0, stored.size, _STEP):
            chunk = store.get(stored.key, start, min(_STEP, stored.size - start))
            sha.update(chunk)
            yield chunk
    except NotFoundError as error:
        message = f"{stored.key} is missing from {store.url}, and a card names it: restore the file from a copy"
        raise IntegrityError(message, stored.key, stored.digest, "missing") from error
    actual = f"sha256:{sha.hexdigest()}"
    if actual != stored.digest:
        message = (
            f"{stored.key} in {store.url} has other bytes than its card names (expected {stored.digest}, "
            f"found {actual}): restore the file from a copy"
        )
        raise IntegrityError(message, stored.key, stored.digest, actual)
