"""Writing examples: split by split, in files that any number of workers makes the same."""

import os
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import replace
from pathlib import Path

from imagecards.datasets import ImageDataset
from imagecards.destination import resumed_folder
from imagecards.errors import InvalidInputError, StorageError
from imagecards.formats.hdf5.filing import write_file
from imagecards.formats.hdf5.planning import Plan, make_plan
from imagecards.formats.hdf5.recipe import Colour, LabelKind, Layout, MaskRule, Recipe
from imagecards.formats.hdf5.workspace import workspace
from imagecards.formats.losses import LossReport
from imagecards.formats.parallel import map_ordered
from imagecards.formats.scene import Scene, Write, check_splits
from imagecards.progress import track
from imagecards.records import printable

_PIECE = 1 << 20


def write_hdf5(
    scene: Scene,
    write: Write,
    *,
    images: bool = True,
    layout: Layout = "packed",
    label: LabelKind = "classes",
    image_shape: tuple[int, int] | None = None,
    colour: Colour | None = None,
    masks: MaskRule = "any-overlap",
    files: int = 1,
    name: str = "preprocessed_data",
    level: int = 1,
    processes: int | None = None,
) -> None:
    """Write ``<split>/<name>-<k>_p0.h5``, ``meta_<split>.dat`` and ``data_params.json``.

    Interrupted, the same work goes on from the files that are whole; until then they are kept in the cache.

    Args:
        scene: The dataset.
        write: Writes one file.
        images: HDF5 has the images: there is no way to leave them out.
        layout: See `Recipe`, as all below.
        label: What the label is.
        image_shape: Height and width of all images.
        colour: What channels become.
        masks: How masks get another size.
        files: How many files each split gets.
        name: What the names of files begin with.
        level: How hard ``packed`` compresses images.
        processes: Shares examples as the original converter does.

    Raises:
        InvalidInputError: An option is none of these, or does not fit the data.
        FormatError: An image or an outline can't be drawn.
    """
    if not images:
        raise InvalidInputError("HDF5 holds the pixels of the images: there are no annotations only")
    recipe = Recipe(layout, label, image_shape, colour, masks, files, name, level, processes)
    plan = make_plan(scene, recipe)
    with workspace(plan.digest) as folder:
        _write_files(scene, plan, folder)
        for path in plan.tasks:
            write(path, _pieces(folder / path))
            (folder / path).unlink()  # so that the disk holds them once
    for path, content in plan.documents.items():
        write(path, [content])


def write_examples(
    dataset: ImageDataset, to: str | os.PathLike[str], recipe: Recipe | None = None, *, executor: Executor | None = None
) -> LossReport:
    """Write a dataset as HDF5 examples into a new folder, which appears whole or not at all.

    The files are gathered in a hidden folder beside it. Where the work is interrupted, that stays, and the same call
    goes on from there: files that are whole, and whose images are the same, are not made again.

    Args:
        dataset: The dataset, with its splits.
        to: The folder; it must not exist, or be empty.
        recipe: How it becomes examples.
        executor: Where to do it, a file at a time: any ``concurrent.futures`` executor; by default here.

    Returns:
        What the examples do not say of the dataset.

    Raises:
        AlreadyExistsError: Something is there already.
        InvalidInputError: The recipe does not fit the dataset.
        FormatError: An image or an outline can't be drawn.
        StorageError: It can't be written.
    """
    check_splits(dataset)
    scene = Scene(dataset, executor)
    plan = make_plan(scene, recipe or Recipe())
    with resumed_folder(to, plan.digest[:16]) as gathering:
        _write_files(scene, plan, gathering)
        for path, content in plan.documents.items():
            (gathering / path).write_bytes(content)
        for left in gathering.rglob("*.part"):  # by a process that was killed
            left.unlink(missing_ok=True)
    return scene.losses.report()


def _write_files(scene: Scene, plan: Plan, folder: Path) -> None:
    tasks = [replace(task, path=folder / path) for path, task in plan.tasks.items()]
    for task in tasks:
        task.path.parent.mkdir(parents=True, exist_ok=True)
    with track("writing examples", sum(len(task.sizes) for task in tasks), "examples") as advance:
        done = 0
        try:
            for losses in map_ordered(write_file, tasks, scene.executor):
                scene.losses.join(losses)
                advance(len(tasks[done].sizes))
                done += 1
        except BrokenExecutor as error:
            path = printable(str(tasks[done].path))
            message = f"a worker was killed ({error}), and {path} not finished: give each worker more memory"
            raise StorageError(message) from error


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
