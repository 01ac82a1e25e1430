"""Whether outlines and encodings fit their images: checked before anything draws them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.errors import FormatError
from imagecards.geometry import POLYGON_RULES, check_polygons, runs_from_coco, runs_from_coco_many
from imagecards.records import shown

_SAYS = {
    "polygon-odd-length": "a polygon is a list of x and y in turn, this one has an odd number of them",
    "polygon-too-short": "a polygon has three points or more",
    "polygon-not-finite": "a coordinate is not a finite number",
    "polygon-outside": "the polygon lies outside of the image",
}

_BATCH = 4096


class Unsound(NamedTuple):
    """An object whose outline or encoding is wrong: its row, its place in the row, and what is wrong."""

    row: int
    place: int
    rule: str
    message: str
    value: str


def unsound_outlines(table: pa.Table) -> Iterator[Unsound]:
    """Find objects whose segmentation can't be drawn into their image.

    Args:
        table: One row an image: ``objects``, and ``width`` and ``height``, null where not known.
    """
    objects = table["objects"].combine_chunks()
    if objects.type.value_type.get_field_index("segmentation") < 0 or not len(objects):
        return
    rows = pc.list_parent_indices(objects).to_numpy().astype(np.int64)
    firsts = np.searchsorted(rows, np.arange(table.num_rows))
    outlines = pc.struct_field(pc.list_flatten(objects), "segmentation")
    widths, heights = (table[side].to_numpy().astype(float)[rows] for side in ("width", "height"))
    found = [*_polygons(outlines, widths, heights), *_encodings(outlines, widths, heights)]
    for place, rule, message, value in sorted(found):
        row = int(rows[place])
        yield Unsound(row, place - int(firsts[row]), rule, message, value)


def _polygons(outlines: pa.StructArray, widths: np.ndarray, heights: np.ndarray) -> Iterator[tuple[int, str, str, str]]:
    lists = pc.struct_field(outlines, "polygons")
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    polygons = pc.list_flatten(lists)
    lengths = pc.fill_null(pc.list_value_length(polygons), 0).to_numpy()
    offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))
    flat = pc.list_flatten(polygons).to_numpy(zero_copy_only=False)
    rules = check_polygons(flat, offsets, widths[owners], heights[owners])
    for number in np.flatnonzero(rules):
        rule = POLYGON_RULES[rules[number]]
        value = flat[offsets[number] : offsets[number + 1]][:8].tolist()
        yield int(owners[number]), rule, _SAYS.get(rule, rule), shown(value)


def _encodings(
    outlines: pa.StructArray, widths: np.ndarray, heights: np.ndarray
) -> Iterator[tuple[int, str, str, str]]:
    encoded = np.flatnonzero(pc.is_valid(pc.struct_field(outlines, "size")).to_numpy(zero_copy_only=False))
    for start in range(0, len(encoded), _BATCH):
        places = encoded[start : start + _BATCH]
        rles = [_coco(outline) for outline in outlines.take(pa.array(places)).to_pylist()]
        try:
            sizes: list[tuple[int, int] | FormatError] = [runs.size for runs in runs_from_coco_many(rles)]
        except FormatError:
            sizes = [_size_or_error(rle) for rle in rles]
        for place, rle, size in zip(places.tolist(), rles, sizes, strict=True):
            if isinstance(size, FormatError):
                yield place, "bad-rle", str(size), shown(rle["size"])
            elif np.isfinite(widths[place]) and size != (int(heights[place]), int(widths[place])):
                said = f"{size[1]} x {size[0]}, and the image has {int(widths[place])} x {int(heights[place])}"
                yield place, "rle-size", f"the mask has {said} pixels", shown(rle["size"])


def _coco(outline: dict[str, Any]) -> dict[str, Any]:
    """A run-length encoding as COCO has it."""
    counts = outline["counts"] if outline["counts"] is not None else outline["runs"]
    return {"size": outline["size"], "counts": counts}


def _size_or_error(rle: dict[str, Any]) -> tuple[int, int] | FormatError:
    try:
        return runs_from_coco(rle).size
    except FormatError as error:
        return error
