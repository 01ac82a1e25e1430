"""The images of a YOLO dataset, each with the file of its labels."""

import os
import posixpath
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from imagecards.datasets import is_image_name
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.yolo.layout import Group, images_of, label_of


class LabelledImage(NamedTuple):
    """An image and where it lies.

    Attributes:
        name: What it is called in the dataset.
        file: Its path below the folder of the images.
        split: Its split.
        label: The path of its labels, where there are any.
        size: Width and height as they are stored, where they can be read.
        orientation: How it is turned before its labels apply; see `imagecards.images.orientation`.
    """

    name: str
    file: str
    split: str | None
    label: str | None
    size: tuple[int, int] | None
    orientation: int


def labelled_images(
    groups: Sequence[Group], builder: DatasetBuilder, files: Collection[str], base: Path, apart: bool, exif: bool
) -> Iterator[LabelledImage]:
    """Every image with its size and the file of its labels; those that can't be told apart by stem are reported."""
    found = [(group, name, file) for group in groups for name, file in images_of(group, builder.files, groups)]
    heads = builder.heads([file for _, _, file in found])
    first: dict[tuple[str | None, str], str] = {}
    for (group, name, file), head in zip(found, heads, strict=True):
        before = first.setdefault((group.split, name.rpartition(".")[0]), file)
        if before != file:
            alike = "labels" if label_of(before) == label_of(file) else "name in their split"
            message = f"{before} and this image would have the same {alike}: give one of them another name"
            builder.error("ambiguous-label", message, file, value=name)
            continue
        places = _label_places(group, file) if apart else [label_of(file)]
        label = next((place for place in places if place in files), None)
        if label is None and os.path.lexists(base / places[0]):
            message = "labels that are a link, or in a linked folder, are not followed: put the file itself there"
            builder.error("symlink", message, places[0])
            continue
        size, orientation = (None, 1) if isinstance(head, str) else head
        yield LabelledImage(name, file, group.split, label, size, orientation if exif else 1)


def _label_places(group: Group, file: str) -> list[str]:
    """Where the labels of an image may be that lies in a folder of its own."""
    stem = file.rpartition(".")[0]
    places = [label_of(file), f"labels/{stem}.txt", f"{stem}.txt"]
    if group.split is not None and group.folder == group.split:
        places.insert(1, f"{group.split}/labels/{stem.removeprefix(group.folder + '/')}.txt")
    return places


def tell_of_orphans(
    groups: Sequence[Group], used: Collection[str | None], files: Collection[str], builder: DatasetBuilder
) -> None:
    """Tell of labels without an image."""
    folders = {posixpath.dirname(label_of(f"{group.folder}/_.png" if group.folder else "_.png")) for group in groups}
    lists = any(group.listed is not None for group in groups)
    unlisted = {label_of(file) for file in filter(is_image_name, builder.files)} if lists else set()
    for file in sorted(file for file in files if file.endswith(".txt") and file not in used and file not in unlisted):
        folder, _, name = file.rpartition("/")
        if name != "classes.txt" and any(f"{folder}/".startswith(f"{each}/") for each in folders if each):
            builder.error("missing-file", "there is no image of this name: put it there, or remove the labels", file)
