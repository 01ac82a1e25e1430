"""What a contact sheet shows of a dataset."""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from imagecards.datasets.source import Source
from imagecards.errors import FormatError, InvalidInputError
from imagecards.geometry import Runs, runs_of
from imagecards.images import Picture, read_picture
from imagecards.records.schema import to_dicts
from imagecards.sheets import Drawn, Panel


def panels_of(source: Source, table: pa.Table, count: int) -> list[Panel]:
    """Some images of a dataset, at equal distances from each other.

    An image that can't be decoded, and an outline that can't be drawn, don't keep the others from being seen.

    Args:
        source: Where the images are read from.
        table: The records.
        count: How many images, at most.

    Raises:
        InvalidInputError: There are no images, or none are wanted.
    """
    if count < 1 or not table.num_rows:
        raise InvalidInputError("there is nothing to show: name a dataset with images, and how many from 1")
    shown = min(count, table.num_rows)
    rows = table.take(pa.array([number * table.num_rows // shown for number in range(shown)]))
    records = list(to_dicts(rows))
    files = source.read_many([record["file_name"] for record in records])
    return [_panel(record, data) for record, data in zip(records, files, strict=True)]


def _panel(record: Mapping[str, Any], data: bytes) -> Panel:
    picture: Picture | str
    try:
        picture = read_picture(data)
    except FormatError as error:
        picture = f"can't be shown: {error}"
    objects = [] if isinstance(picture, str) else list(_objects(record.get("objects") or {}, *picture.pixels.shape[:2]))
    classes = [str(each) for each in record.get("categories") or ()]
    return Panel(record["file_name"], picture, objects, classes, record.get("caption") or "")


def _objects(objects: Mapping[str, Any], height: int, width: int) -> Iterator[Drawn]:
    boxes = objects.get("bbox") or ()
    outlines = objects.get("segmentation") or [None] * len(boxes)
    for box, category, outline in zip(boxes, objects.get("categories") or (), outlines, strict=True):
        yield Drawn(str(category), tuple(box), _mask(outline, height, width))


def _mask(outline: Any, height: int, width: int) -> Runs | None:
    try:
        return None if outline is None else runs_of(outline, height, width)
    except FormatError:
        return None
