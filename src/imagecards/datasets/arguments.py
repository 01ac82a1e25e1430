"""The arguments of ImageDataset: what is refused, as pydantic's ValidationError."""

import os
import stat
from collections.abc import Callable
from typing import Any

from pydantic_core import InitErrorDetails, PydanticCustomError, ValidationError

from imagecards.credentials import hide_credentials
from imagecards.errors import StorageError
from imagecards.paths import check_relative
from imagecards.records.issues import printable
from imagecards.records.metadata import ImageMetadata


def check_arguments(image_dir: object, metadata: object) -> tuple[str, str | ImageMetadata | None]:
    """See that a folder and its metadata are there.

    Args:
        image_dir: The folder.
        metadata: The name of a metadata file in it, an `ImageMetadata`, or ``None``.

    Returns:
        The folder as an absolute path, and the metadata.

    Raises:
        ValidationError: One of them is not valid, or both.
        StorageError: What is there can't be looked at.
    """
    errors = []
    folder = ""
    if not isinstance(image_dir, str | os.PathLike) or not isinstance(os.fspath(image_dir), str):
        errors.append(_error("image_dir", "image_dir must be a path", image_dir))
    elif "\0" in (path := os.fspath(image_dir)) or not _is_kind(path, stat.S_ISDIR):
        errors.append(_error("image_dir", "image_dir must be a directory, and {path} is none", image_dir))
    else:
        folder = os.path.abspath(path)  # noqa: PTH100 - keeps links, unlike Path.resolve
    if metadata is None or isinstance(metadata, ImageMetadata):
        checked: str | ImageMetadata | None = metadata
    elif isinstance(metadata, str | os.PathLike) and isinstance(os.fspath(metadata), str):
        checked = os.fspath(metadata)
        message = _name_problem(checked) or (_file_problem(folder, checked) if folder else None)
        if message is not None:
            errors.append(_error("metadata", message, metadata))
    else:
        errors.append(_error("metadata", "metadata must be an ImageMetadata or the name of a jsonl file", metadata))
        checked = None
    if errors:
        raise ValidationError.from_exception_data("ImageDataset", errors)
    return folder, checked


def _name_problem(name: str) -> str | None:
    if not name.endswith(".jsonl"):
        return "metadata must be a jsonl file"
    if check_relative(name) is not None:
        return "metadata file {path} must be a relative path inside image_dir"
    return None


def _file_problem(folder: str, name: str) -> str | None:
    if not _is_kind(f"{folder}/{name}", stat.S_ISREG):
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
