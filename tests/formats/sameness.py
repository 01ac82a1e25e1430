"""Whether two datasets say the same, and where not."""

from collections.abc import Mapping
from typing import Any

from imagecards.datasets import ImageDataset
from imagecards.formats import LossReport
from imagecards.formats.outlines import runs_of


def said(dataset: ImageDataset) -> dict[str, dict[str, Any]]:
    """What is said of each image: its record without its name, its objects one by one."""
    found = {}
    for record in dataset.records:
        fields = record.present()
        lists = fields.pop("objects", None)
        if lists is not None:
            keys = list(lists)
            rows = zip(*(lists[key] for key in keys), strict=True)
            fields["objects"] = [
                {key: value for key, value in zip(keys, row, strict=True) if value is not None} for row in rows
            ]
        found[fields.pop("file_name")] = fields
    return found


def same(
    before: ImageDataset, after: ImageDataset, sizes: Mapping[str, tuple[int, int]], *, pixels: bool = False
) -> bool:
    """Whether two datasets say the same of the same images; with ``pixels`` outlines are compared as masks."""
    one, other = said(before), said(after)
    splits = [{split: sorted(names) for split, names in each.splits.items()} for each in (before, after)]
    if set(one) != set(other) or splits[0] != splits[1]:
        return False
    return all(_same_image(one[name], other[name], sizes[name], pixels) for name in one)


def _same_image(one: dict[str, Any], other: dict[str, Any], size: tuple[int, int], pixels: bool) -> bool:
    mine, theirs = one.pop("objects", None), other.pop("objects", None)
    if one != other or (mine is None) != (theirs is None):
        return False
    if mine is None or theirs is None:
        return True
    return len(mine) == len(theirs) and all(
        _same_object(first, second, size, pixels) for first, second in zip(mine, theirs, strict=True)
    )


def _same_object(one: dict[str, Any], other: dict[str, Any], size: tuple[int, int], pixels: bool) -> bool:
    first, second = one.pop("segmentation", None), other.pop("segmentation", None)
    if one != other:
        return False
    if pixels and first is not None and second is not None:
        return runs_of(first, size[1], size[0]) == runs_of(second, size[1], size[0])
    return bool(first == second)


def same_but(
    before: ImageDataset, after: ImageDataset, sizes: Mapping[str, tuple[int, int]], losses: LossReport
) -> bool:
    """Whether two datasets say the same of each image that no loss names; masks may be polygons where one says so."""
    if any(loss.count > len(loss.examples) for loss in losses):
        return True
    touched = {place for loss in losses if loss.rule != "masks-as-polygons" for place in loss.examples}
    one, other = said(before), said(after)
    pixels = "masks-as-polygons" in losses.rules
    return set(one) == set(other) and all(
        _same_image(one[name], other[name], sizes[name], pixels)
        for name in one
        if not any(place == name or place.startswith(f"{name} ") for place in touched)
    )
