"""Masks: ``images`` and ``masks`` with the same stems, where each pixel of a mask says what it belongs to.

Three kinds. ``instances``: the number of an object. ``classes``: the number of a category, so that all objects of a
category are one. ``colours``: the same by colour, or by the index into a palette. 0, or black, is the background. What
numbers and colours mean is in a ``masks.json`` beside the folders. Without it, and without ``kind=``, grey pixels are
instances of one category, those of a folder with ``semantic`` in its name are classes, and all others are colours.

Without ``masks.json``, where there are annotations of another format beside the folders, that one counts unless
``format="masks"`` is said: MaskTerial's JSON files have the categories and ids of what its masks show, and CVAT's and
VOC's XML files have boxes and attributes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_args

from imagecards.datasets import Place, scan_folder
from imagecards.errors import FormatError, InvalidInputError, NotFoundError, StorageError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.documents import read_bytes
from imagecards.formats.finding import is_own_file
from imagecards.formats.format import Format
from imagecards.formats.masks.layout import MASK_FOLDERS, Group, Pair, find_groups, pairs_of, split_before
from imagecards.formats.masks.pixels import Found, read_mask
from imagecards.formats.masks.table import FILE_NAMES, Kind, MaskTable, parse_classes, parse_colours, read_table
from imagecards.formats.masks.writing import write_masks
from imagecards.formats.parallel import batches, map_ordered

_BATCH = 32


class _Task(NamedTuple):
    pair: Pair
    split: str | None
    kind: Kind | None
    instances: Mapping[int, str | int] | None


def read_masks(
    path: Path, builder: DatasetBuilder, *, kind: Kind | None = None, names: object = None, colours: object = None
) -> None:
    """Read masks; objects are the pixels of one value.

    Args:
        path: The folder, or its ``masks.json``.
        builder: Takes what is found.
        kind: What pixels are: ``"instances"``, ``"classes"`` or ``"colours"``.
        names: The names of classes by value: a list from 1 on, or values and names.
        colours: Names, and the colour of each.

    Raises:
        InvalidInputError: An option has none of its values.
    """
    if kind is not None and kind not in get_args(Kind):
        raise InvalidInputError(f"kind={kind!r} is none of {', '.join(get_args(Kind))}")
    base = path if path.is_dir() else path.parent
    table = _table(path, base, builder)
    if names is not None:
        table.classes, table.categories = parse_classes(names), []
    if colours is not None:
        table.colours, table.categories = parse_colours(colours), []
    apart = builder.root != base
    files = frozenset(found.name for found in scan_folder(base).files) if apart else builder.files
    groups = find_groups(files, table.splits)
    if not groups:
        builder.warn("no-masks", f"there is no folder of masks: {', '.join(MASK_FOLDERS)}", base.name)
    tasks = [task for group in groups for task in _tasks(group, kind, table, files, apart, builder)]
    used: dict[str | int, None] = {}
    for batch in map_ordered(partial(_read_batch, base, table), batches(tasks, _BATCH), builder.executor):
        for task, found in batch:
            _add(task, found, builder)
            used.update(dict.fromkeys(entry["category"] for entry in found.objects))
    builder.annotation_files.update({task.pair.mask: str(base / task.pair.mask) for task in tasks if task.pair.mask})
    builder.attributes["categories"] = table.categories or _categories(table, used)


def _table(path: Path, base: Path, builder: DatasetBuilder) -> MaskTable:
    """What is said of the masks as a whole."""
    file = path if path.is_file() else next((base / name for name in FILE_NAMES if is_own_file(base / name)), None)
    if file is None:
        return MaskTable()
    builder.annotation_files[file.name] = str(file)
    try:
        return read_table(file)
    except FormatError as error:
        builder.error("unreadable-file", str(error), file.name)
        return MaskTable()


def _tasks(
    group: Group,
    kind: Kind | None,
    table: MaskTable,
    files: Collection[str],
    apart: bool,
    builder: DatasetBuilder,
) -> Iterator[_Task]:
    if apart and not any(file.startswith(f"{group.images}/") for file in builder.files):
        inside = group.split is not None and any(file.startswith(f"{group.split}/") for file in builder.files)
        group = group._replace(images=group.split if inside and group.split is not None else "")
    said = kind or table.kind or ("classes" if group.semantic else None)
    written = {name.rpartition(".")[0]: name for name in table.images or ()}
    for pair in pairs_of(group, builder.files, files):
        if not isinstance(pair, Pair):
            message = f"{pair[0]} and this image would have the same mask: give one of them another name"
            builder.error("ambiguous-mask", message, pair[1])
            continue
        if pair.image is None:  # only what wrote the masks knows the extension
            pair = pair._replace(name=written.get(pair.name.rpartition(".")[0], pair.name))
        elif pair.mask is None:
            builder.warn("no-mask", "the image has no mask, so nothing is known of it", pair.image)
        instances = table.images.get(pair.name, {}) if table.images is not None and table.kind == said else None
        yield _Task(pair, group.split, said, instances)


def _read_batch(base: Path, table: MaskTable, tasks: Sequence[_Task]) -> list[tuple[_Task, Found]]:
    results = []
    for task in tasks:
        if task.pair.mask is None:
            found = Found(None, [], [], [])
        else:
            try:
                found = read_mask(read_bytes(base / task.pair.mask), task.kind, table, task.instances)
            except (FormatError, StorageError) as error:
                found = Found(None, [], [], [("unreadable-file", str(error), "", "")])
        results.append((task, found))
    return results


def _add(task: _Task, found: Found, builder: DatasetBuilder) -> None:
    pair = task.pair
    place = Place(pair.mask or pair.image or pair.name, None)
    for rule, message, name, value in found.problems:
        tell = builder.warn if rule == "missing-instance" else builder.error
        tell(rule, message, place.file, where=name, value=value)
    known = pair.mask is not None and found.size is not None
    if not known and pair.image is None:
        return
    builder.image(
        pair.name,
        file=pair.image,
        split=task.split,
        size=found.size,
        objects=found.objects if known else None,
        place=place,
        object_place=partial(_place_of_object, found.values),
    )


def _place_of_object(values: Sequence[str], number: int) -> tuple[None, str]:
    return None, values[number]


def _categories(table: MaskTable, used: Collection[str | int]) -> list[dict[str, Any]]:
    """Categories where no file says them: classes by value, others by name."""
    if table.classes is not None:
        return [{"id": value, "name": name} for value, name in sorted(table.classes.items())]
    if used and all(isinstance(name, str) and name.isdigit() for name in used):
        return [{"id": int(name), "name": name} for name in sorted(used, key=int)]
    known = table.colours.values() if table.colours is not None else sorted(map(str, used))
    return [{"id": number, "name": name} for number, name in enumerate(dict.fromkeys(known), start=1)]


def _looks_like_it(path: Path) -> bool:
    """Whether there are folders of images and masks side by side, or else what we say of them."""
    if path.is_file() and path.name not in FILE_NAMES:
        return False
    base = path if path.is_dir() else path.parent
    return _has_folders(base) or _says_so(path)


def _says_so(path: Path) -> bool:
    """Whether there is a ``masks.json``."""
    base = path if path.is_dir() else path.parent
    file = path if path.is_file() else base / FILE_NAMES[0]
    try:
        return is_own_file(file) and read_table(file).kind is not None
    except (FormatError, NotFoundError, StorageError):
        return False


def _has_folders(base: Path) -> bool:
    tops = {each.name for each in base.iterdir() if each.is_dir() and each.name[0] != "."}
    for top in tops:
        split, found = split_before(top)
        if found and f"{split}_images" in tops:
            return True
        for kind in MASK_FOLDERS:
            if (top == kind and "images" in tops) or (
                (base / top / kind).is_dir() and (base / top / "images").is_dir()
            ):
                return True
    return False


FORMAT = Format(
    name="masks",
    title="masks: images and PNG files of instances, classes or colours",
    extensions=(".png", ".json"),
    holds=frozenset({"masks", "splits", "supercategories"}),
    sniff=_looks_like_it,
    read=read_masks,
    write=write_masks,
    says_least=True,
    certain=_says_so,
)
