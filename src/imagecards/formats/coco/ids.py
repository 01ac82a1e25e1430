"""The ids that images and annotations are written with: their own where these are ids, else 1, 2, ... in order."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.formats.scene import Part, Scene


class Numbers(NamedTuple):
    """The ids of one file.

    Attributes:
        images: The id of each image.
        firsts: The id of each image's first object, where ids are given.
        own: Whether objects have ids of their own.
        known: Whether objects are known of any image.
    """

    images: Sequence[int]
    firsts: Sequence[int]
    own: bool
    known: bool


def numbers_of(scene: Scene, part: Part) -> Numbers:
    """Find the ids of the images of a part and of their objects; what is no id is told as a loss."""
    rows = np.asarray(part.rows, np.int64)
    objects = scene.dataset.table["objects"]
    lengths = pc.fill_null(pc.list_value_length(objects), 0).to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    own = False
    if objects.type.value_type.get_field_index("id") >= 0:
        chunks = [pc.struct_field(pc.list_flatten(chunk), "id") for chunk in objects.chunks]
        ids = pa.chunked_array(chunks, objects.type.value_type.field("id").type)
        own = _are_ids(ids.take(_members(ends[rows], lengths[rows])))
        if not own:
            _tell(
                scene, part, "ids-renumbered", "the ids of objects are not whole numbers, each once", ids, ends, lengths
            )
    firsts = np.cumsum(lengths[rows]) - lengths[rows] + 1
    valid = objects.is_valid().to_numpy()
    if len(rows) and valid[rows].any() and not valid[rows].all():
        missing = rows[~valid[rows]]
        message = "images of which nothing is known are the same as images without objects here"
        scene.losses.add("unknown-as-negative", message, scene.dataset.names[missing[0]], len(missing))
    known = not len(rows) or bool(valid[rows].any())
    return Numbers(_image_ids(scene, part, rows), firsts.tolist(), own, known)


def _image_ids(scene: Scene, part: Part, rows: Any) -> Sequence[int]:
    table = scene.dataset.table
    if "extra" in table.column_names and table.schema.field("extra").type.get_field_index("id") >= 0:
        ids = pc.struct_field(table["extra"], "id").take(pa.array(rows))
        if _are_ids(ids):
            return ids.to_pylist()  # type: ignore[no-any-return]
        count = len(ids) - ids.null_count
        if count:
            place = scene.dataset.names[part.rows[int(np.argmax(ids.is_valid().to_numpy()))]]
            message = "the ids of images are not whole numbers, each once: they are 1, 2, ... in order"
            scene.losses.add("image-ids-renumbered", message, place, count)
    return range(1, len(rows) + 1)


def _are_ids(ids: pa.ChunkedArray) -> bool:
    """Whether all are there, whole numbers, and different."""
    return ids.type == pa.int64() and not ids.null_count and len(pc.unique(ids)) == len(ids)


def _members(ends: Any, lengths: Any) -> pa.Array:
    """The places of the objects of some images among those of all."""
    before = np.cumsum(lengths) - lengths
    return pa.array(np.repeat(ends - lengths - before, lengths) + np.arange(int(lengths.sum())))


def _tell(scene: Scene, part: Part, rule: str, message: str, ids: pa.ChunkedArray, ends: Any, lengths: Any) -> None:
    """Tell of the ids of a part that are given up, at its first image that has any."""
    valid = np.concatenate(([0], np.cumsum(ids.is_valid().to_numpy())))
    rows = np.asarray(part.rows, np.int64)
    counts = valid[ends[rows]] - valid[ends[rows] - lengths[rows]]
    if counts.any():
        place = scene.dataset.names[part.rows[int(np.argmax(counts > 0))]]
        scene.losses.add(rule, f"{message}: they are 1, 2, ... in order", place, int(counts.sum()))
