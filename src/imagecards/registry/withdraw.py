"""Withdrawal: a tomb beside the card, which stays."""

from imagecards.cards import DataCard, Tombstone
from imagecards.registry import keys
from imagecards.registry.commit import commit
from imagecards.storage import Store


def withdraw_version(store: Store, card: DataCard, reason: str) -> None:
    """Put the tomb of a version; another writer's tomb for the same version serves as well."""
    commit(store, keys.tomb(card.ref), Tombstone(reason=reason).to_json(), card.attempt)
