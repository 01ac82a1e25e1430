"""Objects as COCO's annotations, their outlines in the form that is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from imagecards.errors import FormatError
from imagecards.formats.json_text import JsonText
from imagecards.formats.losses import Losses
from imagecards.formats.outlines import runs_of, runs_of_many
from imagecards.formats.scene import View
from imagecards.geometry import Runs, area, bounds, edge_polygons_many, polygon_area, runs_from_coco, runs_to_coco_many

_EXACT = 2**53  # beyond this, whole numbers and doubles are no longer the same

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


class _Found(NamedTuple):
    """An annotation in the making, what it is called, and height and width of its image."""

    entry: dict[str, Any]
    place: str
    size: tuple[int, int]


def write_objects(rules: Rules, items: Sequence[Item]) -> tuple[bytes, Losses]:
    """Write the objects of some images as entries of a JSON array.

    Raises:
        FormatError: An outline can't be drawn into its image.
    """
    losses = Losses()
    found: list[_Found] = []
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
            found.append(_Found(entry, f"{item.view.name} objects[{number}]", (item.view.height, item.view.width)))
    if rules.outlines != "keep":
        _convert(found, rules.outlines, losses)
    kept = [each.entry for each in found if _finish(each.entry, rules, each.place, losses)]
    return JsonText(rules.indent).entries(kept), losses


def _finish(entry: dict[str, Any], rules: Rules, place: str, losses: Losses) -> bool:
    """Give an annotation its area and crowd flag; whether it is large enough to be kept."""
    outline = entry.get("segmentation")
    if "area" not in entry:
        entry["area"] = _area(entry["bbox"], outline)
    else:
        entry["area"] = _whole(entry["area"])
    entry.setdefault("iscrowd", 0)
    if rules.min_area is not None and entry["area"] < rules.min_area:
        losses.add("small-objects-dropped", f"objects of an area below {rules.min_area} are left out", place)
        return False
    return True


def _convert(found: Sequence[_Found], form: Outlines, losses: Losses) -> None:
    """Give annotations their outlines in another form."""
    outlined = [each for each in found if each.entry.get("segmentation")]
    if form == "none":
        for each in outlined:
            del each.entry["segmentation"]
            losses.add("outlines-dropped", "outlines are left out", each.place)
        return
    if form == "polygons":
        outlined = [each for each in outlined if isinstance(each.entry["segmentation"], Mapping)]
    drawn = _drawn(outlined)
    if form == "polygons":
        for each, polygons in zip(outlined, edge_polygons_many(drawn), strict=True):
            each.entry["segmentation"] = [polygon.ravel().tolist() for polygon in polygons]
            losses.add("outlines-as-polygons", "masks are written as polygons around the same pixels", each.place)
        return
    for (entry, place, _), runs, rle in zip(outlined, drawn, runs_to_coco_many(drawn), strict=True):
        if rle != entry["segmentation"]:
            losses.add("outlines-as-rle", "outlines are written as masks, compressed", place)
        entry["segmentation"] = rle
        _measure(entry, [*bounds(runs)], area(runs), place, losses)


def _drawn(found: Sequence[_Found]) -> list[Runs]:
    """The pixels of each annotation's outline."""
    try:
        return runs_of_many([each.entry["segmentation"] for each in found], [each.size for each in found])
    except FormatError:
        for each in found:
            try:
                runs_of(each.entry["segmentation"], *each.size)
            except FormatError as error:
                raise FormatError(f"{each.place}: {error}") from error
        raise


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
    return int(number) if abs(number) < _EXACT and number == int(number) else number


def _drop_field(lists: Mapping[str, Any], names: list[str | None], name: str, image: str, losses: Losses) -> None:
    """Leave out a further field that COCO has another meaning for."""
    count = sum(value is not None for value in lists[name])
    losses.add("fields-dropped", "COCO has a meaning of its own for a field of this name", f"{image} {name}", count)
    names[list(lists).index(name)] = None
