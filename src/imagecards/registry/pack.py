"""Packing: images read once, hashed, looked at, and written into shards where they are not stored yet."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from imagecards.cards import StoredFile
from imagecards.datasets import Examined, Source, examine_bytes, examine_large
from imagecards.datasets.in_order import in_order
from imagecards.datasets.largefile import LARGE_BYTES, LargeFile, find_large
from imagecards.errors import StorageError
from imagecards.progress import track
from imagecards.registry.ahead import ahead
from imagecards.registry.files import put_file
from imagecards.storage import Batch, Store
from imagecards.storage.shards import ShardWriter

SHARD_SIZE = 256 << 20
"""Bytes of images after which a shard is full."""

_BATCH_SIZE = 4 << 20
_BATCH_IMAGES = 64
_LARGE = 100_000  # bytes; from here on reading and hashing gain from threads
_CHUNKS_AHEAD = 4


class Member(NamedTuple):
    """An image that is to be read.

    Attributes:
        name: Its file name.
        size: Its bytes, as far as known or guessed; decides how images are grouped.
        exact: Whether the size is known; where it is not, only a look at the file tells if it is a large one.
    """

    name: str
    size: int
    exact: bool = True


@dataclass(frozen=True)
class Group:
    """Images that share a shard, read.

    Attributes:
        examined: What was learnt of each member, in order.
        shard: The shard, where at least one image was not stored yet.
        offsets: Where in it the bytes with a digest begin.
    """

    examined: tuple[Examined, ...]
    shard: StoredFile | None
    offsets: dict[bytes, int]


def group_members(members: Sequence[Member], limit: int = SHARD_SIZE) -> list[tuple[Member, ...]]:
    """Split images into groups that fill a shard each; the split depends on the images alone, not on workers."""
    return list(_runs(members, limit, len(members)))


def pack_groups(
    store: Store | Batch,
    prefix: str,
    source: Source,
    groups: Sequence[tuple[Member, ...]],
    stored: frozenset[bytes],
    executor: Executor | None,
) -> list[Group]:
    """Read groups of images and store what is new in them.

    Args:
        store: The registry's store, or the files of an attempt.
        prefix: The attempt's folder, which gets ``shard-00000.tar`` and so on.
        source: Where the images are.
        groups: What `group_members` made.
        stored: The sha256 of images that need not be stored again.
        executor: Packs groups somewhere else, each worker straight to the store; by default they are packed here, one
            after another, while threads read ahead.

    Returns:
        One result for each group, in order.
    """
    count = sum(len(group) for group in groups)
    results: list[Group] = []
    with track("packing", total=count) as advance:
        if executor is None:
            for number, group in enumerate(groups):
                results.append(pack_group(store, shard_key(prefix, number), source, group, stored, advance))
                stored = stored | results[-1].offsets.keys()
            return results
        futures = [
            executor.submit(pack_group, store, shard_key(prefix, number), source, group, stored)
            for number, group in enumerate(groups)
        ]
        try:
            for future, group in zip(futures, groups, strict=True):
                results.append(future.result())
                advance(len(group))
        except BrokenExecutor as error:
            message = (
                f"a worker died while it packed images ({error}): nothing was registered; see its log, then try again"
            )
            raise StorageError(message) from error
        finally:
            _settle(futures)
    return results


def shard_key(prefix: str, number: int) -> str:
    """Where an attempt puts its shard of a number."""
    return f"{prefix}shard-{number:05d}.tar"


def _settle(futures: Iterable[Future[Group]]) -> None:
    """See that no worker writes any more: what has not begun is not begun, what runs is waited for."""
    running = [future for future in futures if not future.cancel()]
    for future in running:
        future.exception()


def pack_group(
    store: Store | Batch,
    key: str,
    source: Source,
    members: Sequence[Member],
    stored: frozenset[bytes],
    advance: Callable[[int], None] = lambda count: None,
) -> Group:
    """Read one group of images and store what is new in it as one shard."""
    examined: list[Examined] = []
    placed: set[bytes] = set()
    new: list[bytes] = []

    def to_store() -> Iterator[tuple[str, bytes | LargeFile]]:
        for batch in _read(source, members):
            for name, data, found in batch:
                examined.append(found)
                if found.info is not None and found.sha256 not in stored and found.sha256 not in placed:
                    placed.add(found.sha256)
                    new.append(found.sha256)
                    yield name, data
            advance(len(batch))

    contents = to_store()
    first = next(contents, None)
    if first is None:
        return Group(tuple(examined), None, {})
    writer = ShardWriter()
    chunks = writer.chunks(chain([first], contents))
    # one other thread, with few changes of hands: where images are small, it reads, and hashing and writing are left
    # here; where they are large, threads read already, and it hashes while the store waits for the disk
    if _are_large(members):
        shard = put_file(store, key, chunks, depth=_CHUNKS_AHEAD)
    else:
        shard = put_file(store, key, ahead(chunks, _CHUNKS_AHEAD))
    offsets = {sha256: entry.offset for sha256, entry in zip(new, writer.entries, strict=True)}
    return Group(tuple(examined), shard, offsets)


def _read(source: Source, members: Sequence[Member]) -> Iterator[list[tuple[str, bytes | LargeFile, Examined]]]:
    """Images in order, in batches of bounded size; large ones are read and hashed by several threads."""
    if getattr(source, "remote", False):  # each read waits for the network
        small = [min(member.size, LARGE_BYTES) for member in members]
        yield from in_order(lambda member: _read_batch(source, [member]), members, small)
        return
    batches = _runs(members, _BATCH_SIZE, _BATCH_IMAGES)
    if not _are_large(members):
        for batch in batches:  # threads would spend more time on taking turns than on reading
            yield _read_batch(source, batch)
        return
    workers = min(4, os.cpu_count() or 1)
    waiting: deque[Future[list[tuple[str, bytes | LargeFile, Examined]]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for batch in batches:
                waiting.append(pool.submit(_read_batch, source, batch))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _are_large(members: Sequence[Member]) -> bool:
    return sum(member.size for member in members) >= len(members) * _LARGE


def _read_batch(source: Source, batch: Sequence[Member]) -> list[tuple[str, bytes | LargeFile, Examined]]:
    results: list[tuple[str, bytes | LargeFile, Examined]] = []
    for member in batch:
        file = find_large(source, member.name) if member.size >= LARGE_BYTES or not member.exact else None
        if file is not None:
            results.append((member.name, file, examine_large(file)))
            continue
        data = source.read(member.name)
        results.append((member.name, data, examine_bytes(member.name, data)))
    return results


def _runs(members: Sequence[Member], size: int, count: int) -> Iterator[tuple[Member, ...]]:
    """Cut a sequence into runs that end once they reach a size in bytes, or a number of images."""
    start, gathered = 0, 0
    for index, member in enumerate(members):
        gathered += member.size
        if gathered >= size or index + 1 - start >= count:
            yield tuple(members[start : index + 1])
            start, gathered = index + 1, 0
    if start < len(members):
        yield tuple(members[start:])
