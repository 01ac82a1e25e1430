"""Looking into objects: as much of each as it takes."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import NamedTuple

from imagecards.datasets.examine import (
    Examination,
    Examined,
    examine_bytes,
    examine_large,
    gather,
    judged,
    unreadable,
)
from imagecards.datasets.in_order import in_order
from imagecards.datasets.largefile import LARGE_BYTES, MAX_FILE_BYTES, MAX_WHOLE_BYTES
from imagecards.datasets.remote.access import objects_at
from imagecards.datasets.remote.largeobject import LargeObject
from imagecards.datasets.remote.objects import RemoteObject
from imagecards.datasets.remote.source import RemoteSource
from imagecards.errors import FormatError, NotFoundError
from imagecards.images import MAX_PIXELS, read_header, read_tiff_header, sniff
from imagecards.progress import track
from imagecards.records.issues import Issue

_UNKNOWN = bytes(32)
_REACHES = (64 << 10, 1 << 20, 16 << 20)
_LONGEST_WEBP = 64 << 20  # bytes of a WebP file whose end is made up; its header is only sound in a file of full length


class Learnt(NamedTuple):
    """What was learnt of one object.

    Attributes:
        found: What it is, or why it can't be read.
        version: The version of it that was read, where its store keeps versions.
    """

    found: Examined | Issue
    version: str | None = None


def examine_objects(
    source: RemoteSource, names: Sequence[str], *, executor: Executor | None = None, max_pixels: int = MAX_PIXELS
) -> Examination:
    """Hash images and look into them. Of one whose digest its store knows, only the header is read.

    Args:
        source: Where they are.
        names: Which.
        executor: Where to do it; by default in threads.
        max_pixels: Largest width x height that is accepted.

    Raises:
        StorageError: One can't be read, or was replaced since it was listed.
    """
    learnt = learn_objects(source, names, executor=executor, max_pixels=max_pixels)
    return gather(names, [each.found for each in learnt])


def examine_heads(source: RemoteSource, names: Sequence[str], *, max_pixels: int = MAX_PIXELS) -> Examination:
    """Read the headers of images, and no more of them than that takes; their digests stay unknown.

    Args:
        source: Where they are.
        names: Which.
        max_pixels: Largest width x height that is accepted.

    Raises:
        StorageError: One can't be read, or was replaced since it was listed.
    """
    items = [(name, source.object(name)) for name in names]
    learnt = _in_threads(partial(_learn, heads=True, max_pixels=max_pixels), items)
    return gather(names, [each.found for each in learnt])


def learn_objects(
    source: RemoteSource, names: Sequence[str], *, executor: Executor | None = None, max_pixels: int = MAX_PIXELS
) -> list[Learnt]:
    """Do what `examine_objects` does, and say which version of each object was read."""
    items = [(name, source.object(name)) for name in names]
    work = partial(_learn, heads=False, max_pixels=max_pixels)
    if executor is None:
        return list(_in_threads(work, items))
    with track("reading images", len(items)) as advance:
        learnt = []
        for each in executor.map(work, items):
            learnt.append(each)
            advance(1)
        return learnt


def _in_threads(work: "partial[Learnt]", items: Sequence[tuple[str, RemoteObject]]) -> Iterator[Learnt]:
    with track("reading images", len(items)) as advance:
        for each in in_order(work, items, [min(wanted.size, LARGE_BYTES) for _, wanted in items]):
            advance(1)
            yield each


def _learn(item: tuple[str, RemoteObject], *, heads: bool, max_pixels: int) -> Learnt:
    name, wanted = item
    try:
        if heads or wanted.sha256 is not None:
            return Learnt(_examine_head(LargeObject(name, wanted), wanted.sha256 or _UNKNOWN, max_pixels))
        if wanted.size >= LARGE_BYTES:
            now = objects_at(wanted.url).look(wanted)
            return Learnt(examine_large(LargeObject(name, wanted), max_pixels=max_pixels), now and now.version)
        piece = objects_at(wanted.url).read(wanted, 0, wanted.size) if wanted.size else None
    except NotFoundError as error:
        return Learnt(Issue(name, None, "", "", "missing-file", str(error)))
    return Learnt(examine_bytes(name, piece.data if piece else b"", max_pixels=max_pixels), piece and piece.version)


def _examine_head(file: LargeObject, sha256: bytes, max_pixels: int) -> Examined:
    """What the first bytes of an image say; more of them are read until they say it."""
    size = len(file)
    for reach in (*_REACHES, size):
        head = file[: min(reach, size)]
        kind = sniff(head)
        if (kind != "TIFF" and size > MAX_WHOLE_BYTES) or size > MAX_FILE_BYTES:
            return examine_large(file, max_pixels=max_pixels)  # which refuses it without reading it
        try:
            info = read_tiff_header(file) if kind == "TIFF" else read_header(_lengthened(head, kind, size))
        except FormatError as error:
            if len(head) < size and kind not in (None, "TIFF"):
                continue
            return Examined(sha256, size, None, unreadable(file.name, head, str(error)))
        return judged(file.name, sha256, file, info, max_pixels)
    raise AssertionError("the last reach is the whole file")


def _lengthened(head: bytes, kind: str | None, size: int) -> bytes:
    """The head of a file; of WebP with zeros for the rest, since its reader wants a file as long as it says it is."""
    return head + bytes(size - len(head)) if kind == "WEBP" and size <= _LONGEST_WEBP else head
