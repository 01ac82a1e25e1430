"""What images are called that are made from others."""

from collections.abc import Sequence
from typing import Literal

from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.images import EXTENSIONS
from imagecards.paths import check_relative, collision_key

Kind = Literal["PNG", "TIFF"]

_SUFFIX: dict[Kind, str] = {"PNG": ".png", "TIFF": ".tif"}


def kinds_of(dataset: ImageDataset) -> list[Kind]:
    """The format in which each image is written anew: TIFF stays TIFF, and all others are PNG but those in CMYK.

    Images whose type is not known are read for it.
    """
    table = dataset.table
    if not {"mode", "format"} <= set(table.column_names) or table["mode"].null_count or table["format"].null_count:
        table = dataset.facts
    pairs = zip(table["mode"].to_pylist(), table["format"].to_pylist(), strict=True)
    return ["TIFF" if kind == "TIFF" or mode == "CMYK" else "PNG" for mode, kind in pairs]


def made_names(originals: Sequence[str], kinds: Sequence[Kind], marks: Sequence[str | None], step: str) -> list[str]:
    """Names for images that are made from others.

    A name is that of the original, a mark, and the suffix of the format: ``flakes/7.jpg`` becomes ``flakes/7_0_0.png``.
    Where two images would get one name, as those of ``7.jpg`` and ``7.png``, the suffix of the original stays in front
    of the mark: ``flakes/7.jpg_0_0.png``.

    Args:
        originals: The name of the original of each image.
        kinds: The format of each.
        marks: What is added to each name; ``None`` for an image that is as it was.
        step: The step that asks, for messages.

    Raises:
        InvalidInputError: Two images would still have one name, or a name would be too long.
    """
    short = [
        name if mark is None else _named(name, kind, mark)
        for name, kind, mark in zip(originals, kinds, marks, strict=True)
    ]
    seen: dict[str, int] = {}
    for name in short:
        key = collision_key(name)
        seen[key] = seen.get(key, 0) + 1
    names = [
        f"{original}{mark}{_SUFFIX[kind]}"
        if mark is not None and seen[collision_key(name)] > 1 and name != original
        else name
        for name, original, kind, mark in zip(short, originals, kinds, marks, strict=True)
    ]
    owners: dict[str, str] = {}
    for name, original in zip(names, originals, strict=True):
        problem = check_relative(name)
        if problem is not None:
            raise InvalidInputError(f"{step}: {original} would become {name}, and the path {problem}: rename the image")
        other = owners.setdefault(collision_key(name), original)
        if other != original:
            raise InvalidInputError(f"{step}: {other} and {original} would both become {name}: rename one of them")
    return names


def _named(original: str, kind: Kind, mark: str) -> str:
    stem, dot, suffix = original.rpartition(".")
    if EXTENSIONS.get(f".{suffix.lower()}") == kind:
        return f"{stem}{mark}.{suffix}"
    return f"{stem if dot else original}{mark}{_SUFFIX[kind]}"
