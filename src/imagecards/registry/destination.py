"""A folder on disk that appears whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from imagecards.errors import AlreadyExistsError, IntegrityError, StorageError
from imagecards.paths import check_relative


@contextmanager
def new_folder(to: str | os.PathLike[str]) -> Iterator[Callable[[str, bytes], None]]:
    """Make a folder from files that are written one by one.

    The files are gathered in a hidden folder beside it, which takes the name when the block ends without an error.

    Args:
        to: The folder; it must not exist, or be empty.

    Yields:
        A function that takes a file's path, relative to the folder, and its bytes.

    Raises:
        AlreadyExistsError: There is something already.
        StorageError: The folder can't be written.
    """
    target = Path(to).absolute()
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise AlreadyExistsError(f"{target} exists already: choose another folder, or remove it first")
    gathering = target.parent / f".{target.name}.tmp-{secrets.token_hex(6)}"

    def write(path: str, data: bytes) -> None:
        reason = check_relative(path)
        if reason is not None:
            raise IntegrityError(f"the path {path!r} {reason}: a registry that names it was tampered with", path)
        place = gathering / path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            file.write(data)

    try:
        gathering.mkdir(parents=True)
        yield write
        gathering.rename(target)
    except StorageError:
        raise
    except OSError as error:
        message = f"{target} can't be written ({error.strerror or error}): free space or choose another folder"
        raise StorageError(message) from error
    finally:
        if gathering.exists():
            shutil.rmtree(gathering, ignore_errors=True)
