"""COCO's instances: everything that the JSON says is kept, with its ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.coco.compact import compact_polygons
from imagecards.formats.coco.entries import Images, Objects, file_names, tell_of_unlisted
from imagecards.formats.coco.header import Header
from imagecards.formats.coco.layout import (
    AnnotationFile,
    find_annotation_files,
    find_lone_file,
    looks_like_coco,
    unread_files,
)
from imagecards.formats.coco.writing import write_coco
from imagecards.formats.format import Format
from imagecards.formats.json_heads import LooseParser
from imagecards.formats.json_pieces import read_large_json
from imagecards.records import printable

_MEMBERS = ("images", "annotations", "categories")


def read_coco(path: Path, builder: DatasetBuilder, *, annotations: str | Sequence[str] | None = None) -> None:
    """Read one JSON file, or those of a folder, one a split.

    Ids of images and annotations become the field ``id``. An annotation that has a ``caption`` and neither box nor
    outline is a text on its image: the first one becomes its caption, unless the image has one of its own, and all
    are kept in the image's field ``captions``.

    Images that are there and in none of the files are left out, with a warning.

    Args:
        path: The file, which is no split, or the folder; see `imagecards.formats.coco.layout`.
        builder: Takes what is read.
        annotations: In a folder, names of the files, or patterns of them, where there are several of one split:
            ``"*_annotations_300.json"``.

    Raises:
        FormatError: There is no annotation file, or the only one is something else.
    """
    if path.is_dir():
        wanted = [annotations] if isinstance(annotations, str) else annotations
        folder, files = path, find_annotation_files(path, wanted)
        for name in unread_files(path, [file.path for file in files]) if wanted is None else ():
            message = (
                "this looks like COCO's annotations, too, and is not read: choose with annotations= (--from-option)"
            )
            builder.warn("file-not-read", message, name)
    else:
        folder, files = path.parent, [AnnotationFile(path.name, None)]
    header = Header(builder)
    placed: set[str] = set()
    for file in files:
        builder.annotation_files[file.path] = str(folder / file.path)
        if file.split is not None:
            builder.splits.append(file.split)
        parse = LooseParser()
        try:
            document = _document(folder / file.path, parse)
        except FormatError as error:
            if len(files) == 1:
                raise
            builder.error("unreadable-file", str(error), file.path)
            continue
        if path != folder:
            file, builder.root = find_lone_file(
                path, file_names(document["images"]), builder.root if builder.root != folder else None
            )
        placed |= _read_document(document, file, builder, header.take(document, file), parse.loose)
    builder.attributes.update(header.attributes)
    tell_of_unlisted(builder, placed, whole=builder.root == path)


def _document(path: Path, parse: LooseParser) -> dict[str, Any]:
    document = read_large_json(path, "annotations", once=_MEMBERS, parse=parse, compact=compact_polygons)
    if not isinstance(document, dict):
        what = (
            "a list: results of a detector are none, they have no images" if isinstance(document, list) else "a value"
        )
        raise FormatError(f"{printable(str(path))} is {what}; COCO's annotations are one JSON object")
    if "images" not in document:
        raise FormatError(f"{printable(str(path))} has no images: COCO's annotations are an object with that key")
    for key in ("images", "annotations"):
        if not isinstance(document.get(key, []), list):
            raise FormatError(f"{printable(str(path))}: {key} is a list in COCO's annotations: see the file")
    return document


def _read_document(
    document: Mapping[str, Any],
    file: AnnotationFile,
    builder: DatasetBuilder,
    names: Mapping[int, str],
    loose: bool,
) -> set[str]:
    images = Images(builder, file, document["images"], loose)
    objects = Objects(builder, file, images.numbers, names, loose)
    known = "annotations" in document
    for number, annotation in enumerate(document.get("annotations", [])):
        objects.take(number, annotation)
    return images.add(objects, known)


FORMAT = Format(
    name="coco",
    title="COCO instances (JSON)",
    extensions=(".json",),
    holds=frozenset(
        {
            "boxes",
            "polygons",
            "masks",
            "image categories",
            "captions",
            "crowds",
            "splits",
            "fields",
            "supercategories",
        }
    ),
    sniff=looks_like_coco,
    read=read_coco,
    write=write_coco,
)
