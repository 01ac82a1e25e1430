"""Reading any format."""

import os
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

from imagecards.collector import collector_at_rest
from imagecards.credentials import hide_credentials
from imagecards.datasets import ImageDataset
from imagecards.errors import InvalidInputError, NotFoundError
from imagecards.formats.building import DatasetBuilder
from imagecards.formats.catalog import FORMATS, find_format
from imagecards.formats.format import Format, Reading
from imagecards.formats.options import check_options
from imagecards.formats.zipped import read_zip
from imagecards.paths import is_url, is_zip
from imagecards.records import printable


@collector_at_rest()
def read(
    path: str | os.PathLike[str],
    format: str | None = None,
    *,
    strict: bool = True,
    images: str | os.PathLike[str] | None = None,
    check_images: bool = True,
    executor: Executor | None = None,
    **options: Any,
) -> Reading:
    """Read annotations and bind the images that they describe.

    Args:
        path: The folder or annotation file; or a zip of a folder, on disk or behind a URL.
        format: The name of the format, one of `FORMATS`; by default it is found out.
        strict: Whether anything wrong is an error; otherwise what is sound is kept, and the rest is in the report.
        images: The folder of the images, where they don't lie where the format has them.
        check_images: Whether each image must be there, in the size that is said of it. Without, a dataset can be
            read, compared and written whose images are elsewhere.
        executor: Where to read the sizes of images: any ``concurrent.futures`` executor; by default here.
        options: Those of the format.

    Raises:
        InvalidMetadataError: Something is wrong and ``strict`` is set; ``.issues`` has all of it.
        FormatError: The format is not clear, or a file is not of its format.
        NotFoundError: There is nothing at the path.
        InvalidInputError: There is no such format or option.
        StorageError: A file can't be read.
    """
    named = str(path)
    if is_url(named) or is_zip(named):
        if images is not None:
            raise InvalidInputError(f"{printable(named)} is a zip, and its images are in it: leave images= out")
        kinds = FORMATS.values() if format is None else [named_format(format)]
        again = partial(read, format=format, strict=strict, check_images=check_images, executor=executor, **options)
        return read_zip(named, lambda folder: any(kind.looks_like(folder) for kind in kinds), again)
    place = Path(path).absolute()
    if not place.exists():
        raise NotFoundError(f"there is nothing at {printable(hide_credentials(str(path)))}: see the path")
    found = find_format(place) if format is None else named_format(format)
    if found.open is not None:
        check_options(found.open, options, f"reading {found.name}")
        return _opened(found, found.open(place))
    if found.read is None:
        raise InvalidInputError(f"{found.name} can be written, not read: see `imagecards formats`")
    check_options(found.read, options, f"reading {found.name}")
    root = Path(images).absolute() if images is not None else place if place.is_dir() else place.parent
    if not root.is_dir():
        raise NotFoundError(f"there is no folder of images at {printable(str(root))}: see the path")
    builder = DatasetBuilder(root, executor=executor, check_images=check_images)
    found.read(place, builder, **options)
    dataset, report = builder.build()
    if strict:
        report.raise_errors()
    return Reading(dataset, report, found.name)


def _opened(found: Format, dataset: ImageDataset) -> Reading:
    """A folder of the library's own kind, which checks itself; it is sound as a whole or not at all."""
    report = dataset.lay_out().report
    report.raise_errors()
    return Reading(dataset, report, found.name)


def named_format(name: str) -> Format:
    """The format of a name.

    Raises:
        InvalidInputError: There is none; says which there are.
    """
    if name not in FORMATS:
        raise InvalidInputError(f"there is no format {name!r}: there are {', '.join(FORMATS)}")
    return FORMATS[name]
