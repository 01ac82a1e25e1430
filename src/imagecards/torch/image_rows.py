"""The rows of a dataset of images: an image as a tensor, and what is said of it."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from hashlib import sha256
from itertools import starmap
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset, Placed
from imagecards.errors import FormatError, InvalidInputError
from imagecards.geometry import runs_of, runs_to_mask
from imagecards.images import ColourMode, Room, read_pixels
from imagecards.records.schema import to_dicts
from imagecards.torch.columns import Class, Lists, SharedTable, found_classes, record_columns, target_columns
from imagecards.torch.vision import as_boxes, as_image, as_masks

_NUMBERS = ("area", "iscrowd")
_LATER = {"segmentation": "masks"}  # it becomes masks when the size of the image is known
_UNKNOWN_SHARD = 4_096  # images; what a source that knows no shards is taken to consist of


class ImageRows:
    """Makes examples of the rows of an `ImageDataset`; the arguments are those of `imagecards.torch.MapDataset`.

    Raises:
        InvalidInputError: The dataset has no images, or a class that is not among ``classes``.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        *,
        colour: ColourMode,
        classes: Sequence[Class] | None,
        masks: bool,
        decode: bool,
        transform: Callable[..., Any] | None,
    ) -> None:
        if not len(dataset):
            raise InvalidInputError(f"{dataset!r} has no images: its splits tell which images are in which")
        self.classes = tuple(found_classes(dataset.table, dataset.attributes) if classes is None else classes)
        self.source = dataset.source
        self._colour: ColourMode = colour
        self._decode = decode
        self._transform = transform
        self.begin: Callable[[], Room] | None = None
        table = dataset.table
        self._shared = SharedTable(
            target_columns(table, self.classes, masks=masks) if decode else record_columns(table)
        )

    def __len__(self) -> int:
        return int(self._shared.table.num_rows)

    def __getstate__(self) -> dict[str, Any]:
        """Without the views of columns, which every process makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_columns"}

    def read(self, rows: Sequence[int]) -> Iterator[Any]:
        """The examples of some rows, in order."""
        names: list[str] = self.names.take(pa.array(rows, pa.int64())).to_pylist()
        return self._made(rows, names, self.source.read_many(names))

    def read_together(self, batches: Sequence[NDArray[np.int64]], places: NDArray[np.int64]) -> Iterator[list[Any]]:
        """The examples of several batches: files are read as they lie, and decoded batch by batch when asked for.

        Args:
            batches: Rows.
            places: Where each row of the dataset lies among all.
        """
        rows = np.concatenate(batches)
        together = places[rows].argsort(kind="stable")
        names: list[str] = self.names.take(pa.array(rows)).to_pylist()
        files = dict(zip(together.tolist(), self.source.read_many([names[each] for each in together]), strict=True))
        position = 0
        for batch in batches:
            numbers = range(position, position + len(batch))
            held = [files.pop(number) for number in numbers]
            yield list(self._made(batch.tolist(), [names[number] for number in numbers], iter(held)))
            position += len(batch)

    def as_stored(self) -> tuple[NDArray[np.int64], list[int]]:
        """The rows in the order in which their images lie, and how many are in each shard."""
        if not isinstance(self.source, Placed):
            full, rest = divmod(len(self), _UNKNOWN_SHARD)
            return np.arange(len(self)), [_UNKNOWN_SHARD] * full + [rest] * (rest > 0)
        places = self.source.places(pa.chunked_array([self.names]))
        stored = np.lexsort((places[:, 1], places[:, 0]))
        return stored, np.unique(places[:, 0], return_counts=True)[1].tolist()

    def identity(self, order: NDArray[np.int64] | None) -> str:
        """What tells these images, in this order, from others: the SHA-256 of their names."""
        names = self.names if order is None else self.names.take(pa.array(order))
        return sha256("\0".join(names.to_pylist()).encode()).hexdigest()

    def _made(self, rows: Sequence[int], names: Sequence[str], files: Iterator[bytes]) -> Iterator[Any]:
        """The examples of some rows whose files were read."""
        if not self._decode:
            records = to_dicts(_rows_of(self._shared.table, rows))
            items = zip(names, files, records, strict=True)
            return items if self._transform is None else starmap(self._transform, items)
        targets = self._targets(rows, names)
        if self._transform is not None:
            # What is given to somebody else may be kept by him: it is in memory of its own.
            return map(self._transformed, targets, map(partial(self._pixels, np.empty), names, files))
        if self.begin is None:
            return map(self._example, targets, map(partial(self._pixels, np.empty), names, files))
        # One kind of work after the other: decoding leaves little of all else in the processor's memory.
        return map(self._example, targets, list(map(partial(self._pixels, self.begin()), names, files)))

    def _pixels(self, room: Room, name: str, data: bytes) -> NDArray[Any]:
        try:
            pixels = read_pixels(data, self._colour, room=room)
        except FormatError as error:
            raise FormatError(f"{name}: {error}") from error
        return pixels if pixels.flags.carray else np.require(pixels, requirements=["C", "W"])

    def _targets(self, rows: Sequence[int], names: Sequence[str]) -> list[dict[str, Any]]:
        """What is said of some images, but for what depends on their sizes."""
        places = np.asarray(rows, np.int64)
        columns: dict[str, Any] = {"name": names, "row": rows}
        for name, column in self._columns.items():
            if isinstance(column, Lists):
                columns[name] = map(torch.from_numpy, column.take(places))
            elif name != "file_name":
                columns[_LATER.get(name, name)] = column.take(pa.array(places)).to_pylist()
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def _example(self, target: dict[str, Any], pixels: NDArray[Any]) -> tuple[Any, dict[str, Any]]:
        height, width = pixels.shape[:2]
        if "boxes" in target:
            target["boxes"] = as_boxes(target["boxes"], height, width)
        if "masks" in target:
            target["masks"] = as_masks(torch.from_numpy(self._masks(target["masks"], target["name"], height, width)))
        # A view: turning the pixels around takes as long as decoding them, and models take either layout.
        return as_image(torch.from_numpy(pixels).permute(2, 0, 1)), target

    def _transformed(self, target: dict[str, Any], pixels: NDArray[Any]) -> Any:
        assert self._transform is not None
        return self._transform(*self._example(target, pixels))

    def _masks(self, outlines: Sequence[Any], name: str, height: int, width: int) -> NDArray[np.bool_]:
        masks = np.zeros((len(outlines), height, width), np.bool_)
        for mask, outline in zip(masks, outlines, strict=True):
            if outline is None:
                continue
            counts = outline["counts"] if outline["counts"] is not None else outline["runs"]
            found = outline["polygons"]
            try:
                mask[...] = runs_to_mask(
                    runs_of(found if found is not None else {"size": outline["size"], "counts": counts}, height, width)
                )
            except FormatError as error:
                raise FormatError(f"{name}: {error}") from error
        return masks

    @property
    def names(self) -> pa.Array:
        """The names of the images."""
        return self._columns["file_name"]

    @cached_property
    def _columns(self) -> dict[str, Any]:
        table = self._shared.table
        columns: dict[str, Any] = {}
        for name in table.column_names:
            column = table[name]
            piece = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
            numbers = name in ("classes", "boxes", "labels", *_NUMBERS) and self._decode
            columns[name] = Lists(piece) if numbers else piece
        return columns


def _rows_of(table: pa.Table, rows: Sequence[int]) -> pa.Table:
    if rows and rows[-1] - rows[0] + 1 == len(rows) and list(rows) == list(range(rows[0], rows[-1] + 1)):
        return table.slice(rows[0], len(rows))  # neighbours: nothing is copied
    return table.take(pa.array(rows, pa.int64()))
