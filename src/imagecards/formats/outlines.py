"""The outline of an object as any format needs it: as runs of a mask, whatever it was given as."""

from collections.abc import Mapping
from typing import Any

from imagecards.errors import FormatError
from imagecards.geometry import Runs, polygons_to_runs, runs_from_coco


def runs_of(segmentation: Any, height: int, width: int) -> Runs:
    """The pixels of a segmentation, polygons or COCO's run lengths.

    Args:
        segmentation: As records have it.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        FormatError: It can't be drawn into such an image.
    """
    if not isinstance(segmentation, Mapping):
        return polygons_to_runs(segmentation, height, width)
    runs = runs_from_coco(segmentation)
    if runs.size != (height, width):
        raise FormatError(f"a mask of {runs.size[1]} x {runs.size[0]} pixels is none of an image of {width} x {height}")
    return runs


def mask_of_object(entry: Mapping[str, Any], height: int, width: int) -> Runs:
    """The pixels of an object: of its segmentation, or of its box where it has none."""
    segmentation = entry.get("segmentation")
    if segmentation is not None:
        return runs_of(segmentation, height, width)
    x, y, w, h = entry["bbox"]
    return polygons_to_runs([[x, y, x + w, y, x + w, y + h, x, y + h]], height, width)
