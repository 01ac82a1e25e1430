"""What a person wants to know of a dataset before opening it: counts."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

import pyarrow as pa
import pyarrow.compute as pc

MOST_CATEGORIES = 1000
"""How many categories a summary lists."""


class Summary(TypedDict):
    """Counts of an image dataset.

    Attributes:
        images: How many images.
        annotated: How many of them have a caption, categories, objects or other fields of their own; an empty
            list counts, since it says that there is nothing.
        objects: How many boxes, in all images.
        bytes: The size of all image files together.
        categories: The most frequent categories, each with how often an image or an object has it; the most
            frequent first, at most `MOST_CATEGORIES`.
        category_count: How many different categories there are, where that is more than are listed; else 0.
        formats: How many images of each file format.
        modes: How many images of each pixel type.
        width: The smallest and the largest width, in pixels; ``None`` without images.
        height: The smallest and the largest height, in pixels; ``None`` without images.
        splits: How many images each split has.
    """

    images: int
    annotated: int
    objects: int
    bytes: int
    categories: tuple[tuple[int | str, int], ...]
    category_count: int
    formats: dict[str, int]
    modes: dict[str, int]
    width: tuple[int, int] | None
    height: tuple[int, int] | None
    splits: dict[str, int]


def summarize(table: pa.Table, splits: Mapping[str, Sequence[str]]) -> Summary:
    """Count what is in a dataset.

    Args:
        table: One row an image: its annotations, and the columns of `imagecards.datasets.FILE_FACTS`.
        splits: The file names of each split.
    """
    counted = _count_categories(table)
    return {
        "images": table.num_rows,
        "annotated": _count_annotated(table),
        "objects": pc.sum(pc.list_value_length(table["objects"])).as_py() or 0,
        "bytes": pc.sum(table["size"]).as_py() or 0,
        "categories": counted[:MOST_CATEGORIES],
        "category_count": len(counted) if len(counted) > MOST_CATEGORIES else 0,
        "formats": _count(table["format"]),
        "modes": _count(table["mode"]),
        "width": _range(table["width"]),
        "height": _range(table["height"]),
        "splits": {name: len(splits[name]) for name in sorted(splits)},
    }


def _count_annotated(table: pa.Table) -> int:
    columns = [name for name in ("caption", "categories", "objects", "extra") if name in table.column_names]
    annotated = pa.scalar(False)
    for name in columns:
        annotated = pc.or_(annotated, table[name].is_valid())
    return pc.sum(annotated).as_py() or 0 if table.num_rows else 0


def _count_categories(table: pa.Table) -> tuple[tuple[int | str, int], ...]:
    objects = pc.list_flatten(table["objects"])
    columns = [pc.list_flatten(table["categories"]), pc.struct_field(objects, "category")]
    chunks = [chunk for column in columns for chunk in column.chunks if len(chunk)]
    if not chunks:
        return ()
    pairs = pc.value_counts(pa.chunked_array(chunks).drop_null()).to_pylist()
    return tuple(sorted(((pair["values"], pair["counts"]) for pair in pairs), key=lambda pair: (-pair[1], pair[0])))


def _count(column: pa.ChunkedArray) -> dict[str, int]:
    pairs = pc.value_counts(column.drop_null()).to_pylist()
    return dict(sorted((pair["values"], pair["counts"]) for pair in pairs))


def _range(column: pa.ChunkedArray) -> tuple[int, int] | None:
    limits = pc.min_max(column).as_py()
    return None if limits["min"] is None else (limits["min"], limits["max"])
