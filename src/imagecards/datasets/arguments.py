"""The arguments of ImageDataset: what is refused, as pydantic's ValidationError."""

import os
import stat
from collections.abc import Callable
from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from imagecards.credentials import hide_credentials
from imagecards.datasets.folder import FolderSource
from imagecards.datasets.remote import RemoteSource
from imagecards.datasets.root import Root
from imagecards.datasets.zips import open_zip
from imagecards.errors import InvalidInputError, NotFoundError, StorageError
from imagecards.paths import check_relative, is_url, is_zip
from imagecards.records.issues import printable
from imagecards.records.metadata import ImageMetadata


def check_arguments(image_dir: object, metadata: object) -> tuple[Root, str | ImageMetadata | None]:
    """See that a folder and its metadata are there.

    Args:
        image_dir: The folder, or the URL of one; or a zip.
        metadata: The name of a metadata file in it, an `ImageMetadata`, or ``None``.

    Returns:
        What the files are read from, and the metadata.

    Raises:
        ValidationError: One of them is not valid, or both.
        StorageError: What is there can't be looked at.
    """
    errors = []
    root: Root | None = None
    place = os.fspath(image_dir) if isinstance(image_dir, str | os.PathLike) else None
    if isinstance(place, str) and "\0" not in place and (is_url(place) or is_zip(place)):
        try:
            root = open_zip(place) if is_zip(place) else RemoteSource.open(place)
        except (InvalidInputError, NotFoundError) as error:
            errors.append(_error("image_dir", "{path}", str(error)))
    elif not isinstance(image_dir, str | os.PathLike) or not isinstance(os.fspath(image_dir), str):
        errors.append(_error("image_dir", "image_dir must be a path", image_dir))
    elif "\0" in (path := os.fspath(image_dir)) or not _is_kind(path, stat.S_ISDIR):
        errors.append(_error("image_dir", "image_dir must be a directory, and {path} is none", image_dir))
    else:
        root = FolderSource(path)
    if metadata is None or isinstance(metadata, ImageMetadata):
        checked: str | ImageMetadata | None = metadata
    elif isinstance(metadata, str | os.PathLike) and isinstance(os.fspath(metadata), str):
        checked = os.fspath(metadata)
        message = _name_problem(checked) or (_file_problem(root, checked) if root is not None else None)
        if message is not None:
            errors.append(_error("metadata", message, metadata))
    else:
        errors.append(_error("metadata", "metadata must be an ImageMetadata or the name of a jsonl file", metadata))
        checked = None
    if errors or root is None:
        raise ValidationError.from_exception_data("ImageDataset", errors)
    return root, checked


def _name_problem(name: str) -> str | None:
    if not name.endswith(".jsonl"):
        return "metadata must be a jsonl file"
    if check_relative(name) is not None:
        return "metadata file {path} must be a relative path inside image_dir"
    return None


def _file_problem(root: Root, name: str) -> str | None:
    if isinstance(root, FolderSource):
        there = _is_kind(f"{root.root}/{name}", stat.S_ISREG)
    else:
        there = any(file.name == name for file in root.scan().files)
    if not there:
        return "metadata file {path} does not exist in image_dir"
    return None


def _is_kind(path: str, kind: Callable[[int], bool]) -> bool:
    """Whether something of a kind is there; unlike those of `os.path`, a failing disk is not an answer."""
    try:
        return kind(os.stat(path).st_mode)  # noqa: PTH116 - system calls go through os here
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False
    except OSError as error:
        raise StorageError(f"{path} can't be looked at ({error.strerror}): see that it can be read") from error


def _error(field: str, message: str, value: Any) -> InitErrorDetails:
    # pydantic shows what was given
    shown = hide_credentials(str(value)) if isinstance(value, str | os.PathLike) else value
    kind = PydanticCustomError("value_error", message, {"path": printable(str(shown))})
    return InitErrorDetails(type=kind, loc=(field,), input=shown)
