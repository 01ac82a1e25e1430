"""What a diff needs to know of a version, wherever it is kept."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from imagecards.datasets.dataset import ImageDataset
from imagecards.records.digest import record_digests
from imagecards.records.schema import KNOWN_FIELDS


@dataclass(frozen=True)
class Side:
    """One of two versions, as far as a diff needs it.

    Attributes:
        index: One row an image: ``file_name``, ``sha256`` (of the image) and ``digest`` (of the record).
        rows: Gives the records of some images, by their names in any order, with ``width`` and ``height`` where known.
        splits: The file names of each split.
        attributes: What is said of the dataset as a whole.
        used: The categories that its images and objects have.
    """

    index: pa.Table
    rows: Callable[[pa.Array], pa.Table]
    splits: Mapping[str, Sequence[str]]
    attributes: Mapping[str, Any]
    used: frozenset[str | int]

    @classmethod
    def of(cls, dataset: ImageDataset) -> "Side":
        """Any dataset; its images are read where they are not in a registry."""
        table, facts = dataset.table, dataset.facts
        for name in ("sha256", "width", "height"):
            if name not in table.column_names:
                table = table.append_column(name, facts[name])
        digests = pa.array(record_digests(_annotations(table), facts["sha256"].to_pylist()), pa.binary(32))
        index = pa.table({"file_name": table["file_name"], "sha256": facts["sha256"], "digest": digests})
        summary = dataset.summary
        return cls(index, in_order(table), dataset.splits, dataset.attributes, used_categories(table, summary))


def in_order(table: pa.Table) -> Callable[[pa.Array], pa.Table]:
    """Give the rows of a table by file name."""
    return lambda names: table.take(pc.index_in(names, table["file_name"]))


def used_categories(table: pa.Table | None, summary: Mapping[str, Any]) -> frozenset[str | int]:
    """The categories that images and objects have.

    Args:
        table: The records; may be left out where the summary lists all categories.
        summary: The dataset's counts: ``categories``, and how many there are where not all are listed.
    """
    if table is None or not summary["category_count"]:
        return frozenset(category for category, _ in summary["categories"])
    flat = [pc.list_flatten(table["categories"]), pc.struct_field(pc.list_flatten(table["objects"]), "category")]
    return frozenset(value for column in flat for value in pc.unique(column.drop_null()).to_pylist())


def _annotations(table: pa.Table) -> pa.Table:
    return table.select([name for name in (*KNOWN_FIELDS, "extra") if name in table.column_names])
