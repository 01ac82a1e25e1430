"""Writing tasks that Label Studio imports: one ``tasks.json``, and the images for its local storage."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import orjson

from imagecards.formats.figures import box_of
from imagecards.formats.labelstudio.regions import OWN_ID, PART_OF, pixels
from imagecards.formats.losses import Losses
from imagecards.formats.lost import as_label, lose_attributes, lose_box, lose_hidden, lose_names, lose_rounding, path_of
from imagecards.formats.outlines import runs_of
from imagecards.formats.scene import Scene, View, Write
from imagecards.geometry import bounds, encode_brush, runs_to_mask

_LOCAL = "/data/local-files/?d="
_TAKEN = "the name of this field means something else in Label Studio's tasks"
_KEYS_OF_OBJECTS = ("bbox", "category", "segmentation")
_KEYS_OF_REGIONS = (PART_OF, "id_", "labels", "score")


def write_labelstudio(scene: Scene, write: Write, *, images: bool = True) -> None:
    """Write ``tasks.json`` and the images in ``images/``; a split is the field ``split`` of a task's data.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too. Label Studio serves them from local storage, whose root
            (``LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT``) is the folder that is written.
    """
    lose_attributes(scene)
    write("tasks.json", _document(scene))
    if images:
        for part in scene.parts:
            scene.copy_images(part, write, partial(_place, part.split))


def _place(split: str | None, view: View) -> str:
    return f"images/{path_of(split, view)}"


def _document(scene: Scene) -> Iterator[bytes]:
    yield b"["
    number = 0
    for part in scene.parts:
        for tasks, losses in scene.map(partial(_tasks, part.split), part):
            scene.losses.join(losses)
            for task in tasks:
                number += 1
                yield (b"\n" if number == 1 else b",\n") + b'{"id":%d,' % number + task[1:]
    yield b"\n]\n"


def _tasks(split: str | None, views: Sequence[View]) -> tuple[list[bytes], Losses]:
    losses = Losses()
    return [orjson.dumps(_task(split, view, losses)) for view in views], losses


def _task(split: str | None, view: View, losses: Losses) -> dict[str, Any]:
    lose_names(split, view, losses)
    lose_hidden(view.path, losses)
    record = view.record
    data: dict[str, Any] = {"image": _LOCAL + quote(_place(split, view))}
    if split is not None:
        data["split"] = split
    for key, value in record.items():
        if key in ("file_name", "caption", "categories", "objects"):
            continue
        if key in ("image", "split"):
            losses.add("fields-dropped", _TAKEN, f"{view.name} {key}")
        else:
            data[key] = value
    result = list(_of_image(view, losses))
    if record.get("objects") is not None:
        regions = list(_regions(view, losses))
        if result and not regions:
            message = "images with a caption or categories and no objects become ones whose objects aren't known"
            losses.add("objects-unknown", message, view.name)
        result = regions + result
    said = record.get("objects") is not None or bool(result)
    annotation = {"result": result, "was_cancelled": False, "ground_truth": False}
    # regions say the size, too, but not every image has any
    meta = {"original_width": view.width, "original_height": view.height}
    return {"data": data, "meta": meta, "annotations": [annotation] if said else [], "predictions": []}


def _of_image(view: View, losses: Losses) -> Iterator[dict[str, Any]]:
    """What is said of the image as a whole."""
    categories, caption = view.record.get("categories"), view.record.get("caption")
    if categories is not None:
        labels = [as_label(category, view.name, losses) for category in categories]
        yield _result(f"{OWN_ID}categories", "categories", "choices", {"choices": labels})
    if caption is not None:
        yield _result(f"{OWN_ID}caption", "caption", "textarea", {"text": [caption]})


def _result(id_: str, name: str, type_: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": id_, "from_name": name, "to_name": "image", "type": type_, "value": value}


def _regions(view: View, losses: Losses) -> Iterator[dict[str, Any]]:
    taken: set[str] = set()
    for number, entry in enumerate(view.objects):
        place = f"{view.name} objects[{number}]"
        label = as_label(entry["category"], place, losses)
        meta = _meta(entry, place, losses)
        region = meta.get("id")
        if isinstance(region, str) and region and not region.startswith(OWN_ID) and region not in taken:
            del meta["id"]
            taken.add(region)
        else:
            region = f"{OWN_ID}{number}"
        for nth, (kind, value) in enumerate(_outlines(entry, view, place, losses)):
            result = {
                **_result(region, kind, f"{kind}labels", {**value, f"{kind}labels": [label]}),
                "original_width": view.width,
                "original_height": view.height,
                "image_rotation": 0,
            }
            if nth:
                result |= {"id": f"{OWN_ID}{number}-{nth}", "parentID": region, "meta": {PART_OF: region}}
            elif meta:
                result["meta"] = meta
            yield result


def _meta(entry: Mapping[str, Any], place: str, losses: Losses) -> dict[str, Any]:
    meta = {}
    for key, value in entry.items():
        if key in _KEYS_OF_REGIONS:
            losses.add("fields-dropped", _TAKEN, f"{place}.{key}")
        elif key not in _KEYS_OF_OBJECTS:
            meta[key] = value
    return meta


def _outlines(entry: Mapping[str, Any], view: View, place: str, losses: Losses) -> Iterator[tuple[str, dict[str, Any]]]:
    """The regions of one object: their kind and the value without a label."""
    segmentation = entry.get("segmentation")
    if isinstance(segmentation, Mapping):
        runs = runs_of(segmentation, view.height, view.width)
        box = [float(value) for value in bounds(runs)] if runs.counts.size > 1 else [0.0] * 4
        lose_box(entry, box, place, losses)
        if not isinstance(segmentation["counts"], str):
            losses.add("runs-compressed", "uncompressed run lengths become compressed ones", place)
        yield "brush", {"format": "rle", "rle": encode_brush(runs_to_mask(runs))}
    elif segmentation:
        lose_box(entry, box_of([_pixels(_percent(polygon, view), view) for polygon in segmentation]), place, losses)
        for polygon in segmentation:
            percent = _percent(polygon, view)
            lose_rounding(polygon, _pixels(percent, view), place, losses)
            points = [list(point) for point in zip(percent[::2], percent[1::2], strict=True)]
            yield "polygon", {"points": points, "closed": True}
    else:
        if segmentation is not None:
            losses.add("outlines-dropped", "outlines without a polygon become boxes", place)
        percent = _percent(entry["bbox"], view)
        lose_rounding(entry["bbox"], _pixels(percent, view), place, losses)
        yield "rectangle", {**dict(zip(("x", "y", "width", "height"), percent, strict=True)), "rotation": 0}


def _percent(flat: Sequence[float], view: View) -> list[float]:
    sides = (view.width, view.height)
    return [float(value) / sides[index % 2] * 100 for index, value in enumerate(flat)]


def _pixels(flat: Sequence[float], view: View) -> list[float]:
    sides = (view.width, view.height)
    return [pixels(value, sides[index % 2]) for index, value in enumerate(flat)]
