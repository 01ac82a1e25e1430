"""Writing masks: ``images/<split>``, ``masks/<split>``, and a ``masks.json`` that says what the pixels are.

Where objects overlap, later ones lie over earlier ones.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import Any, NamedTuple, get_args

import numpy as np
import orjson
from numpy.typing import NDArray

from imagecards.errors import InvalidInputError
from imagecards.formats.losses import Losses
from imagecards.formats.lost import tell_of_unheld
from imagecards.formats.masks.table import LARGEST, Colour, Kind, colour_of
from imagecards.formats.outlines import mask_of_object
from imagecards.formats.scene import Category, Part, Scene, View, Write
from imagecards.formats.stems import copy_images, places_of
from imagecards.geometry import Runs, area, bounds, paint, runs_to_mask

_TOLERANCE = 1e-3  # pixels


class Palette(NamedTuple):
    """What is painted for each category.

    Attributes:
        kind: What pixels are.
        values: The value of each category, by its name in the records.
        colours: The colour of each value.
    """

    kind: Kind
    values: Mapping[str | int, int]
    colours: Mapping[int, Colour]


class Painted(NamedTuple):
    """A mask as a PNG file, and the category of each instance in it."""

    png: bytes
    instances: dict[int, str | int]


def write_masks(scene: Scene, write: Write, *, images: bool = True, kind: Kind = "instances") -> None:
    """Write one mask an image; an image of which nothing is known has none.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
        kind: What pixels are: ``"instances"``, ``"classes"`` or ``"colours"``.

    Raises:
        InvalidInputError: There is no such kind, or there are more categories than 16 bits can tell apart.
    """
    if kind not in get_args(Kind):
        raise InvalidInputError(f"kind={kind!r} is none of {', '.join(get_args(Kind))}")
    tell_of_unheld(scene, keeps=("instance",) if kind == "instances" else (), category_fields=True)
    palette = make_palette(kind, scene.categories)
    ids = {category.name: category.id for category in scene.categories}
    found: dict[str, dict[str, int]] = {}
    for part in scene.parts:
        folder = f"/{part.split}" if part.split is not None else ""
        files = places_of(scene, part, f"images{folder}", mask_of_image)
        _tell_of_other_splits(scene, part, files)
        masks = (mask for batch in _painted(scene, palette, part) for mask in batch)
        for file, mask in zip(files, masks, strict=True):
            if mask is None:
                continue
            write(mask_of_image(file), [mask.png])
            if kind == "instances":
                name = file.removeprefix("images/")
                found[name] = {str(value): ids[category] for value, category in mask.instances.items()}
        if images:
            copy_images(scene, part, files, write)
    document: dict[str, Any] = {
        "kind": kind,
        "splits": [part.split for part in scene.parts if part.split is not None and part.rows],
        "categories": [{"id": each.id, "name": each.name, **each.fields} for each in scene.categories],
    }
    if kind == "instances":
        document["instances"] = found
    else:
        document["values"] = {str(value): ids[name] for name, value in palette.values.items()}
    if kind == "colours":
        document["colours"] = {_hex(palette.colours[value]): ids[name] for name, value in palette.values.items()}
    write("masks.json", [orjson.dumps(document, option=orjson.OPT_INDENT_2), b"\n"])


def _tell_of_other_splits(scene: Scene, part: Part, files: Sequence[str]) -> None:
    """Tell of images that lie in the folder of another split, further down than their own."""
    base = f"images/{part.split}/" if part.split is not None else "images/"
    below = tuple(folder for each in scene.parts if each.split and (folder := f"images/{each.split}/") != base)
    below = tuple(folder for folder in below if folder.startswith(base))
    for row, file in zip(part.rows, files, strict=True):
        if below and file.startswith(below):
            message = "splits are told by the names of folders, and this is read as another one"
            scene.losses.add("splits-changed", message, scene.dataset.names[row])


def mask_of_image(file: str) -> str:
    """Where the mask of an image is written.

    Example:
        >>> mask_of_image("images/train/a.b.jpg")
        'masks/train/a.b.png'
    """
    return f"masks/{file.removeprefix('images/').rpartition('.')[0] or file.removeprefix('images/')}.png"


def make_palette(kind: Kind, categories: Sequence[Category]) -> Palette:
    """Choose values and colours: ids where they can be values, else places from 1 on.

    Raises:
        InvalidInputError: There are more categories than values.
    """
    count = len(categories)
    if count > LARGEST:
        raise InvalidInputError(f"{count:,} categories are more than the {LARGEST:,} values of a mask")
    most = 255 if kind == "colours" and count <= 255 else LARGEST
    usable = all(0 < category.id <= most for category in categories)
    values = {each.name: each.id if usable else place for place, each in enumerate(categories, start=1)}
    said = [_said_colour(category) for category in categories]
    distinct = len(set(said)) == count and None not in said and (0, 0, 0) not in said
    colours = {
        value: colour if distinct and colour is not None else colour_of(value)
        for value, colour in zip(values.values(), said, strict=True)
    }
    return Palette(kind, values, colours)


def paint_batch(palette: Palette, views: Sequence[View]) -> tuple[list[Painted | None], Losses]:
    """Paint the masks of some images; ``None`` for one of which nothing is known."""
    losses = Losses()
    masks = [paint_mask(view, palette, losses) if view.record.get("objects") is not None else None for view in views]
    return masks, losses


def paint_mask(view: View, palette: Palette, losses: Losses) -> Painted:
    """Paint the mask of an image."""
    drawn: list[tuple[Runs, dict[str, Any], str]] = []
    for number, entry in enumerate(view.objects):
        place = f"{view.name} objects[{number}]"
        runs = _runs(view, entry, place, losses)
        if runs is not None:
            drawn.append((runs, entry, place))
    numbers = _numbers(view, drawn, losses) if palette.kind == "instances" else None
    dtype = np.uint8 if len(drawn) < 256 else np.uint16 if len(drawn) <= LARGEST else np.uint32
    places = paint([runs for runs, _, _ in drawn], range(1, len(drawn) + 1), view.height, view.width, dtype)
    if palette.kind == "instances":
        chosen = list(numbers or range(1, len(drawn) + 1))
    else:
        chosen = [palette.values[entry["category"]] for _, entry, _ in drawn]
    seen = _tell_of_overlaps(places, chosen, drawn, losses)
    if palette.kind == "instances" and numbers is None:
        # objects that can't be seen leave no gap
        chosen = np.cumsum(seen).tolist()
        if sum(seen) > LARGEST:
            message = f"an image has at most {LARGEST:,} instances"
            losses.add("instances-dropped", message, view.name, sum(seen) - LARGEST)
            chosen = [number if number <= LARGEST else 0 for number in chosen]
    instances: dict[int, str | int] = {}
    for value, (_, entry, place), visible in zip(chosen, drawn, seen, strict=True):
        if visible and value:
            if value in instances:
                losses.add("instances-united", "objects of one category are one in a mask of categories", place)
            instances[value] = entry["category"]
    if list(instances) != sorted(instances):
        losses.add("objects-reordered", "objects come in the order of their values when they are read again", view.name)
    same = chosen == list(range(1, len(drawn) + 1))
    values = places if same else np.array([0, *chosen], np.uint16)[places]
    return Painted(_png(values, palette), instances)


def _runs(view: View, entry: Mapping[str, Any], place: str, losses: Losses) -> Runs | None:
    """The pixels of an object, if it has any."""
    outline = entry.get("segmentation")
    runs = mask_of_object(entry, view.height, view.width)
    if not area(runs):
        losses.add("empty-dropped", "an object that covers no pixel is left out", place)
        return None
    if outline is None:
        losses.add("boxes-filled", "an object without an outline fills its box", place)
    elif not isinstance(outline, Mapping):
        losses.add("polygons-drawn", "polygons become pixels", place)
    box = zip(entry["bbox"], bounds(runs), strict=True)
    if any(abs(given - found) > _TOLERANCE for given, found in box):
        losses.add("boxes-recomputed", "the box is the one around the pixels when it is read again", place)
    return runs


def _numbers(view: View, drawn: Sequence[tuple[Runs, dict[str, Any], str]], losses: Losses) -> list[int] | None:
    """The numbers that instances had in the mask that they were read from."""
    said = [entry.get("instance") for _, entry, _ in drawn]
    known = [number for number in said if isinstance(number, int) and 0 < number <= LARGEST]
    if known and len(known) == len(set(known)) == len(said):
        return known
    if any(number is not None for number in said):
        losses.add("fields-dropped", "further fields of images and objects are not kept", f"{view.name} instance")
    return None


def _tell_of_overlaps(
    places: NDArray[Any], chosen: Sequence[int], drawn: Sequence[tuple[Runs, dict[str, Any], str]], losses: Losses
) -> list[bool]:
    """Tell of what lies below other objects; whether anything of each object is to be seen."""
    if np.count_nonzero(places) == sum(area(runs) for runs, _, _ in drawn):
        return [True] * len(drawn)
    visible = np.bincount(places.ravel(), minlength=len(drawn) + 1)[1:].tolist()
    lookup = np.array([0, *chosen])
    seen = []
    for value, shown, (runs, _, place) in zip(chosen, visible, drawn, strict=True):
        covered = area(runs)
        hidden = covered - shown
        if hidden:  # by something else than one of the same value
            hidden = int((lookup[places[runs_to_mask(runs)]] != value).sum())
        seen.append(hidden < covered)
        if hidden == covered:
            losses.add("objects-hidden", "an object that lies below others entirely is lost", f"{place} ({hidden} px)")
        elif hidden:
            losses.add("overlap-hidden", "later objects lie over earlier ones", f"{place} ({hidden} px)")
    return seen


def _png(values: NDArray[Any], palette: Palette) -> bytes:
    from PIL import Image

    most = int(values.max(initial=0))
    if palette.kind == "colours" and max(palette.colours, default=0) > 255:
        table = np.zeros((max(palette.colours) + 1, 3), np.uint8)
        table[list(palette.colours)] = list(palette.colours.values())
        image = Image.fromarray(table[values])
    else:
        image = Image.fromarray(values.astype(np.uint8 if most <= 255 else np.uint16))
        if palette.kind == "colours":
            shades = [palette.colours.get(value, (0, 0, 0)) for value in range(256)]
            image.putpalette([channel for shade in shades for channel in shade])
    image.save(file := BytesIO(), "PNG")
    return file.getvalue()


def _painted(scene: Scene, palette: Palette, part: Any) -> Any:
    for masks, losses in scene.map(partial(paint_batch, palette), part):
        scene.losses.join(losses)
        yield masks


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _said_colour(category: Category) -> Colour | None:
    said = category.fields.get("color") or category.fields.get("colour")
    if (
        isinstance(said, list | tuple)
        and len(said) == 3
        and all(type(each) is int and 0 <= each <= 255 for each in said)
    ):
        return said[0], said[1], said[2]
    return None
