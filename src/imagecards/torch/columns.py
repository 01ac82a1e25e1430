"""The annotations that a training loop needs, as columns that its worker processes share."""

import mmap
import os
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.errors import InvalidInputError, StorageError
from imagecards.records.schema import KNOWN_FIELDS

Class = str | int


class SharedTable:
    """A table that the worker processes of a loader read in place.

    A forked worker has it anyway. For one that is spawned it is written to a temporary file, once, which every worker
    maps into its memory. The file has no name, so it goes with the last process that has it, however that ends.

    Args:
        table: The table.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._file: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if get_spawning_popen() is None:
            return SharedTable, (self.table,)
        if self._file is None:
            self._file = _write(self.table)
            weakref.finalize(self, os.close, self._file)
        return _mapped, (DupFd(self._file),)


def _write(table: pa.Table) -> int:
    descriptor, path = tempfile.mkstemp(prefix="imagecards-", suffix=".arrow")
    try:
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    except OSError as error:
        os.close(descriptor)
        message = f"{path}, what worker processes share, can't be written ({error}): free space, or set TMPDIR"
        raise StorageError(message) from error
    finally:
        Path(path).unlink()
    return descriptor


def _mapped(file: Any) -> SharedTable:
    descriptor = file.detach()
    try:
        mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    return SharedTable(pa.ipc.open_file(pa.py_buffer(mapped)).read_all())


def record_columns(table: pa.Table) -> pa.Table:
    """The columns that records are made of, each in one piece."""
    names = [name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names]
    return table.select(names).combine_chunks()


def target_columns(table: pa.Table, classes: Sequence[Class], *, masks: bool) -> pa.Table:
    """What targets are made of, one row an image.

    Args:
        table: Records, as `imagecards.records.schema` describes them.
        classes: What labels count.
        masks: Whether the outlines of objects are wanted.

    Returns:
        ``file_name``; ``caption`` where any image has one; ``classes`` (lists of places in ``classes``) where any image
        is of a class; and where any has objects the lists ``boxes`` (four numbers each: left, top, right, bottom),
        ``labels``, ``area``, ``iscrowd`` and ``segmentation``.

    Raises:
        InvalidInputError: Something is of a class that is not among them, or masks are wanted and there are none.
    """
    columns = {"file_name": table["file_name"].combine_chunks()}
    if table["caption"].null_count < len(table):
        columns["caption"] = table["caption"].combine_chunks()
    kinds = table["categories"].combine_chunks()
    if kinds.null_count < len(kinds):
        columns["classes"] = _lists(kinds, _numbered(kinds.flatten(), classes))
    objects = table["objects"].combine_chunks()
    if objects.null_count == len(objects):
        if masks:
            raise InvalidInputError("there are no objects, so there are no masks: leave masks=True out")
        return pa.table(columns)
    entries = objects.flatten()
    boxes = pc.struct_field(entries, "bbox").flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
    columns["boxes"] = _lists(objects, pa.FixedSizeListArray.from_arrays(pa.array(corners.ravel()), 4))
    columns["labels"] = _lists(objects, _numbered(pc.struct_field(entries, "category"), classes))
    for name in ("area", "iscrowd"):
        if entries.type.get_field_index(name) >= 0:
            columns[name] = _lists(objects, pc.fill_null(pc.struct_field(entries, name), 0))
    if masks:
        if entries.type.get_field_index("segmentation") < 0:
            raise InvalidInputError("the objects have no segmentation, so there are no masks: leave masks=True out")
        columns["segmentation"] = _lists(objects, pc.struct_field(entries, "segmentation"))
    return pa.table(columns)


def found_classes(table: pa.Table, attributes: Mapping[str, Any]) -> tuple[Class, ...]:
    """The classes of a dataset in the order in which labels count them.

    Args:
        table: Its records.
        attributes: What is said of it as a whole: the order of its ``categories`` holds where they are all classes.

    Returns:
        Sorted, where nothing is said of them.
    """
    entries = table["objects"].combine_chunks().flatten()
    used = set(pc.unique(pc.struct_field(entries, "category")).to_pylist())
    used |= set(pc.unique(table["categories"].combine_chunks().flatten()).to_pylist())
    used.discard(None)
    said = attributes.get("categories") or ()
    for key in ("name", "id"):
        listed: list[Any] = [each.get(key) for each in said if isinstance(each, Mapping)] if said else []
        if used and used <= set(listed) and len(set(listed)) == len(listed):
            return tuple(listed)
    return tuple(sorted(used))


def _numbered(values: pa.Array, classes: Sequence[Class]) -> pa.Array:
    try:
        places = pc.index_in(values, value_set=pa.array(classes, values.type))
    except (pa.ArrowException, TypeError):
        raise InvalidInputError(f"classes are {values.type}, like those of the records, not {classes!r:.80}") from None
    if places.null_count:
        unknown = values.filter(places.is_null())[0].as_py()
        raise InvalidInputError(f"{unknown!r} is none of the classes {tuple(classes)!r:.80}: give all that there are")
    return places.cast(pa.int64())


def _lists(lists: pa.ListArray, values: pa.Array) -> pa.ListArray:
    """Lists as long as others, of other values; a null is an empty one."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], lengths.cumsum()]), pa.int32()), values)


class Lists:
    """A column of lists of numbers, read without making Python numbers.

    Args:
        column: The column, in one piece.
    """

    def __init__(self, column: pa.ListArray) -> None:
        self._offsets = column.offsets.to_numpy()
        values = column.values
        wide = pa.types.is_fixed_size_list(values.type)
        flat = (values.flatten() if wide else values).to_numpy(zero_copy_only=True)
        self._values: NDArray[Any] = flat.reshape(-1, values.type.list_size) if wide else flat

    def take(self, rows: NDArray[np.int64]) -> list[NDArray[Any]]:
        """Copies of the lists of some rows."""
        begins, ends = self._offsets[rows].tolist(), self._offsets[rows + 1].tolist()
        return [self._values[begin:end].copy() for begin, end in zip(begins, ends, strict=True)]
