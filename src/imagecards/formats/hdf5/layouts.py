"""How examples lie in an HDF5 file: as groups, or packed. No times, and nothing that depends on the machine."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

_ROWS = 1024  # of short columns, in a chunk


class Made(NamedTuple):
    """An example that is to be written.

    Attributes:
        image: Shape (channels, height, width).
        label: See `imagecards.formats.hdf5.labels`.
        file_name: What its image is called in the dataset.
        image_digest: The SHA-256 of the image file.
        record_digest: The digest of the record that the label was made from.
    """

    image: NDArray[Any]
    label: NDArray[Any]
    file_name: str
    image_digest: bytes
    record_digest: bytes


class Extent(NamedTuple):
    """What ``packed`` reserves for each example of a dataset.

    Attributes:
        image: Channels, height and width of the largest.
        dtype: The type of all images.
        label: The shape of the largest label.
        label_dtype: The type of all labels.
        vary: Whether images have several sizes.
        boxes: Whether labels are boxes, which may be fewer.
        name_size: The bytes of the longest file name.
    """

    image: tuple[int, ...]
    dtype: np.dtype[Any]
    label: tuple[int, ...]
    label_dtype: np.dtype[Any]
    vary: bool
    boxes: bool
    name_size: int


class Writer(Protocol):
    """Takes the examples of one file, in order."""

    def add(self, example: Made) -> None:
        """Write the next example."""


class GroupWriter:
    """The original layout: ``example_0``, ``example_1``, ..., each with ``image`` and ``label``, and who they are."""

    version = ("earliest", "v110")
    """The oldest form of each structure: what the original converter writes, and any reader reads."""

    def __init__(self, file: Any, count: int) -> None:
        self._file = file
        self._next = 0
        file.attrs["n_examples"] = np.int64(count)

    def add(self, example: Made) -> None:
        """Write the next example."""
        group = self._file.create_group(f"example_{self._next}")
        for name, values in (("image", example.image), ("label", example.label)):
            group.create_dataset(name, data=values, track_times=False)
        group.attrs["file_name"] = np.bytes_(example.file_name.encode())
        group.attrs["image_digest"] = np.bytes_(f"sha256:{example.image_digest.hex()}")
        group.attrs["record_digest"] = np.bytes_(f"sha256:{example.record_digest.hex()}")
        self._next += 1


class PackedWriter:
    """One dataset each: ``image``, ``label``, ``key`` and both digests. An example is one chunk, with a checksum.

    Where images differ in size, each is in the upper left of the largest, and ``image_size`` has its height and width;
    of boxes, ``label_size`` says how many there are.
    """

    version = ("v110", "v110")
    """Structures that have checksums of their own; HDF5 1.10 and later read them."""

    def __init__(self, file: Any, count: int, extent: Extent, level: int) -> None:
        self._next = 0
        self._extent = extent
        file.attrs["n_examples"] = np.int64(count)
        file.attrs["layout"] = np.bytes_(b"packed")

        def column(name: str, shape: tuple[int, ...], dtype: Any, rows: int = min(count, _ROWS), level: int = 1) -> Any:
            made = {"chunks": (rows, *shape), "fletcher32": True, "track_times": False}
            packed = {"compression": "gzip", "compression_opts": level} if level else {}
            return file.create_dataset(name, (count, *shape), dtype, **made, **packed)

        self._image = column("image", extent.image, extent.dtype, 1, level)
        scalar = extent.label == ()
        self._label = column("label", extent.label, extent.label_dtype, min(count, _ROWS) if scalar else 1)
        self._columns: dict[str, tuple[Any, NDArray[Any]]] = {}
        short: list[tuple[str, tuple[int, ...], Any]] = [
            ("key", (), f"S{extent.name_size}"),
            ("image_digest", (32,), "u1"),
            ("record_digest", (32,), "u1"),
        ]
        short += [("image_size", (2,), "i4")] if extent.vary else []
        short += [("label_size", (), "i4")] if extent.boxes else []
        for name, shape, dtype in short:
            self._columns[name] = column(name, shape, dtype), np.zeros((count, *shape), dtype)

    def add(self, example: Made) -> None:
        """Write the next example; what is short is kept until the last one is there."""
        self._image[self._next] = _padded(example.image, self._extent.image)
        self._label[self._next] = _padded(example.label, self._extent.label)
        row: dict[str, Any] = {
            "key": example.file_name.encode(),
            "image_digest": np.frombuffer(example.image_digest, np.uint8),
            "record_digest": np.frombuffer(example.record_digest, np.uint8),
            "image_size": example.image.shape[1:],
            "label_size": len(example.label) if example.label.ndim else 0,
        }
        for name, (_, values) in self._columns.items():
            values[self._next] = row[name]
        self._next += 1
        if self._next == len(self._image):
            for dataset, values in self._columns.values():
                dataset[...] = values


def _padded(values: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if values.shape == shape:
        return values
    whole = np.zeros(shape, values.dtype)
    whole[tuple(slice(side) for side in values.shape)] = values
    return whole
