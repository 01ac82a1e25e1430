"""Label Studio's JSON export: a list of tasks, an image each, with what one or several annotators say of it.

Polygons, boxes (which become outlines where they are turned), ellipses (as polygons) and brushes are objects;
keypoints and relations are left out with a warning. Choices become categories of the image, texts its caption;
other fields of ``data`` and the ``meta`` of regions are further fields. Predictions never count.

A field of ``data`` that is a list has an image each, and regions say by ``item_index`` which one they are of. Where
tasks have several fields that are images, one of them is read (``image_key=``), and regions say by ``to_name`` which
one they are of: those that name another one, or that name several of which none is called as the field, are wrong
unless ``to_name=`` says which ones count.

Of several annotations one counts: those that were cancelled don't; a ground truth comes before others; then the one
that was changed last does, or with ``annotator="first"`` the one that was made first. With the id (or the address) of
an annotator only theirs count, and an image without one has objects that aren't known.

The zip that Label Studio calls COCO (``result.json``) is read as COCO.
"""

from pathlib import Path
from typing import Any, NamedTuple

from imagecards.datasets import FolderSource, Place
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.finding import AmbiguousImageError, ImageFinder, bare_name, is_own_file
from imagecards.formats.format import Format
from imagecards.formats.groups import BadShapeError, joined
from imagecards.formats.json_heads import each_entry, json_head
from imagecards.formats.labelstudio.choice import chosen
from imagecards.formats.labelstudio.images import find_image, image_fields, image_key_of
from imagecards.formats.labelstudio.owners import may_be_shared, owned
from imagecards.formats.labelstudio.regions import Found, read_result, size_said
from imagecards.formats.labelstudio.writing import write_labelstudio
from imagecards.formats.sizes import read_sizes
from imagecards.paths import check_relative

_LOOKED_AT, _ENDS = 20, 10


class _Choice(NamedTuple):
    """What counts: see `read_labelstudio`."""

    annotator: str | int
    image_key: str | None
    to_name: str | None


def read_labelstudio(
    path: Path,
    builder: DatasetBuilder,
    *,
    annotator: str | int = "last",
    image_key: str | None = None,
    to_name: str | None = None,
) -> None:
    """Read an export, or all that lie in a folder.

    Args:
        path: The file, or the folder.
        builder: Takes what is found.
        annotator: Whose annotation counts where there are several: ``"last"``, ``"first"``, or the id or address of
            one; see the module.
        image_key: The field of ``data`` that names the image, or has a list of them; by default ``image``, or the
            only one that can.
        to_name: What results call that image, where tasks have several; see the module.
    """
    documents = [path] if path.is_file() else _documents(path)
    places = [path] if path.is_file() else [each for each in documents if _is_export(each)]
    if not places:
        raise FormatError(f"{path.name}: there is no export of Label Studio in this folder")
    finder = ImageFinder(builder.files)
    for place in documents:
        if place not in places:
            builder.warn("not-labelstudio", "this is not Label Studio's JSON, and is not looked at", place.name)
            continue
        builder.annotation_files[place.name] = str(place)
        reader = _Reader(place.name, builder, finder, _Choice(annotator, image_key, to_name))
        for number, task in enumerate(each_entry(place)):
            reader.read(task, f"[{number}]")
        reader.tell_ignored()
    builder.warn_of_unlisted(places[0].name)


class _Reader:
    """Reads the tasks of one file, and counts what doesn't count."""

    def __init__(self, file: str, builder: DatasetBuilder, finder: ImageFinder, choice: _Choice) -> None:
        self.file, self.builder, self.finder, self.choice = file, builder, finder, choice
        self.ignored: dict[str, tuple[int, str]] = {}

    def tell_ignored(self) -> None:
        """Warn of what doesn't count, once a file."""
        for what, (count, first) in sorted(self.ignored.items()):
            rule = f"{what.replace(' ', '-')}-ignored"
            self.builder.warn(rule, f"{count:,} {what} don't count; the first of them is here", self.file, None, first)

    def _ignore(self, what: str, count: int, place: str) -> None:
        if count:
            before, first = self.ignored.get(what, (0, place))
            self.ignored[what] = before + count, first

    def read(self, task: Any, place: str) -> None:
        """Add the images of a task."""
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            message = "a task is an object that has data: export as JSON (JSON-MIN has none)"
            self.builder.error("wrong-type", message, self.file, None, place, task)
            return
        if type(task.get("id")) is int:
            place = f"{place} (id {task['id']})"
        data = task["data"]
        key = image_key_of(data, self.choice.image_key)
        if key is None:
            message = "which field of data names the image is not clear: say so with image_key="
            self.builder.error("no-image", message, self.file, None, f"{place}.data", sorted(data))
            return
        listed = isinstance(data[key], list) and bool(data[key])
        images = data[key] if listed else [data[key]]
        result, where = self._result(task, place)
        if len(images) > 1 and not may_be_shared(task["data"], key, result or [], len(images)):
            message = f"what this says of all of its {len(images):,} images at once comes to too much: split the task"
            self.builder.error("task-too-large", message, self.file, None, place)
            return
        others = [name for name in image_fields(data) if name != key]
        shared = owned(result or [], len(images), key, others, self.choice.to_name)
        self._ignore("results of other images", shared.others, place)
        self._tell_bad([(f"{where}[{number}]", error) for number, error in shared.bad])
        for index, said in enumerate(images):
            results = {number: result[number] for number in shared.images[index]} if result is not None else None
            self._read_image(
                said, f"{place}.data.{key}" + (f"[{index}]" if listed else ""), task, key, results, (place, where)
            )

    def _result(self, task: dict[str, Any], place: str) -> tuple[list[Any] | None, str]:
        """The result that counts, ``None`` where none does, and where it is."""
        valid = self._valid(task.get("annotations"), place)
        number = chosen(valid, self.choice.annotator)
        self._ignore("annotations of others", len(valid) - (number is not None), place)
        predictions = task.get("predictions")
        self._ignore("predictions", len(predictions) if isinstance(predictions, list) else 0, place)
        if number is None:
            return None, ""
        return task["annotations"][number]["result"], f"{place}.annotations[{number}].result"

    def _read_image(
        self, said: Any, field: str, task: dict[str, Any], key: str, results: dict[int, Any] | None, at: tuple[str, str]
    ) -> None:
        """Add one image of a task, with the results that are of it."""
        if not isinstance(said, str) or said.startswith("data:"):
            message = "the image is no file: write it into one, and its name here"
            self.builder.error("no-image", message, self.file, None, field, said)
            return
        try:
            file, called = find_image(said, task.get("file_upload"), self.finder)
        except AmbiguousImageError as error:
            message = f"several files may be meant: {', '.join(error.files[:5])}. Keep one, or name a folder"
            self.builder.error("ambiguous-image", message, self.file, None, field, said)
            return
        found = Found()
        known = None if isinstance(task["data"][key], list) else size_said(task.get("meta"))
        objects: list[dict[str, Any]] | None = None
        places: list[str] = []
        if results is not None:
            found = read_result(results, at[1], known or self._size(results, file))
            self._tell_bad(found.bad)
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
            size=found.size or known,
            caption="\n".join(found.texts) if found.texts is not None else None,
            categories=found.categories,
            objects=objects,
            object_place=lambda index: (None, places[index]),
            extra={**data, **found.fields},
            called=at[0],
        )

    def _tell_bad(self, bad: list[tuple[str, BadShapeError]]) -> None:
        for where, error in bad:
            tell = self.builder.warn if error.warning else self.builder.error
            tell(error.rule, error.message, self.file, None, f"{where}.{error.where}".rstrip("."), error.value)

    def _size(self, results: dict[int, Any], file: str | None) -> tuple[int, int] | None:
        """The size of the image from its file, where a region doesn't say it."""
        if file is None or all(isinstance(raw, dict) and "original_width" in raw for raw in results.values()):
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
                self._ignore("cancelled annotations", 1, place)
            else:
                valid.append((number, each))
        return valid


def _is_export(path: Path) -> bool:
    head = json_head(path)
    if head.kind != "list" or not {"annotations", "completions"} & head.keys:
        return False
    return "data" in head.keys or (not head.complete and "id" in head.keys)


def _documents(folder: Path) -> list[Path]:
    return sorted(each for each in folder.glob("*.json") if is_own_file(each))


def _looks_like_it(path: Path) -> bool:
    if path.is_file():
        return path.suffix.lower() == ".json" and _is_export(path)
    documents = _documents(path)
    return any(map(_is_export, documents if len(documents) < _LOOKED_AT else documents[:_ENDS] + documents[-_ENDS:]))


FORMAT = Format(
    name="labelstudio",
    title="Label Studio JSON export",
    extensions=(".json",),
    holds=frozenset({"boxes", "polygons", "masks", "image categories", "captions", "crowds", "splits", "fields"}),
    sniff=_looks_like_it,
    read=read_labelstudio,
    write=write_labelstudio,
)
