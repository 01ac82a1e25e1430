"""Where Pascal VOC lies, and its splits: lists of images in ``ImageSets/Main``."""

from collections.abc import Collection
from pathlib import Path

from imagecards.datasets import Place
from imagecards.errors import FormatError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.documents import read_text


def image_sets(path: Path, names: Collection[str], builder: DatasetBuilder) -> dict[str, tuple[str, Place]]:
    """The split of each image, by its path without extension."""
    found: dict[str, tuple[str, Place]] = {}
    files = sorted(name for name in names if name.startswith("ImageSets/Main/") and name.endswith(".txt"))
    splits = [name.rpartition("/")[2][:-4] for name in files]
    for name, split in zip(files, splits, strict=True):
        if split == "default" or (split == "trainval" and {"train", "val"} & set(splits)):
            continue
        try:
            lines = [line.split() for line in read_text(path / name).splitlines()]
        except FormatError as error:
            builder.error("unreadable-file", str(error), name)
            continue
        if any(len(parts) > 1 and parts[-1] in ("-1", "0", "1") for parts in lines):
            continue  # of one class: which images have it
        builder.annotation_files[name] = str(path / name)
        for number, parts in enumerate(lines, start=1):
            if not parts:
                continue
            stem = " ".join(parts)
            other = found.setdefault(stem, (split, Place(name, number)))[0]
            if other != split:
                message = f"the image is in {other}, too, which counts"
                builder.warn("several-splits", message, name, number, "", stem)
    return found


def innermost(path: Path) -> Path:
    """The one folder below that is VOC's, as ``VOCdevkit/VOC2012`` is in the archives; else the folder itself."""
    if (path / "Annotations").is_dir():
        return path
    found = [each.parent for depth in ("*", "*/*") for each in path.glob(f"{depth}/Annotations") if each.is_dir()]
    whole = [each for each in found if (each / "JPEGImages").is_dir() and not _has_link(each, path)]
    return whole[0] if len(found) == len(whole) == 1 else path


def _has_link(place: Path, top: Path) -> bool:
    return any(each.is_symlink() for each in (place, *place.parents) if each.is_relative_to(top) and each != top)
