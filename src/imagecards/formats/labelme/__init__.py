"""labelme: one JSON file an image, beside it.

What is read: polygons; rectangles of two or four points, which are boxes (outlines where they are turned); circles,
which become polygons (see `imagecards.formats.figures.ellipse`); masks. Points and lines have no area and are left
out with a warning. Shapes of one label that share a ``group_id`` are parts of one object; the number itself is kept
as a field only where it says more: where shapes of other labels have it, too, or only one shape has it. Flags and
descriptions that aren't empty, and all that labelme doesn't know, are further fields. Coordinates are those of pixel
edges. ``imageData`` is never decoded.

A folder on top whose name is that of a split, ``train`` or ``val2``, is one.
"""

from pathlib import Path
from typing import Any

from imagecards.datasets import FolderSource, Place, scan_folder
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.finding import (
    AmbiguousImageError,
    ImageFinder,
    bare_name,
    folder_split,
    normal_path,
    some_files,
)
from imagecards.formats.format import Format
from imagecards.formats.groups import BadShapeError, Shape, joined, shared_groups
from imagecards.formats.json_heads import json_head, read_loose_json
from imagecards.formats.labelme.shapes import read_shape
from imagecards.formats.labelme.writing import FILE_KEYS, write_labelme
from imagecards.formats.sizes import read_sizes

MAX_FILE_BYTES = 512 * 2**20
MAX_IMAGE_DATA = 256 * 2**20


def read_labelme(path: Path, builder: DatasetBuilder) -> None:
    """Read a folder of JSON files, or one of them; images of the folder that have none come without objects."""
    finder = ImageFinder(builder.files)
    seen: set[str] = set()
    for relative, place in _documents(path, builder):
        image = _read_file(relative, place, builder, finder)
        if image is not None:
            seen.add(image)
    if path.is_dir() and path == builder.root:
        for image in finder.images:
            if image not in seen:
                builder.image(image, file=image, place=Place(image, None), split=folder_split(image))


def _documents(path: Path, builder: DatasetBuilder) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(path.name, path)]
    files = builder.files if path == builder.root else {found.name for found in scan_folder(path).files}
    return [(name, path / name) for name in sorted(files) if name.lower().endswith(".json")]


def _read_file(relative: str, place: Path, builder: DatasetBuilder, finder: ImageFinder) -> str | None:
    """Add the image of one JSON file; the image file that it is of, where there is one."""
    size = place.stat().st_size
    if size > MAX_FILE_BYTES:
        builder.error("file-too-large", f"{size:,} bytes are more than {MAX_FILE_BYTES:,}: split the file", relative)
        return None
    try:
        document = read_loose_json(place)
    except FormatError as error:
        builder.error("unreadable-file", str(error), relative)
        return None
    if not isinstance(document, dict) or not {"shapes", "imagePath"} & set(document):
        builder.warn("not-labelme", "this is not labelme's JSON, and is not looked at", relative)
        return None
    if not isinstance(document.get("shapes"), list):
        builder.error("not-labelme", "labelme's JSON has a list of shapes: correct it, or move it away", relative)
        return None
    builder.annotation_files[relative] = str(place)
    try:
        image = _find_image(document.get("imagePath"), relative, finder)
    except AmbiguousImageError as error:
        message = f"several files may be meant: {', '.join(error.files[:5])}. Write the path into imagePath"
        builder.error("ambiguous-image", message, relative, None, "imagePath", document.get("imagePath"))
        return None
    _look_at_image_data(document.get("imageData"), image, relative, builder)
    pixels = _size(document, image, relative, builder)
    shapes = []
    for number, raw in enumerate(document["shapes"]):
        called = f"shapes[{number}]"
        try:
            shape = read_shape(raw, called, pixels)
        except BadShapeError as error:
            where = f"{called}.{error.where}" if error.where else called
            builder.error(error.rule, error.message, relative, None, where, error.value)
            continue
        if shape is None:
            message = f"a {raw['shape_type']} has no area, and is left out"
            builder.warn("shape-skipped", message, relative, None, called, raw["shape_type"])
        else:
            shapes.append(shape)
    _add(document, image, relative, pixels, shapes, builder)
    return image


def _add(
    document: dict[str, Any],
    image: str | None,
    relative: str,
    pixels: tuple[int, int] | None,
    shapes: list[Shape],
    builder: DatasetBuilder,
) -> None:
    kept = shared_groups(shapes)
    objects, places = [], []
    for parts, entry in joined(shapes):
        if any(part.fields != parts[0].fields for part in parts[1:]):
            message = "the parts of one object differ in flags, description or other fields: those of the first count"
            builder.warn("parts-differ", message, relative, None, parts[0].place)
        if parts[0].group in kept:
            entry["group_id"] = parts[0].group
        objects.append(entry)
        places.append(parts[0].place)
    beside = relative.rpartition("/")[0]
    path = image or "/".join(filter(None, (beside, _base(document.get("imagePath"), relative))))
    name = path if path.rpartition("/")[0] == beside else bare_name(path)
    extra = {key: value for key, value in document.items() if key not in FILE_KEYS}
    if document.get("flags"):
        extra["flags"] = document["flags"]
    caption, categories = extra.pop("caption", None), extra.pop("categories", None)
    builder.image(
        name,
        file=image,
        place=Place(relative, None),
        split=folder_split(name),
        size=pixels,
        caption=caption,
        categories=categories if isinstance(categories, list) else None,
        objects=objects,
        object_place=lambda number: (None, places[number]),
        extra=extra,
    )


def _base(said: object, relative: str) -> str:
    base = normal_path(said).rpartition("/")[2] if isinstance(said, str) else ""
    return base or relative.rpartition("/")[2].removesuffix(".json")


def _find_image(said: object, relative: str, finder: ImageFinder) -> str | None:
    """The image of a JSON file: where ``imagePath`` says, of that name beside it, of its own name, or elsewhere."""
    folder, _, own = relative.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    if isinstance(said, str) and said:
        path = normal_path(prefix + said if not said.startswith(("/", "\\")) else said)
        found = finder.exact([path, prefix + path.rpartition("/")[2]])
        if found is not None:
            return found
    beside = finder.with_stem(prefix + own.rpartition(".")[0])
    if beside is not None or not isinstance(said, str):
        return beside
    return finder.similar(normal_path(prefix + said))


def _look_at_image_data(data: object, image: str | None, relative: str, builder: DatasetBuilder) -> None:
    if isinstance(data, str) and len(data) > MAX_IMAGE_DATA:
        message = f"{len(data):,} characters of image data, which are not looked at: write null in their place"
        builder.warn("image-data-too-long", message, relative, None, "imageData")
    elif isinstance(data, str) and image is None:
        message = "the image is only here, and is not taken from here: write it into a file beside this one"
        builder.warn("image-data-only", message, relative, None, "imageData")


def _size(
    document: dict[str, Any], image: str | None, relative: str, builder: DatasetBuilder
) -> tuple[int, int] | None:
    """Width and height as they are said, else as the file has them."""
    said = document.get("imageWidth"), document.get("imageHeight")
    if all(type(side) is int and side > 0 for side in said):
        return said  # type: ignore[return-value]
    if said != (None, None):
        message = "the size is not that of an image: the one of the file counts"
        builder.warn("size-unknown", message, relative, None, "imageWidth", said)
    if image is None:
        return None
    size = read_sizes(FolderSource(builder.root), [image], None)[0]
    return None if isinstance(size, str) else size


def _is_labelme(path: Path) -> bool:
    head = json_head(path)
    has_shapes = "shapes" in head.keys or (not head.complete and {"imagePath", "imageData"} & head.keys)
    return head.kind == "object" and bool(has_shapes) and not {"images", "annotations"} & head.keys


def _looks_like_it(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".json" and _is_labelme(path)
    return any(map(_is_labelme, some_files(path, ".json")))


FORMAT = Format(
    name="labelme",
    title="labelme JSON",
    extensions=(".json",),
    holds=frozenset({"boxes", "polygons", "masks", "image categories", "captions", "crowds", "splits", "fields"}),
    sniff=_looks_like_it,
    read=read_labelme,
    write=write_labelme,
)
