import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.errors import InvalidMetadataError
from imagecards.records import ImageMetadata, ImageRecord, read_jsonl
from imagecards.records.schema import conform_table, shape_of_table, table_schema
from imagecards.records.shape import UNKNOWN, Shape, ShapeConflictError, grown

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def read(*rows: dict[str, Any]) -> pa.Table:
    table, report = read_jsonl("\n".join(json.dumps(row) for row in rows).encode())
    assert report.ok, report.render()
    return table.drop_columns(["line"])


def simple_kinds(value: Any) -> Any:
    """A slow model of shapes: nested sets of the kinds that were seen."""
    if isinstance(value, list):
        return ("list", [simple_kinds(item) for item in value])
    if isinstance(value, dict):
        return ("object", {key: simple_kinds(item) for key, item in value.items()})
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def model_agrees(kinds: list[Any]) -> bool:
    """Whether kinds of one place go together, by comparing all with all."""
    kinds = [kind for kind in kinds if kind != "NoneType"]
    lists = [kind[1] for kind in kinds if kind[0] == "list"]
    objects = [kind[1] for kind in kinds if kind[0] == "object"]
    scalars = {kind for kind in kinds if isinstance(kind, str)}
    if bool(lists) + bool(objects) + len(scalars) > 1:
        return False
    names = {name for each in objects for name in each}
    return (
        model_agrees([item for each in lists for item in each])
        if lists
        else all(model_agrees([each[name] for each in objects if name in each]) for name in names)
    )


@given(st.lists(VALUES, max_size=4))
def test_values_have_one_shape_as_a_slow_model_says(values: list[Any]) -> None:
    shape, agree = UNKNOWN, True
    try:
        for line, value in enumerate(values, start=1):
            shape = grown(shape, value, line)
    except ShapeConflictError:
        agree = False
    assert agree == model_agrees([simple_kinds(value) for value in values])
    if agree:
        assert all(grown(shape, value, 99) is shape for value in values)


def test_the_first_value_decides_and_whole_numbers_become_decimal() -> None:
    shape = grown(grown(UNKNOWN, 1, 3), 2.5, 4)
    assert shape == Shape("float", 3)
    with pytest.raises(ShapeConflictError) as caught:
        grown(shape, "x", 5)
    assert caught.value.settled.line == 3


def test_columns_are_as_documented() -> None:
    table = read(
        {
            "file_name": "a.png",
            "categories": ["x"],
            "w": {"a": 1, "b": [True], "none": None, "empty": {}},
            "objects": {
                "bbox": [[1, 2, 3, 4]],
                "categories": ["x"],
                "segmentation": [[[1, 2, 3, 4, 5, 6]]],
                "area": [1],
                "iscrowd": [0],
                "id": ["i"],
                "t": [{"a": 1}],
            },
        }
    )
    numbers = pa.list_(pa.float64())
    outline = [
        ("polygons", pa.list_(numbers)),
        ("size", pa.list_(pa.int64())),
        ("counts", pa.string()),
        ("runs", pa.list_(pa.int64())),
    ]
    one = [
        ("bbox", numbers),
        ("category", pa.string()),
        ("segmentation", pa.struct(outline)),
        ("area", pa.float64()),
        ("iscrowd", pa.int64()),
        ("id", pa.string()),
        ("t", pa.struct([("a", pa.int64())])),
    ]
    extra = [("a", pa.int64()), ("b", pa.list_(pa.bool_())), ("empty", pa.struct([("", pa.null())]))]
    assert table.schema == pa.schema(
        [
            ("file_name", pa.string()),
            ("caption", pa.string()),
            ("categories", pa.list_(pa.string())),
            ("objects", pa.list_(pa.struct(one))),
            ("extra", pa.struct([("w", pa.struct(extra))])),
        ]
    )


def test_columns_of_nothing_are_there_without_extra() -> None:
    table = read({"file_name": "a.png", "w": None})
    assert table.column_names == ["file_name", "caption", "categories", "objects"]


ROWS = st.fixed_dictionaries(
    {},
    optional={
        "categories": st.lists(st.integers(0, 3), max_size=2),
        "n": st.integers(0, 3),
        "f": st.floats(0, 1),
        "m": st.fixed_dictionaries(
            {}, optional={"a": st.lists(st.text("x", max_size=1), max_size=2), "b": st.just({})}
        ),
        "objects": st.sampled_from(
            [
                {"bbox": [], "categories": []},
                {"bbox": [[1, 2, 3, 4]], "categories": [1], "area": [5]},
                {"bbox": [[1, 2, 3, 4]], "categories": [1], "segmentation": [None], "t": [[1]]},
                {"bbox": [[1, 2, 3, 4]], "categories": [1], "segmentation": [[[1, 2, 3, 4, 5, 6]]]},
            ]
        ),
    },
)


@given(st.lists(ROWS, max_size=4), st.lists(ROWS, max_size=3))
def test_schemas_and_shapes_are_inverse_and_tables_conform(
    rows: list[dict[str, Any]], more: list[dict[str, Any]]
) -> None:
    named = [{"file_name": f"{i}.png"} | row for i, row in enumerate(rows + more)]
    part, whole = read(*named[: len(rows)]), read(*named)
    assert table_schema(shape_of_table(part)) == part.schema
    for start in range(len(rows) + 1):
        conformed = conform_table(part.slice(start), whole.schema)
        conformed.validate(full=True)
        assert conformed.schema == whole.schema
        assert conformed.to_pylist() == whole.slice(start, len(rows) - start).to_pylist()


def test_tables_of_other_types_are_refused() -> None:
    table = read({"file_name": "a.png", "n": 1})
    for dtype in (pa.timestamp("us"), pa.int32(), pa.binary()):
        extra = pa.nulls(1, pa.struct([("n", dtype)]))
        with pytest.raises(InvalidMetadataError):
            ImageMetadata.from_table(table.set_column(4, "extra", extra))
    with pytest.raises(InvalidMetadataError):
        ImageMetadata.from_table(table.set_column(1, "caption", pa.array([1])))


def test_numbers_of_numpy_are_numbers() -> None:
    record = ImageRecord.model_validate({"file_name": "a.png", "n": np.float64(1.5)})
    assert ImageMetadata(records=[record]).to_jsonl() == b'{"file_name": "a.png", "n": 1.5}\n'
