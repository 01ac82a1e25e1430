"""Datasets of every kind: parts, holes, crowds, empty images, odd names, objects at the border and of one pixel."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from PIL import Image

from imagecards.datasets import ImageDataset
from imagecards.geometry import mask_to_runs, runs_to_coco
from imagecards.records import ImageMetadata, ImageRecord

NAMES = ("a.png", "b c.png", "flöckchen.png", "深/層.png", "x.y.z.png", "1.png")
CATEGORIES = ("cat", "Hund", "深い", "a b", "1")


class DrawnSource:
    """Blank images of given sizes, in memory."""

    def __init__(self, sizes: Mapping[str, tuple[int, int]]) -> None:
        self.sizes = dict(sizes)

    def read(self, name: str) -> bytes:
        Image.new("L", self.sizes[name]).save(file := BytesIO(), "PNG")
        return file.getvalue()

    def read_many(self, names: Sequence[str]) -> Any:
        return map(self.read, names)

    def close(self) -> None:
        pass


def make_dataset(
    records: Sequence[Mapping[str, Any]],
    sizes: Mapping[str, tuple[int, int]],
    splits: Mapping[str, Sequence[str]] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> ImageDataset:
    """A dataset of records (as metadata.jsonl has them) and the (width, height) of each image."""
    metadata = ImageMetadata(records=[ImageRecord(**record) for record in records])
    table = metadata.table
    for side, name in enumerate(("width", "height")):
        column = [sizes[str(record["file_name"])][side] for record in records]
        table = table.append_column(name, pa.array(column, pa.int32()))
    return ImageDataset.from_source(DrawnSource(sizes), table, splits, attributes=attributes)


@st.composite
def masks(draw: st.DrawFn, width: int, height: int) -> np.ndarray:
    """At least one pixel; often several parts, holes, or all of the border."""
    mask = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(1, 3))):
        x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        w, h = draw(st.integers(1, width - x)), draw(st.integers(1, height - y))
        mask[y : y + h, x : x + w] ^= True
    if not mask.any():
        mask[0, 0] = True
    return mask


@st.composite
def objects(draw: st.DrawFn, width: int, height: int, kinds: Sequence[str]) -> dict[str, Any]:
    """One object: ``box``, ``polygons`` (of whole pixels) or ``rle``."""
    kind = draw(st.sampled_from(kinds))
    entry: dict[str, Any] = {"category": draw(st.sampled_from(CATEGORIES))}
    if kind == "rle":
        mask = draw(masks(width, height))
        rows, columns = np.nonzero(mask)
        x, y = int(columns.min()), int(rows.min())
        box = [x, y, int(columns.max()) + 1 - x, int(rows.max()) + 1 - y]
        return entry | {"bbox": [float(v) for v in box], "segmentation": runs_to_coco(mask_to_runs(mask))}
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    w, h = draw(st.integers(1, width - x)), draw(st.integers(1, height - y))
    entry["bbox"] = [float(x), float(y), float(w), float(h)]
    if kind == "polygons":
        entry["segmentation"] = [[float(v) for v in (x, y, x + w, y, x + w, y + h, x, y + h)]]
    return entry


@st.composite
def datasets(
    draw: st.DrawFn, kinds: Sequence[str] = ("box", "polygons", "rle"), splits: Sequence[str] = ("train", "valid")
) -> ImageDataset:
    """A dataset of up to five images, with or without splits."""
    split_up = bool(splits) and draw(st.booleans())
    records: list[dict[str, Any]] = []
    sizes: dict[str, tuple[int, int]] = {}
    members: dict[str, list[str]] = {}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=5)):
        split = draw(st.sampled_from(list(splits))) if split_up else None
        full = f"{split}/{name}" if split else name
        width, height = draw(st.integers(1, 40)), draw(st.integers(1, 30))
        found = draw(st.lists(objects(width, height, kinds), max_size=4))
        fields = list(dict.fromkeys(key for entry in found for key in entry))
        lists = {
            "categories" if key == "category" else key: [entry.get(key) for entry in found]
            for key in fields or ("bbox", "category")
        }
        records.append({"file_name": full, "objects": lists})
        sizes[full] = (width, height)
        if split:
            members.setdefault(split, []).append(full)
    return make_dataset(records, sizes, members)
