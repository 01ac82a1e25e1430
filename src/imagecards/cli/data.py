"""What ``imagecards register`` is given: a folder of images, or a table's file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from imagecards.errors import FormatError, ImageCardsError, InvalidInputError


def read_data(path: Path, metadata: str | None) -> Any:
    """What a path holds: a table by its suffix, else a folder of images.

    Args:
        path: The folder or file.
        metadata: The metadata file in the folder, where it was named.

    Raises:
        pydantic.ValidationError: The folder or its metadata file does not exist.
        InvalidInputError: It is a file of another kind.
        FormatError: The file is damaged.
    """
    from imagecards.datasets import ImageDataset, TableDataset

    if path.is_dir() or not path.exists():
        return ImageDataset(image_dir=path, metadata=metadata)
    if metadata is not None:
        raise InvalidInputError(f"{path} is a file, and --metadata names a file in a folder of images: leave it out")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InvalidInputError(f"{path} is no folder and no table: give a folder, or one of {', '.join(_READERS)}")
    try:
        return TableDataset(reader(path))
    except (ImageCardsError, OSError):
        raise
    except Exception as error:  # each reader has errors of its own
        raise FormatError(f"{path} can't be read as a {path.suffix} table: {error}") from error


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
