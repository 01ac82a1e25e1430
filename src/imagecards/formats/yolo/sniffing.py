"""Whether a path looks like YOLO, with boxes or with polygons: by its ``data.yaml`` and some labels."""

import math
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

from imagecards.errors import FormatError
from imagecards.formats.finding import is_own_file
from imagecards.formats.yolo.data import FILE_NAMES, YoloData, read_data
from imagecards.formats.yolo.keypoints import keypoints_in
from imagecards.formats.yolo.layout import CLASS_FILES, find_data_file

LOOKED_AT = 200
"""How many label files are looked at, to find out whether they have boxes, keypoints or polygons."""

_HEAD = 1 << 16  # bytes of each


def has_polygons(path: Path) -> bool | None:
    """Whether a path looks like YOLO with polygons; ``None`` where it looks like no YOLO.

    It does with a ``data.yaml`` that names classes, with other YAML that names classes and splits, or with ``images``
    and ``labels`` side by side where labels are text files. Folders called ``labels`` in which there
    are JSON, XML or PNG files alone are those of other formats.
    """
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
    labels = list(islice(_labels(_label_folders(base)), LOOKED_AT))
    named = file is not None and (file.name in FILE_NAMES or bool(data.splits))
    if not labels and (data.names is None or not named):
        return None
    if file == path and data.names is None and not data.splits:
        return None
    if data.own:
        return "outlines" in data.own
    rows = [row for label in labels for row in _rows(label)]
    if data.names is None and not all(row and row[0].isdigit() and len(row) > 4 for row in rows):
        return None
    if data.keypoints is not None or not any(len(row) > 6 for row in rows):
        return False
    lines = numbers_of("\n".join(b" ".join(row).decode("ascii", "replace") for row in rows))
    keypoints, certain = keypoints_in(lines)
    return keypoints is None or not certain


def numbers_of(text: str) -> list[list[float]]:
    """The numbers of each line behind its class; lines with anything else are left out."""
    found = []
    for line in text.split("\n"):
        try:
            numbers = [float(token) for token in line.split()[1:]]
        except ValueError:
            continue
        if numbers and all(map(math.isfinite, numbers)):
            found.append(numbers)
    return found


def _labels(folders: Iterable[Path]) -> Iterable[Path]:
    every = (each for folder in folders for each in folder.glob("*.txt"))
    return (each for each in every if each.name not in CLASS_FILES and is_own_file(each))


def _rows(label: Path) -> list[list[bytes]]:
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
    return [each for each in found if not each.is_symlink() and not each.parent.is_symlink()]
