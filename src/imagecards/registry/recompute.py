"""Doing again what a card says was done: a dataset from its parents, an artifact from its version."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.cards import DataCard, Made, Written
from imagecards.datasets import ImageDataset, Side, Step, apply_steps
from imagecards.errors import InvalidInputError
from imagecards.records import dataset_digest
from imagecards.registry import contents
from imagecards.registry.derive import open_parents
from imagecards.registry.steps import describe_steps, rebuild_steps
from imagecards.release import VERSION
from imagecards.storage import Store


def recompute(store: Store, parents: Sequence[DataCard], transform: Sequence[Made]) -> ImageDataset:
    """What recorded steps make of parents.

    Raises:
        FormatError: A step is not known here.
        InvalidInputError: A step does not fit the data.
        IntegrityError: A parent is damaged.
    """
    return apply_steps(open_parents(store, parents), rebuild_steps(transform))


def side_and_digest(dataset: ImageDataset) -> tuple[Side, str]:
    """A dataset as a diff with a registered version needs it, and its digest; images that are new are read."""
    side = Side.of(dataset)
    names, digests = side.index["file_name"].to_pylist(), side.index["digest"].to_pylist()
    whole = dataset_digest(names, digests, dataset.splits, dataset.attributes)
    short = pc.binary_slice(side.index["digest"].cast(pa.binary()), 0, contents.DIGEST_SIZE)
    index = side.index.set_column(2, "digest", short.cast(pa.binary(contents.DIGEST_SIZE)))
    return Side(index, side.rows, side.splits, side.attributes, side.used), whole


def write_from(
    store: Store,
    card: DataCard,
    to: Path,
    format: str,
    steps: Sequence[Step],
    options: Mapping[str, Any],
    executor: Executor | None,
) -> Written:
    """Write a version in an annotation format, and say how that can be done again.

    Args:
        store: The registry's store.
        card: The version.
        to: A new folder.
        format: The name of the format.
        steps: What is done to the version before.
        options: Those of writing.
        executor: Where to do it.

    Raises:
        InvalidInputError: There is no such format or option, or a step does not fit the data.
    """
    from imagecards.formats import write
    from imagecards.formats.writing import writer_of

    made = describe_steps(steps)
    try:
        written = Written(format=format, options=dict(options), steps=made, imagecards=VERSION)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(f"these options of {format!r:.60} can't be kept: {error}") from error
    writer_of(format, written.options)  # a card may name arguments of `write` itself, such as where to write
    [dataset] = open_parents(store, [card])
    if steps:
        dataset = apply_steps([dataset], steps)
    write(dataset, to, format, executor=executor, **written.options)
    return written
