"""Where images and their masks lie: in folders side by side, with the same stems."""

import posixpath
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from imagecards.datasets import is_image_name
from imagecards.formats.stems import names_split

MASK_FOLDERS = ("masks", "instance_masks", "semantic_masks")
"""What folders of masks are called; the first that there is counts."""


class Group(NamedTuple):
    """Images of one split and their masks.

    Attributes:
        split: The split; ``None`` for images of no split.
        images: The folder of the images.
        masks: The folder of the masks.
        splits: Folders below these two that are of other groups: what is in them is not of this one.
    """

    split: str | None
    images: str
    masks: str
    splits: tuple[str, ...] = ()

    @property
    def semantic(self) -> bool:
        """Whether the folder's name says that pixels are classes."""
        return "semantic" in self.masks


class Pair(NamedTuple):
    """An image and its mask.

    Attributes:
        name: The image in the dataset.
        image: Its path, if there is such a file.
        mask: The path of the mask, if there is one.
    """

    name: str
    image: str | None
    mask: str | None


def find_groups(files: Collection[str], splits: Sequence[str] | None) -> list[Group]:
    """Find the folders of images and masks.

    Args:
        files: The files that there are, as relative paths; it is enough to know the masks.
        splits: The splits that there are, where that is said.
    """
    found: dict[tuple[str | None, str], Group] = {}
    for kind in MASK_FOLDERS if splits is None else MASK_FOLDERS[:1]:
        for group in _groups(files, kind, splits):
            found.setdefault((group.split, group.images), group)
    return sorted(found.values(), key=lambda group: (group.split or "", group.images))


def pairs_of(group: Group, images: Collection[str], masks: Collection[str]) -> Iterator[Pair | tuple[str, str]]:
    """The images of a group with their masks, and masks without an image.

    Yields:
        Pairs; or two files that would share a mask, the second of which is left out.
    """
    front = f"{group.split}/" if group.split is not None else ""
    found = {_stem(file, group.masks): file for file in sorted(masks) if _is_in(file, group.masks, group.splits)}
    stems: dict[str, str] = {}
    for image in sorted(file for file in images if _is_in(file, group.images, group.splits)):
        stem = _stem(image, group.images)
        before = stems.setdefault(stem, image)
        if before != image:
            yield before, image
            continue
        name = image.removeprefix(f"{group.images}/" if group.images else "")
        yield Pair(front + name, image, found.get(stem))
    for stem, mask in found.items():
        if stem not in stems:
            yield Pair(front + mask.removeprefix(f"{group.masks}/"), None, mask)


def split_before(folder: str) -> tuple[str, str]:
    """The split and the kind in the name of a folder of masks; empty where it is none.

    Example:
        >>> split_before("train_semantic_masks"), split_before("semantic_masks")
        (('train', 'semantic_masks'), ('', ''))
    """
    if folder not in MASK_FOLDERS:
        for kind in sorted(MASK_FOLDERS, key=len, reverse=True):
            if folder.endswith(f"_{kind}"):
                return folder.removesuffix(f"_{kind}"), kind
    return "", ""


def _groups(files: Collection[str], kind: str, splits: Sequence[str] | None) -> Iterator[Group]:
    inside: set[str] = set()
    direct = False
    for file in files:
        if not is_image_name(file):
            continue
        first, _, rest = file.partition("/")
        second, _, deeper = rest.partition("/")
        if first == kind and rest:
            direct = direct or not deeper
            inside.update([second] if deeper else [])
        elif second == kind and deeper and splits is None:
            yield Group(first, f"{first}/images", f"{first}/{kind}")
        elif rest and splits is None and split_before(first)[1] == kind:
            split = split_before(first)[0]
            yield Group(split, f"{split}_images", first)
    if splits is None:
        splits = sorted(inside) if inside and not direct and all(map(names_split, inside)) else []
    for split in splits:
        deeper_ones = tuple(each.removeprefix(f"{split}/") for each in splits if each.startswith(f"{split}/"))
        yield Group(split, f"images/{split}", f"{kind}/{split}", deeper_ones)
    if direct or inside - {split.partition("/")[0] for split in splits}:
        yield Group(None, "images", kind, tuple(splits))


def _is_in(file: str, folder: str, without: Sequence[str]) -> bool:
    if not is_image_name(file) or (folder and not file.startswith(f"{folder}/")):
        return False
    return not any(file.startswith(f"{folder}/{split}/") for split in without)


def _stem(file: str, folder: str) -> str:
    return posixpath.splitext(file)[0].removeprefix(f"{folder}/" if folder else "")
