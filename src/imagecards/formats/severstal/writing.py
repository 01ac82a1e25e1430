"""Writing Severstal's CSV: one mask an image and class."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import StringIO
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.losses import Losses
from imagecards.formats.lost import tell_of_unheld, tell_of_unknown
from imagecards.formats.outlines import mask_of_object
from imagecards.formats.scene import Part, Scene, View, Write
from imagecards.formats.severstal.rows import LEGACY, ROWS
from imagecards.geometry import Runs, bounds, runs_to_coco, runs_to_pairs, union

Variant: TypeAlias = Literal["rows", "legacy"]

_CLASSES = 4
_SIZE = (1600, 256)  # what readers take for the size of an image that they don't have


class _Rules(NamedTuple):
    """How images are written: the class of each category, all classes of the legacy variant, images or not."""

    classes: Mapping[str | int, int]
    legacy: Sequence[int]
    images: bool


def write_severstal(scene: Scene, write: Write, *, images: bool = True, variant: Variant = "rows") -> None:
    """Write ``<split>.csv`` and the images in ``<split>_images/``; without splits, ``annotations.csv`` and ``images/``.

    Objects of one class are united, as there is one mask of each class; an object without outline is its box.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
        variant: ``"rows"`` has a row for each mask; ``"legacy"`` one for each image and class, empty without a mask.

    Raises:
        InvalidInputError: There is no such variant.
        FormatError: An outline can't be drawn into its image.
    """
    if variant not in get_args(Variant):
        raise InvalidInputError(f"variant is one of {', '.join(get_args(Variant))}, not {variant!r}")
    tell_of_unheld(scene)
    tell_of_unknown(scene)
    classes = _classes(scene)
    most = max(_CLASSES, max(classes.values(), default=0))
    legacy = range(1, most + 1) if most <= _CLASSES else sorted({*range(1, _CLASSES + 1), *classes.values()})
    rules = _Rules(classes, legacy if variant == "legacy" else (), images)
    for part in scene.parts:
        stem, folder = ("annotations", "images/") if part.split is None else (part.split, f"{part.split}_images/")
        write(f"{stem}.csv", _rows(scene, part, rules))
        if images:
            scene.copy_images(part, write, lambda view, folder=folder: folder + view.path)  # type: ignore[misc]


def _classes(scene: Scene) -> dict[str | int, int]:
    """The number of each category: its id where all ids can be classes, else its place."""
    ids = [category.id for category in scene.categories]
    keep = all(number > 0 for number in ids)
    classes = {each.name: each.id if keep else place for place, each in enumerate(scene.categories, start=1)}
    for each in scene.categories:
        if str(each.name) != str(classes[each.name]) or isinstance(each.name, int):
            scene.losses.add("names-dropped", "classes have numbers, not names", str(each.name))
    if not keep:
        for each in scene.categories:
            scene.losses.add("categories-renumbered", "classes are numbered from 1 on", str(each.name))
    return classes


def _rows(scene: Scene, part: Part, rules: _Rules) -> Iterator[bytes]:
    yield ",".join(LEGACY if rules.legacy else ROWS).encode() + b"\n"
    for text, losses in scene.map(partial(_write_rows, rules), part):
        scene.losses.join(losses)
        yield text


def _write_rows(rules: _Rules, views: Sequence[View]) -> tuple[bytes, Losses]:
    losses, text = Losses(), StringIO()
    out = csv.writer(text, lineterminator="\n")
    for view in views:
        masks = _masks(view, rules, losses)
        if rules.legacy:
            out.writerows((f"{view.path}_{number}", masks.get(number, "")) for number in rules.legacy)
        else:
            out.writerows((view.path, number, masks[number]) for number in sorted(masks))
            if not masks and not rules.images:
                losses.add("negatives-dropped", "without its file, an image without defects is not told", view.name)
        if not rules.images and (view.width, view.height) != _SIZE:
            losses.add("sizes-dropped", "without its file, an image is taken for one of 1600 x 256 pixels", view.name)
    return text.getvalue().encode(), losses


def _masks(view: View, rules: _Rules, losses: Losses) -> dict[int, str]:
    """The mask of each class in an image."""
    found: dict[int, list[Runs]] = {}
    for number, entry in enumerate(view.objects):
        place = f"{view.name} objects[{number}]"
        try:
            runs = mask_of_object(entry if entry.get("segmentation") else _box_of(entry), view.height, view.width)
        except FormatError as error:
            raise FormatError(f"{place}: {error}") from error
        if len(runs.counts) < 2:
            losses.add("empty-masks-dropped", "an object has no pixels", place)
            continue
        _lose_form(entry, runs, place, losses)
        found.setdefault(rules.classes[entry["category"]], []).append(runs)
    for number, masks in found.items():
        if len(masks) > 1:
            message = "objects of one class in an image are one mask"
            losses.add("instances-united", message, f"{view.name} class {number}", len(masks))
    return {number: runs_to_pairs(union(masks)) for number, masks in found.items()}


def _box_of(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {"bbox": entry["bbox"]}


def _lose_form(entry: Mapping[str, Any], runs: Runs, place: str, losses: Losses) -> None:
    """Tell what of an object is not in its pixels."""
    outline = entry.get("segmentation")
    if not outline:
        losses.add("boxes-as-masks", "an object without outline is all pixels of its box", place)
    elif outline != runs_to_coco(runs):
        losses.add("outlines-as-rle", "outlines become masks", place)
    if list(entry["bbox"]) != [*bounds(runs)]:
        losses.add("boxes-of-masks", "boxes are those of the masks", place)
