"""Attaching what a version is written as: an annotation format, made in a way that can be replayed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

from imagecards.cards import Artifact, DataCard, check_label
from imagecards.datasets import Step
from imagecards.registry.artifacts import attach
from imagecards.registry.recompute import write_from
from imagecards.storage import Store
from imagecards.temporary import temporary_folder


def attach_written(
    store: Store,
    card: DataCard,
    name: str,
    format: str,
    steps: Sequence[Step],
    options: Mapping[str, Any],
    executor: Executor | None,
) -> Artifact:
    """Write a version in a format, and keep the folder beside the card.

    Raises:
        AlreadyExistsError: An artifact of that name is there, with other content.
        InvalidInputError: The name, the format, an option or a step is not valid.
    """
    check_label(name, "artifact name")
    with temporary_folder("attach") as folder:
        to = folder / name
        written = write_from(store, card, to, format, steps, options, executor)
        return attach(store, card, name, to, written)
