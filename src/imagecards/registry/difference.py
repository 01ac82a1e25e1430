"""What changed between two registered versions."""

from functools import cache

import pyarrow as pa

from imagecards.cards import DataCard
from imagecards.datasets import Derived, Diff, Side, bump_between, diff_sides, in_order, used_categories
from imagecards.errors import InvalidInputError
from imagecards.records.schema import KNOWN_FIELDS
from imagecards.registry import contents
from imagecards.registry.attributes import read_attributes
from imagecards.storage import Store

_INDEX = ("file_name", "sha256", "digest")
_ROWS = (*KNOWN_FIELDS, "extra", "width", "height")


def diff_cards(old_store: Store, old: DataCard, new_store: Store, new: DataCard) -> Diff:
    """What changed between two versions; annotations are read only where something differs.

    Raises:
        InvalidInputError: One of them is a table.
        IntegrityError: Records are missing or damaged.
    """
    return diff_sides(card_side(old_store, old), card_side(new_store, new))


def bump_cards(store: Store, old: DataCard, new: DataCard) -> Derived:
    """Which part of the version the change from one card to another raises."""
    if "table" in (old.kind, new.kind):
        return Derived("major", "a table of other content")
    return bump_between(card_side(store, old), card_side(store, new))


def card_side(store: Store, card: DataCard) -> Side:
    """A version, as far as a diff needs it.

    Raises:
        InvalidInputError: It is a table.
        IntegrityError: Records are missing or damaged.
    """
    records = card.records
    if records is None:
        raise InvalidInputError(f"{card.ref} is a table: only image datasets are compared image by image")

    @cache
    def table() -> pa.Table:
        return contents.read_records(store, records, columns=_ROWS, rows=card.summary.images)

    def rows(names: pa.Array) -> pa.Table:
        return in_order(table())(names)

    summary = {"categories": card.summary.categories, "category_count": card.summary.category_count}
    return Side(
        index=contents.read_records(store, records, columns=_INDEX, rows=card.summary.images),
        rows=rows,
        splits=contents.read_splits(store, card.splits),
        attributes=read_attributes(store, card.attributes),
        used=used_categories(table() if card.summary.category_count else None, summary),
    )
