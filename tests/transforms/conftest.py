"""Datasets of images in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

from imagecards.datasets import ImageDataset
from imagecards.errors import NotFoundError
from imagecards.records import ImageMetadata

Make = Callable[..., ImageDataset]


class MemorySource:
    """Images in memory; remembers which were read."""

    def __init__(self, images: Mapping[str, bytes]) -> None:
        self.images = dict(images)
        self.reads: list[str] = []

    def read(self, name: str) -> bytes:
        self.reads.append(name)
        if name not in self.images:
            raise NotFoundError(name)
        return self.images[name]

    def read_many(self, names: Sequence[str]) -> Iterator[bytes]:
        return map(self.read, names)

    def close(self) -> None: ...


@pytest.fixture(scope="session")
def png() -> Callable[..., bytes]:
    """The bytes of a grey PNG: ``png(8, 6)``."""

    def png(width: int = 8, height: int = 6, colour: int = 0) -> bytes:
        Image.new("L", (width, height), colour).save(target := BytesIO(), "PNG")
        return target.getvalue()

    return png


@pytest.fixture(scope="session")
def make() -> Make:
    """A dataset of records: ``make([{"file_name": ...}], attributes={...}, size=(8, 6), images={...})``."""

    def make(
        records: Sequence[Mapping[str, Any]],
        *,
        attributes: Mapping[str, Any] | None = None,
        splits: Mapping[str, Sequence[str]] | None = None,
        size: tuple[int, int] | None = (8, 6),
        images: Mapping[str, bytes] | None = None,
    ) -> ImageDataset:
        given: list[Any] = [dict(record) for record in records]
        table = ImageMetadata(records=given).table
        if size is not None:
            for side, pixels in zip(("width", "height"), size, strict=True):
                table = table.append_column(side, pa.array([pixels] * table.num_rows, pa.int32()))
        return ImageDataset.from_source(MemorySource(images or {}), table, splits, attributes=attributes)

    return make


@pytest.fixture(scope="session")
def objects() -> Callable[..., dict[str, Any]]:
    """The objects of a record: ``objects([("cat", [0, 0, 2, 2])], id=[7])``."""

    def objects(entries: Sequence[tuple[str | int, Sequence[float]]], **fields: Any) -> dict[str, Any]:
        return {"bbox": [list(box) for _, box in entries], "categories": [name for name, _ in entries], **fields}

    return objects
