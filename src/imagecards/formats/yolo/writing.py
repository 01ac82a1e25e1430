"""Writing YOLO: ``<split>/images``, ``<split>/labels`` and a ``data.yaml`` with relative paths.

What is written depends on the dataset alone, and is written into an empty folder: nothing is ever appended to.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from imagecards.errors import InvalidInputError
from imagecards.formats.lost import as_label, tell_of_unheld, tell_of_unknown
from imagecards.formats.parallel import batches, map_ordered
from imagecards.formats.scene import Part, Scene, Write
from imagecards.formats.sizes import orientations_of
from imagecards.formats.stems import copy_images, places_of
from imagecards.formats.yolo.data import NO_SPLITS, OWN_KEY
from imagecards.formats.yolo.labels import Outlines
from imagecards.formats.yolo.layout import label_of
from imagecards.formats.yolo.lines import Batch, Labels, box_labels, polygon_labels
from imagecards.formats.yolo.numbers import LEAST_DECIMALS, MOST_DECIMALS
from imagecards.formats.yolo.outlines import Parts
from imagecards.formats.yolo.turning import turned_column

_BATCH = 256
_KEYS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def write_yolo(scene: Scene, write: Write, *, images: bool = True, decimals: int = LEAST_DECIMALS) -> None:
    """Write the boxes of objects.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
        decimals: How many to write, 6 to 15.

    Raises:
        InvalidInputError: There can't be so many decimals.
    """
    check_decimals(decimals)
    _write(scene, write, images, partial(box_labels, _classes(scene), decimals), {"decimals": decimals})


def write_yolo_seg(
    scene: Scene,
    write: Write,
    *,
    images: bool = True,
    decimals: int = LEAST_DECIMALS,
    parts: Parts = "join",
    outlines: Outlines | None = None,
) -> None:
    """Write the outlines of objects as polygons.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
        decimals: How many to write, 6 to 15.
        parts: ``"join"`` makes one polygon of several parts, ``"split"`` a line of each.
        outlines: ``"pixels"`` outlines the pixels of every object from centre to centre, as OpenCV fills them;
            ``"vertices"`` keeps polygons and outlines masks along the edges of their pixels, as COCO does. By default
            pixels if all outlines of the dataset are masks, else vertices.

    Raises:
        InvalidInputError: An option has none of its values.
    """
    check_decimals(decimals)
    if parts not in get_args(Parts):
        raise InvalidInputError(f"parts={parts!r} is neither 'join' nor 'split'")
    if outlines is not None and outlines not in get_args(Outlines):
        raise InvalidInputError(f"outlines={outlines!r} is neither 'pixels' nor 'vertices'")
    chosen: Outlines = outlines or ("pixels" if _all_masks(scene.dataset.table) else "vertices")
    labels = partial(polygon_labels, _classes(scene), decimals, chosen, parts)
    _write(scene, write, images, labels, {"outlines": chosen, "decimals": decimals})


def check_decimals(decimals: object) -> None:
    """See that coordinates can have so many decimals.

    Raises:
        InvalidInputError: They can't.
    """
    if not isinstance(decimals, int) or not LEAST_DECIMALS <= decimals <= MOST_DECIMALS:
        raise InvalidInputError(f"decimals={decimals!r}: choose {LEAST_DECIMALS} to {MOST_DECIMALS}")


def _write(scene: Scene, write: Write, images: bool, labels_of: Callable[[Batch], Labels], own: dict[str, Any]) -> None:
    tell_of_unheld(scene)
    tell_of_unknown(scene)
    _tell_of_categories(scene)
    splits: dict[str, str] = {}
    for part in scene.parts:
        if not part.rows:
            continue
        folder = f"{part.split}/images" if part.split is not None else "images"
        if part.split is not None:
            splits[part.split] = folder
        elif scene.dataset.splits:
            own["rest"] = folder
        files = places_of(scene, part, folder, label_of)
        written = (labels for batch in _labels(scene, part, labels_of) for labels in batch)
        for file, labels in zip(files, written, strict=True):
            if labels is not None:
                write(label_of(file), [labels])
        if images:
            copy_images(scene, part, files, write)
    write("data.yaml", [_data(scene, splits, own)])


def _labels(scene: Scene, part: Part, labels_of: Callable[[Batch], Labels]) -> Iterator[list[bytes | None]]:
    objects = scene.dataset.table["objects"].combine_chunks()
    names, sizes = scene.dataset.names, np.array(scene.sizes, float).reshape(-1, 2)

    def every() -> Iterator[Batch]:
        for rows in map(list, batches(part.rows, _BATCH)):
            called = [names[row] for row in rows]
            taken = objects.take(pa.array(rows, pa.int64()))
            shown, sides = turned_column(taken, sizes[rows], orientations_of(scene.dataset.source, called))
            yield Batch(called, sides, shown)

    for labels, losses in map_ordered(labels_of, every(), scene.executor):
        scene.losses.join(losses)
        yield labels


def _data(scene: Scene, splits: dict[str, str], own: dict[str, Any]) -> bytes:
    """What ``data.yaml`` says: for everybody, and under a key of ours what only we understand."""
    document: dict[str, Any] = {}
    known = list(_KEYS)
    for split in sorted(splits, key=lambda name: (known.index(name) if name in known else len(known), name)):
        key = _KEYS.get(split, split)
        if key in document:
            key = split
        if key not in document and key not in NO_SPLITS:
            document[key] = splits[split]
    if not splits:
        document["train"] = "images"
        own["rest"] = "images"
    document["nc"] = len(scene.categories)
    document["names"] = [str(category.name) for category in scene.categories]
    document[OWN_KEY] = {**own, "splits": splits}
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=2**20).encode()


def _classes(scene: Scene) -> pa.Array:
    """The categories by class number, as texts."""
    return pa.array([str(category.name) for category in scene.categories], pa.string())


def _tell_of_categories(scene: Scene) -> None:
    said = scene.dataset.attributes.get("categories")
    for place, category in enumerate(scene.categories):
        if said and category.id != place:
            message = "classes are numbered from 0 on, in the order of their ids"
            scene.losses.add("category-ids-changed", message, f"{category.name} {category.id} -> {place}")
        as_label(category.name, str(category.name), scene.losses)


def _all_masks(table: pa.Table) -> bool:
    """Whether there are outlines, and all are masks."""
    objects = table["objects"].combine_chunks()
    if objects.type.value_type.get_field_index("segmentation") < 0:
        return False
    outlines = pc.struct_field(pc.list_flatten(objects), "segmentation")
    masks = pc.is_valid(pc.struct_field(outlines, "size"))
    return bool(pc.any(masks).as_py()) and not pc.any(pc.is_valid(pc.struct_field(outlines, "polygons"))).as_py()
