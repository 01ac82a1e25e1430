"""Arrow tables as datasets."""

import pyarrow as pa

from imagecards.datasets.table_digest import describe_metadata
from imagecards.datasets.table_kind import REMEDY, Container, ThroughArrow
from imagecards.digests import JsonValue
from imagecards.errors import InvalidInputError


class ArrowTables(ThroughArrow[pa.Table]):
    """Arrow tables: schema, metadata and nullability come back; chunks come back as one."""

    name: Container = "pyarrow"

    def to_arrow(self, data: pa.Table) -> pa.Table:
        """The table itself."""
        if data.num_columns == 0 and data.num_rows > 0:
            raise InvalidInputError(f"the table has {data.num_rows} rows and no columns: give it one")
        return data

    def from_arrow(self, table: pa.Table) -> pa.Table:
        """The table itself."""
        return table

    def facts(self, table: pa.Table) -> JsonValue:
        """What its author wrote beside the columns."""
        return describe_metadata(table.schema.metadata)

    def check_same(self, before: pa.Table, after: pa.Table) -> None:
        """Refuse a table whose schema came back as another."""
        for one, other in zip(before.schema, after.schema, strict=True):
            if not one.equals(other, check_metadata=True):
                message = f"the column {one.name!r} of type {one.type} can't be kept without loss"
                raise InvalidInputError(f"{message} (it becomes {other.type}): {REMEDY}")
        if (before.schema.metadata or {}) != (after.schema.metadata or {}):
            raise InvalidInputError("the metadata of the schema can't be kept without loss: use other keys")

    def columns(self, data: pa.Table) -> list[tuple[str, str]]:
        """Name and Arrow type of each column."""
        return [(field.name, str(field.type)) for field in data.schema]

    def rows(self, data: pa.Table) -> int:
        """How many rows there are."""
        return int(data.num_rows)
