"""What a registry holds, as a table."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from imagecards.cards import CardName, CardRef, DataCard, Version
from imagecards.errors import ImageCardsError
from imagecards.registry import lookup
from imagecards.storage import Store

if TYPE_CHECKING:  # most commands list without a table
    import polars as pl


def list_cards(store: Store) -> "pl.DataFrame":
    """One row for each name, with its latest version that was not withdrawn.

    A version whose card can't be read is of the kind ``damaged``, and what is wrong with it is its description; a tag
    that can't be read is called so behind its name.
    """
    import polars as pl

    rows = [row for name in lookup.card_names(store) for row in _row(store, name)]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "name": pl.String,
        "version": pl.String,
        "kind": pl.String,
        "images": pl.Int64,
        "objects": pl.Int64,
        "rows": pl.Int64,
        "bytes": pl.Int64,
        "versions": pl.Int64,
        "tags": pl.List(pl.String),
        "created": pl.Datetime("us", "UTC"),
        "description": pl.String,
    }
    return pl.DataFrame(rows, schema=schema)


def read_versions(
    store: Store, name: CardName, *, withdrawn: bool
) -> Iterator[tuple[Version, DataCard | ImageCardsError | None]]:
    """Every version of a name in ascending order with its card, or what is wrong with that.

    Args:
        store: The registry's store.
        name: The name.
        withdrawn: Whether to list withdrawn ones too, with ``None`` for their cards.

    Raises:
        NotFoundError: Nothing is registered under that name.
    """
    gone = lookup.withdrawn_versions(store, name)
    versions = [version for version in lookup.all_versions(store, name) if withdrawn or version not in gone]
    if not versions:
        raise lookup.nothing_there(store, name)
    for version in versions:
        if version in gone:
            yield version, None
            continue
        try:
            yield version, lookup.read_card(store, CardRef(name, version))
        except ImageCardsError as error:  # one damaged card is no reason to show none of the others
            yield version, error


def what_is_wrong(error: ImageCardsError) -> str:
    """The first part of what an error says: what was found, without digests and remedies."""
    return re.split(r"[;:.] ", str(error))[0]


def _row(store: Store, name: CardName) -> Iterator[dict[str, Any]]:
    versions = lookup.live_versions(store, name)
    version = lookup.latest_version(versions)
    if version is None:
        return
    tags, unreadable = lookup.readable_tags(store, name)
    row = {
        "name": str(name),
        "version": str(version),
        "versions": len(versions),
        "tags": sorted([*tags, *(f"{label} (damaged)" for label in unreadable)]),
    }
    try:
        card = lookup.read_card(store, CardRef(name=name, version=version))
    except ImageCardsError as error:  # one damaged card is no reason to show none of the others
        yield row | {"kind": "damaged", "description": what_is_wrong(error)}
        return
    yield row | {
        "kind": card.kind,
        "images": card.summary.images,
        "objects": card.summary.objects,
        "rows": card.summary.rows,
        "bytes": card.summary.bytes,
        "created": card.created,
        "description": card.description,
    }
