"""Writing any format."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

from imagecards.collector import collector_at_rest
from imagecards.datasets import ImageDataset
from imagecards.destination import new_folder
from imagecards.errors import InvalidInputError
from imagecards.formats.losses import LossReport
from imagecards.formats.options import check_options
from imagecards.formats.reading import named_format
from imagecards.formats.scene import Scene, check_splits


@collector_at_rest()
def write(
    dataset: ImageDataset,
    to: str | os.PathLike[str],
    format: str,
    *,
    executor: Executor | None = None,
    **options: Any,
) -> LossReport:
    """Write a dataset in a format, images included, into a new folder that appears whole or not at all.

    The same dataset gives the same bytes, for any executor.

    Args:
        dataset: The dataset; its annotations and images are read as they are needed.
        to: The folder; it must not exist, or be empty.
        format: The name of the format, one of `FORMATS`.
        executor: Where to do what takes long: any ``concurrent.futures`` executor; by default here.
        options: Those of the format; ``images=False`` leaves the images out.

    Returns:
        What the format can't hold.

    Raises:
        AlreadyExistsError: Something is there already.
        InvalidInputError: There is no such format or option.
        InvalidMetadataError: The dataset breaks rules.
        StorageError: The folder can't be written.
    """
    write_scene = writer_of(format, options)
    check_splits(dataset)
    scene = Scene(dataset, executor)
    with new_folder(to) as write_file:
        write_scene(scene, write_file, **options)
    return scene.losses.report()


def writer_of(format: str, options: Mapping[str, object]) -> Callable[..., Any]:
    """What writes a format, and has these options.

    Raises:
        InvalidInputError: There is no such format or option, or it can't be written.
    """
    found = named_format(format)
    if found.write is None:
        raise InvalidInputError(f"{found.name} can be read, not written: see `imagecards formats`")
    check_options(found.write, options, f"writing {found.name}")
    return found.write
