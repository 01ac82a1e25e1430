"""Where COCO's JSON files and their images lie: the layouts that people have, and those that are written."""

import re
from collections.abc import Collection, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from imagecards.errors import FormatError
from imagecards.formats.documents import LFS_POINTER
from imagecards.formats.json_heads import json_head
from imagecards.paths import check_relative
from imagecards.records import printable

Layout: TypeAlias = Literal["flat", "roboflow", "instances"]

ROBOFLOW = "_annotations.coco.json"

_WHOLE = frozenset({"coco", "data", "dataset", "labels", "result"})  # files of these names are no split
_KNOWN_SPLIT = re.compile(r"(?:train|valid|val|test|dev|trainval|minival)\d*")
_KIND_FIRST = re.compile(
    r"(?:instances|annotations?|captions|stuff|panoptic|(?:person_)?keypoints|lvis_v[\d.]+)(?:_(.+))?"
)
_SPLIT_FIRST = re.compile(r"(.+?)_annotations(?:[_.].+)?")
_ANNOTATION_FOLDERS = frozenset({"annotations", "RLE_annotations"})
_LOOKED_AT = 20  # images of a file, to find out where they are
_HEAD, _TAIL = 2**16, 2**14
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_OTHERS = frozenset({"shapes", "dm_format_version"})


class AnnotationFile(NamedTuple):
    """One JSON file.

    Attributes:
        path: Below the folder that is read.
        split: The split that it describes; ``None`` where there are no splits.
        folder: The folder that it is in, below the one that images are looked for in; with a slash behind it.
        called: What the folder of its images may be called: as its split, also where it is read alone.
    """

    path: str
    split: str | None
    folder: str = ""
    called: str | None = None


def looks_like_coco(path: Path) -> bool:
    """Whether a path is COCO's JSON file, or a folder that has one where such files are."""
    if path.is_dir():
        return bool(_candidates(path))
    return path.suffix.lower() == ".json" and _is_coco(path)


def find_annotation_files(folder: Path, wanted: Sequence[str] | None) -> list[AnnotationFile]:
    """Find the annotation files of a folder, by split.

    Args:
        folder: The folder.
        wanted: Patterns of file names or relative paths; by default, the files of the first layout that is there.

    Raises:
        FormatError: There is none, or there are several of one split.
    """
    if wanted is None:
        names = _candidates(folder) or _pointers(folder)
    else:
        there = _below(folder, [path for depth in ("*", "*/*") for path in folder.glob(depth) if path.is_file()])
        names = [name for name in there if any(_matches(name, pattern) for pattern in wanted)]
    if not names:
        what = "no COCO annotations" if wanted is None else f"no file like {', '.join(map(printable, wanted))}"
        raise FormatError(f"{printable(str(folder))} has {what}: see the path, or choose with annotations=")
    splits = [split_of(folder, name, alone=len(names) == 1) for name in names]
    files = [
        AnnotationFile(name, split, name[: name.rfind("/") + 1], split)
        for name, split in zip(names, splits, strict=True)
    ]
    first: dict[str | None, str] = {}
    for path, split, *_ in files:
        other = first.setdefault(split, path)
        if other != path:
            of = f"the split {printable(split)}" if split is not None else "the same images"
            both = f"{printable(other)} and {printable(path)} both describe {of}"
            raise FormatError(f"{both}: choose with annotations= (--from-option)")
    return files


def find_lone_file(path: Path, names: Sequence[str], images: Path | None) -> tuple[AnnotationFile, Path]:
    """Find the folder of the images of a file that is read alone, which is no split.

    They are looked for where the layouts have them: around the file, and around the folder that it is in.

    Args:
        path: The file.
        names: The file names that it has.
        images: The folder, where it is known.

    Returns:
        The file, and the folder that its images are in or below; its own where there are none.
    """
    called = split_of(path.parent, path.name, alone=False)
    if images is not None:
        return AnnotationFile(path.name, None, "", called), images
    looked_at = [name for name in names[:: max(1, len(names) // _LOOKED_AT)] if check_relative(name) is None]
    around = path.parent.name in _ANNOTATION_FOLDERS
    most, found = 0, (AnnotationFile(path.name, None, "", called), path.parent.parent if around else path.parent)
    for top in (path.parent, path.parent.parent):
        beside = f"{path.parent.name}/" if top != path.parent else ""
        file = AnnotationFile(path.name, None, beside, called)
        for folder, cut in _folders(file):
            count = sum(_is_below(top, folder + name) for name in looked_at if name.startswith(cut))
            if count > most:
                # no more is searched than the images' own folder
                most, found = count, (file._replace(folder=""), top / folder) if folder and not cut else (file, top)
    return found


def places_looked_at(file: AnnotationFile) -> str:
    """The folders that the images of a file are looked for in, in words.

    Example:
        >>> places_looked_at(AnnotationFile("annotations_train.json", "train", "", "train"))
        'the folder itself, train/, images/train/, train/images/, train_images/ and images/'
    """
    folders = list(dict.fromkeys(folder for folder, _ in _folders(file)))
    words = [printable(folder) or "the folder itself" for folder in folders]
    return f"{', '.join(words[:-1])} and {words[-1]}"


def unread_files(folder: Path, read: Collection[str]) -> list[str]:
    """Files that look like COCO's annotations beside those that are read: captions and keypoints, another layout."""
    places = {name.rpartition("/")[0] for name in read} | {"", "annotations"}
    found = _below(folder, [path for place in places for path in (folder / place).glob("*.json")])
    return [name for name in found if name not in read and _is_coco(folder / name)]


def split_of(folder: Path, name: str, *, alone: bool) -> str | None:
    """The split that a file describes, by its name.

    Args:
        folder: The folder that is read.
        name: The file's path below it.
        alone: Whether it is the only one: then a name that nobody gives to a split is none.

    Example:
        >>> [split_of(Path(), name, alone=True) for name in ("train/_annotations.coco.json", "annotations.json")]
        ['train', None]
        >>> split_of(Path(), "RLE_annotations/test_annotations_with_class_300.json", alone=True)
        'test'
    """
    parent, _, file = name.rpartition("/")
    if file == ROBOFLOW:
        return parent if parent not in ("", "data") else None
    stem = file.removesuffix(".json")
    for pattern in (_KIND_FIRST, _SPLIT_FIRST):
        match = pattern.fullmatch(stem)
        if match is not None:
            return match[1]
    if stem in _WHOLE:
        return None
    if alone and not _KNOWN_SPLIT.fullmatch(stem) and not (folder / stem).is_dir():
        return None
    return stem


def place_images(names: Sequence[str], file: AnnotationFile, files: Collection[str]) -> tuple[str, dict[str, str]]:
    """Find the images that an annotation file names.

    All lie in one folder: the one in which most of them are.

    Args:
        names: The file names that it has.
        file: The annotation file.
        files: All files that are there.

    Returns:
        What the file names have in front that is part of the layout, not of the names within the split; and where
        the images that are there lie, by file name.
    """
    best: tuple[str, dict[str, str]] = ("", {})
    for folder, cut in _folders(file):
        found = {name: folder + name for name in names if name.startswith(cut) and folder + name in files}
        if len(found) > len(best[1]):
            best = cut, found
        if len(found) == len(names):
            break
    return best


def written_paths(layout: Layout, split: str | None) -> tuple[str, str]:
    """Where the JSON file of a split is written, and what its images have in front.

    Example:
        >>> written_paths("flat", "train"), written_paths("instances", None)
        (('annotations_train.json', 'images/train/'), ('annotations/instances.json', 'images/'))
    """
    if layout == "roboflow":
        folder = f"{split}/" if split is not None else ""
        return folder + ROBOFLOW, folder
    ending = f"_{split}" if split is not None else ""
    if layout == "instances":
        return f"annotations/instances{ending}.json", f"{split}/" if split is not None else "images/"
    return f"annotations{ending}.json", f"images/{split}/" if split is not None else "images/"


def _folders(file: AnnotationFile) -> list[tuple[str, str]]:
    """The folders that images may lie in; each with what of it the file names themselves may have in front."""
    whole = [("images/", ""), ("", "images/"), ("", "")]
    within: list[tuple[str, str]] = []
    if file.called is not None:
        called = file.called
        own = (f"{called}/", f"images/{called}/", f"{called}/images/", f"{called}_images/")
        within = [(folder, "") for folder in own] + [("images/", f"{called}/")] + [("", folder) for folder in own]
    # of a file that is read alone, the name says least
    return [(file.folder, ""), *within, *whole] if file.split is not None else [(file.folder, ""), *whole, *within]


def _is_below(top: Path, path: str) -> bool:
    """Whether there is a file, not behind a link."""
    place = top
    for part in path.split("/"):
        place /= part
        if place.is_symlink():
            return False
    return place.is_file()


def _candidates(folder: Path) -> list[str]:
    """The paths of the JSON files of the first layout of which there is one: known by name, others by content."""
    instances, inside = "annotations/instances*.json", "annotations/*.json"
    for patterns in ((ROBOFLOW, f"*/{ROBOFLOW}"), (instances,), ("RLE_annotations/*_annotations*.json",)):
        found = [path for pattern in patterns for path in folder.glob(pattern) if path.is_file()]
        if found:
            return _below(folder, found)
    for pattern in (inside, "*.json"):
        found = [path for path in folder.glob(pattern) if _is_coco(path)]
        if found:
            return _below(folder, found)
    return []


def _pointers(folder: Path) -> list[str]:
    """JSON files that git-lfs has not brought yet: whoever names the format is to hear of them."""
    found = [path for path in [*folder.glob("annotations/*.json"), *folder.glob("*.json")] if path.is_file()]
    return _below(folder, [path for path in found if _head(path, len(LFS_POINTER)) == LFS_POINTER])


def _below(folder: Path, paths: Sequence[Path]) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def _head(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def _matches(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)


def _is_coco(path: Path) -> bool:
    """Whether a file has keys of COCO near its ends."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return False
        file.seek(max(0, file.seek(0, 2) - _TAIL))
        text = head + file.read()
    keys = sum(key in text for key in _KEYS)
    if not keys or (keys == 1 and not any(key in text for key in (b'"image_id"', b'"file_name"'))):
        return False
    top = json_head(path).keys
    return not _OTHERS & top or bool({"images", "annotations"} & top)
