"""Examples: an image as a tensor, and what is said of it."""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import import_module
from itertools import starmap
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidInputError
from imagecards.geometry import runs_of, runs_to_mask
from imagecards.images import ColourMode, read_pixels
from imagecards.records.schema import to_dicts
from imagecards.torch.columns import Class, Lists, SharedTable, found_classes, record_columns, target_columns
from imagecards.torch.order import Places

_NUMBERS = ("area", "iscrowd")


class Examples:
    """What `MapDataset` and `StreamDataset` have in common: from a row of a dataset to an example.

    Args:
        dataset: An open dataset, or a split of one.
        colour: The channels of the image: ``rgb``, ``grey``, or ``stored`` for those of the file.
        classes: What labels count, from 0; by default the categories that the dataset says it has, in its order, else
            those that are used, sorted. A split may lack some: give the classes of the whole dataset.
        masks: Whether targets have a mask for each object.
        decode: Otherwise an example is the file name, the bytes of the file and the record as a dictionary, which is
            fastest.
        transform: Called with image and target (with name, bytes and record without ``decode``); what it returns is the
            example. It gets torchvision's ``tv_tensors`` where torchvision is installed.

    Raises:
        InvalidInputError: The dataset has no images, or a class that is not among ``classes``.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        *,
        colour: ColourMode = "rgb",
        classes: Sequence[Class] | None = None,
        masks: bool = False,
        decode: bool = True,
        transform: Callable[..., Any] | None = None,
    ) -> None:
        if not isinstance(dataset, ImageDataset):
            raise InvalidInputError(f"a loop over images needs an ImageDataset, not {type(dataset).__name__}")
        if not len(dataset):
            raise InvalidInputError(f"{dataset!r} has no images: its splits tell which images are in which")
        self.classes = tuple(found_classes(dataset.table, dataset.attributes) if classes is None else classes)
        self._source = dataset.source
        self._colour: ColourMode = colour
        self._decode = decode
        self._transform = transform
        table = dataset.table
        self._shared = SharedTable(
            target_columns(table, self.classes, masks=masks) if decode else record_columns(table)
        )

    def __len__(self) -> int:
        return int(self._shared.table.num_rows)

    def __getstate__(self) -> dict[str, Any]:
        """Without the views of columns, which every process makes for itself."""
        return {name: value for name, value in self.__dict__.items() if name != "_columns"}

    def order(self, seed: int, epoch: int, *, shuffle: bool, buffer: int) -> Places:
        """The rows of an epoch in their order: a function of seed and epoch, and of nothing else."""
        raise NotImplementedError

    def read(self, rows: Sequence[int]) -> Iterator[Any]:
        """The examples of some rows, in order."""
        names: list[str] = self._names.take(pa.array(rows, pa.int64())).to_pylist()
        return self.made(rows, names, self._source.read_many(names))

    def made(self, rows: Sequence[int], names: Sequence[str], files: Iterator[bytes]) -> Iterator[Any]:
        """The examples of some rows whose files were read."""
        if self._decode:
            return map(self._example, rows, names, files)
        records = to_dicts(_rows_of(self._shared.table, rows))
        items = zip(names, files, records, strict=True)
        return items if self._transform is None else starmap(self._transform, items)

    def _example(self, row: int, name: str, data: bytes) -> Any:
        try:
            pixels = read_pixels(data, self._colour)
        except FormatError as error:
            raise FormatError(f"{name}: {error}") from error
        # A view: turning the pixels around takes as long as decoding them, and models take either layout.
        image: Any = torch.from_numpy(np.require(pixels, requirements=["C", "W"])).permute(2, 0, 1)
        target = self._target(row, name, *pixels.shape[:2])
        vision = _tv_tensors()
        if vision is not None:
            image = vision.Image(image)
        return (image, target) if self._transform is None else self._transform(image, target)

    def _target(self, row: int, name: str, height: int, width: int) -> dict[str, Any]:
        target: dict[str, Any] = {"name": name, "row": row}
        columns = self._columns
        vision = _tv_tensors()
        if "caption" in columns:
            target["caption"] = columns["caption"][row].as_py()
        if "classes" in columns:
            target["classes"] = torch.from_numpy(columns["classes"].row(row))
        if "boxes" in columns:
            boxes = torch.from_numpy(columns["boxes"].row(row))
            if vision is not None:
                boxes = vision.BoundingBoxes(boxes, format="XYXY", canvas_size=(height, width))
            target["boxes"] = boxes
            target["labels"] = torch.from_numpy(columns["labels"].row(row))
        for key in _NUMBERS:
            if key in columns:
                target[key] = torch.from_numpy(columns[key].row(row))
        if "segmentation" in columns:
            masks = torch.from_numpy(self._masks(columns["segmentation"][row].as_py(), name, height, width))
            target["masks"] = masks if vision is None else vision.Mask(masks)
        return target

    def _masks(self, outlines: Sequence[Any], name: str, height: int, width: int) -> "np.ndarray[Any, Any]":
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

    @cached_property
    def names_digest(self) -> str:
        """What tells these images from others, and their order from another: the SHA-256 of their names."""
        return sha256("\0".join(self._names_in_order().to_pylist()).encode()).hexdigest()

    def _names_in_order(self) -> pa.Array:
        """The names in the order that `order` shuffles."""
        return self._names

    @property
    def _names(self) -> pa.Array:
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


@lru_cache
def _tv_tensors() -> Any:
    """Torchvision's tensors; nothing where it is not there, or fits no torch that is."""
    try:
        return import_module("torchvision.tv_tensors")
    except (ImportError, RuntimeError):
        return None
