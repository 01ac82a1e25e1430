"""The fast ways from records to columns and back give what the careful ones give."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.formats.coco_documents import RLE, SQUARE

from imagecards.formats.columns import proved_table
from imagecards.formats.rows import records_of
from imagecards.records import read_jsonl
from imagecards.records.exact import MAX_LINE_BYTES
from imagecards.records.schema import to_dicts

SCALARS = st.one_of(
    st.none(), st.integers(-5, 5), st.sampled_from([0.5, -0.0, 1e300]), st.sampled_from(["a", "\0", "ü"]), st.booleans()
)
OUTLINES = st.one_of(
    st.none(),
    st.just(SQUARE),
    st.just([]),
    st.just(RLE),
    st.just({"size": [8, 10], "counts": [80]}),
    st.just([[1, 2, 3, 4, 5]]),
    st.just([[True, 2, 3, 4, 5, 6]]),
    st.just({"size": [8, 0], "counts": "a"}),
    st.just([["a"] * 6]),
)
OBJECTS = st.lists(
    st.fixed_dictionaries(
        {
            "bbox": st.sampled_from([[0, 0, 1, 1.5], [0, 0, 1], [0, 0, 1, -1], None, [0, -0.0, 1, 1]]),
            "category": st.just("a"),
        },
        optional={
            "segmentation": OUTLINES,
            "area": SCALARS,
            "iscrowd": st.sampled_from([0, 1, 2, True]),
            "id": SCALARS,
            "x": SCALARS,
            "categories": SCALARS,
        },
    ),
    max_size=2,
)


class TestFastPaths:
    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "id": SCALARS,
                        "caption": st.sampled_from(["x", None]),
                        "categories": st.sampled_from([["a"], [], None, ["\0"], [1], [None], "ab"]),
                    },
                ),
                st.none() | OBJECTS,
            ),
            max_size=3,
        )
    )
    def test_columns_are_what_lines_are(self, images: list[tuple[dict[str, Any], Any]]) -> None:
        records = [{"file_name": f"{n}.png", **fields} for n, (fields, _) in enumerate(images)]
        objects = [found for _, found in images]
        table = proved_table(records, objects)
        if table is None:
            return
        assert all("categories" not in entry for found in objects for entry in found or ())
        lines = []
        for record, found in zip(records, objects, strict=True):
            names = dict.fromkeys(["bbox", "category", *(key for entry in found or () for key in entry)])
            lists = {
                {"category": "categories"}.get(key, key): [entry.get(key) for entry in found or ()] for key in names
            }
            lines.append(json.dumps(record if found is None else {**record, "objects": lists}).encode())
        expected, report = read_jsonl(b"\n".join(lines))
        assert not len(report), report.render()
        assert table.schema == expected.schema
        assert table.equals(expected.combine_chunks())
        assert repr(list(records_of(table))) == repr(list(to_dicts(expected)))

    def test_sound_records_are_proved(self) -> None:
        objects = [{"bbox": [0, 0, 1, 1], "category": "a", "segmentation": SQUARE, "area": 3, "id": 1, "iscrowd": 0}]
        records: list[dict[str, Any]] = [
            {"file_name": "ü/a.png", "id": 3, "license": 1},
            {"file_name": "b.png", "caption": "x"},
        ]
        assert proved_table(records, [objects, None]) is not None
        assert proved_table([{"file_name": "../a.png"}], [objects]) is None
        assert proved_table([{"file_name": "a.png"}, {"file_name": "A.png"}], [objects, None]) is None
        assert proved_table([{"file_name": "a.png", "captoin": "x"}], [objects]) is None

    @pytest.mark.parametrize(
        ("fields", "entry"),
        [
            ({"caption": "x" * MAX_LINE_BYTES}, {}),
            ({"note": "x" * MAX_LINE_BYTES}, {}),
            ({"categories": ["x" * MAX_LINE_BYTES]}, {}),
            ({}, {"category": "x" * MAX_LINE_BYTES}),
            ({}, {"note": "x" * MAX_LINE_BYTES}),
            ({}, {"segmentation": [[0.5] * (MAX_LINE_BYTES // 4)]}),
        ],
    )
    def test_what_may_be_too_long_a_line_is_not_proved(self, fields: dict[str, Any], entry: dict[str, Any]) -> None:
        objects = [{"bbox": [0, 0, 1, 1], "category": "a", **entry}]
        assert proved_table([{"file_name": "a.png", **fields}], [objects]) is None
