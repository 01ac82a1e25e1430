"""The outline of an object as records have it, polygons or COCO's run lengths, as runs of a mask."""

from collections.abc import Mapping, Sequence
from typing import Any

from imagecards.errors import FormatError
from imagecards.geometry.polygons import polygons_to_runs, polygons_to_runs_many
from imagecards.geometry.rle import runs_from_coco, runs_from_coco_many
from imagecards.geometry.runs import Runs


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


def runs_of_many(segmentations: Sequence[Any], sizes: Sequence[tuple[int, int]]) -> list[Runs]:
    """The pixels of many segmentations, several times as fast as one by one.

    Args:
        segmentations: As records have them.
        sizes: Height and width of the image of each, in pixels.

    Raises:
        FormatError: As for `runs_of`, of one of them.
    """
    encoded = [number for number, each in enumerate(segmentations) if isinstance(each, Mapping)]
    drawn = [number for number, each in enumerate(segmentations) if not isinstance(each, Mapping)]
    runs: dict[int, Runs] = dict(zip(encoded, runs_from_coco_many([segmentations[i] for i in encoded]), strict=True))
    for number in encoded:
        if runs[number].size != sizes[number]:
            runs_of(segmentations[number], *sizes[number])  # says what is wrong
    sides = ([sizes[number][side] for number in drawn] for side in (0, 1))
    runs.update(zip(drawn, polygons_to_runs_many([segmentations[number] for number in drawn], *sides), strict=True))
    return [runs[number] for number in range(len(segmentations))]
