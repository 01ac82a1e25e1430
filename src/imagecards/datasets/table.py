"""Tables as datasets: what comes in as polars, pandas, Arrow or numpy goes out as the very same."""

import sys
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from imagecards.datasets.table_array import NumpyTables
from imagecards.datasets.table_arrow import ArrowTables
from imagecards.datasets.table_kind import Container, TableKind
from imagecards.datasets.table_pandas import PandasTables
from imagecards.datasets.table_polars import PolarsTables
from imagecards.errors import ImageCardsError, InvalidInputError, MissingDependencyError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl

_KINDS: dict[str, TableKind[Any]] = {
    kind.name: kind for kind in (PolarsTables(), PandasTables(), ArrowTables(), NumpyTables())
}
_CLASSES = {
    "polars": ("DataFrame", "polars"),
    "pandas": ("DataFrame", "pandas"),
    "pyarrow": ("Table", "pyarrow"),
    "numpy": ("ndarray", "numpy"),
}
# by container that failed, what is left to take the table with; arrays are made by way of polars, which may be at fault
_WAYS = {"polars": ".to_arrow() or .to_pandas()", "pandas": ".to_arrow() or .to_polars()", "numpy": ".to_arrow()"}
_HINTS = {
    "LazyFrame": "call .collect() first",
    "Series": "make it a frame of one column with .to_frame()",
    "RecordBatch": "give pyarrow.Table.from_batches([data])",
    "dict": "give polars.DataFrame(data)",
    "list": "give polars.DataFrame(data)",
    "GeoDataFrame": "give pandas.DataFrame(data), with the geometry as WKB",
}


class TableDataset:
    """A table that can be registered: labels, a source catalogue, measurements.

    It is kept in a file of an open format (parquet, or npy for arrays), never pickled, and comes back with
    the same dtypes, categories, time zones, nulls and index. A table that would lose anything is refused.

    Args:
        data: A ``polars.DataFrame``, ``pandas.DataFrame``, ``pyarrow.Table`` or ``numpy.ndarray``. It is not
            copied: do not change it while it is registered.

    Attributes:
        container: Which of the four it is: ``"polars"``, ``"pandas"``, ``"pyarrow"`` or ``"numpy"``.

    Raises:
        InvalidInputError: It is none of them.

    Example:
        >>> table = TableDataset(pa.table({"name": ["a", "b"], "flux": [1.5, None]}))
        >>> table.container, table.rows, table.columns
        ('pyarrow', 2, (('name', 'string'), ('flux', 'double')))
        >>> TableDataset.from_bytes(table.to_bytes(), "pyarrow").data.equals(table.data)
        True
    """

    def __init__(self, data: "pl.DataFrame | pd.DataFrame | pa.Table | np.ndarray[Any, Any]") -> None:
        self.container: Container = container_of(data)
        self._kind = _KINDS[self.container]
        self._data: Any = data
        self._parsed: Any = None
        self._place = ""

    @classmethod
    def from_bytes(cls, data: bytes, container: Container, place: str = "this table") -> "TableDataset":
        """Read what `to_bytes` wrote.

        Args:
            data: The bytes.
            container: What it was registered as.
            place: Where the bytes are from, for messages.

        Raises:
            IntegrityError: They are not those of such a table.
            MissingDependencyError: It is a pandas frame, and pandas is not installed.
        """
        if container not in _KINDS:
            raise InvalidInputError(f"{container!r} is no kind of table: choose one of {', '.join(_KINDS)}")
        if container == "pandas":
            _need_pandas()
        table = cls.__new__(cls)
        table.container, table._kind, table._data, table._place = container, _KINDS[container], None, place
        table._parsed = table._kind.parse(data, place)
        return table

    def to_bytes(self) -> bytes:
        """The table as the bytes of a file, parquet or npy, after they were read back and compared.

        Raises:
            InvalidInputError: Something would be lost; names the column and its type.
        """
        return self._kind.encode(self.data)

    @property
    def data(self) -> Any:
        """The table, in the container in which it was registered.

        Raises:
            IntegrityError: It was read from a file that holds no such table.
        """
        if self._data is None:
            self._data = self._kind.unwrap(self._parsed, self._place)
        return self._data

    @property
    def suffix(self) -> str:
        """How the name of its file ends: ``.parquet`` or ``.npy``."""
        return ".npy" if self.container == "numpy" else ".parquet"

    @cached_property
    def digest(self) -> str:
        """The digest of schema and values, ``sha256:<hex>``, as `imagecards.datasets.table_digest` specifies.

        Raises:
            InvalidInputError: Something in the table can't be kept.
        """
        if self._parsed is not None:
            return self._kind.digest_parsed(self._parsed)
        return self._kind.digest(self._data)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self._kind.rows(self.data)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each column, the type as its container calls it."""
        return tuple(self._kind.columns(self.data))

    def head(self, rows: int) -> "TableDataset":
        """The first rows, as a table of the same kind."""
        data = self.data
        return TableDataset(data.iloc[:rows] if self.container == "pandas" else data[:rows])

    def to_arrow(self) -> pa.Table:
        """The table as an Arrow table.

        Raises:
            InvalidInputError: It is an array of more than two axes, or of a dtype that Arrow lacks.
        """
        return self._kind.to_arrow(self.data)

    def to_polars(self) -> "pl.DataFrame":
        """The table as a polars frame; an index of pandas becomes a column.

        Raises:
            InvalidInputError: As `to_arrow`, or polars can't hold a column; names it.
        """
        import polars as pl

        if self.container == "polars":
            return pl.DataFrame(self.data)
        frame: pl.DataFrame = _converted(self.to_arrow(), "polars", _arrow_to_polars)
        return frame

    def to_pandas(self) -> "pd.DataFrame":
        """The table as a pandas frame.

        Raises:
            MissingDependencyError: Pandas is not installed.
            InvalidInputError: As `to_arrow`, or pandas can't hold a column; names it.
        """
        _need_pandas()
        is_ours = self.container == "pandas"
        frame: pd.DataFrame = self.data if is_ours else _converted(self.to_arrow(), "pandas", pa.Table.to_pandas)
        return frame

    def to_numpy(self) -> "np.ndarray[Any, Any]":
        """The table as an array: one row a row, of the dtype that holds all columns.

        Raises:
            InvalidInputError: No dtype holds all columns, as where texts and numbers are mixed.
        """
        import numpy as np

        if self.container == "numpy":
            return np.asarray(self.data)
        array: np.ndarray[Any, Any]
        if self.container == "polars":
            array = _converted(self.data, "numpy", lambda frame: frame.to_numpy())
        else:
            array = _converted(self.to_arrow(), "numpy", lambda table: _arrow_to_polars(table).to_numpy())
        if array.dtype.hasobject:
            kinds = ", ".join(sorted({kind for _, kind in self.columns}))
            raise InvalidInputError(f"columns of {kinds} do not fit into one array: take some with .to_polars()")
        return array

    def __len__(self) -> int:
        return self.rows

    def __repr__(self) -> str:
        return f"<TableDataset {self.container}: {self.rows} rows, {len(self.columns)} columns>"


def container_of(data: object) -> Container:
    """Which of the four kinds of table a value is.

    Args:
        data: The value.

    Raises:
        InvalidInputError: It is none of them.
    """
    for name, (class_name, module) in _CLASSES.items():
        # what was never imported can't be what the data is made of, and need not be imported to find out
        found = getattr(sys.modules.get(module), class_name, None)
        if found is not None and type(data) is found:
            return _KINDS[name].name
    name = type(data).__name__
    hint = _HINTS.get(name, "give a polars.DataFrame, pandas.DataFrame, pyarrow.Table or numpy.ndarray")
    if name == "MaskedArray":
        hint = "give data.filled() and keep its mask as a second table"
    raise InvalidInputError(f"a {type(data).__module__}.{name} is not a table that can be kept: {hint}")


def _need_pandas() -> None:
    if find_spec("pandas") is None:
        message = "this needs pandas, which is not installed: pip install 'imagecards[pandas]'"
        raise MissingDependencyError(message)


def _arrow_to_polars(table: pa.Table) -> "pl.DataFrame":
    import polars as pl

    return pl.DataFrame(pl.from_arrow(table))


def _converted(data: Any, container: str, convert: Callable[[Any], Any]) -> Any:
    """A table in another container; every way in which a library says that it can't is one clear error.

    Args:
        data: An Arrow table or a polars frame.
        container: What it is made into, for messages.
        convert: How.
    """
    try:
        return convert(data)
    except BaseException as error:
        if not _is_refusal(error):
            raise
        text = " ".join(str(error).split())[:160]
        message = f"{container} can't hold {_culprit(data, convert)} ({text})"
        raise InvalidInputError(f"{message}: take the table with {_WAYS[container]}") from error


def _is_refusal(error: BaseException) -> bool:
    # a panic of polars is a BaseException, so that no handler of mere errors sees it
    if type(error).__name__ == "PanicException":
        return True
    return isinstance(error, Exception) and not isinstance(error, (ImageCardsError, MemoryError, ImportError))


def _culprit(data: Any, convert: Callable[[Any], Any]) -> str:
    """What of a table can't be converted: its names, a column that can't be alone, or all of it together."""
    if isinstance(data, pa.Table):
        names, kinds = data.column_names, [field.type for field in data.schema]
        # the metadata belong to the whole table: with them, every column would fail for their sake
        parts = [data.select([index]).replace_schema_metadata(None) for index in range(data.num_columns)]
    else:
        names, kinds = data.columns, data.dtypes
        parts = [series.to_frame() for series in data.iter_columns()]
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        return f"several columns {twice!r}"
    for name, kind, part in zip(names, kinds, parts, strict=True):
        try:
            convert(part)
        except BaseException as error:
            if not _is_refusal(error):
                raise
            return f"the column {name!r} of type {kind}"
    return f"the columns {', '.join(map(repr, names[:5]))} and their metadata together"
