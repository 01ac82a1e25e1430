"""Pascal VOC: one XML file an image, in ``Annotations/`` beside ``JPEGImages/``, or beside the image.

Boxes are VOC's own by default: whole pixels counted from 1, the last one included, so that the box of a single pixel
has ``xmin == xmax``; x is ``xmin - 1`` and the width ``xmax - xmin + 1``. Tools differ: ``boxes="0-based"`` is for
those that count from 0, and ``boxes="edges"`` for those that write the coordinates of edges, whose width is
``xmax - xmin``. The points of a ``<polygon>`` are those of pixels' centres in the same count, half a pixel inside.

The files of ``ImageSets/Main`` are the splits; those of single classes (``cat_train.txt``), and ``trainval`` where
``train`` or ``val`` are there, are none, and neither is ``default``, CVAT's name for no split. Without such files a
folder on top whose name is that of a split is one.

``difficult``, ``truncated`` and ``occluded`` are kept as whole numbers, ``pose`` and all else of an object as text,
its parts (head, hand, foot) as a list; of an image what ``source`` and ``owner`` say, and ``segmented``.
"""

from pathlib import Path
from typing import Any, Literal

from imagecards.datasets import Place, scan_folder
from imagecards.errors import FormatError, InvalidInputError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.finding import (
    AmbiguousImageError,
    ImageFinder,
    bare_name,
    first_files,
    folder_split,
    normal_path,
)
from imagecards.formats.format import Format
from imagecards.formats.groups import BadShapeError
from imagecards.formats.voc.objects import SHIFTS, number_of, read_object
from imagecards.formats.voc.sets import image_sets, innermost
from imagecards.formats.xml_nodes import Node, XmlError, read_xml, xml_head

MAX_FILE_BYTES = 32 * 2**20

_OF_IMAGES = ("source", "owner")

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
        stem = _stem(relative)
        self.stems.add(stem)
        try:
            image = self._find(root.text_of("filename"), relative)
        except AmbiguousImageError as error:
            message = f"several files may be meant: {', '.join(error.files[:5])}. Name the XML file after its image"
            self.builder.error("ambiguous-image", message, relative, None, "filename", root.text_of("filename"))
            return
        if image is not None:
            self.seen.add(image)
        path = image or _without_folder(relative).rpartition(".")[0] + _suffix(root.text_of("filename"))
        name, split = self._named(path, relative, stem)
        objects, lines = self._objects(root, relative)
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
            if image not in self.seen and not image.startswith(("SegmentationClass/", "SegmentationObject/")):
                stem = _stem(image)
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

    def _find(self, said: str, relative: str) -> str | None:
        """The image of an XML file: of the same name, else the one that it names."""
        bare = _without_folder(relative)
        folder, _, own = bare.rpartition("/")
        above, _, last = folder.rpartition("/")
        bases = [folder, *(f"{folder}/{each}".lstrip("/") for each in ("JPEGImages", "images"))]
        if last.lower() in ("labels", "xml", "xmls"):
            bases += [f"{above}/{each}".lstrip("/") for each in ("JPEGImages", "images")]
        prefixes = [f"{base}/" if base else "" for base in bases]
        if bare != relative:  # in Annotations/x, the images may lie in JPEGImages/x
            inner = relative.split("Annotations/", 1)
            prefixes += [f"{inner[0]}{each}/{inner[1].rpartition('/')[0]}/" for each in ("JPEGImages", "images")]
        same = next((found for prefix in prefixes if (found := self.finder.with_stem(prefix + _bare_stem(own)))), None)
        named = self.finder.exact(prefix + normal_path(said) for prefix in prefixes) if said else None
        if same is not None and named is not None and same != named:
            message = f"filename names {named}, and the file is called after {same}, which counts"
            self.builder.warn("name-differs", message, relative, None, "filename", said)
        if same is not None or named is not None:
            return same or named
        return self.finder.similar(normal_path(said)) if said else None

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
    return extra


def _stem(relative: str) -> str:
    """What ``ImageSets`` calls an image: its path without the folder of its kind and without extension."""
    return _bare_stem(bare_name(_without_folder(relative)))


def _without_folder(relative: str) -> str:
    parts = relative.split("/")
    if "Annotations" in parts[:-1]:
        parts.remove("Annotations")
    return "/".join(parts)


def _bare_stem(path: str) -> str:
    return path.rpartition(".")[0]


def _suffix(name: str) -> str:
    _, dot, suffix = name.rpartition(".")
    return f".{suffix}" if dot and "/" not in suffix else ".jpg"


def _is_voc(path: Path) -> bool:
    return xml_head(path).startswith(("<annotation>", "<annotation "))


def _looks_like_it(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".xml" and _is_voc(path)
    documents = first_files(path, ".xml")
    return bool(documents) and all(map(_is_voc, documents))


FORMAT = Format(
    name="voc",
    title="Pascal VOC XML",
    extensions=(".xml",),
    holds=frozenset({"boxes", "polygons", "splits", "fields"}),
    sniff=_looks_like_it,
    read=read_voc,
)
