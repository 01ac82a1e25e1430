"""Annotations in a zip: unpacked into a temporary folder, since formats read folders alone."""

from collections.abc import Callable
from pathlib import Path

from imagecards.credentials import hide_credentials
from imagecards.datasets import ImageDataset
from imagecards.datasets.zips import UnpackedSource, open_zip, unpack
from imagecards.errors import InvalidInputError
from imagecards.formats.format import Reading
from imagecards.paths import is_zip
from imagecards.records import printable

_DEPTH = 4


def read_zip(place: str, looks_right: Callable[[Path], bool], read: Callable[[Path], Reading]) -> Reading:
    """Read annotations in a zip.

    Args:
        place: The zip, on disk or behind a URL.
        looks_right: Whether a folder has annotations; where the one that the zip is has none, and holds one folder
            alone, that one is read, as many zips are packed.
        read: Reads a folder.

    Raises:
        InvalidInputError: It is a URL of something else.
        FormatError: It is no zip, one of its members is not safe to read, or the format is not clear.
        ImageCardsError: As reading the folder does.
    """
    if not is_zip(place):
        shown = printable(hide_credentials(str(place)))
        raise InvalidInputError(
            f"{shown}: annotations are read from folders on disk and from zips; download it, or zip it"
        )
    source = open_zip(place)
    folder = unpack(source)
    top = folder.path / "zip"
    chosen = _chosen(top, looks_right)
    reading = read(chosen)
    found = reading.dataset
    if found.root is not None and chosen == top:  # the library's own kind, which is read without being unpacked
        return Reading(ImageDataset.from_root(source), reading.report, reading.format)
    dataset = ImageDataset.from_source(
        UnpackedSource(found.source, folder, source.origin),
        found.table,
        found.splits,
        attributes=found.attributes,
        annotation_files=found.annotation_files,
    )
    return Reading(dataset, reading.report, reading.format)


def _chosen(top: Path, looks_right: Callable[[Path], bool]) -> Path:
    place = top
    for _ in range(_DEPTH):
        if looks_right(place):
            return place
        inside = list(place.iterdir())
        if len(inside) != 1 or not inside[0].is_dir():
            break
        place = inside[0]
    return top
