"""Label Studio's JSON export: a list of tasks, an image each, with what one or several annotators say of it.

Polygons, boxes (which become outlines where they are turned), ellipses (as polygons) and brushes are objects;
keypoints and relations are left out with a warning. Choices become categories of the image, texts its caption;
other fields of ``data`` and the ``meta`` of regions are further fields. Predictions never count.

Of several annotations one counts: those that were cancelled don't; a ground truth comes before others; then the one
that was changed last does, or with ``annotator="first"`` the one that was made first. With the id (or the address) of
an annotator only theirs count, and an image without one has objects that aren't known.

The zip that Label Studio calls COCO (``result.json``) is read as COCO.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from imagecards.datasets import FolderSource, Place, is_image_name
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.finding import AmbiguousImageError, ImageFinder, bare_name, is_own_file, normal_path
from imagecards.formats.format import Format
from imagecards.formats.groups import joined
from imagecards.formats.json_heads import each_entry, json_head
from imagecards.formats.labelstudio.choice import chosen
from imagecards.formats.labelstudio.regions import Found, read_result
from imagecards.formats.labelstudio.writing import write_labelstudio
from imagecards.formats.sizes import read_sizes
from imagecards.paths import check_relative

_UPLOADED = re.compile(r"^[0-9a-f]{8}-")
_IMAGE_KEYS = ("image", "img", "photo", "picture")
_LOOKED_AT = 20


def read_labelstudio(
    path: Path, builder: DatasetBuilder, *, annotator: str | int = "last", image_key: str | None = None
) -> None:
    """Read an export, or all that lie in a folder.

    Args:
        path: The file, or the folder.
        builder: Takes what is found.
        annotator: Whose annotation counts where there are several: ``"last"``, ``"first"``, or the id or address of
            one; see the module.
        image_key: The field of ``data`` that names the image; by default ``image``, or the only one that can.
    """
    places = [path] if path.is_file() else _exports(path)
    if not places:
        raise FormatError(f"{path.name}: there is no export of Label Studio in this folder")
    finder = ImageFinder(builder.files)
    for place in places:
        builder.annotation_files[place.name] = str(place)
        reader = _Reader(place.name, builder, finder, annotator, image_key)
        for number, task in enumerate(each_entry(place)):
            reader.read(task, f"[{number}]")
        reader.tell_ignored()


class _Reader:
    """Reads the tasks of one file, and counts what doesn't count."""

    def __init__(
        self, file: str, builder: DatasetBuilder, finder: ImageFinder, annotator: str | int, image_key: str | None
    ) -> None:
        self.file, self.builder, self.finder = file, builder, finder
        self.annotator, self.image_key = annotator, image_key
        self.ignored = {"predictions": 0, "cancelled annotations": 0, "annotations of others": 0}

    def tell_ignored(self) -> None:
        """Warn of what doesn't count, once a file."""
        for what, count in self.ignored.items():
            if count:
                rule = f"{what.replace(' ', '-')}-ignored"
                self.builder.warn(rule, f"{count:,} {what} don't count", self.file)

    def read(self, task: Any, place: str) -> None:
        """Add the image of a task."""
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            self.builder.error("wrong-type", "a task is an object that has data", self.file, None, place, task)
            return
        key = self._key(task["data"])
        if key is None:
            message = "which field of data names the image is not clear: say so with image_key="
            self.builder.error("no-image", message, self.file, None, f"{place}.data", sorted(task["data"]))
            return
        said = task["data"][key]
        if not isinstance(said, str) or said.startswith("data:"):
            message = "the image is no file: write it into one, and its name here"
            self.builder.error("no-image", message, self.file, None, f"{place}.data.{key}", said)
            return
        try:
            file, called = self._find(said, task.get("file_upload"))
        except AmbiguousImageError as error:
            message = f"several files may be meant: {', '.join(error.files[:5])}. Keep one, or name a folder"
            self.builder.error("ambiguous-image", message, self.file, None, f"{place}.data.{key}", said)
            return
        self._add(task, place, key, file, called)

    def _add(self, task: dict[str, Any], place: str, key: str, file: str | None, called: str) -> None:
        valid = self._valid(task.get("annotations"), place)
        number = chosen(valid, self.annotator)
        self.ignored["annotations of others"] += len(valid) - (number is not None)
        predictions = task.get("predictions")
        self.ignored["predictions"] += len(predictions) if isinstance(predictions, list) else 0
        found = Found()
        objects: list[dict[str, Any]] | None = None
        places: list[str] = []
        if number is not None:
            result = task["annotations"][number]["result"]
            found = read_result(result, f"{place}.annotations[{number}].result", self._size(result, file))
            for where, bad in found.bad:
                tell = self.builder.warn if bad.warning else self.builder.error
                tell(bad.rule, bad.message, self.file, None, f"{where}.{bad.where}".rstrip("."), bad.value)
            groups = joined(found.shapes)
            places = [parts[0].place for parts, _ in groups]
            # choices and texts alone don't say that there are no objects
            if groups or (found.categories is None and found.texts is None and not found.fields):
                objects = [entry for _, entry in groups]
        data = {name: value for name, value in task["data"].items() if name != key}
        split = data.get("split")
        if isinstance(split, str) and check_relative(split) is None:
            del data["split"]
        else:
            split = None
        name = bare_name(file or called)
        if split is not None and not name.startswith(f"{split}/"):
            name = f"{split}/{name}"
        self.builder.image(
            name,
            file=file,
            place=Place(self.file, None),
            split=split,
            size=found.size,
            caption="\n".join(found.texts) if found.texts is not None else None,
            categories=found.categories,
            objects=objects,
            object_place=lambda index: (None, places[index]),
            extra={**data, **found.fields},
        )

    def _key(self, data: Mapping[str, Any]) -> str | None:
        """The field that names the image."""
        if self.image_key is not None:
            return self.image_key if self.image_key in data else None
        known = next((key for key in _IMAGE_KEYS if key in data), None)
        if known is not None:
            return known
        texts = [key for key, value in data.items() if isinstance(value, str) and _path(value)[1]]
        return texts[0] if len(texts) == 1 else None

    def _find(self, said: str, uploaded: object) -> tuple[str | None, str]:
        """The image file, ``None`` where there is none, and what it is called."""
        path, _ = _path(said)
        base = path.rpartition("/")[2]
        stripped = _UPLOADED.sub("", base)
        wanted = [path, *([uploaded] if isinstance(uploaded, str) and uploaded else [])]
        if "upload/" in said and stripped != base:
            wanted.append(stripped)
        for candidate in wanted:
            found = self.finder.exact([candidate]) or self.finder.similar(candidate)
            if found is not None:
                return found, found
        return None, wanted[-1] if "upload/" in said else path

    def _size(self, result: list[Any], file: str | None) -> tuple[int, int] | None:
        """The size of the image from its file, where a region doesn't say it."""
        if file is None or all(isinstance(raw, dict) and "original_width" in raw for raw in result):
            return None
        size = read_sizes(FolderSource(self.builder.root), [file], None)[0]
        return None if isinstance(size, str) else size

    def _valid(self, annotations: object, place: str) -> list[tuple[int, dict[str, Any]]]:
        """The annotations that may count, with their numbers."""
        valid = []
        for number, each in enumerate(annotations if isinstance(annotations, list) else ()):
            if not isinstance(each, dict) or not isinstance(each.get("result"), list):
                message = "an annotation is an object that has a list, the result"
                self.builder.error("wrong-type", message, self.file, None, f"{place}.annotations[{number}]", each)
            elif each.get("was_cancelled") is True:
                self.ignored["cancelled annotations"] += 1
            else:
                valid.append((number, each))
        return valid


def _path(said: str) -> tuple[str, bool]:
    r"""The path in a reference to an image, and whether it looks like one.

    Example:
        >>> _path("/data/local-files/?d=images%2Fa.png"), _path("s3://bucket/b.jpg"), _path(r"C:\c.tif")
        (('images/a.png', True), ('bucket/b.jpg', True), ('C:/c.tif', True))
    """
    path = said
    if "local-files/" in said and "?" in said:
        given = [part[2:] for part in said.partition("?")[2].split("&") if part.startswith("d=")]
        path = unquote(given[0]) if given else said
    elif re.match(r"^[a-z][a-z0-9+.-]+://", said):
        try:
            parts = urlsplit(said)
        except ValueError:
            parts = urlsplit("")
        path = unquote(f"{parts.netloc}{parts.path}")
    elif said.startswith("/data/"):
        path = unquote(said.partition("?")[0])
    path = normal_path(path)
    return path, is_image_name(path)


def _is_export(path: Path) -> bool:
    head = json_head(path)
    if head.kind != "list" or not {"annotations", "completions"} & head.keys:
        return False
    return "data" in head.keys or (not head.complete and "id" in head.keys)


def _exports(folder: Path) -> list[Path]:
    found = sorted(each for each in folder.glob("*.json") if is_own_file(each))
    return [each for each in found if _is_export(each)]


def _looks_like_it(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".json" and _is_export(path)
    documents = sorted(each for each in path.glob("*.json") if is_own_file(each))
    return bool(documents) and all(map(_is_export, documents[:_LOOKED_AT]))


FORMAT = Format(
    name="labelstudio",
    title="Label Studio JSON export",
    extensions=(".json",),
    holds=frozenset({"boxes", "polygons", "masks", "image categories", "captions", "crowds", "splits", "fields"}),
    sniff=_looks_like_it,
    read=read_labelstudio,
    write=write_labelstudio,
)
