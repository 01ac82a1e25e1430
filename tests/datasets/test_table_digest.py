"""The digest of a table: fixed for ever, blind to layout, and sensitive to every value."""

import base64
import contextlib
import hashlib
import io
import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imagecards.datasets.table import TableDataset
from imagecards.datasets.table_parquet import SKELETON
from imagecards.errors import IntegrityError, InvalidInputError


def digest(data: Any) -> str:
    return TableDataset(data).digest


def everything() -> pa.Table:
    """One column of each type that the specification of the digest has a rule for."""
    return pa.table(
        {
            "int": pa.array([1, None, -3], pa.int16()),
            "float": pa.array([1.5, None, float("nan")], pa.float32()),
            "bool": pa.array([True, None, False]),
            "text": pa.array(["é", None, ""]),
            "bytes": pa.array([b"\x00", None, b""]),
            "time": pa.array([1, None, 3], pa.timestamp("us", "UTC")),
            "list": pa.array([[1, None], None, []]),
            "fixed": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int8(), 2)),
            "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}]),
            "map": pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int8())),
            "category": pa.array(["b", None, "a"]).dictionary_encode(),
            "null": pa.nulls(3),
        }
    )


def test_digests_are_what_they_were() -> None:
    # Cards hold these digests for ever: when one changes, every registered table seems to be damaged.
    table = everything()
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": pl.Series(["x", "y"], dtype=pl.Enum(["y", "x"]))})
    pandas = pd.DataFrame({"a": [1.5, np.nan]}, index=pd.Index([3, 4], name="i"))
    matrix = np.arange(6, dtype="<i4").reshape(2, 3)
    assert [digest(data) for data in (table, frame, pandas, matrix)] == [
        "sha256:b24b690473fcff43c09ebdecea5c03273502dfb099c30c356cadbbafe47244e7",
        "sha256:067057e9e50ecd9214fa198a4e91a28b3279bbfd6842e59d79bab8cb49fbff6f",
        "sha256:c76a558ac26b2560f660034206da815d73336e8b4e4489c8fcf1d96aa30ea0c3",
        "sha256:3bc2c20a7e2848bc406ceb981fe5dcbe1619811be699a206906eb205221cca26",
    ]


def garbage_under_nulls(values: list[int], seen: list[bool]) -> pa.Array:
    bits = np.packbits(np.array(seen, bool), bitorder="little").tobytes()
    return pa.Array.from_buffers(
        pa.int64(), len(values), [pa.py_buffer(bits), pa.py_buffer(np.array(values, np.int64).tobytes())]
    )


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), max_size=20), st.integers(-5, 5))
def test_what_lies_under_nulls_does_not_count(rows: list[tuple[int, bool]], garbage: int) -> None:
    seen = [valid for _, valid in rows]
    one = garbage_under_nulls([value for value, _ in rows], seen)
    other = garbage_under_nulls([value if valid else garbage for value, valid in rows], seen)
    assert digest(pa.table({"a": one})) == digest(pa.table({"a": other}))


CELLS: dict[str, Any] = {
    "int64": st.integers(-5, 5),
    "string": st.text(max_size=3),
    "double": st.floats(),
    "bool": st.booleans(),
    "list<item: string>": st.lists(st.none() | st.text(max_size=2), max_size=3),
    "struct<a: int64, b: list<item: int64>>": st.fixed_dictionaries(
        {"a": st.none() | st.integers(0, 3), "b": st.none() | st.lists(st.integers(0, 3), max_size=2)}
    ),
}
TYPES = {
    "int64": pa.int64(),
    "string": pa.string(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "list<item: string>": pa.list_(pa.string()),
    "struct<a: int64, b: list<item: int64>>": pa.struct([("a", pa.int64()), ("b", pa.list_(pa.int64()))]),
}


@pytest.mark.parametrize("kind", CELLS)
@given(data=st.data())
@settings(max_examples=40)
def test_chunks_and_slices_do_not_count_and_values_do(kind: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.none() | CELLS[kind], min_size=1, max_size=12))
    whole = pa.table({"a": pa.array(rows, TYPES[kind])})
    cut = data.draw(st.integers(0, len(rows)))
    sliced = pa.array([rows[0], *rows, None], TYPES[kind]).slice(1, len(rows))
    chunks = pa.chunked_array([sliced.slice(0, cut), sliced.slice(cut, 0), sliced.slice(cut)])
    assert digest(pa.table({"a": chunks})) == digest(whole)
    place = data.draw(st.integers(0, len(rows) - 1))
    changed = pa.table(
        {"a": pa.array([*rows[:place], data.draw(st.none() | CELLS[kind]), *rows[place + 1 :]], TYPES[kind])}
    )
    # repr tells 0.0 from -0.0, and every NaN is the same to it
    assert (digest(changed) == digest(whole)) == (repr(changed.to_pylist()) == repr(whole.to_pylist()))
    assert digest(whole.slice(0, cut)) != digest(whole) or cut == len(rows)


def model_values(values: list[Any], kind: str) -> bytes:
    """What the specification says is digested of one block of a column, written as plainly as possible."""
    seen = bytes(value is not None for value in values)
    if kind == "int64":
        return seen + b"".join(struct.pack("<q", value or 0) for value in values)
    if kind == "double":
        floats = [0.0 if value is None else math.nan if value != value else value for value in values]
        return seen + b"".join(struct.pack("<d", value) for value in floats)
    if kind == "bool":
        return seen + bytes(bool(value) for value in values)
    if kind == "string":
        texts = [(value or "").encode() for value in values]
        return seen + b"".join(struct.pack("<q", len(text)) for text in texts) + b"".join(texts)
    if kind.startswith("list"):
        lengths = b"".join(struct.pack("<q", len(value or [])) for value in values)
        items = [item for value in values for item in value or []]
        return seen + lengths + model_values(items, kind.removeprefix("list<item: ").removesuffix(">"))
    parts = [[None if value is None else value[name] for value in values] for name in "ab"]
    return seen + model_values(parts[0], "int64") + model_values(parts[1], "list<item: int64>")


DESCRIBED = {
    "list<item: string>": ["list", "string"],
    "struct<a: int64, b: list<item: int64>>": ["struct", [["a", "int64"], ["b", ["list", "int64"]]]],
}


@pytest.mark.parametrize("kind", CELLS)
@given(data=st.data())
@settings(max_examples=40)
def test_the_digest_is_what_its_specification_says(kind: str, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.none() | CELLS[kind], max_size=12))
    described = {"type": DESCRIBED.get(kind, kind), "nullable": True, "metadata": None}
    sha256 = hashlib.sha256(model_values(rows, kind)).hexdigest()
    columns = [{"name": "é", "type": described, "sha256": sha256}]
    statement = {"container": "pyarrow", "rows": len(rows), "facts": None, "columns": columns}
    expected = hashlib.sha256(json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    assert digest(pa.table({"é": pa.array(rows, TYPES[kind])})) == f"sha256:{expected.hexdigest()}"


def test_which_nan_it_is_does_not_count() -> None:
    quiet, other = np.array([0x7FF8000000000000], np.uint64), np.array([0xFFF8000000000001], np.uint64)
    assert digest(quiet.view("f8")) == digest(other.view("f8"))
    assert digest(pa.table({"a": quiet.view("f8")})) == digest(pa.table({"a": other.view("f8")}))
    one, two = np.zeros(1, "c16"), np.zeros(1, "c16")
    one.real, two.imag = np.nan, np.nan
    assert digest(one) != digest(two)


def test_the_numbering_of_categories_does_not_count() -> None:
    one = pa.DictionaryArray.from_arrays(pa.array([0, 1, None], pa.int8()), pa.array(["a", "b"]))
    other = pa.DictionaryArray.from_arrays(pa.array([2, 0, None], pa.int8()), pa.array(["b", "c", "a"]))
    assert digest(pa.table({"a": one})) == digest(pa.table({"a": other}))
    chunks = pa.chunked_array([one.slice(0, 1), other.slice(1)])
    assert digest(pa.table({"a": chunks})) == digest(pa.table({"a": one}))
    assert digest(pa.table({"a": one.dictionary_decode()})) != digest(pa.table({"a": one}))


def test_the_levels_of_categories_count_where_they_are_part_of_the_type() -> None:
    def ordered(*levels: str) -> str:
        codes = pa.array([levels.index("a")], pa.int8())
        return digest(pa.table({"a": pa.DictionaryArray.from_arrays(codes, pa.array(levels), ordered=True)}))

    def pandas(levels: list[str], *, is_ordered: bool) -> str:
        return digest(pd.DataFrame({"a": pd.Categorical(["a"], categories=levels, ordered=is_ordered)}))

    assert ordered("a", "b") != ordered("b", "a")
    assert pandas(["a", "b"], is_ordered=True) != pandas(["b", "a"], is_ordered=True)
    assert pandas(["a", "b"], is_ordered=False) == pandas(["b", "a"], is_ordered=False)
    assert pandas(["a", "b"], is_ordered=False) != pandas(["a"], is_ordered=False)
    enums = [pl.DataFrame({"a": pl.Series(["a"], dtype=pl.Enum(levels))}) for levels in (["a", "b"], ["b", "a"])]
    assert digest(enums[0]) != digest(enums[1])


def test_everything_that_is_part_of_a_table_counts() -> None:
    base = pa.table({"a": pa.array([1, 2], pa.int64()), "b": pa.array(["x", "y"])})
    others = [
        base.rename_columns(["a", "c"]),
        base.select(["b", "a"]),
        base.set_column(0, "a", pa.array([1, 2], pa.int32())),
        base.set_column(1, "b", base["b"].cast(pa.large_string())),
        base.replace_schema_metadata({b"by": b"me"}),
        base.cast(pa.schema([pa.field("a", pa.int64(), nullable=False), ("b", pa.string())])),
        base.take([1, 0]),
        base.slice(0, 1),
        pl.DataFrame(base),
        base.to_pandas(),
        base.to_pandas().set_index("a"),
        base.to_pandas().rename_axis(index="i"),
        base.to_pandas().rename_axis(columns="c"),
        pd.DataFrame({"a": base["a"].to_pylist(), "b": pd.Series(["x", "y"], dtype=object)}),
        np.array([1, 2]),
        np.array([[1, 2]]),
        np.array([1, 2], ">i8"),
    ]
    digests = [digest(table) for table in (base, *others)]
    assert len(set(digests)) == len(digests)


def test_polars_and_pandas_do_not_tell_how_arrow_stores_texts() -> None:
    texts = [
        pa.table({"a": pa.array(["x", None], kind)}) for kind in (pa.string(), pa.large_string(), pa.string_view())
    ]
    frames = [digest(pl.DataFrame(pl.from_arrow(table))) for table in texts]
    assert len(set(frames)) == 1


def test_padding_between_fields_does_not_count() -> None:
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, other = np.zeros(2, kind), np.full(2 * kind.itemsize, 0xFF, np.uint8).view(kind)
    other["a"], other["b"] = 0, 0
    assert one.tobytes() != other.tobytes()
    assert digest(one) == digest(other)
    assert digest(np.asfortranarray(np.eye(3))) == digest(np.eye(3))


def test_blocks_do_not_show() -> None:
    numbers = np.arange(200_001)
    texts = pa.array([str(number) if number % 3 else None for number in numbers])
    table = pa.table({"a": pa.array(numbers), "b": texts, "c": pa.array([[number] for number in numbers])})
    assert digest(table) == digest(pa.concat_tables([table.slice(0, 70_000), table.slice(70_000)]))
    changed = table.set_column(0, "a", pa.array(np.where(numbers == 131_072, 0, numbers)))
    assert digest(changed) != digest(table)


def parquet(**changes: Any) -> bytes:
    """A parquet file that was not written by `to_bytes`, or was changed since."""
    sink = io.BytesIO()
    metadata = pq.read_schema(io.BytesIO(TableDataset(pa.table({"a": [1]})).to_bytes())).metadata
    table = pa.table({"a": [1]}).replace_schema_metadata({SKELETON: metadata[SKELETON]})
    pq.write_table(changes.get("change", lambda table: table)(table), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "x.parquet can't be read as a table ("),
        (b"PAR1" * 10, "x.parquet can't be read as a table ("),
        (parquet()[:-20], "x.parquet can't be read as a table ("),
        (
            parquet(change=lambda table: table.replace_schema_metadata(None)),
            "x.parquet lacks the schema that imagecards writes: restore the file from a copy",
        ),
        (
            parquet(change=lambda table: pa.table({"b": [1]}).replace_schema_metadata(table.schema.metadata)),
            "x.parquet has other columns than its own schema says: restore the file from a copy",
        ),
        (
            parquet(change=lambda table: table.append_column("b", pa.array([1]))),
            "x.parquet has other columns than its own schema says: restore the file from a copy",
        ),
        (
            parquet(change=lambda table: table.set_column(0, "a", pa.array(["text"]))),
            "x.parquet can't be read as a table (",
        ),
        (
            parquet(change=lambda table: table.replace_schema_metadata({SKELETON: b"!"})),
            "x.parquet can't be read as a table (",
        ),
        (
            parquet(change=lambda table: table.replace_schema_metadata({SKELETON: b"AAAA"})),
            "x.parquet can't be read as a table (",
        ),
    ],
)
def test_hostile_parquet_is_one_clear_error(data: bytes, message: str) -> None:
    assert TableDataset.from_bytes(parquet(), "pyarrow").rows == 1
    for container in ("pyarrow", "polars", "pandas"):
        with pytest.raises(IntegrityError) as caught:
            TableDataset.from_bytes(data, container, "x.parquet")
        assert str(caught.value).startswith(message)
        assert str(caught.value).endswith("restore the file from a copy")
        assert caught.value.place == "x.parquet"


def test_a_table_of_another_container_is_one_clear_error() -> None:
    with pytest.raises(IntegrityError, match=r"^x can't be read as a pandas table \("):
        TableDataset.from_bytes(parquet(), "pandas", "x")
    with pytest.raises(IntegrityError, match=r"^x can't be read as an array \(it does not begin as an npy file\)"):
        TableDataset.from_bytes(parquet(), "numpy", "x")
    union = pa.table({"u": pa.array([b"0" * 16], pa.uuid())})
    sink = io.BytesIO()
    skeleton = io.BytesIO()
    with pa.ipc.new_stream(skeleton, union.schema) as writer:
        writer.write_table(union.slice(0, 0))
    pq.write_table(union.replace_schema_metadata({SKELETON: base64.b64encode(skeleton.getvalue())}), sink)
    with pytest.raises(IntegrityError, match=r"^x can't be read as a pyarrow table \("):
        TableDataset.from_bytes(sink.getvalue(), "pyarrow", "x")


def forged(plain: pa.Table, empty: pa.Table, stream: str | None = None, **options: Any) -> bytes:
    """A file of the values of one table whose own schema is that of another."""
    skeleton, sink = io.BytesIO(), io.BytesIO()
    options_of_stream = pa.ipc.IpcWriteOptions(compression=stream)
    with pa.ipc.new_stream(skeleton, empty.schema, options=options_of_stream) as writer:
        writer.write_batch(empty.to_batches()[0] if empty.num_rows else first_batch(empty))
    metadata = {SKELETON: base64.b64encode(skeleton.getvalue())}
    pq.write_table(plain.replace_schema_metadata(metadata), sink, **options)
    return sink.getvalue()


def first_batch(table: pa.Table) -> pa.RecordBatch:
    arrays = [column.chunk(0) if column.num_chunks else pa.array([], column.type) for column in table.columns]
    return pa.record_batch(arrays, schema=table.schema)


def levels(values: Any) -> pa.Table:
    return pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array(values))}).slice(0, 0)


EMPTY = pa.table({"a": pa.array([], pa.int64())})
ONE = pa.DictionaryArray.from_arrays(pa.array(np.zeros(100_000, "i4")), pa.array(["x" * 10_000]))
LONG = pa.table({"a": ONE})
IN_LISTS = pa.table({"a": pa.ListArray.from_arrays(pa.array(range(100_001), pa.int32()), ONE)})
IN_STRUCTS = pa.table({"a": pa.StructArray.from_arrays([ONE], ["b"])})
BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "compressed levels": (
        lambda: forged(EMPTY, levels(np.zeros(1_000_000, "i8")), "zstd"),
        "its schema is compressed, which imagecards never does",
    ),
    "lz4": (
        lambda: forged(EMPTY, levels(np.zeros(1_000_000, "i8")), "lz4"),
        "its schema is compressed, which imagecards never does",
    ),
    "levels without bytes": (
        lambda: forged(pa.table({"a": pa.nulls(0)}), levels(pa.nulls(1_000_000))),
        "its schema states 1,000,000 levels",
    ),
    "rows in the schema": (lambda: forged(EMPTY, pa.table({"a": [1]})), "its schema has rows"),
    "decompressed": (
        lambda: forged(
            pa.table({"a": np.zeros(12_000_000, "i8")}),
            EMPTY,
            compression="zstd",
            use_dictionary=False,
            data_page_size=1 << 30,
            max_rows_per_page=1 << 30,
            row_group_size=12_000_000,
        ),
        "bytes would be decompressed to ",
    ),
    "repeated": (
        lambda: forged(
            pa.table({"a": np.zeros(40_000_000, "i8")}),
            EMPTY,
            data_page_size=1 << 30,
            max_rows_per_page=1 << 30,
            row_group_size=40_000_000,
        ),
        "bytes would become 320,000,000",
    ),
    "repeated in a list": (
        lambda: forged(
            pa.table({"a": pa.array([np.zeros(40_000_000, "i8")])}),
            pa.table({"a": pa.array([], pa.list_(pa.int64()))}),
        ),
        "bytes would become 320,000,000",
    ),
    "wide type in the schema": (
        lambda: forged(pa.table({"a": pa.nulls(1)}), pa.table({"a": pa.array([], pa.list_(pa.int64(), 2**30))})),
        "bytes would become 8,589,934,593",
    ),
    "one long category": (
        lambda: forged(LONG, pa.table({"a": pa.array([], pa.string())}), compression="zstd"),
        "its columns hold categories, which imagecards writes as plain values",
    ),
    "one long category in lists": (
        lambda: forged(IN_LISTS, IN_LISTS.schema.empty_table(), compression="zstd"),
        "bytes become more than ",
    ),
    "one long category in structs": (
        lambda: forged(IN_STRUCTS, IN_STRUCTS.schema.empty_table(), compression="zstd"),
        "bytes become more than ",
    ),
}


@pytest.mark.parametrize("kind", BOMBS)
def test_files_that_would_fill_memory_are_refused(kind: str) -> None:
    make, fault = BOMBS[kind]
    before = pa.total_allocated_bytes()
    data = make()
    assert len(data) < 200_000
    with pytest.raises(IntegrityError) as caught:
        TableDataset.from_bytes(data, "pyarrow", "x.parquet")
    assert str(caught.value).startswith("x.parquet ")
    assert fault in str(caught.value)
    assert str(caught.value).endswith("): restore the file from a copy")
    assert pa.total_allocated_bytes() - before < 100_000_000


def test_a_long_text_that_every_row_repeats_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TableDataset(pa.table({"a": ["x" * 10_000] * 1000})).to_bytes()
    monkeypatch.setattr("imagecards.datasets.table_parquet._ALWAYS_DECODED", 1_000_000)
    monkeypatch.setattr("imagecards.datasets.table_parquet._MOST_GROWTH", 1)
    with pytest.raises(IntegrityError, match=r"^x can't be read as a table \([\d,]+ bytes become more than [\d,]+\)"):
        TableDataset.from_bytes(data, "pyarrow", "x")


@pytest.mark.parametrize("bit", [11598, 12780, 16773])
def test_damaged_statistics_do_not_end_the_process(bit: int) -> None:
    data = bytearray(TableDataset(everything()).to_bytes())
    data[bit // 8] ^= 1 << (bit % 8)
    with contextlib.suppress(IntegrityError):  # another version of pyarrow may have something else at this place
        TableDataset.from_bytes(bytes(data), "pyarrow", "x")


def test_a_schema_too_long_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = TableDataset(EMPTY).to_bytes()
    monkeypatch.setattr("imagecards.datasets.table_parquet._LARGEST_SKELETON", 100)
    with pytest.raises(IntegrityError, match=r"^x can't be read as a table \(its schema takes \d+ bytes\)"):
        TableDataset.from_bytes(data, "pyarrow", "x")


def test_what_could_not_be_read_again_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.datasets.table_parquet._ALWAYS_DECODED", 0)
    with pytest.raises(InvalidInputError, match=r"bytes would become 80,000,000: give it in several tables$"):
        TableDataset(pa.table({"a": np.zeros(10_000_000, "i8")})).to_bytes()


def test_levels_are_not_looked_up_for_no_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    table = levels(["x", "y"])
    data = TableDataset(table).to_bytes()
    monkeypatch.setattr("imagecards.datasets.table_parquet.pc.index_in", None)
    back = TableDataset.from_bytes(data, "pyarrow").data
    assert back.schema == table.schema
    assert back["a"].chunk(0).dictionary.to_pylist() == ["x", "y"]


def test_tables_read_in_batches_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    table = everything().append_column(
        "lists", pa.array([["a"], None, ["b"]], pa.list_(pa.dictionary("i1", pa.string())))
    )
    table = pa.concat_tables([table] * 1000)
    data = TableDataset(table).to_bytes()
    monkeypatch.setattr("imagecards.datasets.table_parquet._BATCH", 7)
    monkeypatch.setattr("imagecards.datasets.table_parquet._ALWAYS_DECODED", 0)
    back = TableDataset.from_bytes(data, "pyarrow")
    assert back.digest == digest(table)
    assert back.data["text"].num_chunks == 1


@pytest.mark.parametrize("metadata", [{b"_PL_ENUM_VALUES2": b"x;"}, {b"_PL_CATEGORICAL2": b"\xff;x;u99;"}])
def test_what_makes_polars_panic_is_one_clear_error(metadata: dict[bytes, bytes]) -> None:
    field = pa.field("a", pa.dictionary(pa.uint8(), pa.large_string()), metadata=metadata)
    schema = pa.schema([field])
    data = TableDataset(pa.table([pa.array(["x"]).dictionary_encode().cast(field.type)], schema=schema)).to_bytes()
    with pytest.raises(IntegrityError, match=r"^x can't be read as a polars table \("):
        _ = TableDataset.from_bytes(data, "polars", "x").data


def test_a_zone_that_nobody_knows_is_one_clear_error() -> None:
    data = TableDataset(pa.table({"a": pa.array([1], pa.timestamp("us", "Mars/Olympus"))})).to_bytes()
    with pytest.raises(IntegrityError, match=r"^x can't be read as a polars table \("):
        _ = TableDataset.from_bytes(data, "polars", "x").data


def npy(header: str, values: bytes = b"\x00" * 8, version: bytes = b"\x01\x00") -> bytes:
    text = header.encode("latin-1")
    length = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
    return b"\x93NUMPY" + version + length + text + values


def describe(descr: str = "'<i8'", order: str = "False", shape: str = "(1,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "it does not begin as an npy file"),
        (npy(describe(), version=b"\x04\x00"), "it does not begin as an npy file"),
        (npy(describe(shape="(1099511627776,)")), "it states 8,796,093,022,208 bytes of values and has 8"),
        (npy(describe(shape="(10**9,)")), "malformed node or string"),
        (npy(describe(shape="(-1,)")), "its shape is none"),
        (npy(describe(shape="(True,)")), "its shape is none"),
        (npy(describe(order="0")), "its shape is none"),
        (npy(describe(shape="7")), "'int' object is not iterable"),
        (npy(describe("'|O'")), "its Python objects would have to be pickled"),
        (npy(describe("[('a', '|O')]")), "its Python objects would have to be pickled"),
        (npy(describe("'|V0'", shape="(1099511627776,)"), b""), "its values, or those of a field, take no bytes"),
        (npy(describe("'|S0'", shape="(1099511627776,)"), b""), "its values, or those of a field, take no bytes"),
        (npy(describe("[]", shape="(1099511627776,)"), b""), "its values, or those of a field, take no bytes"),
        (npy(describe("('<f4', (0,))", shape="(9999999999,)"), b""), "its values, or those of a field, take no bytes"),
        (npy(describe("[('a', '|i1'), ('b', '|S0')]", shape="(8,)")), "its values, or those of a field, take no bytes"),
        (npy(describe() + " " * 70_000, version=b"\x02\x00"), "its header is longer than it can be"),
        (npy(describe("'<f16'")), "its size differs between machines"),
        (npy(describe("'nonsense'")), ""),
        (npy(describe() + " + 1"), ""),
        (npy("__import__('os').system('true')"), "malformed node or string"),
        (npy("[1]"), "its header is none"),
        (npy("(" * 60_000), ""),
        (npy(describe(), values=b""), "it states 8 bytes of values and has 0"),
        (npy(describe(), values=b"\x00" * 9), "it states 8 bytes of values and has 9"),
        (npy(describe())[:9], ""),
        (npy(describe())[:20], "its header is longer than it can be"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "its header is longer than it can be"),
    ],
)
def test_hostile_arrays_are_one_clear_error(data: bytes, fault: str) -> None:
    assert TableDataset.from_bytes(npy(describe()), "numpy").data.tolist() == [0]
    with pytest.raises(IntegrityError) as caught:
        TableDataset.from_bytes(data, "numpy", "x.npy")
    assert str(caught.value).startswith("x.npy can't be read as an array (" + fault)
    assert str(caught.value).endswith("): restore the file from a copy")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_give_an_error_or_another_digest(data: st.DataObject) -> None:
    # deep inside, bytes may change that hold no values (statistics, padding): then the same table is read
    table = TableDataset(data.draw(st.sampled_from([everything(), pl.DataFrame(everything().drop(["map"]))])))
    encoded = bytearray(table.to_bytes())
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = TableDataset.from_bytes(bytes(encoded), table.container, "x")
        rows = found.rows
    except IntegrityError:
        return
    assert rows >= 0


def test_a_table_can_be_digested_and_kept_in_good_time() -> None:
    numbers = np.arange(100_000)
    frame = pl.DataFrame({"a": numbers, "b": numbers.astype(str), "c": numbers / 3})
    table = TableDataset(frame)
    assert TableDataset.from_bytes(table.to_bytes(), "polars").data.equals(frame)
