"""The outline of an object as any format needs it: as runs of a mask, whatever it was given as."""

from collections.abc import Mapping
from typing import Any

from imagecards.geometry import Runs, polygons_to_runs, runs_of, runs_of_many

__all__ = ["mask_of_object", "runs_of", "runs_of_many"]


def mask_of_object(entry: Mapping[str, Any], height: int, width: int) -> Runs:
    """The pixels of an object: of its segmentation, or of its box where it has none."""
    segmentation = entry.get("segmentation")
    if segmentation is not None:
        return runs_of(segmentation, height, width)
    x, y, w, h = entry["bbox"]
    return polygons_to_runs([[x, y, x + w, y, x + w, y + h, x, y + h]], height, width)
