"""What commands are given: a folder of images, annotations of any format, or a table's file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imagecards.errors import FormatError, ImageCardsError, InvalidInputError
from imagecards.paths import is_url, is_zip

if TYPE_CHECKING:
    from imagecards.records import Report


def place_of(text: str) -> Path | str:
    """What a command was given: a path, or a URL as it stands."""
    return text if is_url(text) else Path(text)


def read_data(
    path: Path | str, metadata: str | None, format: str | None = None, **options: Any
) -> "tuple[Any, Report | None]":
    """What a path holds: a folder of images with their metadata, annotations of another format, or a table.

    Args:
        path: The folder or file; or the URL of a folder, as text.
        metadata: The metadata file in the folder, where it was named.
        format: The annotation format, where it was named.
        options: Those of reading annotations.

    Returns:
        The data, and for annotations what was found while they were read.

    Raises:
        pydantic.ValidationError: The folder or its metadata file does not exist.
        InvalidInputError: It is a file of another kind.
        FormatError: The file is damaged.
    """
    from imagecards.datasets import ImageDataset, TableDataset

    if is_zip(str(path)):
        return _read_zip(str(path), metadata, format, options)
    if isinstance(path, str):
        return _read_url(path, metadata, format, options), None
    if format is not None or (metadata is None and has_annotations(path)):
        from imagecards.formats import read

        reading = read(path, format, **options)
        return reading.dataset, reading.report
    refuse_options(options)
    if path.is_dir() or not path.exists():
        return ImageDataset(image_dir=path, metadata=metadata), None
    if metadata is not None:
        raise InvalidInputError(f"{path} is a file, and --metadata names a file in a folder of images: leave it out")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        message = f"{path} is no folder, no table ({', '.join(_READERS)}) and of no known annotation format"
        raise InvalidInputError(f"{message}: see `imagecards formats`, and name it by --from")
    try:
        return TableDataset(reader(path)), None
    except (ImageCardsError, OSError):
        raise
    except Exception as error:  # each reader has errors of its own
        raise FormatError(f"{path} can't be read as a {path.suffix} table: {error}") from error


def _read_url(url: str, metadata: str | None, format: str | None, options: Mapping[str, Any]) -> Any:
    from imagecards.datasets import ImageDataset

    if format is not None:
        raise InvalidInputError(f"annotations are read from disk: download {url}, or leave --from out")
    refuse_options(options)
    return ImageDataset(image_dir=url, metadata=metadata)


def _read_zip(
    place: str, metadata: str | None, format: str | None, options: Mapping[str, Any]
) -> "tuple[Any, Report | None]":
    """A zip with metadata of the library's own kind, with annotations of another, or of images alone."""
    from imagecards.datasets import ImageDataset
    from imagecards.formats import read

    if metadata is not None:
        refuse_options(options)
        return ImageDataset(image_dir=place, metadata=metadata), None
    reading = read(place, format, **options)
    return reading.dataset, reading.report


def refuse_options(options: Mapping[str, Any]) -> None:
    """See that nobody asks for an option of annotations where there are none.

    Raises:
        InvalidInputError: There are options.
    """
    if options:
        given = ("--lenient" if name == "strict" else name for name in options)
        message = f"{', '.join(given)} is for annotations of other formats, and none are found here"
        raise InvalidInputError(f"{message}: name the format by --from")


def has_annotations(path: Path) -> bool:
    """Whether a path holds annotations of a format that is not the library's own.

    A folder that has a metadata.jsonl is one of the library's, whatever else lies in it.
    """
    from imagecards.formats import FORMATS

    if not path.exists() or FORMATS["imagefolder"].looks_like(path):
        return False
    return any(format.looks_like(path) for format in FORMATS.values())


def _read_parquet(path: Path) -> Any:
    import polars as pl

    return pl.read_parquet(path)


def _read_csv(path: Path) -> Any:
    import polars as pl

    return pl.read_csv(path)


def _read_array(path: Path) -> Any:
    import numpy as np

    return np.load(path, allow_pickle=False)


_READERS: dict[str, Callable[[Path], Any]] = {".parquet": _read_parquet, ".csv": _read_csv, ".npy": _read_array}
