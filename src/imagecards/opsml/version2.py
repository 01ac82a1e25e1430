"""What opsml 2 called things, for those who come from there: accepted, with a note of what they are called now.

There a record named its file by a path from the working directory, and a dataset took the metadata of each split.
"""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from pydantic import model_validator

from imagecards import records
from imagecards.datasets import FolderSource, ImageDataset
from imagecards.errors import InvalidInputError, NotFoundError
from imagecards.records import BBox
from imagecards.records.merge import merged

_BOM = b"\xef\xbb\xbf"

__all__ = ["BBox", "ImageMetadata", "ImageRecord", "bind"]


class ImageRecord(records.ImageRecord):
    """A record as opsml 2 takes it, too: with the ``filepath`` of a file in the place of ``file_name``."""

    @model_validator(mode="before")
    @classmethod
    def _take_filepath(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("filepath") is None:
            return data
        if not isinstance(data["filepath"], str | os.PathLike):
            raise ValueError("filepath is no path")
        note("filepath= of a record", "file_name=, the path inside image_dir,")
        rest = {key: value for key, value in data.items() if key not in ("filepath", "size")}
        return {"file_name": _from_the_root(data["filepath"]), **rest}


class ImageMetadata(records.ImageMetadata):
    """Records, read from a file that opsml 2 wrote, too."""

    __slots__ = ()

    @classmethod
    def load_from_file(cls, path: str | os.PathLike[str]) -> records.ImageMetadata:
        """Read a metadata.jsonl, of opsml 2 or of anybody else.

        Raises:
            InvalidMetadataError: With every issue of every line.
            NotFoundError: There is no such file.
        """
        place = Path(path)
        if not place.is_file() or b'"filepath"' not in place.read_bytes():
            return records.ImageMetadata.load_from_file(path)
        return records.ImageMetadata.from_jsonl(b"\n".join(map(_renamed, place.read_bytes().split(b"\n"))), place.name)


def _renamed(line: bytes) -> bytes:
    """A line with ``file_name`` in the place of ``filepath``; what is wrong with it is told when it is read."""
    try:
        record = orjson.loads(line.removeprefix(_BOM))
    except orjson.JSONDecodeError:
        return line
    if not isinstance(record, dict) or not isinstance(record.get("filepath"), str):
        return line
    note("filepath= of a record", "file_name=, the path inside image_dir,")
    rest = {key: value for key, value in record.items() if key not in ("filepath", "size", "file_name")}
    return orjson.dumps({"file_name": _from_the_root(record["filepath"]), **rest})


def bind(
    image_dir: str | os.PathLike[str] | None,
    metadata: Any,
    *,
    data_dir: str | os.PathLike[str] | None,
    splits: Mapping[str | None, Any] | None,
    shard_size: str | None,
) -> tuple[ImageDataset, str | os.PathLike[str]]:
    """Bind a folder as opsml 2 was told to.

    Args:
        image_dir: The folder.
        metadata: As in `imagecards.ImageDataset`.
        data_dir: The folder, too.
        splits: The metadata of each split; ``None`` stands for images in no split.
        shard_size: What has no effect.

    Returns:
        The dataset, and the folder.

    Raises:
        InvalidInputError: Two folders are given, or none; or metadata and splits.
        NotFoundError: A record names a file that is not in the folder.
    """
    if data_dir is not None:
        note("data_dir=", "image_dir=")
    if shard_size is not None:
        note("shard_size=", "embed=True")
    place = image_dir if image_dir is not None else data_dir
    if place is None or None not in (image_dir, data_dir):
        raise InvalidInputError("give the folder of the images as image_dir=")
    if not splits:
        return ImageDataset(image_dir=place, metadata=metadata), place
    if metadata is not None:
        raise InvalidInputError("metadata= says what splits= says, too: give one of them")
    note("splits=", "a metadata.jsonl in a sub-folder of each split's name")
    ImageDataset(image_dir=place)  # says what is wrong with the folder
    inside = {split: [_inside(record, Path(place)) for record in part.records] for split, part in splits.items()}
    together = records.ImageMetadata([record for part in inside.values() for record in part])
    members = {split: dict.fromkeys(record.file_name for record in part) for split, part in inside.items() if split}
    table = merged(together.table)
    dataset = ImageDataset.from_source(
        FolderSource(place), table, {split: list(names) for split, names in members.items()}
    )
    return dataset, place


def note(old: str, new: str) -> None:
    """Say that something has another name now."""
    warnings.warn(f"{old} is what opsml 2 had: here it is {new}", DeprecationWarning, stacklevel=4)


def _from_the_root(path: str | os.PathLike[str]) -> str:
    """A path as the safe relative one that it has below the root of the file system."""
    return Path(os.path.abspath(path)).as_posix().lstrip("/")  # noqa: PTH100  # resolve() would follow links


def _inside(record: records.ImageRecord, folder: Path) -> records.ImageRecord:
    """A record with the path of its file inside the folder."""
    name = record.file_name.removeprefix(f"{_from_the_root(folder)}/")
    if not (folder / name).is_file():
        raise NotFoundError(f"{record.file_name} is not in {folder}: correct filepath=, or the folder")
    return records.ImageRecord.model_validate({**record.present(), "file_name": name})
