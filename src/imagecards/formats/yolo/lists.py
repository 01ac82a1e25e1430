"""Text files that YOLO's ``data.yaml`` may name: lists of images, and of classes, one a line."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from imagecards.datasets import is_image_name
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.documents import read_text
from imagecards.formats.yolo.data import YoloData
from imagecards.formats.yolo.layout import CLASS_FILES, Group, images_of, resolved


def list_reader(
    data: YoloData, base: Path, files: Collection[str], builder: DatasetBuilder
) -> Callable[[str], Sequence[str] | None]:
    """Make what reads the lists of images that ``data.yaml`` names instead of folders.

    Paths in a list are relative to the list, to the ``path`` of ``data.yaml`` or to ``data.yaml`` itself; what leads
    out of the folder is an error, as is an image that is not there.

    Args:
        data: What ``data.yaml`` says.
        base: The folder that it is in.
        files: The files of that folder.
        builder: Has the images, and takes what is wrong.
    """

    def read(value: str) -> list[str] | None:
        place = resolved(value, data.root, base, files) if value.endswith(".txt") else None
        if place is None:
            return None
        builder.annotation_files[place] = str(base / place)
        try:
            lines = read_text(base / place).splitlines()
        except FormatError as error:
            builder.error("unreadable-file", str(error), place)
            return []
        found: dict[str, int] = {}
        for number, line in enumerate(map(str.strip, lines), start=1):
            if not line:
                continue
            starts = (place.rpartition("/")[0], data.root)
            image = next(
                (each for start in starts if (each := resolved(line, start, builder.root, builder.files))), None
            )
            if image is None or not is_image_name(image):
                message = "there is no such image in the folder: put it there, or remove the line"
                builder.error("missing-file", message, place, number, "", line)
            elif found.setdefault(image, number) != number:
                builder.warn("repeated-line", f"line {found[image]} has this image, too", place, number, "", line)
        return sorted(found)

    return read


def class_names(base: Path, files: Collection[str], builder: DatasetBuilder) -> dict[int, str] | None:
    """The classes of a file that has nothing but their names, by number; ``None`` where there is none."""
    place = next((name for name in CLASS_FILES if name in files), None)
    if place is None:
        return None
    try:
        names = [line.strip() for line in read_text(base / place).splitlines()]
    except FormatError as error:
        builder.error("unreadable-file", str(error), place)
        return None
    while names and not names[-1]:
        names.pop()
    if len(set(names)) < len(names):
        message = "two classes have one name, so that numbers are their names: correct it"
        builder.error("duplicate-class", message, place)
        return None
    builder.annotation_files[place] = str(base / place)
    return dict(enumerate(names))


def tell_of_unlisted(groups: Sequence[Group], usual: Sequence[Group], builder: DatasetBuilder, data_file: str) -> None:
    """Tell of images in the usual places that are in no split."""
    named = [f"{group.folder}/" if group.folder else "" for group in groups]
    listed = {file for group in groups for file in group.listed or ()}
    for group in usual:
        inside = f"{group.folder}/"
        if not any(inside.startswith(folder) or folder.startswith(inside) for folder in named):
            message = f"the images of {group.folder} are in no split of data.yaml, and are left out"
            builder.warn("unlisted-folder", message, data_file, value=group.folder)
        elif groups and all(other.listed is not None for other in groups):
            left = [file for _, file in images_of(group, builder.files) if file not in listed]
            if left:
                message = f"{len(left):,} images of {group.folder or 'the folder'} are in no list, and are left out"
                builder.warn("unlisted-images", message, data_file, value=left[0])
