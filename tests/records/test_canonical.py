"""A column at a time, the texts are those that values have one by one."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imagecards.digests import canonical_text
from imagecards.records import ImageMetadata
from imagecards.records.canonical import column_texts
from imagecards.records.digest import canonical_records
from imagecards.records.json_values import without_nulls

IMAGE = bytes(range(32))
BORDERS = [2.0**53, 2.0**53 - 1, 2.0**53 + 2, 1e-4, 9.999999999999999e-05, 1e15 + 0.5, 2.0**52 - 0.5, 0.5, 302.0]
FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e6, 1e6).map(lambda number: round(number, 2)),
    st.integers(-(2**60), 2**60).map(float),
    st.sampled_from([0.0, -0.0, 5e-324, 1e21, 1e-7, 1.7976931348623157e308, *BORDERS, *(-x for x in BORDERS)]),
)
INTEGERS = st.integers(-(2**53), 2**53)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", "\x00", "\x1f", "\x20", "\x7f", "\u2028", "\n", "\ufeff", "é", "\U0001f600", ",", ",{}", "null"]
)
KEYS = st.sampled_from(["a", "b", "", ",", "{", '"', "\\", "%s", "é", "\ufb33", "\U0001f600", "\n"])
SCALARS = st.sampled_from(
    [
        (pa.string(), TEXTS),
        (pa.int64(), INTEGERS),
        (pa.float64(), FLOATS),
        (pa.bool_(), st.booleans()),
        (pa.null(), st.none()),
        (pa.int32(), st.integers(-5, 5)),
    ]
)
Column = tuple[pa.DataType, st.SearchStrategy[Any]]


def nullable(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def list_of(column: Column) -> Column:
    return pa.list_(column[0]), st.lists(nullable(column[1]), max_size=3)


def struct_of(columns: dict[str, Column]) -> Column:
    kind = pa.struct([(name, kind) for name, (kind, _) in columns.items()])
    return kind, st.fixed_dictionaries({name: nullable(values) for name, (_, values) in columns.items()})


COLUMNS = st.recursive(
    SCALARS,
    lambda inner: inner.map(list_of) | st.dictionaries(KEYS, inner, max_size=4).map(struct_of),
    max_leaves=6,
)


@given(COLUMNS, st.data(), st.booleans(), st.integers(0, 3))
def test_the_texts_of_a_column(column: Column, data: st.DataObject, nulls: bool, cut: int) -> None:
    kind, strategy = column
    values = data.draw(st.lists(nullable(strategy) if nulls else strategy, max_size=6))
    expected = [None if value is None else canonical_text(without_nulls(value)) for value in values]
    array = pa.array(values, kind)
    assert column_texts(array).to_pylist() == expected
    assert column_texts(array.slice(cut)).to_pylist() == expected[cut:]


def test_lists_whose_nulls_hide_values() -> None:
    numbers = pa.array([1, 2, 3, 4, 5])
    lists = pa.ListArray.from_arrays([0, 2, 4, 5], numbers, mask=pa.array([False, True, False]))
    assert column_texts(lists).to_pylist() == ["[1,2]", None, "[5]"]
    assert column_texts(lists.slice(1)).to_pylist() == [None, "[5]"]


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf"), 2**53 + 1, -(2**53) - 1])
def test_numbers_that_have_no_text_are_refused(number: float) -> None:
    for values in ([number], [None, 1, number]):
        with pytest.raises(ValueError, match=r"has no JSON form|beyond 2\*\*53"):
            column_texts(pa.array(values))


def test_an_object_has_each_field_once() -> None:
    array = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(ValueError, match="several fields of one name"):
        column_texts(array)


NUMBERS = st.floats(-(2**53), 2**53, exclude_min=True, exclude_max=True) | st.integers(-(2**52), 2**52)
SIZES = NUMBERS.map(abs)
NO_NUL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4) | st.sampled_from(['"', "\\", "\n"])
NESTED: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {}, optional={"n": st.none() | FLOATS, "t": NO_NUL, "l": st.lists(st.none() | NO_NUL, max_size=2), "e": st.just({})}
)
EXTRAS = {
    "score": st.none() | NUMBERS,
    "weather": st.none() | NO_NUL,
    "nested": st.none() | NESTED,
    "list": st.none() | st.lists(st.none() | NESTED, max_size=2),
    'od"d\\%s': st.booleans(),
    "\U0001f600": st.just(1),
    "\ufb33": st.just(2),
    "nothing": st.none(),
}
ENTRIES = st.fixed_dictionaries(
    {"bbox": st.tuples(NUMBERS, NUMBERS, SIZES, SIZES).map(list), "category": NO_NUL},
    optional={
        "segmentation": st.none() | st.lists(st.lists(NUMBERS, min_size=6, max_size=6), max_size=2),
        "area": st.none() | SIZES,
        "iscrowd": st.sampled_from([0, 1]),
        "track": st.none() | NESTED,
    },
)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "caption": st.none() | NO_NUL,
        "categories": st.none() | st.lists(NO_NUL, max_size=2),
        "objects": st.none() | st.lists(ENTRIES, max_size=3),
        "extra": st.fixed_dictionaries({}, optional=EXTRAS),
    },
)


def written(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a line of metadata.jsonl has it: with parallel lists, and further fields beside the others."""
    line = {name: value for name, value in record.items() if name != "extra"}
    line.update(record.get("extra", {}))
    if record.get("objects") is not None:
        entries = record["objects"]
        names = {name for entry in entries for name in entry} - {"bbox", "category"}
        line["objects"] = {name: [entry.get(name) for entry in entries] for name in ("bbox", *sorted(names))}
        line["objects"]["categories"] = [entry["category"] for entry in entries]
    return line


def told(record: dict[str, Any]) -> dict[str, Any]:
    """What the digest of a record is said to be of."""
    model: dict[str, Any] = without_nulls(record)
    model["image"] = f"sha256:{IMAGE.hex()}"
    for entry in model.get("objects", ()):
        if "segmentation" in entry:
            entry["segmentation"] = {"polygons": entry["segmentation"]}
    if not model.get("extra"):
        model.pop("extra", None)
    return model


@given(st.lists(RECORDS, min_size=1, max_size=5))
@example([{"extra": {"nested": {"n": None}}}, {"extra": {"nothing": None}}, {"extra": {}}])
@example([{"objects": []}, {"objects": None}, {"categories": []}, {"categories": None}, {}])
def test_the_texts_of_whole_records(records: list[dict[str, Any]]) -> None:
    records = [{"file_name": f"{number}.png"} | record for number, record in enumerate(records)]
    merged = ImageMetadata.from_jsonl("\n".join(json.dumps(written(record)) for record in records).encode()).merged()
    (texts,) = canonical_records(merged, [IMAGE] * len(records))
    assert texts.to_pylist() == [canonical_text(told(record)) for record in records]
