"""Tables: one parquet (or npy) file in place of records and shards."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from imagecards.cards import DataCard, Summary
from imagecards.datasets import TableDataset
from imagecards.registry.attempt import Attempt
from imagecards.registry.files import read_file
from imagecards.storage import Store


@dataclass(frozen=True)
class TableContent:
    """What a version of a table consists of."""

    file_name: str
    data: bytes
    dataset_digest: str
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
        file_name = "array.npy" if table.container == "numpy" else "table.parquet"
        return cls(file_name, data, table.digest, summary)

    def same_files(self, card: DataCard) -> bool:
        """Whether a version holds the same table, for the same container."""
        return card.dataset_digest == self.dataset_digest and card.summary.container == self.summary.container

    def put(self, attempt: Attempt) -> Mapping[str, Any]:
        """Store the table's file."""
        return {"table": attempt.put(self.file_name, [self.data])}


def open_table(store: Store, card: DataCard) -> TableDataset:
    """The table of a card, in the container that it was registered from.

    Raises:
        IntegrityError: Its bytes are not those that were registered.
    """
    assert card.table is not None
    assert card.summary.container is not None
    return TableDataset.from_bytes(read_file(store, card.table), card.summary.container)
