"""Models and experiments of opsml that use a dataset, told to the registry that the dataset is from."""

import logging
from collections.abc import Iterator

from imagecards.cards import CardRef, Use
from imagecards.errors import ImageCardsError, IntegrityError, NotFoundError
from imagecards.opsml import host
from imagecards.opsml.dataset import ImageDataset
from imagecards.opsml.host import Kind, Row
from imagecards.opsml.manifest import pinned_card
from imagecards.registry import CardRegistry

_log = logging.getLogger("imagecards")

_USERS: tuple[Kind, ...] = ("model", "experiment")


def record_links(registry: CardRegistry) -> tuple[Use, ...]:
    """Record in a registry which models and experiments of opsml name datasets that are from it.

    They are among `CardRegistry.uses` and in `CardRegistry.lineage` from then on. What is recorded already is not
    recorded again, so this can run after each training, or once a day.

    Args:
        registry: The registry of imagecards that ``ImageDataset.from_card`` was given.

    Returns:
        The uses that were recorded now.

    Raises:
        StorageError: opsml can't list its cards, or the registry can't be written.
        MissingDependencyError: opsml is not installed.
    """
    recorded = []
    pins: dict[str, CardRef | None] = {}
    for kind, row in _users():
        for uid in row.datacards:
            if uid not in pins:
                pins[uid] = _pin_in(registry, uid)
            pin = pins[uid]
            by = f"opsml:{kind}/{row.space}/{row.name}@{row.version}"
            said = {"uid": row.uid, "datacard": uid}
            if pin is None or any((use.by, dict(use.metadata)) == (by, said) for use in registry.uses(pin)):
                continue
            recorded.append(registry.record_use(pin, by=by, metadata=said))
    return tuple(recorded)


def _users() -> Iterator[tuple[Kind, Row]]:
    for kind in _USERS:
        for row in sorted(host.rows(kind), key=lambda row: (row.space, row.name, row.version, row.uid)):
            yield kind, row


def _pin_in(registry: CardRegistry, uid: str) -> CardRef | None:
    """The card in a registry that a data card of opsml is of; ``None`` where it is of something else."""
    try:
        pin = pinned_card(host.described(host.load_card(uid, interface=ImageDataset)))
    except ImageCardsError as error:
        _log.warning("the data card %s, which opsml's cards name, can't be read: %s", uid, error)
        return None
    if pin is None:
        return None
    try:
        card = registry.load(str(CardRef(pin.name, pin.version)))
    except NotFoundError:
        return None
    except IntegrityError as error:
        _log.warning("%s, which opsml's cards name, is damaged: %s", pin, error)
        return None
    return card.pin if card.pin == pin else None  # another registry has a card of that name
