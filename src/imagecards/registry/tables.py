"""Tables: one parquet (or npy) file in place of records and shards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from imagecards.cards import DataCard, Summary
from imagecards.datasets import Derived, TableDataset
from imagecards.registry.attempt import Attempt
from imagecards.registry.files import read_file
from imagecards.storage import Store


@dataclass(frozen=True)
class TableContent:
    """What a version of a table consists of."""

    table: TableDataset
    data: bytes
    summary: Summary
    kind: str = "table"
    lenders: tuple[DataCard, ...] = ()

    @classmethod
    def of(cls, table: TableDataset) -> Self:
        """Encode a table.

        Raises:
            InvalidInputError: It can't be stored without loss; names the column.
        """
        data = table.to_bytes()
        summary = Summary(rows=len(table), columns=tuple(table.columns), container=table.container, bytes=len(data))
        return cls(table, data, summary)

    @property
    def dataset_digest(self) -> str:
        """The digest of its schema and values."""
        return self.table.digest

    def same_files(self, card: DataCard) -> bool:
        """Whether a version holds the same table, for the same container."""
        return card.dataset_digest == self.dataset_digest and card.summary.container == self.summary.container

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """Store the table's file."""
        file_name = "array.npy" if self.table.container == "numpy" else "table.parquet"
        return {"table": attempt.put(file_name, [self.data])}

    def bump_since(self, store: Store, card: DataCard) -> Derived:
        """Which part of the version it raises, compared with an earlier one: rows at its end are an addition."""
        if card.kind != self.kind:
            return Derived("major", "a table, where there were images")
        before = card.summary.rows or 0
        added = len(self.table) - before
        if added > 0 and self.table.head(before).digest == card.dataset_digest:
            return Derived("minor", f"{added:,} row{'' if added == 1 else 's'} added")
        return Derived("major", "rows or columns changed")


def open_table(store: Store, card: DataCard) -> TableDataset:
    """The table of a card, in the container that it was registered from.

    Raises:
        IntegrityError: Its bytes are not those that were registered.
    """
    assert card.table is not None
    assert card.summary.container is not None
    return TableDataset.from_bytes(read_file(store, card.table), card.summary.container)
