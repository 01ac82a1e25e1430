"""Deriving: from parents, through steps, to a child version that says how it was made."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

from imagecards.cards import DataCard
from imagecards.datasets import ImageDataset, Step, apply_steps
from imagecards.errors import InvalidInputError
from imagecards.registry.circumstances import code_revision, environment
from imagecards.registry.opening import open_images
from imagecards.registry.register import register
from imagecards.registry.request import Request
from imagecards.registry.steps import describe_steps
from imagecards.storage import Store


def derive(
    store: Store, parents: Sequence[DataCard], steps: Sequence[Step], request: Request, executor: Executor | None
) -> DataCard:
    """Register what steps make of the parents, as `imagecards.CardRegistry.derive` says.

    Args:
        store: The registry's store.
        parents: The cards of the parents.
        steps: The steps.
        request: What else is to be said of the child; its parents are those above.
        executor: Where to read and pack images.

    Raises:
        ImageCardsError: See there.
    """
    transform = describe_steps(steps)
    child = apply_steps(open_parents(store, parents), steps)
    circumstances = {"code": code_revision(), "env": environment()}
    said = {**request.said, "transform": transform}
    return register(store, child, replace(request, said=said, circumstances=circumstances), executor, copy=None)


def open_parents(store: Store, parents: Sequence[DataCard]) -> list[ImageDataset]:
    """The datasets of cards.

    Raises:
        InvalidInputError: One is a table, or there are none.
        IntegrityError: One is damaged.
    """
    if not parents:
        raise InvalidInputError("there is no parent: name the version to derive from")
    for card in parents:
        if card.kind != "images":
            raise InvalidInputError(f"{card.ref} is a table: steps take image datasets")
    return [open_images(store, card) for card in parents]
