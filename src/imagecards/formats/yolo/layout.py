"""Where the images and labels of a YOLO dataset lie: as ``data.yaml`` says, else in the usual places."""

import posixpath
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from imagecards.datasets import is_image_name
from imagecards.errors import FormatError
from imagecards.formats.stems import names_split
from imagecards.formats.yolo.data import FILE_NAMES, YoloData, read_data

_LOOKED_AT = 200  # label files, to find out whether they have boxes or polygons
_HEAD = 1 << 16  # bytes of each
_VALIDATION = ("val", "valid", "validation")


class Group(NamedTuple):
    """Images of one split in one folder.

    Attributes:
        split: The split; ``None`` for images of no split.
        folder: The folder of the images below the root, ``""`` for the root itself.
    """

    split: str | None
    folder: str


class Misplaced(NamedTuple):
    """What ``data.yaml`` says of a split that is not so: its key, what it says, and what was done."""

    key: str
    value: str
    message: str


def find_data_file(path: Path) -> Path | None:
    """The ``data.yaml`` of a folder; without one of the usual names, the one YAML file that there is."""
    if not path.is_dir():
        return path
    for name in FILE_NAMES:
        if (path / name).is_file():
            return path / name
    others = sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml") and each.name[0] != ".")
    return others[0] if len(others) == 1 and others[0].is_file() else None


def label_of(image: str) -> str:
    """Where YOLO looks for an image's labels: the last folder ``images`` of its path is ``labels`` there.

    Example:
        >>> label_of("train/images/a.b.png"), label_of("a.png")
        ('train/labels/a.b.txt', 'a.txt')
    """
    stem = image.rpartition(".")[0]
    before, found, after = f"/{stem}".rpartition("/images/")
    return f"{before}/labels/{after}.txt".removeprefix("/") if found else f"{stem}.txt"


def find_groups(
    data: YoloData, files: Collection[str], root: Path, *, apart: bool = False
) -> tuple[list[Group], list[Misplaced]]:
    """Find the folders of images.

    Args:
        data: What ``data.yaml`` says.
        files: The files that there are, as paths relative to the root.
        root: The folder that they are in.
        apart: Whether these are images alone, and the labels are elsewhere.

    Returns:
        The groups, and what of ``data.yaml`` is not so.
    """
    usual = list(_usual_groups(files, not apart))
    own = data.own.get("splits")
    if isinstance(own, dict):  # written by us: names and places are exact
        groups = [Group(str(split), str(folder)) for split, folder in own.items()]
        rest = data.own.get("rest")
        return groups + ([Group(None, rest)] if isinstance(rest, str) else []), []
    if not data.splits:
        return usual, []
    folders = {"/".join(parts[:depth]) for parts in _parents(files) for depth in range(len(parts) + 1)}
    groups, misplaced = [], []
    for key, values in data.splits.items():
        known = key in ("train", "test", *_VALIDATION)
        for value in values:
            folder = _resolved(value, data.root, root, folders)
            if folder is not None:
                groups.append(Group(_split_name(key, folder), folder))
                continue
            found = _fallback(key, usual)
            if found is None and not known:
                continue  # any other word that happens to have a text
            where = f"{found.folder or 'the folder itself'} is taken" if found else "and nothing is in the usual places"
            if value.endswith(".txt"):
                message = f"lists of images are not read: {where}"
            else:
                message = f"there is no such folder in {root.name}: {where}"
            misplaced.append(Misplaced(key, value, message))
            if found is not None:
                groups.append(found)
    return list(dict.fromkeys(groups)), misplaced


def images_of(group: Group, files: Collection[str]) -> list[tuple[str, str]]:
    """The images of a group by name: the name in the dataset, and the path below the root."""
    prefix = f"{group.folder}/" if group.folder else ""
    front = f"{group.split}/" if group.split is not None else ""
    found = sorted(file for file in files if file.startswith(prefix) and is_image_name(file))
    return [(front + file.removeprefix(prefix), file) for file in found]


def has_polygons(path: Path) -> bool | None:
    """Whether a path looks like YOLO with polygons; ``None`` where it looks like no YOLO."""
    base = path if path.is_dir() else path.parent
    if not path.is_dir() and path.suffix not in (".yaml", ".yml"):
        return None
    file = find_data_file(path)
    data = YoloData()
    if file is not None:
        try:
            data = read_data(file)
        except FormatError:
            return None
    folders = _label_folders(base)
    if not folders and data.names is None:
        return None
    if file == path and data.names is None and not data.splits:
        return None
    if data.own:
        return "outlines" in data.own
    labels = (each for folder in folders for each in folder.glob("*.txt") if each.name != "classes.txt")
    rows = [row for label in islice(labels, _LOOKED_AT) for row in _rows(label)]
    if data.names is None and not all(row and row[0].isdigit() and len(row) > 4 for row in rows):
        return None
    return any(len(row) > 6 for row in rows)


def _rows(label: Path) -> list[list[bytes]]:
    if not label.is_file():
        return []
    with label.open("rb") as file:
        head = file.read(_HEAD)
    lines = head.split(b"\n")
    return [line.split() for line in (lines[:-1] if len(head) == _HEAD else lines) if line.strip()]


def _label_folders(base: Path) -> list[Path]:
    """The folders where labels usually are, with images beside them."""
    found: dict[Path, None] = {}
    tops = sorted(each for each in base.iterdir() if each.is_dir() and each.name[0] != ".")
    for top in (base, *tops):
        if (top / "labels").is_dir() and (top / "images").is_dir():
            found[top / "labels"] = None
            found.update((each, None) for each in sorted((top / "labels").iterdir()) if each.is_dir())
    return list(found)


def _resolved(value: str, stated: str, root: Path, folders: Collection[str]) -> str | None:
    """A folder of ``data.yaml`` as a path below the root, if it is one that exists."""
    value = value.replace("\\", "/")
    for start in dict.fromkeys((stated.replace("\\", "/"), "")):
        place = posixpath.normpath(posixpath.join(root.as_posix(), start, value))
        for top in dict.fromkeys((root.as_posix(), root.resolve().as_posix())):
            if place == top and "" in folders:
                return ""
            below = place.removeprefix(f"{top}/")
            if below != place and below in folders:
                return below
    return None


def _split_name(key: str, folder: str) -> str:
    """What a split is called: as its folder is, where ``val`` stands for any of validation's names."""
    if key not in _VALIDATION:
        return key
    return next((part for part in folder.split("/") if part in _VALIDATION), key)


def _fallback(key: str, usual: Sequence[Group]) -> Group | None:
    names = (key, *_VALIDATION) if key in _VALIDATION else (key,)
    found = {group.split: group for group in usual}
    return next((found[name] for name in names if name in found), None)


def _usual_groups(files: Collection[str], beside: bool) -> Iterator[Group]:
    """The places where YOLO datasets have images: ``<split>/images``, ``images/<split>``, ``images``; beside labels."""
    groups: set[Group] = set()
    inside: dict[str, bool] = defaultdict(bool)  # folders in images/, and whether they may be splits
    direct = False
    for file in filter(is_image_name, files):
        parts = file.split("/")
        if parts[0] == "images":
            if len(parts) == 2:
                direct = True
            else:
                inside[parts[1]] = names_split(parts[1])
        elif len(parts) > 2 and parts[1] == "images":
            groups.add(Group(parts[0], f"{parts[0]}/images"))
    if inside and not direct and all(inside.values()):
        groups.update(Group(name, f"images/{name}") for name in inside)
    elif inside or direct:
        groups.add(Group(None, "images"))
    if not groups:
        groups.update(_by_first_folder(files, beside))
    yield from sorted(groups, key=lambda group: (group.split or "", group.folder))


def _by_first_folder(files: Collection[str], beside: bool) -> Iterator[Group]:
    """Folders of images with their labels beside them, or of images alone."""
    for file in files:
        if is_image_name(file) and (not beside or label_of(file) in files):
            first, slash, _ = file.partition("/")
            split = first if slash and names_split(first) else None
            yield Group(split, first if split else "")


def _parents(files: Collection[str]) -> set[tuple[str, ...]]:
    return {tuple(file.split("/")[:-1]) for file in files}
