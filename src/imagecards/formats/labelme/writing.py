"""Writing labelme: one JSON file an image, beside it, in a folder a split."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np
import orjson
from PIL import Image

from imagecards.formats.figures import box_of
from imagecards.formats.finding import folder_split
from imagecards.formats.losses import Losses
from imagecards.formats.lost import (
    as_label,
    lose_attributes,
    lose_box,
    lose_hidden,
    lose_names,
    lose_rounding,
    lose_unknown,
    path_of,
    polygons_of_mask,
)
from imagecards.formats.scene import Part, Scene, View, Write
from imagecards.geometry import Runs, bounds, runs_to_mask
from imagecards.paths import collision_key

SHAPE_KEYS = ("label", "points", "group_id", "shape_type", "flags", "description", "mask")
FILE_KEYS = ("version", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth", "flags")

_VERSION = "5.5.0"  # of labelme; it asks for one, and we write this one whatever version there is
_TAKEN = "the name of this field means something else in labelme"


def write_labelme(scene: Scene, write: Write, *, images: bool = True) -> None:
    """Write one JSON file beside each image, in a folder a split.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
    """
    lose_attributes(scene)
    for part in scene.parts:
        unusual = _names(scene, part)
        for documents, losses in scene.map(partial(_documents, part.split, unusual, images), part):
            scene.losses.join(losses)
            for path, document in documents:
                write(path, [document])
        if images:
            scene.copy_images(part, write, partial(path_of, part.split))


def _names(scene: Scene, part: Part) -> dict[str, str]:
    """Names of JSON files that are not those of their images with another ending: where several have one stem."""
    taken: set[str] = set()
    unusual: dict[str, str] = {}
    for row in part.rows:
        name = scene.dataset.names[row]
        stem = name.rpartition(".")[0]
        if collision_key(stem) in taken:
            stem = name
            while collision_key(stem) in taken:
                stem += "_"
            unusual[name] = stem.rpartition("/")[2] + ".json"
        taken.add(collision_key(stem))
    return unusual


def _documents(
    split: str | None, unusual: Mapping[str, str], images: bool, views: Sequence[View]
) -> tuple[list[tuple[str, bytes]], Losses]:
    losses = Losses()
    found = []
    for view in views:
        path = path_of(split, view)
        lose_names(split, view, losses)
        lose_hidden(view.path, losses)
        if folder_split(path) != split:
            message = "splits are told by the names of folders, and this is read as another one"
            losses.add("splits-changed", message, view.name)
        if images and set(view.record) == {"file_name"}:
            continue  # an image without a JSON file is one that nothing is said of
        if view.record.get("objects") is None:
            lose_unknown(view.name, losses)
        folder, _, base = path.rpartition("/")
        name = unusual.get(view.name, base.rpartition(".")[0] + ".json")
        document = orjson.dumps(_document(view, base, losses), option=orjson.OPT_INDENT_2)
        found.append((f"{folder}/{name}" if folder else name, document + b"\n"))
    return found, losses


def _document(view: View, base: str, losses: Losses) -> dict[str, Any]:
    extra = {key: value for key, value in view.record.items() if key not in ("file_name", "objects", "flags")}
    flags = view.record.get("flags")
    if "categories" in extra:
        extra["categories"] = [as_label(category, view.name, losses) for category in extra["categories"]]
    for key in [key for key in extra if key in FILE_KEYS]:
        losses.add("fields-dropped", _TAKEN, f"{view.name} {key}")
        del extra[key]
    if flags is not None and (not flags or not isinstance(flags, dict)):
        losses.add("fields-dropped", _TAKEN, f"{view.name} flags")
        flags = {}
    return {
        "version": _VERSION,
        "flags": flags or {},
        "shapes": list(_shapes(view, losses)),
        "imagePath": base,
        "imageData": None,
        "imageHeight": view.height,
        "imageWidth": view.width,
        **extra,
    }


def _shapes(view: View, losses: Losses) -> Iterator[dict[str, Any]]:
    objects = view.objects
    groups = _groups(view, objects, losses)
    for number, (entry, group) in enumerate(zip(objects, groups, strict=True)):
        place = f"{view.name} objects[{number}]"
        fields = _fields(entry, place, losses)
        outlines = _outlines(entry, view, place, losses)
        if len(outlines) > 1 and group is None:
            group = next(free for free in range(1, len(objects) + len(groups) + 2) if free not in groups)
            groups[number] = group
        for outline in outlines:
            yield {
                "label": as_label(entry["category"], place, losses),
                "points": outline["points"],
                "group_id": group,
                "description": "",
                "shape_type": outline["shape_type"],
                "flags": {},
                "mask": outline.get("mask"),
                **fields,
            }


def _fields(entry: Mapping[str, Any], place: str, losses: Losses) -> dict[str, Any]:
    fields = {}
    for key, value in entry.items():
        if key in ("bbox", "category", "segmentation", "group_id"):
            continue
        native = (key == "flags" and isinstance(value, dict)) or (key == "description" and isinstance(value, str))
        if key in SHAPE_KEYS and not (native and value):
            losses.add("fields-dropped", _TAKEN, f"{place}.{key}")
        else:
            fields[key] = value
    return fields


def _groups(view: View, objects: Sequence[Mapping[str, Any]], losses: Losses) -> list[int | str | None]:
    """The ``group_id`` that each object can keep: one that isn't taken for that of an object in parts."""
    groups: list[int | str | None] = []
    labels: dict[Any, list[str]] = {}
    for number, entry in enumerate(objects):
        group = entry.get("group_id")
        mine = labels.setdefault(group, []) if isinstance(group, int | str) and not isinstance(group, bool) else None
        if mine is None or str(entry["category"]) in mine:
            groups.append(None)
            if group is not None:
                _lose_group(view, number, losses)
            continue
        mine.append(str(entry["category"]))
        groups.append(group)
    for number, entry in enumerate(objects):
        parts = entry.get("segmentation")
        alone = groups[number] is not None and len(labels[groups[number]]) == 1
        if alone and (isinstance(parts, Mapping) or len(parts or ()) > 1):  # may be written in parts
            groups[number] = None
            _lose_group(view, number, losses)
    return groups


def _lose_group(view: View, number: int, losses: Losses) -> None:
    message = "objects of one category that share a group_id, or have one and several parts, lose it"
    losses.add("groups-dropped", message, f"{view.name} objects[{number}]")


def _outlines(entry: Mapping[str, Any], view: View, place: str, losses: Losses) -> list[dict[str, Any]]:
    """The outlines of one object: shapes without what is said of them."""
    segmentation = entry.get("segmentation")
    if not segmentation:
        if segmentation is not None:
            losses.add("outlines-dropped", "outlines without a polygon become boxes", place)
        x, y, w, h = map(float, entry["bbox"])
        lose_rounding([x, y, w, h], box_of([[x, y, x + w, y + h]]), place, losses)
        return [{"shape_type": "rectangle", "points": [[x, y], [x + w, y + h]]}]
    if isinstance(segmentation, Mapping):
        polygons, runs = polygons_of_mask(segmentation, view, place, losses)
        if polygons is None:
            return [_mask(runs, entry, place, losses)]
    else:
        polygons = segmentation
    lose_box(entry, box_of(polygons), place, losses)
    return [
        {"shape_type": "polygon", "points": [list(pair) for pair in zip(polygon[::2], polygon[1::2], strict=True)]}
        for polygon in polygons
    ]


def _mask(runs: Runs, entry: Mapping[str, Any], place: str, losses: Losses) -> dict[str, Any]:
    x, y, w, h = bounds(runs) if runs.counts.size > 1 else (0, 0, 1, 1)
    lose_box(entry, [float(value) for value in (x, y, w, h)], place, losses)
    pixels = runs_to_mask(runs)[y : y + h, x : x + w].astype(np.uint8)
    Image.fromarray(pixels).save(file := BytesIO(), "PNG")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    return {"shape_type": "mask", "points": [[x, y], [x + w - 1, y + h - 1]], "mask": data}
