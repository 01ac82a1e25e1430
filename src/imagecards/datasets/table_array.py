"""Numpy arrays as datasets, kept as ``.npy`` files and never pickled."""

import ast
import hashlib
import io
import math
from typing import Any

import numpy as np
import pyarrow as pa

from imagecards.datasets.table_digest import one_nan
from imagecards.datasets.table_kind import Container, TableKind
from imagecards.digests import canonical_json, digest
from imagecards.errors import IntegrityError, InvalidInputError

Array = np.ndarray[Any, Any]

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 16  # Python's parser takes hundreds of times as much memory as the text
_MOST_COLUMNS = 100_000
_KINDS = "biufcmMSUV"


class NumpyTables(TableKind[Array]):
    """Numpy arrays of any shape: dtype, byte order, structure and Fortran order come back."""

    name: Container = "numpy"

    def encode(self, data: Array) -> bytes:
        """The bytes of an npy file; refuses Python objects and what has no portable bytes."""
        _check(data)
        sink = io.BytesIO()
        try:
            np.lib.format.write_array(sink, data, version=(1, 0), allow_pickle=False)
        except ValueError:  # the header is longer than version 1 allows, or a field's name is not Latin-1
            sink = io.BytesIO()
            np.lib.format.write_array(sink, data, version=(3, 0), allow_pickle=False)
        encoded = sink.getvalue()
        try:
            _header(encoded)
        except ValueError as error:
            message = f"an array of {len(data.dtype.names or ()):,} fields can't be kept ({error})"
            raise InvalidInputError(f"{message}: give it as a polars.DataFrame, or as an array of one dtype") from error
        after = self.parse(encoded, "the array")
        if after.dtype != data.dtype or after.shape != data.shape or self.digest(after) != self.digest(data):
            message = f"an array of dtype {data.dtype} can't be kept without loss: it comes back as {after.dtype}"
            raise InvalidInputError(f"{message}; give a dtype of plain fields")
        return encoded

    def parse(self, data: bytes, place: str) -> Array:
        """The array that a file holds; an `IntegrityError` names ``place``."""
        try:
            start, header = _header(data)
            dtype = np.lib.format.descr_to_dtype(header["descr"])
            shape, is_fortran = header["shape"], header["fortran_order"]
            if not all(type(length) is int and length >= 0 for length in shape) or type(is_fortran) is not bool:
                raise ValueError("its shape is none")
            fault = _fault(dtype)
            if fault is not None:
                raise ValueError(fault)
            size = math.prod(shape) * dtype.itemsize
            if size != len(data) - start:
                raise ValueError(f"it states {size:,} bytes of values and has {len(data) - start:,}")
            flat = np.frombuffer(data, dtype, offset=start) if size else np.empty(math.prod(shape), dtype)
            return np.array(flat.reshape(shape, order="F" if is_fortran else "C"), order="K")
        except (ValueError, TypeError, KeyError, SyntaxError, RecursionError, MemoryError) as error:
            message = f"{place} can't be read as an array ({error}): restore the file from a copy"
            raise IntegrityError(message, place) from error

    def unwrap(self, parsed: Array, place: str) -> Array:
        """The array itself."""
        return parsed

    def digest_parsed(self, parsed: Array) -> str:
        """The digest of the array."""
        return self.digest(parsed)

    def digest(self, data: Array) -> str:
        """The digest of dtype (byte order included), shape, and values in C order; padding does not count."""
        _check(data)
        sha = hashlib.sha256()
        _feed(sha, data)
        dtype = np.lib.format.dtype_to_descr(data.dtype)
        facts = {"dtype": dtype, "shape": list(data.shape), "sha256": sha.hexdigest()}
        return digest(canonical_json({"container": self.name, "facts": facts}))

    def columns(self, data: Array) -> list[tuple[str, str]]:
        """Name and dtype of each field, or of the values with the shape of one row."""
        if data.dtype.names is not None:
            return [(name, str(data.dtype[name])) for name in data.dtype.names]
        row = "".join(f"[{length}]" for length in data.shape[1:])
        return [("values", f"{data.dtype}{row}")]

    def rows(self, data: Array) -> int:
        """The length of the first axis; a number by itself is one row."""
        return int(data.shape[0]) if data.ndim else 1

    def to_arrow(self, data: Array) -> pa.Table:
        """A column for each field, or for each column of a matrix; refuses arrays of three and more axes."""
        if data.dtype.names is not None and data.ndim == 1:
            parts = {name: data[name] for name in data.dtype.names}
        elif data.dtype.names is None and data.ndim == 1:
            parts = {"values": data}
        elif data.dtype.names is None and data.ndim == 2 and data.shape[1] <= _MOST_COLUMNS:
            parts = {f"column_{index}": data[:, index] for index in range(data.shape[1])}
        else:
            raise InvalidInputError(
                f"an array of shape {data.shape} is no table: take the array itself with .to_numpy()"
            )
        try:
            return pa.table({name: pa.array(part.astype(part.dtype.newbyteorder("="))) for name, part in parts.items()})
        except (pa.ArrowException, TypeError, ValueError) as error:
            message = f"an array of dtype {data.dtype} has no Arrow form ({error}): take it with .to_numpy()"
            raise InvalidInputError(message) from error


def _check(array: Array) -> None:
    if type(array) is not np.ndarray:
        message = f"a numpy {type(array).__name__} is more than an array, and its extras would be lost"
        raise InvalidInputError(f"{message}: give np.asarray(data), or a masked array as .filled() and its mask")
    fault = _fault(array.dtype)
    if fault is not None:
        raise InvalidInputError(f"an array of dtype {array.dtype} can't be kept without loss: {fault}")


def _feed(sha: Any, array: Array) -> None:
    if array.dtype.names is not None:
        for name in array.dtype.names:
            _feed(sha, array[name])
    elif array.dtype.itemsize and array.size:
        flat = np.ascontiguousarray(array).reshape(-1)
        if flat.dtype.kind == "c":
            flat = flat.view(flat.real.dtype)
        sha.update((one_nan(flat) if flat.dtype.kind == "f" else flat).view(np.uint8))


def _fault(dtype: "np.dtype[Any]") -> str | None:
    if dtype.itemsize == 0:
        # any number of values, and hours of work, would take no bytes in the file
        return "its values, or those of a field, take no bytes; give a dtype whose fields all have a size"
    if dtype.subdtype is not None:
        return _fault(dtype.subdtype[0])
    if dtype.names is not None:
        return next(filter(None, (_fault(dtype[name]) for name in dtype.names)), None)
    if dtype.kind == "O":
        return "its Python objects would have to be pickled; give numbers or texts of one kind"
    if dtype.kind not in _KINDS:
        return "the npy format has no such values; give text as dtype 'U'"
    if dtype.kind in "fc" and dtype.itemsize > (8 if dtype.kind == "f" else 16):
        return "its size differs between machines; give float64 or complex128"
    if dtype.metadata:
        return "its metadata would be lost; give a dtype without"
    return None


def _header(data: bytes) -> tuple[int, dict[str, Any]]:
    """Where the values begin and what they are; parsed here, because numpy warns of files that it wrote."""
    version = tuple(data[6:8])
    if data[:6] != _MAGIC or version not in ((1, 0), (2, 0), (3, 0)):
        raise ValueError("it does not begin as an npy file")
    first = 10 if version == (1, 0) else 12
    length = int.from_bytes(data[8:first], "little")
    if length > _LONGEST_HEADER or first + length > len(data):
        raise ValueError("its header is longer than it can be")
    text = data[first : first + length].decode("utf-8" if version == (3, 0) else "latin-1")
    header = ast.literal_eval(text.strip())
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise ValueError("its header is none")
    return first + length, header
