"""What a registry holds, as a table."""

import re
from collections.abc import Iterator
from typing import Any

import polars as pl

from imagecards.cards import CardName, CardRef
from imagecards.errors import ImageCardsError
from imagecards.registry import lookup
from imagecards.storage import Store

_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
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


def list_cards(store: Store) -> pl.DataFrame:
    """One row for each name, with its latest version that was not withdrawn.

    A version whose card can't be read is of the kind ``damaged``, and what is wrong with it is its description.
    """
    rows = [row for name in lookup.card_names(store) for row in _row(store, name)]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _row(store: Store, name: CardName) -> Iterator[dict[str, Any]]:
    versions = lookup.live_versions(store, name)
    version = lookup.latest_version(versions)
    if version is None:
        return
    row = {
        "name": str(name),
        "version": str(version),
        "versions": len(versions),
        "tags": sorted(lookup.current_tags(store, name, readable=True)),
    }
    try:
        card = lookup.read_card(store, CardRef(name=name, version=version))
    except ImageCardsError as error:  # one damaged card is no reason to show none of the others
        yield row | {"kind": "damaged", "description": re.split(r"[;:.] ", str(error))[0]}
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
