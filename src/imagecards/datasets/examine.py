"""Looking into image files: their digest, what their header says, what is wrong with them."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import pyarrow as pa

from imagecards.datasets.facts import facts_table
from imagecards.datasets.folder import FolderSource
from imagecards.datasets.largefile import LARGE_BYTES, MAX_FILE_BYTES, MAX_WHOLE_BYTES, LargeFile, find_large
from imagecards.datasets.scan import FoundFile, promised_format
from imagecards.datasets.source import Source
from imagecards.errors import FormatError, IntegrityError, NotFoundError, StorageError
from imagecards.images import (
    EXTENSIONS,
    MAX_PIXELS,
    Content,
    ImageInfo,
    describe,
    read_header,
    read_tiff_header,
    seems_complete,
    sniff,
    too_many_pixels,
)
from imagecards.progress import track
from imagecards.records.issues import Issue

_BATCH_FILES = 128
_BATCH_BYTES = 32 << 20
_THREADED_BYTES = 100_000


class Examined(NamedTuple):
    """What was learnt of one image file.

    Attributes:
        sha256: The digest of its bytes, 32 bytes.
        size: How many bytes it has.
        info: What its header says; ``None`` where that can't be had or is not acceptable.
        issue: What is wrong with it. With ``info`` it is a warning, without it an error.
    """

    sha256: bytes
    size: int
    info: ImageInfo | None
    issue: Issue | None


class Examination(NamedTuple):
    """What was learnt of many image files.

    Attributes:
        facts: The table of `imagecards.datasets.FILE_FACTS`, one row for each file, in the order given. A
            file that can't be read has nulls; one that is not an acceptable image has only digest and size.
        issues: What is wrong with them, in the same order.
    """

    facts: pa.Table
    issues: list[Issue]


def examine_bytes(name: str, data: bytes, *, max_pixels: int = MAX_PIXELS) -> Examined:
    """Hash an image file and read its header.

    Args:
        name: Its name; the extension has to fit the content.
        data: The whole file.
        max_pixels: Largest width x height that is accepted.

    Example:
        >>> print(examine_bytes("a.png", b"").issue)
        a.png: the file is empty; replace it by an image, or remove it (empty-file)
    """
    digest = hashlib.sha256(data).digest()
    try:
        info = read_header(data)
    except FormatError as error:
        return Examined(digest, len(data), None, unreadable(name, data, str(error)))
    found = judged(name, digest, data, info, max_pixels)
    if found.issue is None and not seems_complete(data, info.format):
        return found._replace(issue=_truncated(name, len(data), info.format))
    return found


def judged(name: str, digest: bytes, data: Content, info: ImageInfo, max_pixels: int) -> Examined:
    """An image whose header is sound, held against its name and the limit."""
    promised = promised_format(name)
    if info.format != promised:
        return Examined(digest, len(data), None, _mismatch(name, promised, info.format))
    reason = too_many_pixels(data, info, max_pixels)
    if reason is not None:
        issue = Issue(name, None, "", f"{info.width} x {info.height}", "too-many-pixels", reason)
        return Examined(digest, len(data), None, issue)
    return Examined(digest, len(data), info, None)


def examine_large(file: LargeFile, *, max_pixels: int = MAX_PIXELS) -> Examined:
    """Do what `examine_bytes` does with a file that is too large to be held; a TIFF file is read in pieces.

    Args:
        file: The file; it learns its digest.
        max_pixels: Largest width x height that is accepted.

    Raises:
        StorageError: It can't be read or is being changed.
    """
    kind, size = sniff(file[:4096]), len(file)
    limit = MAX_FILE_BYTES if kind == "TIFF" else MAX_WHOLE_BYTES
    if size > limit:
        message = f"the file has {size:,} bytes, and the limit for {kind or 'a file of no known format'} is {limit:,}"
        hint = "cut it into smaller images, or remove it"
        return Examined(
            bytes(32), size, None, Issue(file.name, None, "", "", "file-too-large", message, suggestion=hint)
        )
    if kind != "TIFF":
        return examine_bytes(file.name, b"".join(file.pieces()), max_pixels=max_pixels)
    sha = hashlib.sha256()
    for piece in file.pieces():
        sha.update(piece)
    file.sha256 = sha.digest()
    try:
        info = read_tiff_header(file)
    except FormatError as error:
        return Examined(file.sha256, size, None, unreadable(file.name, file[:4096], str(error)))
    return judged(file.name, file.sha256, file, info, max_pixels)


def examine_source(source: Source, names: Sequence[str], *, max_pixels: int = MAX_PIXELS) -> Examination:
    """Read, hash and look into images of a dataset that is no folder; one that can't be read is an issue.

    Args:
        source: Where they are.
        names: Which.
        max_pixels: Largest width x height that is accepted.
    """
    large = partial(find_large, source)
    return gather(names, [_examine(source.read, large, name, max_pixels) for name in names])


def examine_folder(
    root: str | os.PathLike[str],
    files: Sequence[FoundFile],
    *,
    executor: Executor | None = None,
    max_pixels: int = MAX_PIXELS,
) -> Examination:
    """Read, hash and look into files of a folder.

    Args:
        root: The folder.
        files: Which files, as a scan found them; a file that has changed since is an error.
        executor: Where to do it; by default in this process, in threads where the files are large.
        max_pixels: Largest width x height that is accepted.

    Raises:
        StorageError: A file is being changed.
    """
    examined: list[Examined | Issue] = []
    batches = list(_batches(files))
    with _pool(executor, files) as pool, track("reading images", len(files)) as advance:
        path = os.path.abspath(root)  # noqa: PTH100 - workers may have another working directory
        count = len(batches)
        for results in pool.map(_examine_batch, [path] * count, batches, [max_pixels] * count):
            examined.extend(results)
            advance(len(results))
    return gather([file.name for file in files], examined)


def gather(names: Sequence[str], examined: Sequence[Examined | Issue]) -> Examination:
    """Put together what was learnt of each image, or why it can't be read."""
    whole = [item if isinstance(item, Examined) else None for item in examined]
    facts = facts_table(
        names,
        [item and item.sha256 for item in whole],
        [item and item.size for item in whole],
        [item and item.info for item in whole],
    )
    issues = [item.issue if isinstance(item, Examined) else item for item in examined]
    return Examination(facts, [issue for issue in issues if issue is not None])


def _examine_batch(root: str, files: Sequence[FoundFile], max_pixels: int) -> list[Examined | Issue]:
    source = FolderSource(root)
    return [
        _examine(
            partial(source.read, expected=file),
            partial(source.large, expected=file) if file.size >= LARGE_BYTES else _is_small,
            file.name,
            max_pixels,
        )
        for file in files
    ]


def _is_small(name: str) -> None:
    """That a file is not too large is known of most without a look at it."""


def _examine(
    read: Callable[[str], bytes], large: Callable[[str], LargeFile | None], name: str, max_pixels: int
) -> Examined | Issue:
    """What is learnt of one image, or why it can't be read; only that it is being changed stops the work."""
    try:
        file = large(name)
        if file is not None:
            return examine_large(file, max_pixels=max_pixels)
        data = read(name)
    except NotFoundError as error:
        return Issue(name, None, "", "", "missing-file", str(error))
    except FormatError as error:
        return Issue(name, None, "", "", "symlink", str(error))
    except IntegrityError as error:
        return Issue(name, None, "", "", "damaged-image", str(error))
    except StorageError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        return Issue(name, None, "", "", "unreadable", str(error), suggestion="see that you may read it")
    return examine_bytes(name, data, max_pixels=max_pixels)


def _batches(files: Sequence[FoundFile]) -> Iterator[Sequence[FoundFile]]:
    start, size = 0, 0
    for index, file in enumerate(files):
        if index - start >= _BATCH_FILES or size > _BATCH_BYTES:
            yield files[start:index]
            start, size = index, 0
        size += file.size
    if start < len(files):
        yield files[start:]


@contextmanager
def _pool(executor: Executor | None, files: Sequence[FoundFile]) -> Iterator[Executor]:
    if executor is not None:
        yield executor
        return
    # Threads gain where hashing and reading, which let go of the interpreter, outweigh its hand-overs:
    # measured, from some 100 kB a file; at 12 kB two threads took half as long again as one.
    large = sum(file.size for file in files) > _THREADED_BYTES * len(files)
    pool = ThreadPoolExecutor(max_workers=min(32, os.cpu_count() or 1) if large else 1)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)  # after an error or Ctrl-C, what has not begun is not begun


def unreadable(name: str, data: bytes, message: str) -> Issue:
    """What is wrong with a file whose header can't be read."""
    if not data:
        hint = "replace it by an image, or remove it"
        return Issue(name, None, "", "", "empty-file", "the file is empty", suggestion=hint)
    kind = sniff(data)
    if kind is None:
        hint = "convert it, or remove it"
        return Issue(name, None, "", describe(data), "not-an-image", message, suggestion=hint)
    return Issue(name, None, "", kind, "damaged-image", message, suggestion="replace it by a sound copy")


def _mismatch(name: str, promised: str | None, actual: str) -> Issue:
    suffix = next(suffix for suffix, kind in EXTENSIONS.items() if kind == actual)
    renamed = name[: name.rindex(".")] + suffix if promised else name + suffix
    message = f"the content is {actual}, the name says {promised or 'nothing that is known'}"
    hint = f"rename it to {renamed}, here and in the metadata"
    return Issue(name, None, "", actual, "extension-mismatch", message, suggestion=hint)


def _truncated(name: str, size: int, kind: str) -> Issue:
    message = f"the {kind} file has no end mark after {size:,} bytes: it may have been copied in part"
    hint = "see whether it still opens"
    return Issue(name, None, "", "", "truncated-image", message, severity="warning", suggestion=hint)
