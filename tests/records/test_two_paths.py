"""The columnar path and the exact path give the same table and the same issues on every input."""

import copy
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imagecards.records import Report, columnar
from imagecards.records.jsonl import Prove, Reader
from imagecards.records.shape import Shape

Answer = tuple[pa.Table, Report]


def prove_nothing(_text: Any, _line_count: int, _shape: Shape) -> None:
    """Leave everything to the exact path."""


def both_answers(data: bytes, block_bytes: int) -> tuple[Answer, Answer]:
    """Read with both paths, and with the exact one alone; tiny blocks make small files take every branch."""

    def read(prove: Prove) -> Answer:
        reader = Reader(data, "m.jsonl", prove=prove, max_line_bytes=6000, few_lines=1, block_bytes=block_bytes)
        return reader.read()

    return read(columnar.prove), read(prove_nothing)


def assert_agree(data: bytes, block_bytes: int = 300) -> Answer:
    """Require equal answers of both paths, and return them."""
    (table, report), (exact_table, exact_report) = both_answers(data, block_bytes)
    assert list(report) == list(exact_report)
    assert report == exact_report
    assert table.schema == exact_table.schema
    assert table.to_pylist() == exact_table.to_pylist()
    table.validate(full=True)
    return table, report


NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.sampled_from([0, 1, 0.5, 1e300, 5e-324, 2**53]))
SIZES = st.one_of(st.integers(0, 1000), st.floats(0, 1e6))
TEXTS = st.one_of(
    st.sampled_from(
        ["", "a cat", "2020-01-01T00:00:00", "é", "\U0001f600", "line\nbreak", "\x1b[0m", "12", "NaN", "null"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
)
NAMES = st.one_of(
    st.integers(0, 30).map("images/{:04d}.png".format),
    st.sampled_from(["a.png", "A.png", "dé/x.jpg", "漢字.png", "con1.png", "a b/c.d.png"]),
)
EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "weather": st.none() | TEXTS,
        "score": st.none() | NUMBERS,
        "count": st.integers(-(2**53), 2**53),
        "flag": st.booleans(),
        "tags": st.lists(st.none() | TEXTS, max_size=3),
        "nothing": st.none(),
        "empty": st.just({}),
        "nulls": st.lists(st.none(), max_size=2),
        "meta": st.fixed_dictionaries(
            {}, optional={"a": st.none() | st.integers(0, 9), "b": st.lists(NUMBERS, max_size=2)}
        ),
        "notes": st.lists(st.none() | st.fixed_dictionaries({}, optional={"x": NUMBERS, "y": TEXTS}), max_size=2),
    },
)
POLYGON = st.lists(NUMBERS, min_size=3, max_size=4).map(lambda points: points + points)
OUTLINES = st.one_of(
    st.none(),
    st.lists(POLYGON, max_size=2),
    st.just({"size": [4, 5], "counts": "abc"}),
    st.just({"size": [4, 5], "counts": [3, 17]}),
)


@st.composite
def objects(draw: st.DrawFn, categories: st.SearchStrategy[Any]) -> dict[str, Any]:
    count = draw(st.integers(0, 3))

    def column(items: st.SearchStrategy[Any]) -> Any:
        return draw(st.lists(items, min_size=count, max_size=count))

    fields: dict[str, Any] = {
        "bbox": column(st.tuples(NUMBERS.filter(lambda x: abs(x) < 2**53), st.integers(0, 9), SIZES, SIZES).map(list)),
        "categories": column(categories),
    }
    further = {
        "segmentation": OUTLINES,
        "area": st.none() | SIZES,
        "iscrowd": st.sampled_from([None, 0, 1]),
        "id": st.none() | st.integers(0, 99),
        "tracks": st.none() | st.fixed_dictionaries({}, optional={"t": st.integers(0, 5)}),
    }
    for name in draw(st.lists(st.sampled_from(sorted(further)), unique=True)):
        fields[name] = None if draw(st.integers(0, 9)) == 0 else column(further[name])
    return fields


@st.composite
def records(draw: st.DrawFn, categories: st.SearchStrategy[Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"file_name": draw(NAMES)}
    if draw(st.booleans()):
        record["caption"] = draw(st.none() | TEXTS)
    if draw(st.booleans()):
        record["categories"] = draw(st.none() | st.lists(categories, max_size=3))
    if draw(st.booleans()):
        record["objects"] = draw(st.none() | objects(categories))
    return record | draw(EXTRAS)


CATEGORIES = st.sampled_from([st.integers(0, 80), st.sampled_from(["cat", "dog", ""])])
FILES = CATEGORIES.flatmap(lambda categories: st.lists(records(categories), min_size=1, max_size=12))

HOSTILE_VALUES = [
    "[]",
    "1e16",
    "-1e16",
    "-1",
    "2",
    "[-1]",
    "[1]",
    '["x"]',
    "[null, null]",
    "[1, null]",
    "[1, 2, 3]",
    "[[1, 2, 3, 4, 5, 6]]",
    "[[1, 2, 3, 4, 5]]",
    "[[1, 2, 3, 4, 5, NaN]]",
    "[[1, 2, 3, 4, 5, 1e16]]",
    "[[[1, 2, 3, 4]], null]",
    "[[1, 2, 3, 4]]",
    "[[1, 2, 3, 4], null]",
    '{"size": [4, 5], "counts": "ab"}',
    '{"t": null, "u": null}',
    "NaN",
    "-Infinity",
    "1e999",
    "-0",
    "01",
    "1.",
    "9007199254740993",
    "-9007199254740993.0",
    "9" * 30,
    "9" * 5000,
    "true",
    "null",
    "[]",
    "{}",
    '"x"',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
    "[null]",
    "[NaN]",
    '{"a": "x"}',
    '{"a": 1, "a": 2}',
    "[" * 100 + "]" * 100,
    "1.5",
    "1e2",
    '[[1, 2, 3, "4"]]',
    "[[1, 2, 3]]",
    "[[1, 2, 3, -4]]",
    "[[1, 2, 3, 1e16]]",
    '"../x.png"',
    '"nul.png"',
    "[1, 2, 3]",
    '{"bbox": [], "categories": []}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [true]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "area": [-1]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "iscrowd": [2]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "iscrowd": [true]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "segmentation": [[[1, 2, 3, 4]]]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "segmentation": [[[1, 2, 3, 4, 5, 6], null]]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "segmentation": {"counts": 1}}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "area": [1, 2]}',
    '{"bbox": null, "categories": [1]}',
    '{"bbox": [[1, 2, 3, 4]], "categories": [1], "category": null}',
    '{"bbox": [[1, 2, 3, 4]]}',
    '{"bbox": [[1, 2, 3, 4]], "bbox": [], "categories": [1]}',
]
FIELDS = [
    "file_name",
    "caption",
    "categories",
    "objects",
    "weather",
    "score",
    "flag",
    "meta",
    "tags",
    "new",
    "",
    "captoin",
]
HOSTILE_LINES = [
    b"null {}",
    b'null {"file_name": "x.png"}',
    b"1 {}",
    b"null",
    b"[]",
    b"{}",
    b"",
    b"  ",
    b"\t",
    b"{",
    b"}",
    b"\x00",
    b'{"file_name": "a.png"} {"file_name": "b.png"}',
    b'{"file_name": "a.png"}{}',
    b' {"file_name": "a.png"}',
    b'{"file_name": "a.png"} ',
    b'{"file_name": "a.png"}\r',
    b'{"file_name": "a.png"}\r\r',
    b'{"file_name":',
    b'"a.png"}',
    b'{"file_name": "a.png"} null {}',
    b"\xef\xbb\xbf{}",
    b'{"file_name": "a.png", "caption": "\xff"}',
    b'{"file_name": "a.png", "caption": "\xed\xa0\x80"}',
    b"[" * 3000,
    b'{"file_name": "a.png", "caption": "tab\there"}',
    b'{"file_name": "a.png", "caption": "' + b"x" * 7000 + b'"}',
    b"{'file_name': 'a.png'}",
    b'{"file_name": "a.png",}',
    b'{"file_name": "a.png"} // x}',
    b"\xe2\x80\xa8",
    b'{"file_name": "a.png", "\xff": 1}',
    b'{"file_name": "a.png", "caption": "\xe2\x80\xa8"}',
    b'{"a": ' * 3000,
]


def to_lines(rows: list[dict[str, Any]], *, ascii_only: bool = False) -> list[bytes]:
    return [json.dumps(row, ensure_ascii=ascii_only).encode() for row in rows]


@given(FILES, st.booleans())
def test_paths_agree_on_mostly_valid_files(rows: list[dict[str, Any]], ascii_only: bool) -> None:
    assert_agree(b"\n".join(to_lines(rows, ascii_only=ascii_only)))


@given(FILES, st.lists(st.tuples(st.integers(0, 30), st.sampled_from(HOSTILE_LINES)), min_size=1, max_size=3))
def test_paths_agree_on_hostile_lines(rows: list[dict[str, Any]], hostile: list[tuple[int, bytes]]) -> None:
    lines = to_lines(rows)
    for place, line in hostile:
        lines.insert(place % (len(lines) + 1), line)
    assert_agree(b"\n".join(lines))


@given(
    FILES,
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from(FIELDS), st.sampled_from(HOSTILE_VALUES)), min_size=1),
)
def test_paths_agree_on_hostile_values(rows: list[dict[str, Any]], hostile: list[tuple[int, str, str]]) -> None:
    lines = to_lines(rows)
    for place, field, value in hostile:
        index = place % len(lines)
        fields = {name: item for name, item in rows[index].items() if name != field}
        lines[index] = f"{json.dumps(fields)[:-1]}, {json.dumps(field)}: {value}}}".replace("{, ", "{").encode()
    assert_agree(b"\n".join(lines) + b"\n")


@given(FILES, st.data())
def test_paths_agree_on_damaged_bytes(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    text = bytearray(b"\n".join(to_lines(rows)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        removed = data.draw(st.integers(0, 3))
        text[place : place + removed] = data.draw(
            st.sampled_from(
                [
                    b"",
                    b"\n",
                    b'"',
                    b"\\",
                    b"{",
                    b"}",
                    b"[",
                    b"]",
                    b",",
                    b":",
                    b"-",
                    b"e",
                    b"0",
                    b"\xff",
                    b"\x00",
                ]
            )
        )
    assert_agree(bytes(text))


@pytest.mark.campaign
@settings(max_examples=20_000, deadline=None)
@given(FILES, st.lists(st.tuples(st.integers(0, 30), st.sampled_from(HOSTILE_LINES)), max_size=3), st.data())
def test_paths_agree_campaign(
    rows: list[dict[str, Any]], hostile: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    lines = to_lines(rows)
    for place, line in hostile:
        lines.insert(place % (len(lines) + 1), line)
    text = bytearray(b"\n".join(lines))
    for _ in range(data.draw(st.integers(0, 3))):
        text[data.draw(st.integers(0, len(text))) :][:1] = bytes([data.draw(st.integers(0, 255))])
    assert_agree(bytes(text))


def full_row(categories: list[Any], **changes: Any) -> dict[str, Any]:
    """A record with every kind of field, so that one of them settles what the columnar path needs to know."""
    objects = {
        "bbox": [[1, 2.5, 3, 4], [5, 6, 7, 8]],
        "categories": categories,
        "segmentation": [[[1, 2, 3, 4, 5, 6.5]], None],
        "area": [2.5, None],
        "iscrowd": [0, 1],
        "id": [7, 8],
        "track": [{"t": 1}, None],
    }
    row: dict[str, Any] = {"file_name": "a.png", "caption": "x", "categories": categories, "objects": objects}
    row |= {"count": 1, "score": 1.5, "flag": True, "tags": ["x", None], "nothing": None, "nulls": [None]}
    return row | {"empty": {}, "meta": {"a": 1, "b": [0.5]}, "date": "2020-01-01T00:00:00"} | changes


PLACES = [
    *(("objects", name) for name in full_row([])["objects"]),
    *((name,) for name in full_row([])),
    ("meta", "a"),
    ("meta", "b"),
    ("empty", ""),
    ("objects", "bbox", 1),
    ("objects", "bbox", 1, 3),
    ("objects", "categories", 0),
    ("objects", "segmentation", 0),
    ("objects", "segmentation", 1),
    ("objects", "segmentation", 0, 0),
    ("objects", "segmentation", 0, 0, 2),
    ("objects", "area", 1),
    ("objects", "iscrowd", 1),
    ("objects", "id", 1),
    ("objects", "track", 1),
    ("categories", 1),
    ("tags", 1),
    ("nulls", 0),
    ("meta", "b", 0),
]


def with_raw(row: dict[str, Any], place: tuple[str | int, ...], raw: str) -> bytes:
    """The line of a record in which the value at ``place`` is replaced by any text."""
    marked = copy.deepcopy(row)
    inner: Any = marked
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = "@@"
    return json.dumps(marked).replace('"@@"', raw).encode()


@pytest.mark.parametrize(
    ("place", "categories"),
    [(place, [1, 2]) for place in PLACES] + [(place, ["x", "y"]) for place in PLACES if "categories" in place],
    ids=str,
)
def test_paths_agree_on_every_hostile_value_in_every_place(place: tuple[str | int, ...], categories: list[Any]) -> None:
    lines = []
    for number, raw in enumerate(HOSTILE_VALUES):
        valid = full_row(categories, file_name=f"valid{number}.png")
        hostile = full_row(categories, file_name=f"hostile{number}.png")
        lines += [json.dumps(valid).encode(), with_raw(hostile, place, raw)]
    assert_agree(b"\n".join(lines), block_bytes=1 << 20)


@pytest.mark.parametrize("place", [("nothing",), ("nulls", 0), ("empty", "")], ids=str)
def test_a_field_that_was_only_null_may_become_anything_but_by_the_exact_path(place: tuple[str | int, ...]) -> None:
    lines = [json.dumps(full_row([1, 2], file_name=f"{number}.png")).encode() for number in range(6)]
    lines[3] = with_raw(full_row([1, 2], file_name="3.png"), place, "true")
    table, report = assert_agree(b"\n".join(lines), block_bytes=1 << 20)
    assert report.ok
    assert "true" in json.dumps(table.to_pylist())


@pytest.mark.parametrize("name", ["categories", "area", "track", "segmentation"])
def test_lengths_that_make_up_for_each_other_on_two_lines_are_found(name: str) -> None:
    rows = [full_row([1, 2], file_name=f"{number}.png") for number in range(8)]
    rows[4]["objects"] |= {name: rows[0]["objects"][name][:1]}
    rows[5]["objects"] |= {name: rows[0]["objects"][name] + rows[0]["objects"][name][:1]}
    _, report = assert_agree(b"\n".join(to_lines(rows)), block_bytes=1 << 20)
    assert [(issue.line, issue.rule) for issue in report.errors] == [(5, "unequal-lengths"), (6, "unequal-lengths")]


@pytest.mark.parametrize("line", HOSTILE_LINES)
def test_paths_agree_on_every_hostile_line(line: bytes) -> None:
    valid = [json.dumps(full_row([1, 2], file_name=f"{number}.png")).encode() for number in range(10)]
    for place in range(2, 11):
        assert_agree(b"\n".join([*valid[:place], line, *valid[place:]]), block_bytes=1 << 20)


def test_lines_stay_in_order_where_the_paths_take_turns() -> None:
    rows = [{"file_name": f"{number}.png", "n": number} for number in range(60)]
    lines = [b" " * (number % 3 == 0) + line for number, line in enumerate(to_lines(rows))]
    table, _ = assert_agree(b"\n\n".join(lines), block_bytes=1 << 20)
    assert table["line"].to_pylist() == list(range(1, 120, 2))


def test_columnar_path_proves_what_it_should() -> None:
    """The agreement above would be empty if the columnar path never proved anything."""
    row = {
        "file_name": "a.png",
        "caption": "x",
        "categories": [1],
        "objects": {
            "bbox": [[1, 2, 3, 4]],
            "categories": [1],
            "area": [2],
            "iscrowd": [0],
            "id": [7],
            "t": [{"a": 1}],
            "segmentation": [[[1, 2, 3, 4, 5, 6]]],
        },
        "nothing": None,
        "nulls": [None],
        "empty": {},
        "score": 1.5,
        "meta": {"a": [True]},
        "date": "2020-01-01",
    }
    rows = [row | {"file_name": f"{i}.png"} for i in range(50)]
    proved = []

    def prove(text: Any, line_count: int, shape: Shape) -> pa.Table | None:
        table = columnar.prove(text, line_count, shape)
        proved.append(None if table is None else len(table))
        return table

    table, report = Reader(b"\n".join(to_lines(rows)), "m.jsonl", prove=prove, few_lines=2).read()
    assert proved[-2:] == [2, 46], "two lines settle all types, two more show it, and the rest is proved at once"
    assert len(table) == 50
    assert report.ok


@pytest.mark.parametrize("first", [0, 1, 31, 32, 33, 159, 160, 161, 399])
@pytest.mark.parametrize("value", ["1.5", '"x"', "null"])
def test_a_field_that_changes_near_the_top(first: int, value: str) -> None:
    lines = [f'{{"file_name": "{n}.png", "x": {value if n >= first else 1}, "y{n >= first}": 1}}' for n in range(400)]
    data = "\n".join(lines).encode()
    table, report = Reader(data, "m.jsonl").read()
    exact_table, exact_report = Reader(data, "m.jsonl", prove=prove_nothing).read()
    assert table.equals(exact_table)
    assert report == exact_report


@example([1, 2])
@given(st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_first_line_decides_types_on_both_paths(kinds: list[int]) -> None:
    values = ["1", "1.5", '"x"', "null"]
    data = b"\n".join(b'{"file_name": "%d.png", "v": %s}' % (i, values[k].encode()) for i, k in enumerate(kinds))
    _, report = assert_agree(data)
    settled = [k for k in kinds if k != 3]
    is_text = [k == 2 for k in settled]
    assert report.error_count == sum(flag != is_text[0] for flag in is_text)
