"""Steps: what makes one dataset from others, in the same way every time."""

import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from imagecards.datasets.dataset import ImageDataset
from imagecards.datasets.source import Source
from imagecards.errors import AlreadyExistsError, InvalidInputError, InvalidMetadataError


class Step(BaseModel):
    """One step from a dataset to the next; its fields are all that its outcome depends on beside the data.

    The same data and the same fields give the same records, images and splits: no clock, no stream of random numbers
    that a library may change, no dependence on the order of threads or hashes.

    Attributes:
        step_name: What it is called in a card, for ever.
        step_version: Raised whenever the same fields come to mean something else.
        joins: Whether it takes several datasets.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    step_name: ClassVar[str]
    step_version: ClassVar[int] = 1
    joins: ClassVar[bool] = False

    @abstractmethod
    def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
        """Make the next dataset.

        Args:
            dataset: What the step starts from; it is not changed.
            others: Further datasets, for a step that ``joins``.

        Raises:
            InvalidInputError: The fields do not fit the data.
        """


AnyStep = TypeVar("AnyStep", bound=type[Step])
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_own: dict[str, type[Step]] = {}


def register_step(step: AnyStep) -> AnyStep:
    """Make an own kind of step known by its name, so that versions made with it can be derived and replayed.

    Raises:
        AlreadyExistsError: Another kind has this name.
        InvalidInputError: It has no name, or one that a card can't hold.

    Example:
        >>> @register_step
        ... class OnlyCaptioned(Step):
        ...     step_name = "only-captioned"
        ...     def apply(self, dataset, *others):
        ...         return replaced(dataset, table=dataset.table.filter(dataset.table["caption"].is_valid()))
        >>> own_steps()["only-captioned"].__name__
        'OnlyCaptioned'
    """
    name = getattr(step, "step_name", None)
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        message = f"{step.__name__} has the step_name {name!r}: give it one of 1 to 64 of a-z 0-9 . _ -, for cards"
        raise InvalidInputError(message)
    known = _own.get(name)
    if known is not None and (known.__module__, known.__qualname__) != (step.__module__, step.__qualname__):
        raise AlreadyExistsError(f"the step {name!r} is {known.__qualname__} already: choose another step_name")
    _own[name] = step
    return step


def own_steps() -> Mapping[str, type[Step]]:
    """The kinds that `register_step` was told of, by name."""
    return MappingProxyType(_own)


def replaced(
    dataset: ImageDataset,
    *,
    table: pa.Table | None = None,
    source: Source | None = None,
    splits: Mapping[str, Sequence[str]] | None = None,
    attributes: Mapping[str, Any] | None = None,
) -> ImageDataset:
    """A dataset that differs from another one in what is given.

    Args:
        dataset: The other one.
        table: One row an image.
        source: Where the images are read from.
        splits: The file names of each split; by default those of the other one, without images that are gone.
        attributes: What is said of the dataset as a whole.

    Raises:
        InvalidMetadataError: The table has no file names.
    """
    table = dataset.table if table is None else table
    if "file_name" not in table.column_names:
        raise InvalidMetadataError("a table of records has the column file_name, this one doesn't")
    if splits is None:
        there = set(table["file_name"].to_pylist())
        splits = {name: [each for each in members if each in there] for name, members in dataset.splits.items()}
    return ImageDataset.from_source(
        dataset.source if source is None else source,
        table,
        splits,
        attributes=dataset.attributes if attributes is None else attributes,
    )
