"""Where the images and labels of a YOLO dataset lie: as ``data.yaml`` says, else in the usual places."""

import posixpath
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from imagecards.datasets import is_image_name
from imagecards.formats.finding import is_own_file
from imagecards.formats.stems import names_split
from imagecards.formats.yolo.data import FILE_NAMES, YoloData

CLASS_FILES = ("classes.txt", "labels/classes.txt", "obj.names")
"""Where tools that write no ``data.yaml`` (Label Studio, labelImg, darknet) have the names of classes, one a line."""

_VALIDATION = ("val", "valid", "validation")


class Group(NamedTuple):
    """Images of one split in one folder.

    Attributes:
        split: The split; ``None`` for images of no split.
        folder: The folder of the images below the root, ``""`` for the root itself.
        listed: The images, where they are listed one by one; all of the folder without.
    """

    split: str | None
    folder: str
    listed: tuple[str, ...] | None = None


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
        if is_own_file(path / name):
            return path / name
    others = sorted(each for each in path.iterdir() if each.suffix in (".yaml", ".yml") and each.name[0] != ".")
    return others[0] if len(others) == 1 and is_own_file(others[0]) else None


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
    data: YoloData,
    files: Collection[str],
    root: Path,
    *,
    apart: bool = False,
    read_list: Callable[[str], Sequence[str] | None] = lambda value: None,
) -> tuple[list[Group], list[Misplaced]]:
    """Find the folders of images.

    Args:
        data: What ``data.yaml`` says.
        files: The files that there are, as paths relative to the root.
        root: The folder that they are in.
        apart: Whether these are images alone, and the labels are elsewhere.
        read_list: Reads what may be a list of images, into their paths below the root; ``None`` for what is none.

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
            listed = read_list(value)
            if listed is not None:
                groups.append(Group(key, _common_folder(listed), tuple(listed)))
                continue
            folder = resolved(value, data.root, root, folders)
            if folder is not None:
                groups.append(Group(_split_name(key, folder), folder))
                continue
            found = _fallback(key, usual)
            if found is None and not known:
                continue  # any other word that happens to have a text
            where = f"{found.folder or 'the folder itself'} is taken" if found else "and nothing is in the usual places"
            what = "list" if value.endswith(".txt") else "folder"
            misplaced.append(Misplaced(key, value, f"there is no such {what} in {root.name}: {where}"))
            if found is not None:
                groups.append(found)
    return list(dict.fromkeys(groups)), misplaced


def images_of(group: Group, files: Collection[str], others: Sequence[Group] = ()) -> list[tuple[str, str]]:
    """The images of a group by name: the name in the dataset, and the path below the root.

    Args:
        group: The group.
        files: The files that there are.
        others: All groups; what lies in a folder of one below this one's is only its own.
    """
    prefix = f"{group.folder}/" if group.folder else ""
    front = f"{group.split}/" if group.split is not None else ""
    below = tuple(f"{other.folder}/" for other in others if other.folder != group.folder and other.listed is None)
    below = tuple(folder for folder in below if folder.startswith(prefix))
    inside = (file for file in files if file.startswith(prefix) and not (below and file.startswith(below)))
    found = sorted(filter(is_image_name, inside if group.listed is None else group.listed))
    return [(front + file.removeprefix(prefix), file) for file in found]


def resolved(value: str, stated: str, root: Path, there: Collection[str]) -> str | None:
    """What ``data.yaml`` names as a path below the root, if it is there.

    Args:
        value: What it names, relative to ``stated`` or to the root. Where there is no ``../x``, ``x`` is meant: so
            Roboflow writes it, and so YOLO's own reader takes it.
        stated: What it says that paths are relative to.
        root: The folder.
        there: The files or folders that there are, as paths below the root.
    """
    value = value.replace("\\", "/")
    for each in dict.fromkeys((value, value.removeprefix("../"))):
        for start in dict.fromkeys((stated.replace("\\", "/"), "")):
            place = posixpath.normpath(posixpath.join(root.as_posix(), start, each))
            for top in dict.fromkeys((root.as_posix(), root.resolve().as_posix())):
                below = "" if place == top else place.removeprefix(f"{top}/")
                if below != place and below in there:
                    return below
    return None


def _common_folder(files: Sequence[str]) -> str:
    """The folder that all files are in."""
    return posixpath.commonpath([posixpath.dirname(file) for file in files]) if files else ""


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
