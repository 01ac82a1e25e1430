"""The library's own folders, which are those of Hugging Face's ImageFolder: images and a metadata.jsonl."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from imagecards.datasets import ImageDataset, is_image_name
from imagecards.formats.format import Format
from imagecards.formats.lost import lose_names
from imagecards.formats.scene import Part, Scene, View, Write

_METADATA = "metadata.jsonl"


def read_imagefolder(path: Path) -> ImageDataset:
    """Bind a folder as `imagecards.ImageDataset` does: ``metadata.jsonl`` on top, or in one sub-folder a split."""
    return ImageDataset(image_dir=path)


def write_imagefolder(scene: Scene, write: Write, *, images: bool = True) -> None:
    """Write images and one ``metadata.jsonl`` a split, in a sub-folder of its name.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: Whether to write the image files, too.
    """
    for key in scene.dataset.attributes:
        message = "metadata.jsonl says nothing of the dataset as a whole"
        scene.losses.add("attributes-dropped", message, key)
    inside = any(part.split is not None for part in scene.parts)
    for part in scene.parts:
        folder = f"{part.split}/" if part.split is not None else ""
        if inside and part.split is None:
            message = "with sub-folders for splits, images that are in none come without their records"
            scene.losses.add("records-dropped", message, scene.dataset.names[part.rows[0]], len(part.rows))
        else:
            write(folder + _METADATA, _lines(scene, part))
        for view in scene.views(part, objects=False):
            _tell_of_name(scene, part, view, inside)
        if images:
            scene.copy_images(part, write, lambda view, folder=folder: folder + view.path)  # type: ignore[misc]


def _lines(scene: Scene, part: Part) -> Iterator[bytes]:
    for view in scene.views(part):
        record: dict[str, Any] = {**view.record, "file_name": view.path}
        yield orjson.dumps(record) + b"\n"


def _tell_of_name(scene: Scene, part: Part, view: View, inside: bool) -> None:
    """Tell of an image that gets another name, or another split, by the folder that it comes into."""
    lose_names(part.split, view, scene.losses)
    if inside and part.split is None and view.name.partition("/")[0] in scene.dataset.splits:
        message = "an image in the folder of a split is in that split when it is read again"
        scene.losses.add("splits-changed", message, view.name)


def _looks_like_it(path: Path) -> bool:
    if not path.is_dir():
        return False
    return (path / _METADATA).is_file() or any((each / _METADATA).is_file() for each in path.iterdir() if each.is_dir())


def holds_only_images(path: Path) -> bool:
    """Whether a folder has images on top and nothing that could be annotations of any format."""
    if not path.is_dir():
        return False
    names = [entry.name for entry in path.iterdir()]
    return any(map(is_image_name, names)) and all(is_image_name(name) or name.startswith(".") for name in names)


FORMAT = Format(
    name="imagefolder",
    title="metadata.jsonl beside the images (Hugging Face ImageFolder)",
    extensions=(".jsonl",),
    holds=frozenset({"boxes", "polygons", "masks", "image categories", "captions", "crowds", "splits", "fields"}),
    sniff=lambda path: _looks_like_it(path) or holds_only_images(path),
    open=read_imagefolder,
    write=write_imagefolder,
)
