"""From what a reader finds in annotation files to a sound dataset, or to everything that is wrong with them.

Whatever the format, images and objects become lines of metadata.jsonl, and are checked as those are: one set of
rules, told with the places of the format. What is wrong is left out when the caller is not strict, object by object.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from imagecards.datasets import (
    FolderScan,
    FolderSource,
    ImageDataset,
    Place,
    RenamedSource,
    is_image_name,
    scan_folder,
)
from imagecards.formats.checking import check_images
from imagecards.formats.found_image import FoundImage, ObjectPlace, by_number, free_name
from imagecards.formats.sizes import Head, Size, read_heads
from imagecards.paths import check_relative
from imagecards.records import Collector, Issue, Report, attribute_issues, shown

_SIDES = 2**31  # what a side of an image is less than
_NAMED = 5  # of images that are not listed
_TAKEN = frozenset({"file_name", "caption", "categories", "objects"})


class DatasetBuilder:
    """Takes images one by one and makes a dataset of them.

    Args:
        root: The folder that the images' files are named in.
        executor: Where to read the sizes of images.
        check_images: Whether each image has to be there, in the size that is said of it.

    Attributes:
        attributes: What is said of the dataset as a whole; see `imagecards.ImageDataset.attributes`.
        annotation_files: Relative path and place of each file that annotations were read from.
        splits: Splits that are there whether or not they have images.
    """

    def __init__(self, root: Path, *, executor: Executor | None = None, check_images: bool = True) -> None:
        self.root = root
        self.executor = executor
        self.check_images = check_images
        self.attributes: dict[str, Any] = {}
        self.annotation_files: dict[str, str] = {}
        self.splits: list[str] = []
        self.issues = Collector()
        self._images: list[FoundImage] = []
        self._names: dict[str, Place] = {}
        self._heads: dict[str, Head | str] = {}

    @cached_property
    def _scan(self) -> FolderScan:
        return scan_folder(self.root)

    @cached_property
    def files(self) -> frozenset[str]:
        """The files below the root, as relative paths; links are none."""
        return frozenset(found.name for found in self._scan.files)

    def sizes(self, files: Sequence[str]) -> list[Size | str]:
        """Width and height of image files below the root, or what is wrong with them; each is read once."""
        return [head if isinstance(head, str) else head.size for head in self.heads(files)]

    def heads(self, files: Sequence[str]) -> list[Head | str]:
        """Size and orientation of image files below the root, or what is wrong with them; each is read once."""
        unread = [file for file in dict.fromkeys(files) if file not in self._heads]
        self._heads.update(zip(unread, read_heads(FolderSource(self.root), unread, self.executor), strict=True))
        return [self._heads[file] for file in files]

    def error(
        self, rule: str, message: str, file: str, line: int | None = None, where: str = "", value: object = ""
    ) -> None:
        """Tell of something that is wrong; what it concerns is not to be added."""
        self.issues.add(Issue(file, line, where, shown(value) if value != "" else "", rule, message))

    def warn(
        self, rule: str, message: str, file: str, line: int | None = None, where: str = "", value: object = ""
    ) -> None:
        """Tell of something that is worth a look, and was dealt with."""
        self.issues.add(Issue(file, line, where, shown(value) if value != "" else "", rule, message, "warning"))

    def warn_of_unlisted(self, file: str) -> None:
        """Tell of images below the root that were not added: called once all others were.

        Args:
            file: The annotation file that could have listed them.
        """
        listed = {image.file for image in self._images}
        left = sorted(name for name in self.files if is_image_name(name) and name not in listed)
        if left:
            message = f"images of the folder are not listed, and left out ({len(left):,}): {', '.join(left[:_NAMED])}"
            self.warn("unlisted-image", message + (", ..." if len(left) > _NAMED else ""), file)

    def image(
        self,
        name: str,
        *,
        file: str | None,
        place: Place,
        split: str | None = None,
        size: tuple[int, int] | None = None,
        caption: str | None = None,
        categories: Sequence[str] | None = None,
        objects: list[dict[str, Any]] | None = None,
        object_place: ObjectPlace = by_number,
        extra: Mapping[str, Any] | None = None,
        called: str = "",
    ) -> None:
        """Add an image.

        Args:
            name: What it is called in the dataset: within its split as in the format, behind the split's name.
            file: Its path below the root; ``None`` where there is no such file.
            place: Where it is described.
            split: The split that it belongs to.
            size: Width and height as they are said; read from its header without.
            caption: A text on it.
            categories: Categories of the image as a whole.
            objects: Its objects: ``bbox`` (x, y, width, height in pixels), ``category``, and where there are any
                ``segmentation``, ``area``, ``iscrowd``, ``id`` and further fields. ``None`` and an empty list
                differ: nothing is known of it, or it is known to have none.
            object_place: Where an object is described.
            extra: Further fields.
            called: What the image is called where it is described, if that isn't clear from the line:
                ``"images[3] (id 17)"``.
        """
        if name in self._names:
            first = self._names[name]
            message = f"the image {name!r} is described twice, first in {first.file}"
            self.error("duplicate-image", message + (f":{first.line}" if first.line else ""), *place, called, name)
            return
        self._names[name] = place
        record: dict[str, Any] = {"file_name": name}
        if caption is not None:
            record["caption"] = caption
        if categories is not None:
            record["categories"] = list(categories)
        # a field of the format's own must not become one that means something here
        record.update({free_name(key, _TAKEN, extra): value for key, value in extra.items()} if extra else {})
        self._images.append(FoundImage(name, file, split, size, record, objects, place, object_place, called))

    def build(self) -> tuple[ImageDataset, Report]:
        """Check everything and make the dataset.

        Returns:
            The dataset of all that is sound, and what was found; where there are errors, the dataset is without
            what they concern.
        """
        self._settle_sizes()
        table, images = check_images(self._images, self.issues)
        splits: dict[str, list[str]] = defaultdict(list, {split: [] for split in self.splits})
        for image in images:
            if image.split is not None:
                splits[image.split].append(image.name)
        places = {image.name: image.file for image in images if image.file is not None}
        dataset = ImageDataset.from_source(
            RenamedSource(FolderSource(self.root), places),
            table,
            splits,
            attributes={key: value for key, value in self.attributes.items() if self._is_sound(key, value)},
            annotation_files=self.annotation_files,
        )
        return dataset, self.issues.report()

    def _is_sound(self, key: str, value: Any) -> bool:
        """Whether an attribute can be kept; tells what is wrong with it."""
        file = next(iter(self.annotation_files), "")
        found = [replace(issue, file=file) for issue in attribute_issues({key: value})]
        for issue in found:
            self.issues.add(issue)
        return not found

    def _settle_sizes(self) -> None:
        """Find out how large the images are, and drop those that are missing or not what is said of them."""
        wanted = [image for image in self._images if self.check_images or image.size is None]
        there = [image for image in wanted if image.file is not None]
        read = self.sizes([image.file for image in there if image.file is not None])
        sizes = {image.name: size for image, size in zip(there, read, strict=True)}
        gone: set[str] = set()
        for image in wanted:
            size = sizes.get(image.name)
            if size is None:
                if check_relative(image.name) is not None:
                    continue  # refused for what it is: nobody should put a file there
                self.error("missing-file", self._missing, *image.place, image.called, image.name)
            elif isinstance(size, str):
                self.error("not-an-image", size, *image.place, image.called, image.name)
            elif image.size not in (None, size):
                assert image.size is not None
                said = (
                    f"{image.size[0]} x {image.size[1]} pixels are said of it, and the file has {size[0]} x {size[1]}"
                )
                if image.size == (size[1], size[0]) and self._is_turned(image.file):
                    said += ", which its EXIF turns: store it turned, as annotations are of pixels as they are stored"
                self.error("size-differs", said, *image.place, image.called, image.name)
            else:
                image.size = size
                continue
            gone.add(image.name)
        for image in self._images:
            if image.size is not None and image.name not in gone and not all(0 < side < _SIDES for side in image.size):
                said = (
                    f"an image has sides of 1 to {_SIDES - 1:,} pixels, and {image.size[0]} x {image.size[1]} are said"
                )
                self.error("image-size", said, *image.place, image.called, image.name)
                gone.add(image.name)
        self._images = [image for image in self._images if image.name not in gone]

    def _is_turned(self, file: str | None) -> bool:
        """Whether an image is laid on its side when it is shown."""
        return any(not isinstance(head, str) and head.orientation > 4 for head in self.heads([file] if file else []))

    @cached_property
    def _missing(self) -> str:
        """What is said of an image that is not there."""
        links = [issue.file for issue in self._scan.issues if issue.rule == "symlink"]
        if not links:
            return "there is no such image: put it there, or remove what is said of it"
        return (
            f"there is no such image, and links such as {shown(links[0])} are not followed: put the image itself there"
        )
