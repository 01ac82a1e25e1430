import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.records import ImageMetadata, read_jsonl

SEED = b"""\
{"file_name": "0001.png", "objects": {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": [0]}}
{"file_name": "0002.png", "caption": "This is a second value of a text feature you added to your images"}
{"file_name": "0002.png", "objects": {"bbox": [[810.0, 100.0, 57.0, 28.0]], "categories": [1]}}
{"file_name": "0003.png", "objects": {"bbox": [[160.0, 31.0, 248.0, 616.0], [741.0, 68.0, 202.0, 401.0]], \
"categories": [2, 2]}}
"""


def text(*rows: dict[str, Any]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)


def test_complementary_lines_merge() -> None:
    metadata = ImageMetadata.from_jsonl(SEED)
    merged = metadata.merged()
    assert len(metadata) == 4
    assert merged["file_name"].to_pylist() == ["0001.png", "0002.png", "0003.png"]
    assert merged.slice(1, 1).to_pylist()[0] == {
        "file_name": "0002.png",
        "caption": "This is a second value of a text feature you added to your images",
        "categories": None,
        "objects": [{"bbox": [810.0, 100.0, 57.0, 28.0], "category": 1}],
    }


@pytest.mark.parametrize(
    ("one", "other", "field"),
    [
        ({"caption": "x"}, {"caption": "y"}, "caption"),
        ({"categories": [1]}, {"categories": []}, "categories"),
        ({"w": 1}, {"w": 2.5}, "w"),
        (
            {"objects": {"bbox": [], "categories": []}},
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": [1]}},
            "objects",
        ),
    ],
)
def test_contradicting_lines_are_an_error_that_names_both(
    one: dict[str, Any], other: dict[str, Any], field: str
) -> None:
    data = text({"file_name": "a.png"} | one, {"file_name": "b.png"}, {"file_name": "a.png"} | other)
    (issue,) = read_jsonl(data)[1]
    assert (issue.rule, issue.line, issue.field) == ("contradicting-lines", 3, field)
    assert issue.message.startswith("line 1 says ")


def test_repeating_the_same_is_no_contradiction() -> None:
    row = {"file_name": "a.png", "caption": "x", "w": {"a": [1]}}
    table = ImageMetadata.from_jsonl(text(row, row)).merged()
    assert table.to_pylist() == [
        {
            "file_name": "a.png",
            "caption": "x",
            "categories": None,
            "objects": None,
            "extra": {"w": {"a": [1]}},
        }
    ]


FIELDS = {
    "caption": "x",
    "categories": [1],
    "objects": {"bbox": [[1, 2, 3, 4]], "categories": [1]},
    "w": 1.5,
    "z": {"a": 1},
}


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(sorted(FIELDS))), min_size=1, max_size=10))
def test_merging_agrees_with_a_simple_model(lines: list[tuple[str, str]]) -> None:
    expected: dict[str, dict[str, Any]] = {}
    for name, field in lines:
        expected.setdefault(name, {"file_name": name})[field] = FIELDS[field]
    metadata = ImageMetadata.from_jsonl(text(*({"file_name": name, field: FIELDS[field]} for name, field in lines)))
    merged = ImageMetadata.from_table(metadata.merged())
    assert [record.present() for record in merged.records] == list(expected.values())


def test_nothing_is_done_to_lines_that_are_unique() -> None:
    metadata = ImageMetadata.from_jsonl(text({"file_name": "a.png"}, {"file_name": "b.png"}))
    assert metadata.merged() is not None
    assert metadata.merged().equals(metadata.table)
