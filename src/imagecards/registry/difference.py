"""What changed between two registered versions."""

from imagecards.cards import DataCard
from imagecards.datasets import DiffCounts, diff_counts
from imagecards.errors import InvalidInputError
from imagecards.registry import contents
from imagecards.storage import Store

_COLUMNS = ("file_name", "sha256", "digest")


def diff_cards(store: Store, old: DataCard, new: DataCard) -> DiffCounts:
    """Compare two versions by image bytes and record digests.

    Raises:
        InvalidInputError: One of them is a table.
    """
    tables = []
    for card in (old, new):
        if card.records is None:
            raise InvalidInputError(f"{card.ref} is a table: only image datasets are compared image by image")
        tables.append(contents.read_records(store, card.records, columns=_COLUMNS))
    return diff_counts(*tables)
