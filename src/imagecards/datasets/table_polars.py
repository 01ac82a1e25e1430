"""Polars frames as datasets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from imagecards.datasets.table_kind import REMEDY, Container, ThroughArrow
from imagecards.errors import InvalidInputError

_NUL = "\x00"
_WIDE_REMEDY = "Arrow has no integers of 128 bits; cast it to Int64 where it fits, or else to pl.Decimal(38, 0) or text"

if TYPE_CHECKING:
    import polars as pl


class PolarsTables(ThroughArrow["pl.DataFrame"]):
    """Polars frames: every dtype that Arrow has comes back, enums and categories included."""

    name: Container = "polars"

    def to_arrow(self, data: "pl.DataFrame") -> pa.Table:
        """The frame as an Arrow table."""
        if data.width == 0 and data.height > 0:
            raise InvalidInputError(f"the frame has {data.height} rows and no columns: give it one")
        import polars as pl

        columns = []
        for series in data.iter_columns():
            if any(_NUL in name for name in (series.name, *_field_names(series.dtype))):
                message = f"the column {series.name!r} can't be kept: polars gives Arrow no name with a NUL character"
                raise InvalidInputError(f"{message}: rename it, and the fields of its structs, without")
            try:
                if _holds_objects(series.dtype):
                    raise TypeError("Python objects would have to be pickled")
                columns.append(series.to_frame().to_arrow())
            except (pa.ArrowException, TypeError, ValueError, pl.exceptions.PanicException) as error:
                message = f"the column {series.name!r} of dtype {series.dtype} can't be kept without loss ({error})"
                remedy = _WIDE_REMEDY if str(series.dtype) in ("Int128", "UInt128") else REMEDY
                raise InvalidInputError(f"{message}: {remedy}") from error
        arrays = [column.column(0) for column in columns]
        return pa.table(arrays, schema=pa.schema([column.schema.field(0) for column in columns]))

    def from_arrow(self, table: pa.Table) -> "pl.DataFrame":
        """The frame that `to_arrow` was given."""
        import polars as pl

        try:
            frame = pl.DataFrame(pl.from_arrow(table))
            frame.columns = table.column_names  # an empty name is given another one
            return frame
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            # metadata that polars never writes; a panic is a BaseException, which few handlers see
            raise ValueError(str(error)) from error

    def check_same(self, before: "pl.DataFrame", after: "pl.DataFrame") -> None:
        """Refuse a frame whose dtypes came back as others."""
        for name, kind in before.schema.items():
            if after.schema[name] != kind:
                message = f"the column {name!r} of dtype {kind} can't be kept without loss"
                raise InvalidInputError(f"{message} (it becomes {after.schema[name]}): {REMEDY}")

    def columns(self, data: "pl.DataFrame") -> list[tuple[str, str]]:
        """Name and polars dtype of each column."""
        return [(name, str(kind)) for name, kind in data.schema.items()]

    def rows(self, data: "pl.DataFrame") -> int:
        """How many rows there are."""
        return data.height


def _field_names(kind: Any) -> Iterator[str]:
    import polars as pl

    if isinstance(kind, pl.Struct):
        for field in kind.fields:
            yield field.name
            yield from _field_names(field.dtype)
    elif getattr(kind, "inner", None) is not None:
        yield from _field_names(kind.inner)


def _holds_objects(kind: Any) -> bool:
    import polars as pl

    if isinstance(kind, pl.Struct):
        return any(_holds_objects(field.dtype) for field in kind.fields)
    inner = getattr(kind, "inner", None)
    return _holds_objects(inner) if inner is not None else isinstance(kind, pl.Object)
