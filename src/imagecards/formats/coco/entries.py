"""The entries of COCO's files one by one: images, and annotations, which become objects or captions."""

import posixpath
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from imagecards.datasets import Place, is_image_name
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.coco.layout import AnnotationFile, place_images, places_looked_at
from imagecards.formats.found_image import free_name
from imagecards.geometry import bounds, polygon_bounds, runs_from_coco
from imagecards.paths import check_relative
from imagecards.records import printable
from imagecards.records.json_values import json_problems

_LARGEST_SIDE = 2**31 - 1
_NOT_EXTRA = frozenset({"file_name", "width", "height", "caption"})
_NOT_FIELDS = frozenset({"category"})  # it is the name of the object's category
_CAPTIONS = "captions"
_NOT_FINITE = "the number is not finite: JSON has no such number"
_MOST_TOLD = 10  # of one entry
_MOST_NAMED = 3


class Images:
    """The images of one file that have an id and a name."""

    def __init__(self, builder: DatasetBuilder, file: AnnotationFile, entries: Sequence[Any], loose: bool) -> None:
        self.builder = builder
        self.file = file
        self.entries = entries
        self.loose = loose
        self.numbers: dict[int | str, int] = {}
        """The number of each image in the file, by its id."""
        for number, entry in enumerate(entries):
            self._take(number, entry)

    def _take(self, number: int, entry: Any) -> None:
        where = f"images[{number}]"
        if not isinstance(entry, dict):
            self._error("wrong-type", "an image is an object", where, entry)
            return
        where = _called("images", number, entry.get("id"))
        if entry.get("file_name") is None and type(entry.get("coco_url")) is str:
            # LVIS has no other name of its images, which lie in two folders of COCO's
            entry["file_name"] = "/".join(entry["coco_url"].split("/")[-2:])
        sound = _is_id(entry.get("id"))
        for field, value in _not_finite(entry) if self.loose else ():
            self._error("not-finite", _NOT_FINITE, where + field, value)
            sound = False
        if not _is_id(entry.get("id")):
            rule, message = _no_id(entry, "id")
            self._error(rule, message, f"{where}.id", entry.get("id"))
        elif entry["id"] in self.numbers:
            message = f"the image images[{self.numbers[entry['id']]}] has the same id"
            self._error("duplicate-id", message, f"{where}.id", entry["id"])
            sound = False
        if not isinstance(entry.get("file_name"), str):
            rule = "wrong-type" if entry.get("file_name") is not None else "missing-field"
            self._error(rule, "an image has a file name, a text", f"{where}.file_name", entry.get("file_name"))
            sound = False
        for side in ("width", "height"):
            value = entry.get(side)
            if value is not None and (type(value) is not int or not 0 < value <= _LARGEST_SIDE):
                self._error("image-size", "width and height are whole numbers of pixels", f"{where}.{side}", value)
                sound = False
        if not isinstance(entry.get("caption", ""), str | None):
            self._error("wrong-type", "a caption is a text", f"{where}.caption", entry["caption"])
            sound = False
        if sound:
            self.numbers[entry["id"]] = number

    def add(self, objects: "Objects", known: bool) -> set[str]:
        """Add all images to the dataset, with what was found of each.

        Returns:
            The files of images that are there.
        """
        builder, split, place = self.builder, self.file.split, Place(self.file.path, None)
        sound = [(image, self.entries[number], number) for image, number in self.numbers.items()]
        names = file_names(self.entries)
        cut, places = place_images(names, self.file, builder.files)
        if not places and builder.check_images and any(check_relative(name) is None for name in names):
            message = (
                f"none of its {len(names):,} images is in {printable(builder.root.name)}: looked in "
                f"{places_looked_at(self.file)}; name the folder that they are in with images= (--images)"
            )
            builder.warn("images-not-found", message, self.file.path, None, "images", names[0])
        front = f"{split}/" if split is not None else ""
        for image, entry, number in sound:
            name = entry["file_name"]
            width, height = entry.get("width"), entry.get("height")
            extra = {key: value for key, value in entry.items() if key not in _NOT_EXTRA}
            categories = extra.get("categories")
            if isinstance(categories, list) and all(isinstance(each, str) for each in categories):
                del extra["categories"]
            else:
                categories = None
            captions = objects.captions.get(image)
            caption = entry.get("caption")
            if captions is not None:
                if _CAPTIONS in extra and extra[_CAPTIONS] != captions:
                    extra[free_name(_CAPTIONS, {_CAPTIONS}, extra)] = extra[_CAPTIONS]
                extra[_CAPTIONS] = captions
                caption = captions[0]["caption"] if caption is None else caption
            found, numbers = objects.of_image.get(image) or ([], [])
            builder.image(
                front + name.removeprefix(cut),
                file=places.get(name),
                place=place,
                split=split,
                size=(width, height) if width is not None and height is not None else None,
                caption=caption,
                categories=categories,
                objects=found if known else None,
                object_place=partial(_object_place, found, numbers),
                extra=extra,
                called=_called("images", number, image),
            )
        return set(places.values())

    def _error(self, rule: str, message: str, where: str, value: object) -> None:
        self.builder.error(rule, message, self.file.path, None, where, value)


class Objects:
    """The annotations of one file, by image: objects, and texts."""

    def __init__(
        self,
        builder: DatasetBuilder,
        file: AnnotationFile,
        images: Mapping[int | str, int],
        categories: Mapping[int, str],
        loose: bool,
    ) -> None:
        self.builder = builder
        self.file = file
        self.loose = loose
        self.images = images
        self.categories = categories
        self.of_image: dict[int | str, tuple[list[dict[str, Any]], list[int]]] = {}
        """The objects of each image, and the number in the file of each."""
        self.captions: dict[int | str, list[dict[str, Any]]] = {}
        self._seen: dict[int | str, int] = {}

    def take(self, number: int, entry: Any) -> None:
        """Take one annotation, which becomes the object; an issue where it is none."""
        if type(entry) is not dict:
            self._error("wrong-type", "an annotation is an object", f"annotations[{number}]", entry)
            return
        if self.loose and self._has_no_numbers(number, entry):
            return
        own, image = entry.get("id"), entry.pop("image_id", None)
        if own is not None and (not _is_id(own) or own in self._seen):
            self._bad_id(number, own)
            return
        if not _is_id(image) or image not in self.images:
            self._bad_image(number, own, image)
            return
        if own is not None:
            self._seen[own] = number
        if "caption" in entry and "bbox" not in entry and "segmentation" not in entry:
            self._take_caption(number, own, image, entry)
            return
        category = entry.pop("category_id", None)
        name = self.categories.get(category) if type(category) is int else None
        if name is None:
            self._bad_category(number, own, category, "segments_info" in entry)
            return
        if "category" in entry:
            entry[free_name("category", _NOT_FIELDS, entry)] = entry["category"]
        entry["category"] = name
        if entry.get("bbox") is None:
            self._find_box(number, own, entry)
        found = self.of_image.get(image)
        if found is None:
            found = self.of_image[image] = [], []
        found[0].append(entry)
        found[1].append(number)

    def _has_no_numbers(self, number: int, entry: dict[str, Any]) -> bool:
        """Whether an annotation has NaN or infinity for a number; tells where."""
        found = _not_finite(entry)
        for field, value in found:
            self._error("not-finite", _NOT_FINITE, _called("annotations", number, entry.get("id")) + field, value)
        return bool(found)

    def _take_caption(self, number: int, own: object, image: int | str, entry: dict[str, Any]) -> None:
        if not isinstance(entry["caption"], str):
            where = f"{_called('annotations', number, own)}.caption"
            self._error("wrong-type", "a caption is a text", where, entry["caption"])
            return
        self.captions.setdefault(image, []).append(entry)

    def _find_box(self, number: int, own: object, entry: dict[str, Any]) -> None:
        """Make a box of the outline; without one, the rules of records find that there is none."""
        outline = entry.get("segmentation")
        try:
            box = polygon_bounds(outline) if isinstance(outline, list) else bounds(runs_from_coco(outline or {}))
        except FormatError:
            return
        entry["bbox"] = list(box)
        message = "there is no box: that of the outline is taken"
        self.builder.warn("missing-bbox", message, self.file.path, None, f"{_called('annotations', number, own)}.bbox")

    def _bad_id(self, number: int, own: Any) -> None:
        where = f"{_called('annotations', number, own)}.id"
        if _is_id(own):
            message = f"the annotation annotations[{self._seen[own]}] has the same id"
            self._error("duplicate-id", message, where, own)
        else:
            self._error("wrong-type", "an id is a whole number or a text", where, own)

    def _bad_image(self, number: int, own: object, image: Any) -> None:
        where = f"{_called('annotations', number, own)}.image_id"
        if _is_id(image):
            self._error("unknown-image", "there is no image of this id, or it is left out", where, image)
        else:
            rule, message = _no_id({"image_id": image}, "image_id")
            self._error(rule, message, where, image)

    def _bad_category(self, number: int, own: object, category: Any, panoptic: bool) -> None:
        where = f"{_called('annotations', number, own)}.category_id"
        if panoptic:
            message = "panoptic segments are in PNG files, which are not read: read the file of the instances"
            self._error("panoptic-annotation", message, where.replace("category_id", "segments_info"), category)
        elif type(category) is int:
            self._error("unknown-category", "there is no category of this id, or it is left out", where, category)
        else:
            rule = "wrong-type" if category is not None else "missing-field"
            self._error(rule, "an annotation has the id of its category, a whole number", where, category)

    def _error(self, rule: str, message: str, where: str, value: object) -> None:
        self.builder.error(rule, message, self.file.path, None, where, "" if value is None else value)


def file_names(entries: Sequence[Any]) -> list[str]:
    """The file names of images, sound or not."""
    return [entry["file_name"] for entry in entries if isinstance(entry, dict) and type(entry.get("file_name")) is str]


def tell_of_unlisted(builder: DatasetBuilder, placed: Collection[str], *, whole: bool) -> None:
    """Tell of images that no annotation file names.

    Args:
        builder: Has the files, and takes what is told.
        placed: The images that are named.
        whole: Whether all below the root counts; else the folders that the named images are in.
    """
    folders = {posixpath.dirname(file) for file in placed}
    left = sorted(
        file
        for file in builder.files
        if is_image_name(file) and file not in placed and (whole or posixpath.dirname(file) in folders)
    )
    if left:
        more = ", ..." if len(left) > _MOST_NAMED else ""
        names = ", ".join(printable(file, 120) for file in left[:_MOST_NAMED]) + more
        what = "1 image is" if len(left) == 1 else f"{len(left):,} images are"
        message = f"{what} in no annotation file, and left out: {names}"
        builder.warn("unlisted-images", message, next(iter(builder.annotation_files), ""), value=left[0])


def _object_place(objects: Sequence[Mapping[str, Any]], numbers: Sequence[int], index: int) -> tuple[None, str]:
    return None, _called("annotations", numbers[index], objects[index].get("id"))


def _called(key: str, number: int, own: object) -> str:
    """What an entry is called in issues: by its place, and its id where it has one."""
    return f"{key}[{number}] (id {printable(str(own), 40)})" if _is_id(own) else f"{key}[{number}]"


def _not_finite(entry: Mapping[str, Any]) -> list[tuple[str, object]]:
    """The places, and values, of numbers that are none; not all where there are many."""
    problems = (problem for problem in json_problems(entry, ()) if problem.rule == "not-finite")
    return [
        ("".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place), value)
        for place, _, _, value in islice(problems, _MOST_TOLD)
    ]


def _is_id(value: object) -> bool:
    return type(value) is int or type(value) is str


def _no_id(entry: Mapping[str, Any], key: str) -> tuple[str, str]:
    if entry.get(key) is None:
        return "missing-field", f"there is no {key}"
    return "wrong-type", "an id is a whole number or a text"
