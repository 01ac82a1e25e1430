"""The outlines of objects, drawn: as runs of masks, some thousands at a time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from imagecards.datasets import ImageDataset
from imagecards.errors import FormatError, InvalidMetadataError
from imagecards.geometry import Runs, edge_polygons_many, encode_counts, runs_of, runs_of_many
from imagecards.records import Issue, shown
from imagecards.transforms.columns import flat
from imagecards.transforms.sizes import image_sizes

_BATCH = 4096


def areas_of(dataset: ImageDataset, step: str) -> NDArray[np.float64]:
    """The area of each object of a dataset, in pixels.

    Of an object with an outline it is the number of pixels of its mask, filled as pycocotools fills it within the
    image; of any other, the width of its box times the height. What the records say in ``area`` is not asked.

    Args:
        dataset: The dataset.
        step: The step that asks, for messages.

    Returns:
        float64, one number an object, in the order of the images and of their objects.

    Raises:
        InvalidMetadataError: An outline can't be drawn into its image.
    """
    found = flat(dataset.table, "objects")
    boxes = pc.list_flatten(pc.struct_field(found.entries, "bbox")).to_numpy(zero_copy_only=False).reshape(-1, 4)
    areas: NDArray[np.float64] = boxes[:, 2] * boxes[:, 3]
    if found.entries.type.get_field_index("segmentation") < 0:
        return areas
    segmentations = pc.struct_field(found.entries, "segmentation")
    outlined = np.flatnonzero(_has_outline(segmentations))
    drawn = pc.is_valid(pc.struct_field(segmentations, "polygons")).to_numpy(zero_copy_only=False)
    sizes = image_sizes(dataset, step) if drawn[outlined].any() else None
    for start in range(0, outlined.size, _BATCH):
        places = outlined[start : start + _BATCH]
        outlines = list(map(outline_of, segmentations.take(pa.array(places)).to_pylist()))
        rows = found.rows[places]
        try:
            masks = list(_drawn(outlines, None if sizes is None else sizes[rows]))
        except FormatError:
            _tell(dataset, step, outlines, rows, sizes)
            raise
        areas[places] = [runs.counts[1::2].sum() for runs in masks]
    return areas


def outline_of(value: Mapping[str, Any] | None) -> Any:
    """A segmentation as records have it, of a row of its column; ``None`` where there is no outline.

    Example:
        >>> outline_of({"polygons": None, "size": [4, 4], "counts": "52203", "runs": None})
        {'size': [4, 4], 'counts': '52203'}
    """
    if value is None:
        return None
    if value["polygons"] is not None:
        return value["polygons"] or None
    if value["size"] is None:
        return None
    return {"size": value["size"], "counts": value["runs"] if value["counts"] is None else value["counts"]}


def polygons_row(polygons: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Polygons as a row of the column of segmentations."""
    return {"polygons": list(polygons), "size": None, "counts": None, "runs": None}


def trace_all(entries: Iterable[dict[str, Any]]) -> None:
    """Put the polygons from which pycocotools fills exactly a mask in the place of each `Runs` among segmentations."""
    waiting = [entry for entry in entries if isinstance(entry.get("segmentation"), Runs)]
    traced = edge_polygons_many([entry["segmentation"] for entry in waiting])
    for entry, polygons in zip(waiting, traced, strict=True):
        entry["segmentation"] = polygons_row([polygon.ravel().tolist() for polygon in polygons])


def encoded_row(runs: Runs, like: Mapping[str, Any]) -> dict[str, Any]:
    """The run lengths of a mask as a row of the column of segmentations: text or a list, as another row has them."""
    text = like["runs"] is None
    counts, lengths = (encode_counts(runs.counts), None) if text else (None, runs.counts.tolist())
    return {"polygons": None, "size": list(runs.size), "counts": counts, "runs": lengths}


def _has_outline(segmentations: pa.StructArray) -> NDArray[np.bool_]:
    polygons = pc.greater(pc.fill_null(pc.list_value_length(pc.struct_field(segmentations, "polygons")), 0), 0)
    encoded = pc.is_valid(pc.struct_field(segmentations, "size"))
    found: NDArray[np.bool_] = pc.or_(polygons, encoded).to_numpy(zero_copy_only=False).astype(bool)
    return found


def _drawn(outlines: Sequence[Any], sizes: NDArray[np.int64] | None) -> Iterator[Runs]:
    """The masks of outlines; where no size of an image is known, those of encodings are believed."""
    if sizes is None:
        shapes = [(outline["size"][0], outline["size"][1]) for outline in outlines]
    else:
        shapes = [(height, width) for width, height in sizes.tolist()]
    yield from runs_of_many(outlines, shapes)


def _tell(
    dataset: ImageDataset, step: str, outlines: Sequence[Any], rows: NDArray[np.int64], sizes: NDArray[np.int64] | None
) -> None:
    """Say which outline can't be drawn.

    Raises:
        InvalidMetadataError: The first one.
    """
    for outline, row in zip(outlines, rows.tolist(), strict=True):
        try:
            height, width = outline["size"] if sizes is None else sizes[row, ::-1].tolist()
            runs_of(outline, height, width)
        except FormatError as error:
            name = dataset.table["file_name"][row].as_py()
            raise undrawable(step, name, outline, str(error)) from error


def undrawable(step: str, name: str, outline: Any, why: str) -> InvalidMetadataError:
    """The error of an outline that can't be drawn into its image."""
    issue = Issue(name, None, "objects.segmentation", shown(outline), "bad-outline", why)
    return InvalidMetadataError(f"{step}: an outline of {name} can't be drawn: {why}", [issue])
