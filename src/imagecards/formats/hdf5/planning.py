"""What examples are to be written: which files, with which images, and what is said of them beside."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from imagecards.digests import canonical_json
from imagecards.errors import FormatError, InvalidInputError, retold
from imagecards.formats.hdf5.filing import FileTask
from imagecards.formats.hdf5.labels import Labels
from imagecards.formats.hdf5.layouts import Extent
from imagecards.formats.hdf5.partition import Share, balanced, upstream
from imagecards.formats.hdf5.pixels import read_pixels
from imagecards.formats.hdf5.recipe import Recipe
from imagecards.formats.lost import tell_of_unheld
from imagecards.formats.scene import Part, Scene
from imagecards.records import printable, record_digests
from imagecards.records.schema import KNOWN_FIELDS
from imagecards.release import VERSION

_MOST_PADDING = 8  # times the pixels that there are
_LARGEST = 1 << 30  # bytes of an example; readers refuse more


class Plan(NamedTuple):
    """What is to be written.

    Attributes:
        tasks: The files of examples, by their relative paths.
        documents: The other files.
        digest: Of all that the files depend on, but the bytes of the images.
    """

    tasks: Mapping[str, FileTask]
    documents: Mapping[str, bytes]
    digest: str


def make_plan(scene: Scene, recipe: Recipe) -> Plan:
    """Plan the files of a dataset.

    Raises:
        InvalidInputError: The recipe does not fit it.
        FormatError: Its first image can't be decoded.
    """
    tell_of_unheld(scene, holds=("names", "image categories") if recipe.label == "class" else ("names",))
    parts = [part for part in scene.parts if part.rows]
    if not parts:
        raise InvalidInputError("there are no images, and so no examples: see the path, or the split")
    labels = Labels.of(scene, recipe)
    extent = _extent(scene, recipe, labels, parts) if recipe.layout == "packed" else None
    table = scene.dataset.table
    records = table.select([name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names])
    tasks: dict[str, FileTask] = {}
    documents: dict[str, bytes] = {}
    params: dict[str, Any] = {}
    for part in parts:
        shares = _shares(part, recipe)
        folder = f"{part.split}/" if part.split is not None else ""
        for share in shares:
            rows = [part.rows[place] for place in share.places]
            sizes = [scene.sizes[row] for row in rows]
            said = records.take(pa.array(rows, pa.int64()))  # typed, as a file may have none
            task = FileTask(Path(share.file), scene.dataset.source, said, sizes, recipe, labels, extent)
            tasks[folder + share.file] = task
        lines = (f"{folder}{share.file} {len(share.places)}\n" for share in shares)
        documents[_meta_name(part.split)] = "".join(lines).encode()
        params[f"{part.split or 'all'}_hdf"] = _counts(shares)
    facts = recipe.facts()
    params["recipe"] = facts
    params["input_args"] = {
        "name": recipe.name,
        "num_output_files": recipe.files,
        "num_processes": recipe.processes or 0,
    }
    params["classes"] = [{"name": name, "number": number} for name, number in labels.classes.items()]
    documents["data_params.json"] = json.dumps(params, indent=4, sort_keys=True).encode()
    return Plan(tasks, documents, _digest(scene, facts, params, records))


def _digest(scene: Scene, facts: dict[str, Any], params: dict[str, Any], records: Any) -> str:
    import h5py

    said = hashlib.sha256()
    for digest in record_digests(records, [bytes(32)] * len(records)):
        said.update(digest)
    whole = {
        "made by": [VERSION, h5py.version.hdf5_version],
        "recipe": facts,
        "classes": params["classes"],
        "records": said.hexdigest(),
        "splits": {str(part.split): [scene.dataset.names[row] for row in part.rows] for part in scene.parts},
    }
    return hashlib.sha256(canonical_json(whole)).hexdigest()


def _shares(part: Part, recipe: Recipe) -> list[Share]:
    count = len(part.rows)
    try:
        if recipe.processes is not None:
            return upstream(count, recipe.files, recipe.processes, recipe.name)
        return balanced(count, recipe.files, recipe.name)
    except InvalidInputError as error:
        where = f"the split {printable(part.split)}: " if part.split is not None else ""
        raise retold(error, f"{where}{error}") from error


def _meta_name(split: str | None) -> str:
    """Where it is said how many examples each file has; beside the folder of the split.

    Example:
        >>> _meta_name("train"), _meta_name("fold_0/train")
        ('meta_train.dat', 'fold_0/meta_train.dat')
    """
    if split is None:
        return "meta.dat"
    above, slash, name = split.rpartition("/")
    return f"{above}{slash}meta_{name}.dat"


def _counts(shares: Sequence[Share]) -> dict[str, Any]:
    """What the original converter says of a split."""
    places: dict[str, list[int]] = {}
    for share in shares:
        if share.places:
            found = places.setdefault(str(share.process), [share.places[0], share.places[-1]])
            found[:] = [min(found[0], share.places[0]), max(found[1], share.places[-1])]
    count = sum(len(share.places) for share in shares)
    return {"n_docs": count, "total_written": count, "dataset_range": places}


def _extent(scene: Scene, recipe: Recipe, labels: Labels, parts: Sequence[Part]) -> Extent:
    """What ``packed`` reserves for each example: one for all files, so that they can be read alike."""
    rows = [row for part in parts for row in part.rows]
    first = scene.dataset.names[rows[0]]
    try:
        pixels = read_pixels(scene.dataset.read_bytes(first), recipe.colour, recipe.image_shape)
    except FormatError as error:
        raise retold(error, f"{printable(first)}: {error}") from error
    sizes = {scene.sizes[row] for row in rows}
    height, width = recipe.image_shape or (max(size[1] for size in sizes), max(size[0] for size in sizes))
    if recipe.image_shape is None:
        there = sum(scene.sizes[row][0] * scene.sizes[row][1] for row in rows)
        if height * width * len(rows) > _MOST_PADDING * there:
            raise InvalidInputError(
                f"sizes differ too much to be packed: each image would be padded to {width} x {height} pixels, more "
                f"than {_MOST_PADDING} times what there are; give image_shape=, or take layout='examples'"
            )
    boxes = max(pc.list_value_length(scene.dataset.table["objects"].take(rows)).fill_null(0).to_pylist())
    image, label = (pixels.shape[0], height, width), labels.shape(height, width, max(boxes, 1))
    largest = max(
        int(np.prod(image, dtype=object)) * pixels.itemsize, int(np.prod(label, dtype=object)) * labels.dtype.itemsize
    )
    if largest > _LARGEST:
        message = f"an example would have {largest:,} bytes, and {_LARGEST:,} are the limit: give image_shape="
        raise InvalidInputError(message)
    return Extent(
        image=image,
        dtype=pixels.dtype,
        label=label,
        label_dtype=labels.dtype,
        boxes=recipe.label == "boxes",
        vary=recipe.image_shape is None and len(sizes) > 1,
        name_size=max(len(scene.dataset.names[row].encode()) for row in rows),
    )
