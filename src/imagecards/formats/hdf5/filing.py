"""One HDF5 file of examples: made beside its place, and moved there when it is whole."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from imagecards.datasets import Source
from imagecards.errors import FormatError, ImageCardsError, InvalidInputError, StorageError, retold
from imagecards.formats.hdf5.labels import Frame, Labels
from imagecards.formats.hdf5.layouts import Extent, GroupWriter, Made, PackedWriter, Writer
from imagecards.formats.hdf5.pixels import read_pixels
from imagecards.formats.hdf5.reading import written_digests
from imagecards.formats.hdf5.recipe import Recipe
from imagecards.formats.hdf5.sink import Sink
from imagecards.formats.losses import Losses
from imagecards.formats.rows import records_of
from imagecards.records import printable, record_digests

_PENDING = 1 << 25  # bytes of examples whose records are digested together
_BATCH = 64


@dataclass(frozen=True)
class FileTask:
    """What a worker needs to write one file.

    Attributes:
        path: Where.
        source: Where images are.
        records: Those of its examples, in order.
        sizes: Width and height of each image.
        recipe: How they become examples.
        labels: How labels are made.
        extent: What ``packed`` reserves; ``None`` for the other layout.
    """

    path: Path
    source: Source
    records: pa.Table
    sizes: Sequence[tuple[int, int]]
    recipe: Recipe
    labels: Labels
    extent: Extent | None


def write_file(task: FileTask) -> Losses:
    """Write one file, or leave it where it is there already and has just these images.

    Raises:
        FormatError: An image or an outline can't be drawn.
        InvalidInputError: Images differ in what ``packed`` has once for all.
        StorageError: It can't be written.
    """
    losses = Losses()
    if task.path.exists() and _is_done(task):
        for record, frame in _frames(task):
            task.labels.make(record, frame, losses)  # what is lost is told again
        return losses
    made = task.path.with_name(f".{task.path.name[:60]}.{secrets.token_hex(6)}.part")
    try:
        with _explained(task.path):
            _make(made, task, losses)
            made.replace(task.path)
    finally:
        made.unlink(missing_ok=True)
    return losses


def _is_done(task: FileTask) -> bool:
    """Whether a file of an earlier run is whole, and its images are still the same."""
    try:
        found = written_digests(task.path)
    except ImageCardsError:
        return False
    names = task.records["file_name"].to_pylist()
    now = (hashlib.sha256(data).digest() for data in task.source.read_many(names))
    return len(found) == len(names) and all(one == other for one, other in zip(found, now, strict=True))


def _frames(task: FileTask) -> Iterator[tuple[dict[str, Any], Frame]]:
    for record, (width, height) in zip(records_of(task.records), task.sizes, strict=True):
        size = height, width
        yield record, Frame(record["file_name"], size, task.recipe.image_shape or size)


def _examples(task: FileTask, losses: Losses) -> Iterator[Made]:
    """The examples in order; some wait for each other, as records are digested many times as fast together."""
    waiting: list[Made] = []
    done = 0

    def digested() -> Iterator[Made]:
        digests = record_digests(task.records.slice(done, len(waiting)), [each.image_digest for each in waiting])
        for example, digest in zip(waiting, digests, strict=True):
            yield example._replace(record_digest=digest)

    for record, frame in _frames(task):
        waiting.append(_example(task, record, frame, losses))
        if len(waiting) == _BATCH or sum(each.image.nbytes + each.label.nbytes for each in waiting) > _PENDING:
            yield from digested()
            done += len(waiting)
            waiting = []
    if waiting:
        yield from digested()


def _example(task: FileTask, record: dict[str, Any], frame: Frame, losses: Losses) -> Made:
    data = task.source.read(frame.name)
    try:
        image = read_pixels(data, task.recipe.colour, task.recipe.image_shape)
    except FormatError as error:
        raise retold(error, f"{printable(frame.name)}: {error}") from error
    if image.shape[1:] != frame.shape:
        has, said = (f"{width} x {height}" for height, width in (image.shape[1:], frame.shape))
        raise FormatError(f"{printable(frame.name)} has {has} pixels, and {said} are said of it: correct its record")
    extent = task.extent
    if extent is not None and (image.shape[0], image.dtype) != (extent.image[0], extent.dtype):
        raise InvalidInputError(
            f"{printable(frame.name)} has {image.shape[0]} channels of {image.dtype}, and the first image has "
            f"{extent.image[0]} of {extent.dtype}: packed has one type of all, so say colour='grey' or 'rgb', "
            "or take layout='examples'"
        )
    label = task.labels.make(record, frame, losses)
    return Made(image, label, frame.name, hashlib.sha256(data).digest(), b"")


def _make(path: Path, task: FileTask, losses: Losses) -> None:
    import h5py

    sink = Sink(path)
    try:
        version = GroupWriter.version if task.extent is None else PackedWriter.version
        with h5py.File(sink, "w", libver=version) as file:
            writer: Writer = (
                GroupWriter(file, len(task.sizes))
                if task.extent is None
                else PackedWriter(file, len(task.sizes), task.extent, task.recipe.level)
            )
            for example in _examples(task, losses):
                writer.add(example)
                sink.check()
        sink.settle()
    finally:
        sink.close()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what HDF5 raises when a disk is full into an error that names the file."""
    try:
        yield
    except ImageCardsError:
        raise
    except (OSError, RuntimeError) as error:
        said = (error.strerror if isinstance(error, OSError) else None) or str(error).partition("\n")[0]
        message = f"{printable(str(path))} can't be written ({said:.200}): free space or choose another folder"
        raise StorageError(message) from error
