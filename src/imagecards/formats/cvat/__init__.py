"""CVAT for images 1.1: one XML file of a task or a project; of a folder, all that there are.

Boxes, polygons and masks are objects; boxes that are turned and ellipses become polygons (see
`imagecards.formats.figures.ellipse`); polylines, points, cuboids and skeletons are left out with a warning. Shapes of
one label and group are parts of one object; the group is kept as ``group_id`` where it says more: where shapes of
other labels are in it, or only one is. Attributes are kept as text, as they are written, and so are ``occluded``,
``z_order`` and ``source``. Tags are the categories of an image, subsets its split (but not ``Default``, CVAT's name
for none), and the labels with their colours are the dataset's categories, numbered from 1 in their order.
"""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imagecards.datasets import Place, is_image_name
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.cvat.shapes import attributes_of, read_shape, whole
from imagecards.formats.finding import AmbiguousImageError, ImageFinder, is_own_file, normal_path
from imagecards.formats.format import Format
from imagecards.formats.groups import BadShapeError, Shape, joined, shared_groups
from imagecards.formats.xml_nodes import Node, XmlError, each_child, xml_head

MAX_FILE_BYTES = 4 * 2**30

_SKIPPED = ("polyline", "points", "cuboid", "skeleton")
_NO_SPLIT = ("", "default")


def read_cvat(path: Path, builder: DatasetBuilder) -> None:
    """Read an XML file, or those of a folder; images lie in ``images/``, in the subset's folder there.

    Raises:
        FormatError: There is no such file, or it can't be read.
    """
    places = [path] if path.is_file() else _documents(path)
    if not places:
        raise FormatError(f"{path.name}: there is no annotation file of CVAT in this folder")
    categories: list[dict[str, Any]] = []
    finder = ImageFinder(builder.files)
    for place in places:
        builder.annotation_files[place.name] = str(place)
        reader = _Reader(place.name, builder, finder, categories)
        try:
            root = each_child(place, reader.take, max_bytes=MAX_FILE_BYTES)
        except XmlError as error:
            builder.error(error.rule, str(error), place.name, error.line)
            continue
        if root != "annotations":
            raise FormatError(f"{place.name} is not CVAT's XML, whose outermost element is annotations")
    builder.warn_of_unlisted(places[0].name)
    if categories:
        builder.attributes["categories"] = categories


class _Reader:
    """Takes element by element."""

    def __init__(
        self, file: str, builder: DatasetBuilder, finder: ImageFinder, categories: list[dict[str, Any]]
    ) -> None:
        self.file, self.builder, self.finder, self.categories = file, builder, finder, categories

    def take(self, root: str, node: Node) -> None:
        """Take what lies right below the root."""
        if root != "annotations":
            return
        if node.tag == "meta":
            self._take_labels(node)
        elif node.tag == "image":
            self._take_image(node)
        elif node.tag == "track":
            message = "tracks are those of videos: export the task as CVAT for images"
            self.builder.error("track", message, self.file, node.line, "track", node.attributes.get("label", ""))

    def _take_labels(self, meta: Node) -> None:
        known = {category["name"] for category in self.categories}
        for owner in meta.children:
            for labels in owner.all("labels"):
                for label in labels.all("label"):
                    name = label.text_of("name")
                    if not name or name in known or label.first("parent") is not None:  # parents: of skeletons' points
                        continue
                    known.add(name)
                    said = {key: label.text_of(key) for key in ("color", "type") if label.text_of(key)}
                    self.categories.append({"id": len(self.categories) + 1, "name": name, **said})

    def _take_image(self, node: Node) -> None:
        said, subset = node.attributes.get("name", ""), node.attributes.get("subset", "")
        split = subset if subset.lower() not in _NO_SPLIT else None
        path = normal_path(said)
        try:
            size = whole(node, "width"), whole(node, "height")
            if not path:
                raise BadShapeError("missing-field", "an image has a name", "name", said)
            file = self._find(path, subset)
        except BadShapeError as error:
            self.builder.error(error.rule, error.message, self.file, node.line, f"image.{error.where}", error.value)
            return
        except AmbiguousImageError as error:
            message = f"several files may be meant: {', '.join(error.files[:5])}. Put them where CVAT has them"
            self.builder.error("ambiguous-image", message, self.file, node.line, "image.name", said)
            return
        objects, lines = self._objects(node, said, size)
        tags = list(node.all("tag"))
        self.builder.image(
            f"{split}/{path}" if split is not None and not path.startswith(f"{split}/") else path,
            file=file,
            place=Place(self.file, node.line),
            split=split,
            size=size,
            categories=[tag.attributes.get("label", "") for tag in tags] if tags else None,
            objects=objects,
            object_place=lambda number: lines[number],
            extra=_attributes_of_tags(tags),
        )

    def _find(self, path: str, subset: str) -> str | None:
        folders = (f"images/{subset}/" if subset else "images/", "images/", f"{subset}/" if subset else "", "")
        exact = self.finder.exact(folder + path for folder in folders)
        return exact or (self.finder.similar(path) if is_image_name(path) else None)

    def _objects(
        self, image: Node, called: str, size: tuple[int, int]
    ) -> tuple[list[dict[str, Any]], list[tuple[int | None, str]]]:
        shapes: list[Shape] = []
        counts: dict[str, int] = defaultdict(int)
        for node in image.children:
            if node.tag == "tag":
                continue
            where = f"{called} {node.tag}[{counts[node.tag]}]"
            counts[node.tag] += 1
            if node.tag in _SKIPPED:
                message = f"a {node.tag} has no area, and is left out"
                self.builder.warn("shape-skipped", message, self.file, node.line, where, node.tag)
                continue
            try:
                shapes.append(read_shape(node, where, size))
            except BadShapeError as error:
                self.builder.error(
                    error.rule, error.message, self.file, node.line, f"{where}.{error.where}".rstrip("."), error.value
                )
        kept = shared_groups(shapes)
        objects, lines = [], []
        for parts, entry in joined(shapes):
            if any(part.fields != parts[0].fields for part in parts[1:]):
                message = "the parts of one object differ in attributes: those of the first count"
                self.builder.warn("parts-differ", message, self.file, parts[0].line, parts[0].place)
            if parts[0].group in kept:
                entry["group_id"] = parts[0].group
            objects.append(entry)
            lines.append((parts[0].line, parts[0].place))
        return objects, lines


def _attributes_of_tags(tags: list[Node]) -> Mapping[str, Any]:
    """What is said of an image by attributes of its tags, for each tag that has any."""
    found = [{"label": tag.attributes.get("label", ""), "attributes": attributes_of(tag)} for tag in tags]
    return {"tags": found} if any(each["attributes"] for each in found) else {}


def _is_cvat(path: Path) -> bool:
    head = xml_head(path)
    return head.startswith("<annotations>") and any(each in head for each in ("<version>1.1", "<image ", "<meta>"))


def _documents(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("*.xml") if is_own_file(each) and _is_cvat(each))


def _looks_like_it(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".xml" and _is_cvat(path)
    return bool(_documents(path))


FORMAT = Format(
    name="cvat",
    title="CVAT for images 1.1",
    extensions=(".xml",),
    holds=frozenset({"boxes", "polygons", "masks", "image categories", "splits", "fields"}),
    sniff=_looks_like_it,
    read=read_cvat,
)
