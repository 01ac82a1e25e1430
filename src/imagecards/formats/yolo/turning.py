"""Images that are turned when they are shown: objects in the pixels of the file, and in those of the image as shown.

YOLO's fractions are of the image as it is loaded, and those who train on them load it with OpenCV, which turns it as
its EXIF says. Records have the pixels as they are stored.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from imagecards.geometry import Runs, mask_to_runs, runs_from_coco, runs_to_coco, runs_to_mask

# of columns and of rows, for the orientations 1 to 4, and 5 to 8 once rows and columns are exchanged
_FLIPS = ((False, False), (True, False), (True, True), (False, True))


def shown_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of an image as it is shown; and of the stored one, given that which is shown.

    Example:
        >>> shown_size((640, 480), 6)
        (480, 640)
    """
    return (size[1], size[0]) if orientation > 4 else size


def inverse(orientation: int) -> int:
    """The orientation that undoes one.

    Example:
        >>> [inverse(each) for each in range(1, 9)]
        [1, 2, 3, 4, 5, 8, 7, 6]
    """
    return {6: 8, 8: 6}.get(orientation, orientation)


def turned(entry: Mapping[str, Any], size: tuple[int, int], orientation: int) -> dict[str, Any]:
    """An object of a stored image as an object of the image that is shown.

    Args:
        entry: Its ``bbox``, and ``segmentation`` where it has one.
        size: Width and height of the stored image.
        orientation: As `imagecards.images.orientation` tells it.

    Example:
        >>> turned({"bbox": [1, 2, 3, 4]}, (10, 8), 6)["bbox"]
        [2.0, 1.0, 4.0, 3.0]
    """
    x, y, w, h = entry["bbox"]
    ends = _points(np.array([[x, y], [x + w, y + h]], float), size, orientation)
    low = ends.min(axis=0)
    sides = [h, w] if orientation > 4 else [w, h]
    found = {**entry, "bbox": [*low.tolist(), *map(float, sides)]}
    outline = entry.get("segmentation")
    if isinstance(outline, Mapping):
        found["segmentation"] = runs_to_coco(_mask(runs_from_coco(outline), orientation))
    elif outline:
        points = (np.array(polygon, float).reshape(-1, 2) for polygon in outline)
        found["segmentation"] = [_points(each, size, orientation).ravel().tolist() for each in points]
    return found


def turned_column(objects: pa.ListArray, sizes: Any, orientations: list[int]) -> tuple[pa.ListArray, Any]:
    """The objects of some stored images as objects of those that are shown.

    Args:
        objects: A list for each image.
        sizes: Width and height of each, shape (n, 2).
        orientations: That of each.

    Returns:
        The objects, and the sizes of what is shown.
    """
    if not any(orientation > 1 for orientation in orientations):
        return objects, sizes
    lists, sizes = objects.to_pylist(), sizes.copy()
    for row, orientation in enumerate(orientations):
        if orientation > 1:
            width, height = map(int, sizes[row].tolist())
            entries = lists[row] or ()
            lists[row] = lists[row] and [_as_row(_as_entry(each), (width, height), orientation) for each in entries]
            sizes[row] = shown_size((width, height), orientation)
    return pa.array(lists, objects.type), sizes


def _as_entry(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a table of objects as records have it."""
    outline = row.get("segmentation")
    if outline is None:
        return {**row}
    counts = outline["counts"] if outline["counts"] is not None else outline["runs"]
    polygons = outline["polygons"]
    return {**row, "segmentation": {"size": outline["size"], "counts": counts} if outline["size"] else polygons}


def _as_row(entry: dict[str, Any], size: tuple[int, int], orientation: int) -> dict[str, Any]:
    found = turned(entry, size, orientation)
    outline = found.get("segmentation")
    if isinstance(outline, Mapping):
        found["segmentation"] = {"polygons": None, "runs": None, **outline}
    elif outline is not None:
        found["segmentation"] = {"polygons": outline, "size": None, "counts": None, "runs": None}
    return found


def _points(points: Any, size: tuple[int, int], orientation: int) -> Any:
    """Points of a stored image, shape (n, 2), where they are in the one that is shown."""
    if orientation > 4:
        points = points[:, ::-1]
    flips = _FLIPS[(orientation - 1) % 4]
    return np.where(flips, np.array(shown_size(size, orientation)) - points, points)


def _mask(runs: Runs, orientation: int) -> Runs:
    mask = runs_to_mask(runs)
    if orientation > 4:
        mask = mask.T
    columns, rows = _FLIPS[(orientation - 1) % 4]
    return mask_to_runs(np.ascontiguousarray(mask[:: -1 if rows else 1, :: -1 if columns else 1]))
