"""Transfer: files from one registry into another, under the same keys, each checked on its way."""

from collections.abc import Callable, Collection, Generator, Iterable
from contextlib import closing
from itertools import groupby

from imagecards.cards import StoredFile
from imagecards.errors import CommitUnknownError, IntegrityError, StorageError, retold
from imagecards.progress import track
from imagecards.registry.ahead import ahead
from imagecards.registry.files import read_chunks, stored_sizes
from imagecards.storage import Batch, Store

_CHEAP = 4 << 20  # bytes: a file that is there already is read and compared up to this size
_UNIT = 1_000_000


def missing_files(target: Store, files: Iterable[StoredFile]) -> list[StoredFile]:
    """The files that are not there yet, the smallest ones first.

    Raises:
        IntegrityError: One is there and has another size.
    """
    wanted = sorted(files, key=lambda stored: (stored.size, stored.key))
    sizes = stored_sizes(target, wanted)
    for stored in wanted:
        size = sizes[stored.key]
        if size is not None and size != stored.size:
            message = (
                f"{stored.key} in {target.url} has {size:,} bytes, and the file that is to be copied there has "
                f"{stored.size:,}: remove it there, and copy again"
            )
            raise IntegrityError(message, stored.key, f"{stored.size} bytes", f"{size} bytes")
    return [stored for stored in wanted if sizes[stored.key] is None]


def confirm_files(source: Store, target: Store, files: Collection[StoredFile]) -> None:
    """See that files which an earlier run left, and no card names, are durable, and the small ones what they should be.

    A folder that is flushed for one file is flushed for all in it, so one file of each is put again, which finds that
    it exists.

    Raises:
        IntegrityError: One has other bytes.
    """
    for stored in files:
        if stored.size <= _CHEAP:
            try:
                for _ in read_chunks(target, stored):
                    pass
            except IntegrityError as error:
                raise retold(error, f"{error}: remove it there, and copy again") from error
    if target.remote:
        return
    for _, group in groupby(sorted(files, key=_folder_and_size), key=lambda stored: _folder_and_size(stored)[0]):
        _put(source, target, next(group), lambda size: None)


def send_files(source: Store, target: Store, files: Collection[StoredFile], check: Callable[[], None]) -> None:
    """Copy files.

    Args:
        source: Where they are.
        target: Where they are missing.
        files: In the order in which they are sent.
        check: Called before each one, to give up.

    Raises:
        IntegrityError: A file has other bytes than its card names: nothing of it was stored.
        StorageError: A store failed.
    """
    total = sum(stored.size for stored in files)
    done = 0
    with track("copying", total=max(total // _UNIT, 1), unit="MB") as advance:

        def count(size: int) -> None:
            nonlocal done
            before, done = done, done + size
            advance(done // _UNIT - before // _UNIT)

        batch = target.batch()
        try:
            for stored in files:
                check()
                if not _put(source, batch, stored, count):
                    missing_files(target, [stored])  # another copy was faster
            batch.finish()
        finally:
            batch.drop()


def _put(source: Store, target: Store | Batch, stored: StoredFile, count: Callable[[int], None]) -> bool:
    def counted() -> Generator[bytes, None, None]:
        for chunk in read_chunks(source, stored):
            count(len(chunk))
            yield chunk

    try:
        with closing(ahead(counted(), 1) if stored.size > _CHEAP else counted()) as chunks:
            return target.put_if_absent(stored.key, chunks)
    except CommitUnknownError as error:
        # only a card commits: a data file that may not be durable is a failed one
        raise StorageError(f"{stored.key} could not be stored durably in {target.url}: {error}") from error


def _folder_and_size(stored: StoredFile) -> tuple[str, int, str]:
    return stored.key.rpartition("/")[0], stored.size, stored.key
