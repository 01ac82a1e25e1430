"""Writing COCO's instances: one JSON file a split, its annotations batch by batch."""

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from typing import Any, get_args

from imagecards.errors import InvalidInputError
from imagecards.formats.coco.header import SPLITS
from imagecards.formats.coco.ids import Numbers, numbers_of
from imagecards.formats.coco.layout import Layout, written_paths
from imagecards.formats.coco.objects import Item, Outlines, Rules, write_objects
from imagecards.formats.json_text import JsonText
from imagecards.formats.parallel import map_ordered
from imagecards.formats.scene import Part, Scene, View, Write

_BATCH = 64


def write_coco(
    scene: Scene,
    write: Write,
    *,
    images: bool = True,
    segmentation: Outlines = "keep",
    min_area: int | None = None,
    class_agnostic: bool | str = False,
    layout: Layout = "flat",
    indent: bool = False,
) -> None:
    """Write one JSON file a split.

    Ids of images and annotations are those of the records' field ``id``, where all of a file have one and it is a
    whole number that no other has; else they are 1, 2, ... in order. They are numbered before any object is left
    out, so that files with and without classes or small objects have the same ids. What COCO demands and the dataset
    doesn't say is added: ids, the area within the outline, and ``iscrowd`` 0. A caption is the image's key
    ``caption``, and its categories are ``categories``.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
        segmentation: ``"keep"`` writes outlines as they are; ``"rle"`` as masks, with the box and area of the mask;
            ``"polygons"`` as pixel-edge outlines, holes by a bridge; ``"none"`` leaves them out.
        min_area: Leaves out objects of a smaller area, in pixels; the file's ``info`` then says so.
        class_agnostic: Writes one category with the id 1 in place of all: ``object``, or of this name.
        layout: ``"flat"`` writes ``annotations_<split>.json`` and ``images/<split>/``, ``"roboflow"``
            ``_annotations.coco.json`` beside the images in ``<split>/``, ``"instances"``
            ``annotations/instances_<split>.json`` and ``<split>/``.
        indent: Whether to write it for people, with line breaks.

    Raises:
        InvalidInputError: An option has a value that it can't have.
    """
    _check(segmentation, min_area, layout)
    name = class_agnostic if isinstance(class_agnostic, str) else "object" if class_agnostic else None
    categories = _categories(scene, name)
    ids = {each.name: 1 if name is not None else each.id for each in scene.categories}
    for part in scene.parts:
        path, folder = written_paths(layout, part.split)
        numbers = numbers_of(scene, part)
        rules = Rules(ids, segmentation, min_area, numbers.own, indent)
        header = {**_header(scene, part, min_area), "categories": categories}
        write(path, _document(scene, part, rules, numbers, header))
        if images:
            scene.copy_images(part, write, lambda view, folder=folder: folder + view.path)  # type: ignore[misc]


def _check(segmentation: str, min_area: object, layout: str) -> None:
    for name, value, known in (("segmentation", segmentation, Outlines), ("layout", layout, Layout)):
        if value not in get_args(known):
            raise InvalidInputError(f"{name} is one of {', '.join(get_args(known))}, not {value!r}")
    if min_area is not None and (type(min_area) is not int or min_area < 0):
        raise InvalidInputError(f"min_area is a whole number of pixels, not {min_area!r}")


def _categories(scene: Scene, name: str | None) -> list[dict[str, Any]]:
    """The categories of the file: those of the dataset, or one of the given name."""
    if name is not None:
        for each in scene.categories:
            scene.losses.add("classes-merged", "all objects are of one category", str(each.name))
        return [{"id": 1, "name": name}]
    for each in scene.categories:
        if not isinstance(each.name, str):
            message = "categories that are whole numbers become texts"
            scene.losses.add("categories-as-text", message, str(each.name))
    return [{"id": each.id, "name": str(each.name), **each.fields} for each in scene.categories]


def _header(scene: Scene, part: Part, min_area: int | None) -> dict[str, Any]:
    """What is said of the dataset in the file of one split."""
    # readers of COCO look for these two, also where nothing is in them
    attributes: dict[str, Any] = {"info": {}, "licenses": [], **scene.dataset.attributes}
    attributes.pop("categories", None)
    of_splits = attributes.pop(SPLITS, None)
    own = of_splits.get(part.split or "") if isinstance(of_splits, Mapping) else None
    attributes.update(own if isinstance(own, Mapping) else {})
    for key in ("images", "annotations"):
        if attributes.pop(key, None) is not None:
            scene.losses.add("fields-dropped", "COCO has a meaning of its own for a field of this name", key)
    if min_area is not None:
        rule = {"min_area": min_area, "objects": "those of an area >= min_area, in pixels"}
        attributes["info"] = {**_mapping(attributes["info"]), "imagecards": rule}
    return attributes


def _mapping(info: object) -> Mapping[str, Any]:
    return info if isinstance(info, Mapping) else {"said": info}


def _document(scene: Scene, part: Part, rules: Rules, numbers: Numbers, header: Mapping[str, Any]) -> Iterator[bytes]:
    text = JsonText(rules.indent)
    yield from text.members(header)
    yield from text.array("images", _images(scene, part, numbers, text))
    if numbers.known:
        yield from text.array("annotations", _annotations(scene, part, rules, numbers))
    yield text.end()


def _images(scene: Scene, part: Part, numbers: Numbers, text: JsonText) -> Iterator[bytes]:
    for batch in _batches(zip(scene.views(part, objects=False), numbers.images, strict=True)):
        yield text.entries([_image(view, number, scene, part) for view, number in batch])


def _image(view: View, number: int, scene: Scene, part: Part) -> dict[str, Any]:
    record = dict(view.record)
    del record["file_name"]
    record.pop("id", None)
    for key in ("width", "height"):
        if record.pop(key, None) is not None:
            message = "COCO has a meaning of its own for a field of this name"
            scene.losses.add("fields-dropped", message, f"{view.name} {key}")
    if "categories" in record:
        record["categories"] = [str(each) for each in record["categories"]]
    if part.split is not None and view.name != f"{part.split}/{view.path}":
        message = "the image is named by its split when it is read again"
        scene.losses.add("images-renamed", message, f"{view.name} in {part.split}")
    return {"id": number, "file_name": view.path, "width": view.width, "height": view.height, **record}


def _annotations(scene: Scene, part: Part, rules: Rules, numbers: Numbers) -> Iterator[bytes]:
    items = map(Item, scene.views(part), numbers.images, numbers.firsts)
    # what only changes its form is made faster than it gets to another process
    executor = scene.executor if rules.outlines in ("rle", "polygons") else None
    for written, losses in map_ordered(partial(write_objects, rules), _batches(items), executor):
        scene.losses.join(losses)
        yield written


def _batches(items: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(items, _BATCH)):
        yield batch
