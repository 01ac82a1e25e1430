"""Objects as COCO's annotations, their outlines in the form that is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from imagecards.errors import FormatError
from imagecards.formats.json_text import JsonText
from imagecards.formats.losses import Losses
from imagecards.formats.outlines import runs_of
from imagecards.formats.scene import View
from imagecards.geometry import area, bounds, edge_polygons, polygon_area, runs_from_coco, runs_to_coco

Outlines: TypeAlias = Literal["keep", "rle", "polygons", "none"]


class Item(NamedTuple):
    """An image whose objects are to be written.

    Attributes:
        view: The image.
        image: Its id.
        first: The id of its first object, where ids are given.
    """

    view: View
    image: int
    first: int


class Rules(NamedTuple):
    """How objects are written.

    Attributes:
        ids: The id of each category.
        outlines: The form of outlines.
        min_area: The smallest area of an object that is kept.
        own: Whether objects have ids of their own.
        indent: Whether the text is for people.
    """

    ids: Mapping[str | int, int]
    outlines: Outlines
    min_area: int | None
    own: bool
    indent: bool


def write_objects(rules: Rules, items: Sequence[Item]) -> tuple[bytes, Losses]:
    """Write the objects of some images as entries of a JSON array.

    Raises:
        FormatError: An outline can't be drawn into its image.
    """
    losses = Losses()
    entries: list[dict[str, Any]] = []
    for item in items:
        lists = item.view.record.get("objects") or {}
        names: list[str | None] = ["category_id" if name == "categories" else name for name in lists]
        for name in ("image_id", "category_id"):
            if name in lists:
                _drop_field(lists, names, name, item.view.name, losses)
        for number, row in enumerate(zip(*lists.values(), strict=True)):
            entry: dict[str, Any] = {"id": item.first + number, "image_id": item.image}
            said = {
                name: value for name, value in zip(names, row, strict=True) if value is not None and name is not None
            }
            if not rules.own:
                said.pop("id", None)
            entry.update(said)
            entry["category_id"] = rules.ids[entry["category_id"]]
            place = f"{item.view.name} objects[{number}]"
            if _finish(entry, rules, item.view, place, losses):
                entries.append(entry)
    return JsonText(rules.indent).entries(entries), losses


def _finish(entry: dict[str, Any], rules: Rules, view: View, place: str, losses: Losses) -> bool:
    """Give an annotation its outline, area and crowd flag; whether it is large enough to be kept."""
    outline = entry.get("segmentation")
    if rules.outlines != "keep" and outline:
        try:
            _convert(entry, rules.outlines, view, place, losses)
        except FormatError as error:
            raise FormatError(f"{place}: {error}") from error
    if "area" not in entry:
        entry["area"] = _area(entry["bbox"], outline)
    else:
        entry["area"] = _whole(entry["area"])
    entry.setdefault("iscrowd", 0)
    if rules.min_area is not None and entry["area"] < rules.min_area:
        losses.add("small-objects-dropped", f"objects of an area below {rules.min_area} are left out", place)
        return False
    return True


def _convert(entry: dict[str, Any], form: Outlines, view: View, place: str, losses: Losses) -> None:
    outline = entry["segmentation"]
    if form == "none":
        del entry["segmentation"]
        losses.add("outlines-dropped", "outlines are left out", place)
    elif form == "polygons" and isinstance(outline, Mapping):
        polygons = edge_polygons(runs_of(outline, view.height, view.width))
        entry["segmentation"] = [polygon.ravel().tolist() for polygon in polygons]
        losses.add("outlines-as-polygons", "masks are written as polygons around the same pixels", place)
    elif form == "rle":
        runs = runs_of(outline, view.height, view.width)
        entry["segmentation"] = runs_to_coco(runs)
        if entry["segmentation"] != outline:
            losses.add("outlines-as-rle", "outlines are written as masks, compressed", place)
        _measure(entry, [*bounds(runs)], area(runs), place, losses)


def _measure(entry: dict[str, Any], box: list[int], pixels: int, place: str, losses: Losses) -> None:
    """Take over box and area of a mask."""
    if pixels and entry["bbox"] != box:
        losses.add("boxes-of-masks", "boxes are those of the masks", place)
    if entry.get("area", pixels) != pixels:
        losses.add("areas-of-masks", "areas are those of the masks", place)
    entry["area"] = pixels
    if pixels:  # a mask without any has no box
        entry["bbox"] = box


def _area(box: Sequence[float], outline: Any) -> float:
    """The area of an object that doesn't say it: of its mask, within its polygons, or of its box."""
    if isinstance(outline, Mapping):
        return area(runs_from_coco(outline))
    if outline:
        return _whole(sum(polygon_area(polygon) for polygon in outline))
    return _whole(box[2] * box[3])


def _whole(number: float) -> float:
    """A number without a fraction as an int, as areas that are counted: read and written again, it stays so."""
    return int(number) if number == int(number) else number


def _drop_field(lists: Mapping[str, Any], names: list[str | None], name: str, image: str, losses: Losses) -> None:
    """Leave out a further field that COCO has another meaning for."""
    count = sum(value is not None for value in lists[name])
    losses.add("fields-dropped", "COCO has a meaning of its own for a field of this name", f"{image} {name}", count)
    names[list(lists).index(name)] = None
