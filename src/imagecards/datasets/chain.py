"""A chain of steps, one after the other, each held to the rules of records."""

from collections.abc import Sequence

import pyarrow.compute as pc

from imagecards.datasets.dataset import ImageDataset
from imagecards.datasets.step import Step
from imagecards.errors import InvalidInputError, InvalidMetadataError
from imagecards.records.metadata import ImageMetadata


def apply_steps(datasets: Sequence[ImageDataset], steps: Sequence[Step]) -> ImageDataset:
    """Apply steps one after the other.

    Args:
        datasets: What the first step takes: one dataset, or several where it ``joins``.
        steps: The steps, in order; only the first may join.

    Raises:
        InvalidInputError: There is no step, a step does not fit the data, or it takes another number of datasets.
        InvalidMetadataError: A step made records that break the rules; names the step.

    Example:
        >>> apply_steps([], [])
        Traceback (most recent call last):
        imagecards.errors.InvalidInputError: there are no steps: name at least one ...
    """
    if not steps:
        raise InvalidInputError("there are no steps: name at least one transform or split, such as MinArea(pixels=300)")
    for number, step in enumerate(steps):
        if not isinstance(step, Step):
            raise InvalidInputError(f"a step is a transform or a split, not {type(step).__name__}: {step!r:.60}")
        if number and step.joins:
            raise InvalidInputError(f"{step.step_name} joins several datasets, so it has to be the first step")
    if not datasets or (len(datasets) > 1 and not steps[0].joins):
        message = (
            f"{steps[0].step_name} takes one dataset, and there are {len(datasets)}: begin with Merge() for several"
        )
        raise InvalidInputError(message)
    dataset = datasets[0]
    for number, step in enumerate(steps):
        before, others = (datasets[0], datasets[1:]) if number == 0 else (dataset, ())
        dataset = _apply(f"step {number + 1}, {step.step_name}", step, before, *others)
    return dataset


def _apply(what: str, step: Step, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
    try:
        made = step.apply(dataset, *others)
    except InvalidInputError as error:
        raise InvalidInputError(f"{what}: {str(error).removeprefix(f'{step.step_name}: ')}") from error
    if not isinstance(made, ImageDataset):
        raise InvalidInputError(f"{what} gave {type(made).__name__}, not an ImageDataset: apply has to return one")
    try:
        ImageMetadata.from_table(made.table)
        names = made.table["file_name"]
        if pc.count_distinct(names).as_py() != len(names):
            raise InvalidMetadataError("it has two rows of one file name")
    except InvalidMetadataError as error:
        raise InvalidMetadataError(f"{what} made records that break the rules: {error}", error.issues) from error
    there = set(made.names)
    for split, members in made.splits.items():
        missing = [name for name in members if name not in there]
        if missing:
            message = f"{what}: the split {split!r} names {missing[0]!r}, which the dataset does not have"
            raise InvalidInputError(message)
    return made
