"""Tables: what comes out of the bytes is what went in, or it never went in."""

import datetime as dt
import decimal
import io
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from imagecards.datasets.table import TableDataset, container_of
from imagecards.errors import InvalidInputError, MissingDependencyError

UTC = "UTC"
BERLIN = "Europe/Berlin"


def again(data: Any) -> Any:
    """The data after a round through bytes; the digest must be that of before."""
    before = TableDataset(data)
    encoded = before.to_bytes()
    after = TableDataset.from_bytes(encoded, before.container)
    assert after.digest == before.digest
    assert after.columns == before.columns
    assert (len(after), after.container, after.suffix) == (len(before), before.container, before.suffix)
    return after.data


POLARS = {
    "int8": pl.Series([1, None, -128], dtype=pl.Int8),
    "uint64": pl.Series([2**64 - 1, None], dtype=pl.UInt64),
    "float32": pl.Series([1.5, None, float("nan"), float("inf"), -0.0], dtype=pl.Float32),
    "boolean": pl.Series([True, None, False]),
    "text": pl.Series(["a", None, "", "é✓", "nul\x00"]),
    "binary": pl.Series([b"\x00\xff", None, b""]),
    "null": pl.Series([None, None], dtype=pl.Null),
    "date": pl.Series([dt.date(2020, 1, 1), None]),
    "time": pl.Series([dt.time(1, 2, 3, 4), None]),
    "datetime": pl.Series([dt.datetime.fromisoformat("2020-01-01"), None], dtype=pl.Datetime("ns")),
    "zoned": pl.Series([dt.datetime.fromisoformat("2020-01-01"), None], dtype=pl.Datetime("ms", BERLIN)),
    "duration": pl.Series([dt.timedelta(days=1), None], dtype=pl.Duration("ms")),
    "decimal": pl.Series([decimal.Decimal("1.23"), None], dtype=pl.Decimal(20, 4)),
    "categorical": pl.Series(["b", None, "a", "b"], dtype=pl.Categorical),
    "enum": pl.Series(["x", None, "y"], dtype=pl.Enum(["z", "y", "x"])),
    "list": pl.Series([[1, None], None, []], dtype=pl.List(pl.Int16)),
    "nested": pl.Series([[[1], None], None, [[]]], dtype=pl.List(pl.List(pl.Int64))),
    "list of enums": pl.Series([["a"], None, ["b"]], dtype=pl.List(pl.Enum(["b", "a"]))),
    "array": pl.Series([[1, 2], None, [3, 4]], dtype=pl.Array(pl.Int8, 2)),
    "struct": pl.Series([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
    "float16": pl.Series([1.5, None], dtype=pl.Float16),
}


@pytest.mark.parametrize("kind", POLARS)
def test_polars_columns_come_back(kind: str) -> None:
    for frame in (
        POLARS[kind].to_frame("c"),
        POLARS[kind].to_frame("c").clear(),
        POLARS[kind][1:].to_frame("é c"),
    ):
        back = again(frame)
        assert type(back) is pl.DataFrame
        assert back.schema == frame.schema
        assert back.equals(frame)


def test_polars_frames_without_columns_come_back() -> None:
    assert again(pl.DataFrame()).shape == (0, 0)


PANDAS = {
    "int": pd.DataFrame({"a": np.array([1, 2], "int8")}),
    "nullable": pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}),
    "boolean": pd.DataFrame({"a": pd.array([True, None], dtype="boolean")}),
    "nan": pd.DataFrame({"a": [1.0, np.nan]}),
    "float16": pd.DataFrame({"a": np.array([1, 2], "f2")}),
    "str": pd.DataFrame({"a": ["x", None, ""]}),
    "string[python]": pd.DataFrame({"a": pd.array(["x", None], dtype=pd.StringDtype("python"))}),
    "string[pyarrow]": pd.DataFrame({"a": pd.array(["x", None], dtype=pd.StringDtype("pyarrow"))}),
    "object text": pd.DataFrame({"a": pd.Series(["x", None, "y"], dtype=object)}),
    "object text with nan": pd.DataFrame({"a": pd.Series(["x", np.nan, "y"], dtype=object)}),
    "object bytes": pd.DataFrame({"a": [b"x", None]}),
    "object dates": pd.DataFrame({"a": [dt.date(2020, 1, 1), None]}),
    "object bools": pd.DataFrame({"a": pd.Series([True, None], dtype=object)}),
    "object lists": pd.DataFrame({"a": [[1, 2], None, []]}),
    "object arrays": pd.DataFrame({"a": [np.array([1, 2]), None, np.array([], "i8")]}),
    "object nested": pd.DataFrame({"a": [[[1.5], []], [["no"]][:0]]}),
    "object dicts": pd.DataFrame({"a": [{"x": 1, "y": ["b"]}, None]}),
    "decimal": pd.DataFrame({"a": [decimal.Decimal("1.25"), None]}),
    "categories": pd.DataFrame({"a": pd.Categorical(["b", None, "a"], categories=["z", "b", "a"])}),
    "ordered": pd.DataFrame({"a": pd.Categorical(["b", None], categories=["z", "b"], ordered=True)}),
    "int categories": pd.DataFrame({"a": pd.Categorical([1, None, 3], categories=[3, 1, 2])}),
    "no categories": pd.DataFrame({"a": pd.Categorical([None, None], categories=[])}),
    "time categories": pd.DataFrame({"a": pd.Categorical(pd.to_datetime(["2020-01-01", "2021-01-01"]))}),
    "zone": pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "NaT"]).tz_localize(BERLIN)}),
    "seconds": pd.DataFrame({"a": np.array(["2020-01-01", "NaT"], "M8[s]")}),
    "duration": pd.DataFrame({"a": pd.to_timedelta(["1D", None])}),
    "duration in seconds": pd.DataFrame({"a": np.array([1, 2], "m8[s]")}),
    "period": pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="M")}),
    "interval": pd.DataFrame({"a": pd.interval_range(0, 2)}),
    "arrow": pd.DataFrame({"a": pd.array([1, None], dtype="int8[pyarrow]")}),
    "arrow text": pd.DataFrame({"a": pd.Series(["x", None, ""], dtype=pd.ArrowDtype(pa.string()))}),
    "no arrow text": pd.DataFrame({"a": pd.Series([], dtype=pd.ArrowDtype(pa.string()))}),
    "both arrow texts": pd.DataFrame(
        {
            "a": pd.Series(["x", None], dtype=pd.ArrowDtype(pa.string())),
            "b": pd.Series(["x", None], dtype="string[pyarrow]"),
        }
    ),
    "arrow large text": pd.DataFrame({"a": pd.Series(["x", None], dtype=pd.ArrowDtype(pa.large_string()))}),
    "python text": pd.DataFrame({"a": pd.Series(["x", None], dtype=pd.StringDtype("python", na_value=float("nan")))}),
    "arrow list": pa.table({"a": pa.array([[1], None])}).to_pandas(types_mapper=pd.ArrowDtype),
    "no rows": pd.DataFrame({"a": np.array([], "int8"), "b": pd.Series([], dtype="str")}),
    "nothing": pd.DataFrame(),
    "range": pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(3, 7, 2, name="r")),
    "index": pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 5])),
    "named index": pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="a")),
    "multi index": pd.DataFrame(
        {"a": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, "x"), (2, "y")], names=["i", None])
    ),
    "time index": pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2, tz=UTC)),
    "category index": pd.DataFrame({"a": [1, 2]}, index=pd.CategoricalIndex(["b", "a"], categories=["c", "b", "a"])),
    "int labels": pd.DataFrame(np.eye(2)),
    "named labels": pd.DataFrame(np.eye(2), columns=pd.Index(["a", "b"], name="c")),
    "multi labels": pd.DataFrame(np.eye(2), columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    "time labels": pd.DataFrame(np.eye(2), columns=pd.date_range("2020", periods=2)),
}


@pytest.mark.parametrize("kind", PANDAS)
def test_pandas_frames_come_back(kind: str) -> None:
    frame = PANDAS[kind]
    back = again(frame)
    pd.testing.assert_frame_equal(back, frame, check_exact=True, check_freq=False, check_column_type="equiv")
    for name in frame.columns:
        if frame[name].dtype == object:
            assert [type(value) for value in back[name]] == [type(value) for value in frame[name]]
        if isinstance(frame[name].dtype, pd.CategoricalDtype):
            assert list(back[name].cat.categories) == list(frame[name].cat.categories)


def test_attributes_of_pandas_frames_come_back() -> None:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"instrument": "x", "gain": 1.5}
    assert again(frame).attrs == frame.attrs


def test_pandas_frames_come_back_in_a_fresh_process() -> None:
    for kind in ("period", "interval", "categories", "object lists", "arrow list"):
        table = TableDataset(PANDAS[kind])
        code = (
            "import sys; from imagecards.datasets.table import TableDataset;"
            "print(TableDataset.from_bytes(sys.stdin.buffer.read(), 'pandas').digest)"
        )
        result = subprocess.run([sys.executable, "-c", code], input=table.to_bytes(), capture_output=True, check=True)
        assert result.stdout.decode().strip() == table.digest, kind


ARROW = {
    "timestamp": pa.array([1, None], pa.timestamp("s", UTC)),
    "time": pa.array([1, None], pa.time32("s")),
    "date64": pa.array([86_400_000, None], pa.date64()),
    "duration": pa.array([1, None], pa.duration("s")),
    "half": pa.array(np.array([1, 2], "f2")),
    "string": pa.array(["a", None], pa.string()),
    "large string": pa.array(["a", None], pa.large_string()),
    "string view": pa.array(["a", None], pa.string_view()),
    "binary view": pa.array([b"a", None], pa.binary_view()),
    "fixed binary": pa.array([b"ab", None], pa.binary(2)),
    "list view": pa.array([[1], None, []], pa.list_view(pa.int8())),
    "large list": pa.array([[1], None, []], pa.large_list(pa.int8())),
    "fixed list": pa.array([[1, 2], None], pa.list_(pa.int8(), 2)),
    "named items": pa.array([[1], None], pa.list_(pa.field("pixel", pa.int8()))),
    "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int8())),
    "struct": pa.array([{"a": [{"b": [1, None]}]}, None]),
    "decimal256": pa.array([1, None], pa.decimal256(50, 1)),
    "null": pa.nulls(2),
    "uint64": pa.array([2**64 - 1, None], pa.uint64()),
    "dictionary": pa.DictionaryArray.from_arrays(pa.array([2, None], pa.int16()), pa.array(["x", "y", "z"])),
    "ordered": pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), pa.array([3, 2]), ordered=True),
    "times": pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), pa.array([1, 2], pa.timestamp("s"))),
    "null level": pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["x", None])),
    "list of categories": pa.array([["a"], None, ["b", "a"]], pa.list_(pa.dictionary(pa.int8(), pa.string()))),
}


@pytest.mark.parametrize("kind", ARROW)
def test_arrow_columns_come_back(kind: str) -> None:
    array = ARROW[kind]
    for table in (
        pa.table({"c": array}),
        pa.table({"c": array}).slice(1),
        pa.table({"c": array}).slice(0, 0),
    ):
        back = again(table)
        assert back.schema.equals(table.schema, check_metadata=True)
        assert str(back.schema) == str(table.schema)
        assert back.to_pylist() == table.to_pylist()


def test_arrow_tables_come_back_with_what_stands_beside_the_columns() -> None:
    field = pa.field("a", pa.int64(), nullable=False, metadata={b"unit": b"mm"})
    table = pa.table([[1], [2]], schema=pa.schema([field, pa.field("a", pa.int8())], metadata={b"by": b"me"}))
    back = again(table)
    assert back.schema.equals(table.schema, check_metadata=True)
    assert back.equals(table)
    assert again(pa.table({})).shape == (0, 0)


@given(
    hnp.arrays(
        hnp.scalar_dtypes().filter(
            lambda kind: kind.kind != "V" and kind.itemsize <= 16 and kind.str[1:] not in {"f16", "c32"}
        )
        | hnp.array_dtypes(hnp.integer_dtypes() | hnp.floating_dtypes(sizes=(16, 32, 64)), max_size=3),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
    )
)
@settings(max_examples=200)
def test_arrays_come_back(array: Any) -> None:
    array = np.asarray(array)
    if array.dtype.kind in "fc" and array.dtype.itemsize > (8 if array.dtype.kind == "f" else 16):
        return
    back = again(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


ARRAYS = {
    "big-endian": np.array([1, 2], ">i4"),
    "Fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "strided": np.arange(10)[::2],
    "reversed": np.arange(10)[::-1],
    "texts": np.array(["a", "é✓"]),
    "times": np.array(["2020-01", "NaT"], "M8[M]"),
    "aligned": np.array([(1, 2.0)], np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "fields": np.zeros(2, [("é", "i1"), ("日本", "f4", (2, 3))]),
    "many fields": np.zeros(1, [(f"field_{number:05d}", "i1") for number in range(2000)]),
    "no bytes": np.zeros(3, "S0"),
    "void": np.array([b"abc"], "V3"),
    "scalar": np.array(1.5),
    "empty": np.zeros((2, 0, 3)),
    "complex": np.array([1 + 2j, complex("nan")]),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_special_arrays_come_back(kind: str) -> None:
    array = ARRAYS[kind]
    back = again(array)
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    assert back.flags.f_contiguous == np.ascontiguousarray(array).flags.f_contiguous or kind == "Fortran"
    assert back.flags.owndata or back.base.flags.owndata
    assert back.flags.writeable


class Frame(pd.DataFrame):
    """Somebody's own frame: what it adds would be lost."""


with_attrs = pd.DataFrame({"a": [1]})
with_attrs.attrs = {1: 2}


def with_attribute(value: Any) -> pd.DataFrame:
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = {"key": value}
    return frame


NO_BYTES = "its values, or those of a field, take no bytes; give a dtype whose fields all have a size"
REMEDY = "give numbers, texts, times, or lists of one kind"
REFUSED: dict[str, tuple[Any, str]] = {
    "objects in polars": (
        pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}),
        "the column 'o' of dtype Object can't be kept without loss (Python objects would have to be pickled)",
    ),
    "int128": (
        pl.DataFrame({"i": pl.Series([1], dtype=pl.Int128)}),
        "the column 'i' of dtype Int128 can't be kept",
    ),
    "empty structs": (
        pl.DataFrame({"a": [1], "s": pl.Series([{}], dtype=pl.Struct([]))}),
        "the column 's' of type struct<> can't be kept without loss",
    ),
    "objects in pandas": (
        pd.DataFrame({"a": [1], "o": [object()]}),
        "the column 'o' of dtype object can't be kept",
    ),
    "mixed objects": (
        pd.DataFrame({"o": ["x", 1]}),
        "the column 'o' of dtype object can't be kept without loss",
    ),
    "mixed numbers": (
        pd.DataFrame({"o": pd.Series([1, 2.5], dtype=object)}),
        "the column 'o' of dtype object can't be kept without loss (its Python objects come back as others)",
    ),
    "tuples": (
        pd.DataFrame({"o": [(1, 2), (3, 4)]}),
        "the column 'o' of dtype object can't be kept without loss (its Python objects come back as others)",
    ),
    "complex": (pd.DataFrame({"c": [1j]}), "the column 'c' of dtype complex128 can't be kept without loss"),
    "big-endian": (
        pd.DataFrame({"b": np.array([1], ">i4")}),
        "the column 'b' of dtype >i4 can't be kept without loss",
    ),
    "sparse": (
        pd.DataFrame({"s": pd.arrays.SparseArray([0, 1])}),
        "the column 's' of dtype Sparse[int64, 0] can't be kept without loss",
    ),
    "twin columns": (
        pd.DataFrame(np.eye(2), columns=["a", "a"]),
        "the frame has several columns 'a': rename all but one",
    ),
    "rows alone": (
        pd.DataFrame(index=range(3)),
        "the frame has 3 rows and no columns: give it one, with reset_index()",
    ),
    "flags": (
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        "the flag allows_duplicate_labels=False can't be kept: clear it with set_flags()",
    ),
    "union": (
        pa.table({"u": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])}),
        "the column 'u' of type sparse_union<0: int64=0> can't be kept without loss (parquet has no union values)",
    ),
    "extension": (
        pa.table({"e": pa.array([b"0" * 16], pa.uuid())}),
        "the column 'e' of type extension<arrow.uuid> can't be kept without loss (parquet has no arrow.uuid values)",
    ),
    "interval": (
        pa.table({"i": pa.array([(1, 2, 3)], pa.month_day_nano_interval())}),
        "the column 'i' of type month_day_nano_interval can't be kept without loss",
    ),
    "arrow rows alone": (
        pa.table({"a": [1, 2]}).select([]),
        "the table has 2 rows and no columns: give it one",
    ),
    "object array": (
        np.array([object()]),
        "an array of dtype object can't be kept without loss: its Python objects would have to be pickled; "
        "give numbers or texts of one kind",
    ),
    "object field": (
        np.array([(1, "x")], [("a", "i1"), ("b", "O")]),
        "an array of dtype [('a', 'i1'), ('b', 'O')] can't be kept without loss: its Python objects would have",
    ),
    "long double": (
        np.zeros(2, "g"),
        "an array of dtype float128 can't be kept without loss: its size differs between machines; "
        "give float64 or complex128",
    ),
    "numpy strings": (
        np.array(["a"], np.dtypes.StringDType()),
        "an array of dtype StringDType() can't be kept without loss: the npy format has no such values; "
        "give text as dtype 'U'",
    ),
    "too many fields": (
        np.zeros(1, [(f"field_{number:05d}", "i1") for number in range(5000)]),
        "an array of 5,000 fields can't be kept (its header is longer than it can be): give it as a polars.DataFrame",
    ),
    "void of no bytes": (np.empty(3, "V0"), f"an array of dtype |V0 can't be kept without loss: {NO_BYTES}"),
    "text of no bytes": (
        np.ndarray(3, np.dtype("S0")),
        f"an array of dtype |S0 can't be kept without loss: {NO_BYTES}",
    ),
    "no fields": (np.zeros(3, []), f"an array of dtype [] can't be kept without loss: {NO_BYTES}"),
    "field of no bytes": (
        np.zeros(3, [("a", "i1"), ("b", "f4", (0, 2))]),
        f"an array of dtype [('a', 'i1'), ('b', '<f4', (0, 2))] can't be kept without loss: {NO_BYTES}",
    ),
    "unsigned int128": (
        pl.DataFrame({"i": pl.Series([1], dtype=pl.UInt128)}),
        "the column 'i' of dtype UInt128 can't be kept without loss (Invalid or unsupported format string: '_plu128'): "
        "Arrow has no integers of 128 bits; cast it to Int64 where it fits, or else to pl.Decimal(38, 0) or text",
    ),
    "NUL in a name": (
        pl.DataFrame({"a\x00b": [1]}),
        "the column 'a\\x00b' can't be kept: polars gives Arrow no name with a NUL character: rename it,",
    ),
    "NUL in the name of a field": (
        pl.DataFrame({"s": [[{"a\x00b": 1}]]}),
        "the column 's' can't be kept: polars gives Arrow no name with a NUL character: rename it, and the fields",
    ),
    "NaN in attrs": (
        with_attribute(float("nan")),
        "the attrs of the frame can't be kept without loss: give JSON values (nan has no JSON form)",
    ),
    "large number in attrs": (
        with_attribute(2**60),
        "the attrs of the frame can't be kept without loss: give JSON values (a whole number beyond 2**53",
    ),
    "surrogate in attrs": (
        with_attribute(chr(0xD800)),
        "the attrs of the frame can't be kept without loss: give JSON values (",
    ),
    "surrogate in the name of the labels": (
        pd.DataFrame([[1]], columns=pd.Index(["a"], name=chr(0xD800))),
        "the labels or the index of the frame can't be kept without loss (",
    ),
    "huge numbers": (
        pd.DataFrame({"a": [1], "o": pd.Series([2**70], dtype=object)}),
        "the column 'o' of dtype object can't be kept without loss (Python int too large to convert to C long): "
        "give whole numbers of at most 64 bits, floats or texts",
    ),
    "huge label": (
        pd.DataFrame([[1]], columns=pd.Index([2**70], dtype=object)),
        "the table can't be kept without loss (Python int too large to convert to C long)",
    ),
    "dtype with metadata": (
        np.zeros(1, np.dtype("i4", metadata={"unit": "mm"})),
        "an array of dtype int32 can't be kept without loss: its metadata would be lost; give a dtype without",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_would_be_lost_is_refused_and_named(kind: str) -> None:
    data, message = REFUSED[kind]
    with pytest.raises(InvalidInputError) as caught:
        TableDataset(data).to_bytes()
    assert str(caught.value).startswith(message)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([1], "a builtins.list is not a table that can be kept: give polars.DataFrame(data)"),
        ({"a": 1}, "a builtins.dict is not a table that can be kept: give polars.DataFrame(data)"),
        (pl.LazyFrame(), "is not a table that can be kept: call .collect() first"),
        (pl.Series([1]), "is not a table that can be kept: make it a frame of one column with .to_frame()"),
        (pd.Series([1]), "is not a table that can be kept: make it a frame of one column with .to_frame()"),
        (
            pa.record_batch({"a": [1]}),
            "is not a table that can be kept: give pyarrow.Table.from_batches([data])",
        ),
        (
            np.ma.masked_array([1]),
            "is not a table that can be kept: give data.filled() and keep its mask as a second",
        ),
        (
            Frame(),
            "Frame is not a table that can be kept: give a polars.DataFrame, pandas.DataFrame, pyarrow.Table or",
        ),
        (
            None,
            "a builtins.NoneType is not a table that can be kept: give a polars.DataFrame, pandas.DataFrame,",
        ),
    ],
)
def test_what_is_no_table_is_explained(data: Any, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        TableDataset(data)
    assert message in str(caught.value)


def test_containers() -> None:
    assert container_of(pl.DataFrame()) == "polars"
    assert container_of(pd.DataFrame()) == "pandas"
    assert container_of(pa.table({})) == "pyarrow"
    assert container_of(np.zeros(1)) == "numpy"
    with pytest.raises(
        InvalidInputError, match="'dask' is no kind of table: choose one of polars, pandas, pyarrow, numpy"
    ):
        TableDataset.from_bytes(b"", "dask")  # type: ignore[arg-type]  # the point of the test


def test_one_container_as_another() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": [1.5, None]})
    for data in (frame, frame.to_pandas(), frame.to_arrow()):
        table = TableDataset(data)
        assert table.to_polars().equals(frame) or table.container == "pandas"
        assert table.to_arrow()["a"].to_pylist() == [1, 2]
        assert table.to_pandas()["a"].tolist() == [1, 2]
        assert table.to_numpy().shape == (2, 2)
    matrix = TableDataset(np.arange(6, dtype=">i2").reshape(2, 3))
    assert matrix.to_polars().columns == ["column_0", "column_1", "column_2"]
    assert matrix.to_arrow()["column_2"].to_pylist() == [2, 5]
    assert matrix.to_numpy() is matrix.data
    assert matrix.columns == (("values", ">i2[3]"),)
    fields = TableDataset(np.array([(1, 2.5)], [("a", "i1"), ("b", "f4")]))
    assert fields.to_pandas().to_dict("list") == {"a": [1], "b": [2.5]}
    assert fields.columns == (("a", "int8"), ("b", "float32"))
    assert TableDataset(np.array(1.5)).rows == 1
    assert repr(fields) == "<TableDataset numpy: 1 rows, 2 columns>"
    with pytest.raises(InvalidInputError, match=r"an array of shape \(2, 2, 2\) is no table"):
        TableDataset(np.zeros((2, 2, 2))).to_arrow()
    with pytest.raises(InvalidInputError, match="has no Arrow form"):
        TableDataset(np.array([1j])).to_arrow()
    with pytest.raises(InvalidInputError, match="columns of Int64, String do not fit into one array"):
        TableDataset(pl.DataFrame({"a": [1], "b": ["x"]})).to_numpy()


def twice(levels: list[str | None]) -> pa.Table:
    return pa.table({"c": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), pa.array(levels))})


TIMES = pa.table({"a": pa.array([1], pa.timestamp("us")), "b": pa.array([1], pa.duration("us"))})
BY_ARROW = "): take the table with .to_arrow()"
UNCONVERTIBLE: dict[str, tuple[Any, str, str]] = {
    "zone": (
        pa.table({"a": [1], "c": pa.array([1], pa.timestamp("us", "+05:30"))}),
        "polars",
        "polars can't hold the column 'c' of type timestamp[us, tz=+05:30] (",
    ),
    "decimal256": (
        pa.table({"c": pa.array([1], pa.decimal256(50, 1))}),
        "polars",
        "polars can't hold the column 'c' of type decimal256(50, 1) (",
    ),
    "list view": (
        pa.table({"c": pa.array([[1]], pa.list_view(pa.int8()))}),
        "polars",
        "polars can't hold the column 'c' of type list_view<item: int8> (",
    ),
    "twins": (pa.table([[1], [2]], names=["c", "c"]), "polars", "polars can't hold several columns 'c' ("),
    "twins as an array": (pa.table([[1], [2]], names=["c", "c"]), "numpy", "numpy can't hold several columns 'c' ("),
    "decimal256 as an array": (
        pa.table({"c": pa.array([1], pa.decimal256(50, 1))}),
        "numpy",
        "numpy can't hold the column 'c' of type decimal256(50, 1) (",
    ),
    "times": (TIMES, "numpy", "numpy can't hold the columns 'a', 'b' and their metadata together ("),
    "times of polars": (pl.DataFrame(TIMES), "numpy", "numpy can't hold the columns 'a', 'b' and their metadata toge"),
    "no times": (TIMES.slice(0, 0), "numpy", "numpy can't hold the columns 'a', 'b' and their metadata together ("),
    "null level": (twice(["x", None]), "pandas", "pandas can't hold the column 'c' of type dictionary<"),
    "equal levels": (twice(["x", "x"]), "pandas", "pandas can't hold the column 'c' of type dictionary<"),
    "metadata": (
        pa.table({"c": [1]}).replace_schema_metadata({b"pandas": b"{}"}),
        "pandas",
        "pandas can't hold the columns 'c' and their metadata together ('columns'): take the table with .to_arrow()",
    ),
    "metadata for polars": (
        pa.table({"c": [1]}).replace_schema_metadata({b"pandas": b"\xff"}),
        "polars",
        "polars can't hold the columns 'c' and their metadata together (",
    ),
}


@pytest.mark.parametrize("kind", UNCONVERTIBLE)
def test_what_another_container_cannot_hold_is_named(kind: str) -> None:
    data, container, message = UNCONVERTIBLE[kind]
    with pytest.raises(InvalidInputError) as caught:
        getattr(TableDataset(data), f"to_{container}")()
    assert str(caught.value).startswith(message)
    assert BY_ARROW in str(caught.value)


def test_no_rows_of_mixed_types_are_no_array() -> None:
    with pytest.raises(InvalidInputError, match="columns of int8, string do not fit into one array"):
        TableDataset(pa.table({"a": pa.array([], pa.int8()), "b": pa.array([], pa.string())})).to_numpy()


def test_interrupts_and_lack_of_memory_are_no_refusals() -> None:
    class Interrupted(pl.DataFrame):
        def to_numpy(self, *args: Any, **kwargs: Any) -> Any:
            raise kinds.pop()

    kinds: list[type[BaseException]] = [KeyboardInterrupt, MemoryError]
    table = TableDataset(pl.DataFrame({"a": [1]}))
    table._data = Interrupted({"a": [1]})
    with pytest.raises(MemoryError):
        table.to_numpy()
    with pytest.raises(KeyboardInterrupt):
        table.to_numpy()


def test_a_matrix_of_no_rows_is_not_spread_out() -> None:
    with pytest.raises(InvalidInputError, match=r"an array of shape \(0, 1000000000000\) is no table"):
        TableDataset(np.zeros((0, 10**12))).to_arrow()


def test_any_parquet_reader_reads_the_file() -> None:
    frame = pl.DataFrame({"a": [1, None], "c": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"]))})
    data = TableDataset(frame).to_bytes()
    plain = pq.read_table(io.BytesIO(data))
    assert plain["a"].to_pylist() == [1, None]
    assert plain["c"].to_pylist() == ["x", "y"]
    assert pl.read_parquet(io.BytesIO(data))["c"].to_list() == ["x", "y"]


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TableDataset(pd.DataFrame({"a": [1]})).to_bytes()
    monkeypatch.setattr("imagecards.datasets.table.find_spec", lambda name: None)
    with pytest.raises(MissingDependencyError, match=r"not installed: pip install 'imagecards\[pandas\]'"):
        TableDataset.from_bytes(data, "pandas")
    with pytest.raises(MissingDependencyError, match=r"not installed: pip install 'imagecards\[pandas\]'"):
        TableDataset(pl.DataFrame()).to_pandas()


def test_categories_have_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.datasets.table_parquet._LARGEST_SKELETON", 100)
    with pytest.raises(InvalidInputError, match="of 100 allowed: make the columns with the most levels plain text"):
        TableDataset(pl.DataFrame({"a": ["x"]})).to_bytes()
