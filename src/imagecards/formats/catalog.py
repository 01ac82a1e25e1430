"""The table of formats, and finding out which one a path has."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from imagecards.errors import FormatError
from imagecards.formats import coco, cvat, hdf5, imagefolder, labelme, labelstudio, masks, parquet, severstal, voc, yolo
from imagecards.formats.format import Format
from imagecards.records import printable

_ALL: tuple[Format, ...] = (
    imagefolder.FORMAT,
    coco.FORMAT,
    labelme.FORMAT,
    labelstudio.FORMAT,
    voc.FORMAT,
    cvat.FORMAT,
    parquet.FORMAT,
    severstal.FORMAT,
    yolo.FORMAT,
    yolo.SEGMENTS,
    masks.FORMAT,
    hdf5.FORMAT,
)

FORMATS: Mapping[str, Format] = MappingProxyType({format.name: format for format in _ALL})
"""Every format by name; the order is that in which they are tried."""


def find_format(path: Path) -> Format:
    """Find out the format of a folder or annotation file.

    Raises:
        FormatError: It looks like none, or like several; says how to go on.
        OSError: It can't be looked at.
    """
    likely = [format for format in FORMATS.values() if format.looks_like(path)]
    certain = [format for format in likely if format.certain is not None and format.certain(path)]
    likely = certain or [format for format in likely if not format.says_least] or likely
    if len(likely) == 1:
        return likely[0]
    names = ", ".join(format.name for format in (likely or FORMATS.values()) if format.read is not None)
    what = "may be any of" if likely else "looks like none of"
    raise FormatError(f"{printable(str(path))} {what} {names}: say which it is (--from, or format=)")
