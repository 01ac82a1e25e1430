"""Pascal VOC: one XML file an image, in ``Annotations/`` beside ``JPEGImages/``, or beside the image.

Boxes are VOC's own by default: whole pixels counted from 1, the last one included, so that the box of a single pixel
has ``xmin == xmax``; x is ``xmin - 1`` and the width ``xmax - xmin + 1``. Tools differ: ``boxes="0-based"`` is for
those that count from 0, and ``boxes="edges"`` for those that write the coordinates of edges, whose width is
``xmax - xmin``. The points of a ``<polygon>`` are those of pixels' centres in the same count, half a pixel inside.

The files of ``ImageSets/Main`` are the splits; those of single classes (``cat_train.txt``), and ``trainval`` where
``train`` or ``val`` are there, are none, and neither is ``default``, CVAT's name for no split. Without such files a
folder on top whose name is that of a split is one.

``difficult``, ``truncated`` and ``occluded`` are kept as whole numbers, ``pose`` and all else of an object as text,
its parts (head, hand, foot) as a list, its polygons as those of one outline; of an image what ``source`` and
``owner`` say, ``segmented``, and what only its author knows. Of any other element that is repeated the first one
counts, with a X
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from imagecards.datasets import Place, scan_folder
from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.finding import AmbiguousImageError, ImageFinder, bare_name, folder_split, some_files
from imagecards.formats.format import Format
from imagecards.formats.groups import BadShapeError
from imagecards.formats.voc.images import find_image, stem_of, suffix_of, without_folder
from imagecards.formats.voc.objects import SHIFTS, number_of, plain, read_object, repeated
from imagecards.formats.voc.sets import image_sets, innermost
from imagecards.formats.xml_nodes import Node, XmlError, read_xml, xml_head

MAX_FILE_BYTES = 32 * 2**20

_OF_IMAGES = ("source", "owner")
_OF_FILES = ("folder", "filename", "path", "size", "segmented", "object")
_MASKS = ("SegmentationClass/", "SegmentationObject/")
_UNREAD = ("ImageSets/Action/", "ImageSets/Layout/", "ImageSets/Segmentation/", *_MASKS)

Boxes = Literal["1-based", "0-based", "edges"]


def read_voc(path: Path, builder: DatasetBuilder, *, boxes: Boxes = "1-based") -> None:
    """Read a folder of VOC files, or one of them.

    Args:
        path: The folder that ``Annotations`` is in, or that has XML files beside images; or one XML file.
        builder: Takes what is found.
        boxes: How pixels are counted; see the module.

    Raises:
        InvalidInputError: There is no such count.
    """
    if boxes not in SHIFTS:
        raise InvalidInputError(f"boxes are {', '.join(SHIFTS)}, not {boxes!r}")
    if path == builder.root:
        path = builder.root = innermost(path)
    reader = _Reader(builder, boxes)
    if path.is_file():
        reader.read(path.name, path)
        return
    names = builder.files if path == builder.root else {found.name for found in scan_folder(path).files}
    reader.sets = image_sets(path, names, builder)
    for name in sorted(names):
        if name.lower().endswith(".xml"):
            reader.read(name, path / name)
    if path == builder.root:
        reader.read_unannotated()
    reader.tell_unknown()
    _keep_unread(path, names, builder)


def _keep_unread(path: Path, names: Collection[str], builder: DatasetBuilder) -> None:
    """Tell of files that are not read, and keep them as they are."""
    for folder in _UNREAD:
        files = sorted(name for name in names if name.startswith(folder))
        builder.annotation_files.update({name: str(path / name) for name in files})
        if files:
            message = f"what is in here ({len(files):,}) is not read, and kept as files"
            builder.warn("file-not-read", message, folder.rstrip("/"), None, "", files[0])


class _Reader:
    """Reads file by file."""

    def __init__(self, builder: DatasetBuilder, boxes: Boxes) -> None:
        self.builder, self.boxes = builder, boxes
        self.finder = ImageFinder(builder.files)
        self.sets: dict[str, tuple[str, Place]] = {}
        self.seen: set[str] = set()
        self.stems: set[str] = set()

    def read(self, relative: str, place: Path) -> None:
        """Add the image of one XML file."""
        try:
            root = read_xml(place, max_bytes=MAX_FILE_BYTES)
        except XmlError as error:
            self.builder.error(error.rule, str(error), relative, error.line)
            return
        except FormatError as error:
            self.builder.error("unreadable-file", str(error), relative)
            return
        if root.tag != "annotation":
            message = "this is not VOC's XML, whose outermost element is annotation, and is not looked at"
            self.builder.warn("not-voc", message, relative, None, root.tag)
            return
        self.builder.annotation_files[relative] = str(place)
        stem = stem_of(relative)
        self.stems.add(stem)
        try:
            image = find_image(root.text_of("filename"), relative, self.finder, self.builder)
        except AmbiguousImageError as error:
            message = f"several files may be meant: {', '.join(error.files[:5])}. Name the XML file after its image"
            self.builder.error("ambiguous-image", message, relative, None, "filename", root.text_of("filename"))
            return
        if image is not None:
            self.seen.add(image)
        path = image or without_folder(relative).rpartition(".")[0] + suffix_of(root.text_of("filename"))
        name, split = self._named(path, relative, stem)
        objects, lines = self._objects(root, relative)
        self._tell_repeated(root, relative, None, "", "object")
        self.builder.image(
            name,
            file=image,
            place=Place(relative, None),
            split=split,
            size=self._size(root, relative),
            objects=objects,
            object_place=lambda number: lines[number],
            extra=_extra(root),
        )

    def read_unannotated(self) -> None:
        """Add the images that have no XML file: nothing is known of their objects."""
        for image in self.finder.images:
            if image not in self.seen and not image.startswith(_MASKS):
                stem = stem_of(image)
                self.stems.add(stem)
                name, split = self._named(image, image, stem)
                self.builder.image(name, file=image, place=Place(image, None), split=split)

    def tell_unknown(self) -> None:
        """Tell of the names in ``ImageSets`` that nothing has."""
        for stem, (_, place) in self.sets.items():
            if stem not in self.stems:
                self.builder.error("missing-file", "there is no image and no annotation of this name", *place, "", stem)

    def _named(self, path: str, relative: str, stem: str) -> tuple[str, str | None]:
        """What an image is called in the dataset, and its split."""
        beside = path.rpartition("/")[0] == relative.rpartition("/")[0]
        name = path if beside and "JPEGImages/" not in path else bare_name(path)
        if not self.sets:
            return name, folder_split(name)
        split = self.sets[stem][0] if stem in self.sets else None
        return (f"{split}/{name}" if split is not None else name), split

    def _size(self, root: Node, relative: str) -> tuple[int, int] | None:
        node = root.first("size")
        if node is None:
            return None
        said = node.text_of("width"), node.text_of("height")
        numbers = [number_of(text) for text in said]
        if any(number is None or number != int(number) or number <= 0 for number in numbers):
            message = "the size is not that of an image: the one of the file counts"
            self.builder.warn("size-unknown", message, relative, node.line, "size", said)
            return None
        return int(numbers[0] or 0), int(numbers[1] or 0)

    def _objects(self, root: Node, relative: str) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
        objects, lines, from_zero = [], [], None
        for number, node in enumerate(root.all("object")):
            called = f"object[{number}]"
            try:
                objects.append(read_object(node, self.boxes))
                lines.append((node.line, called))
                self._tell_repeated(node, relative, node.line, called, "polygon", "part")
            except BadShapeError as error:
                where = f"{called}.{error.where}"
                self.builder.error(error.rule, error.message, relative, node.line, where, error.value)
            box = node.first("bndbox")
            if box is not None and "0" in (box.text_of("xmin"), box.text_of("ymin")) and from_zero is None:
                from_zero = box.line
        if from_zero is not None and self.boxes == "1-based":
            message = "VOC counts pixels from 1, and this box begins at 0: if all count from 0, say boxes='0-based'"
            self.builder.warn("boxes-from-zero", message, relative, from_zero, "bndbox")
        return objects, lines

    def _tell_repeated(self, node: Node, relative: str, line: int | None, called: str, *may: str) -> None:
        for tag in repeated(node, *may):
            message = "there are several of these, and the first one counts"
            self.builder.warn("repeated-element", message, relative, line, ".".join(filter(None, (called, tag))))


def _extra(root: Node) -> dict[str, Any]:
    extra: dict[str, Any] = {}
    for tag in _OF_IMAGES:
        node = root.first(tag)
        leaves = {child.tag: child.text for child in node.children if child.text} if node is not None else {}
        if leaves:
            extra[tag] = leaves
    segmented = number_of(root.text_of("segmented"))
    if segmented is not None:
        extra["segmented"] = int(segmented)
    for child in root.children:
        if child.tag not in (*_OF_FILES, *_OF_IMAGES) and (child.text or child.children):
            extra.setdefault(child.tag, plain(child))
    return extra


def _is_voc(path: Path) -> bool:
    return xml_head(path).startswith(("<annotation>", "<annotation "))


def _looks_like_it(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".xml" and _is_voc(path)
    return any(map(_is_voc, some_files(path, ".xml")))


FORMAT = Format(
    name="voc",
    title="Pascal VOC XML",
    extensions=(".xml",),
    holds=frozenset({"boxes", "polygons", "splits", "fields"}),
    sniff=_looks_like_it,
    read=read_voc,
)
