"""Pandas frames as datasets."""

import json
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from imagecards.datasets.table_kind import REMEDY, Container, ThroughArrow
from imagecards.digests import JsonValue, canonical_json
from imagecards.errors import InvalidInputError

if TYPE_CHECKING:
    import pandas as pd

_OURS = b"imagecards.pandas"
_WIDE_REMEDY = "give whole numbers of at most 64 bits, floats or texts"
_ARROW_TEXT = "ArrowDtype(string)"
_PYTHON_TEXT = "str[python]"
_RESTORABLE = ("object", "str", "string", "datetime64[", "timedelta64[")


class PandasTables(ThroughArrow["pd.DataFrame"]):
    """Pandas frames: dtypes, index, labels and ``attrs`` come back.

    What is not kept is ``freq`` of a time index, which its values imply. A RangeIndex of column labels comes
    back as an index of the same integers.
    """

    name: Container = "pandas"
    extensions = frozenset({"pandas.period", "pandas.interval"})

    def parse(self, data: bytes, place: str) -> pa.Table:
        """The Arrow table that a file holds; an `IntegrityError` names ``place``."""
        import pandas as pd

        # pandas tells Arrow of its own types when the first period or interval is converted
        pa.array(pd.period_range("2000", periods=1, freq="D"))
        return super().parse(data, place)

    def to_arrow(self, data: "pd.DataFrame") -> pa.Table:
        """The frame as an Arrow table, its index included."""
        _check_labels(data)
        _check_attributes(data)
        try:
            table = pa.Table.from_pandas(data)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            name, kind = _culprit(data)
            message = f"the column {name!r} of dtype {kind} can't be kept without loss ({_first_line(error)})"
            remedy = _WIDE_REMEDY if isinstance(error, OverflowError) else REMEDY
            raise InvalidInputError(f"{message}: {remedy}") from error
        missing = [_missing(data.iloc[:, index]) for index in range(data.shape[1])]
        ours = {"dtypes": [_dtype_text(kind) for kind in data.dtypes], "missing": missing}
        pandas = table.schema.metadata[b"pandas"]
        table = table.replace_schema_metadata({b"pandas": pandas, _OURS: json.dumps(ours).encode("utf-8")})
        try:
            canonical_json(self.facts(table))
        except (TypeError, ValueError) as error:
            message = f"the labels or the index of the frame can't be kept without loss ({_first_line(error)})"
            raise InvalidInputError(f"{message}: give plain ones, with rename_axis() or set_axis()") from error
        return table

    def from_arrow(self, table: pa.Table) -> "pd.DataFrame":
        """The frame that `to_arrow` was given."""
        ours = json.loads(table.schema.metadata[_OURS])
        frame: pd.DataFrame = _without_arrow_dtypes(table).to_pandas()
        if len(ours["dtypes"]) != frame.shape[1]:
            raise ValueError("its columns are not those of the frame that it was made from")
        for index, (kind, missing) in enumerate(zip(ours["dtypes"], ours["missing"], strict=True)):
            series = _restore(frame.iloc[:, index], table.column(index), kind, missing)
            if series is not None:
                frame.isetitem(index, series)
        return frame

    def facts(self, table: pa.Table) -> JsonValue:
        """Dtypes, index, labels and attributes."""
        ours, pandas = (json.loads(table.schema.metadata[key]) for key in (_OURS, b"pandas"))
        labels = [
            # pandas 2 calls texts objects, pandas 3 calls them str: to both they are "unicode"
            [
                label["name"],
                label["pandas_type"],
                label["numpy_type"] if label["pandas_type"] != "unicode" else "",
            ]
            for label in pandas["column_indexes"]
        ]
        attributes = pandas.get("attributes") or {}
        return {**ours, "index": pandas["index_columns"], "labels": labels, "attributes": attributes}

    def check_same(self, before: "pd.DataFrame", after: "pd.DataFrame") -> None:
        """Refuse a frame of which anything came back as something else."""
        import pandas as pd

        for what, *pair in (
            ("index", before.index, after.index),
            ("column labels", before.columns, after.columns),
        ):
            if not _same_index(*pair):
                message = f"the {what} of the frame can't be kept without loss ({_dtypes(pair[0])})"
                raise InvalidInputError(f"{message}: give plain ones, with reset_index() or set_axis()")
        if before.attrs != after.attrs:
            raise InvalidInputError("the attrs of the frame can't be kept without loss: give JSON values")
        for index in range(before.shape[1]):
            one, other = (frame.iloc[:, index].reset_index(drop=True) for frame in (before, after))
            same = one.dtype != object or all(map(_same_object, one.array, other.array))
            fault = "its Python objects come back as others"
            try:
                if same:
                    pd.testing.assert_series_equal(one, other, check_exact=True)
            except (AssertionError, ValueError) as error:
                same, fault = False, _first_line(error)
            if not same:
                message = f"the column {before.columns[index]!r} of dtype {one.dtype} can't be kept without loss"
                raise InvalidInputError(f"{message} ({fault}): {REMEDY}")

    def columns(self, data: "pd.DataFrame") -> list[tuple[str, str]]:
        """Name and pandas dtype of each column."""
        return [(str(name), str(kind)) for name, kind in zip(data.columns, data.dtypes, strict=True)]

    def rows(self, data: "pd.DataFrame") -> int:
        """How many rows there are."""
        return len(data)


def _check_labels(frame: "pd.DataFrame") -> None:
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise InvalidInputError(f"the frame has several columns {twice!r}: rename all but one")
    if frame.shape[1] == 0 and len(frame) > 0:
        raise InvalidInputError(f"the frame has {len(frame)} rows and no columns: give it one, with reset_index()")
    if not frame.flags.allows_duplicate_labels:
        raise InvalidInputError("the flag allows_duplicate_labels=False can't be kept: clear it with set_flags()")


def _check_attributes(frame: "pd.DataFrame") -> None:
    try:
        canonical_json(cast("JsonValue", frame.attrs))
    except (TypeError, ValueError, RecursionError) as error:
        message = f"the attrs of the frame can't be kept without loss: give JSON values ({_first_line(error)})"
        raise InvalidInputError(message) from error


def _culprit(frame: "pd.DataFrame") -> tuple[Any, Any]:
    """The first column that pyarrow does not take by itself."""
    for index, name in enumerate(frame.columns):
        try:
            pa.Table.from_pandas(frame.iloc[:, [index]].reset_index(drop=True))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            return name, frame.dtypes.iloc[index]
    return "the index", frame.index.dtype


def _missing(series: "pd.Series[Any]") -> str:
    """How a column of objects marks its missing values: by NaN, as ``read_csv`` did for long, or by None.

    ``arrays`` says that its lists are numpy arrays, as ``read_parquet`` makes them.
    """
    import numpy as np

    if series.dtype != object:
        return ""
    if any(isinstance(value, np.ndarray) for value in series.array):
        return "arrays"
    missing = series[series.isna()]
    return "nan" if len(missing) and all(isinstance(value, float) for value in missing) else "none"


def _without_arrow_dtypes(table: pa.Table) -> pa.Table:
    """The table, with what pyarrow reads back of pandas' Arrow dtypes left out: it fails on nested ones."""
    pandas = json.loads(table.schema.metadata[b"pandas"])
    for column in pandas["columns"]:
        if column["numpy_type"].endswith("[pyarrow]") and not column["numpy_type"].startswith("string"):
            column["numpy_type"] = "object"
    return table.replace_schema_metadata({b"pandas": json.dumps(pandas).encode("utf-8")})


def _restore(series: "pd.Series[Any]", column: pa.ChunkedArray, kind: Any, missing: str) -> Any:
    """A column with its own dtype again, or ``None`` where it has it already."""
    import pandas as pd

    if kind == _ARROW_TEXT or (kind.endswith("[pyarrow]") and not kind.startswith("string")):
        return pd.Series(pd.arrays.ArrowExtensionArray(column), index=series.index)
    if missing == "arrays":
        return None
    if kind == "object" and pa.types.is_nested(column.type):
        objects = pd.Series([None] * len(series), index=series.index, dtype=object)
        objects[:] = column.to_pylist()
        return objects
    if _dtype_text(series.dtype) == kind or not kind.startswith(_RESTORABLE):
        return series.where(series.notna(), float("nan")) if missing == "nan" else None
    restored = series.astype(pd.StringDtype("python", na_value=float("nan")) if kind == _PYTHON_TEXT else kind)
    if missing:
        restored = restored.where(series.notna(), float("nan") if missing == "nan" else None)
    return restored


def _same_index(one: "pd.Index[Any]", other: "pd.Index[Any]") -> bool:
    return one.equals(other) and list(one.names) == list(other.names) and _dtypes(one) == _dtypes(other)


def _dtypes(index: "pd.Index[Any]") -> str:
    parts = [index.get_level_values(level) for level in range(index.nlevels)]
    return ", ".join(str(part.dtype) for part in parts)


def _same_object(one: Any, other: Any) -> bool:
    import numpy as np

    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and one.shape == other.shape and all(map(_same_object, one, other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same_object, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same_object(one[key], other[key]) for key in one)
    return bool(one == other) or (one != one and other != other)


def _dtype_text(kind: Any) -> str:
    """A dtype as text that pandas reads back; for texts that includes where they are kept.

    Two kinds of text have a name of ours, since pandas calls two dtypes ``string[pyarrow]`` and two of them ``str``.
    """
    import pandas as pd

    storage = getattr(kind, "storage", None)
    text = str(kind)
    if isinstance(kind, pd.ArrowDtype) and text == "string[pyarrow]":
        return _ARROW_TEXT
    if text == "str" and storage == "python":
        return _PYTHON_TEXT
    return f"string[{storage}]" if text == "string" and storage else text


def _first_line(error: Exception) -> str:
    text = error.args[0] if error.args else error
    return " ".join(str(text).split())[:160]
