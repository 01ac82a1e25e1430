"""What a hostile metadata.jsonl gets: one clear issue a mistake, never a crash, never another meaning."""

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from imagecards.errors import InvalidMetadataError
from imagecards.records import ImageMetadata, ImageRecord, Issue, read_jsonl


def issues_of(data: bytes, **options: Any) -> list[Issue]:
    return list(read_jsonl(data, **options)[1])


def the_issue(data: bytes, **options: Any) -> Issue:
    found = issues_of(data, **options)
    assert len(found) == 1, found
    return found[0]


def line(**fields: Any) -> bytes:
    return json.dumps({"file_name": "a.png"} | fields).encode()


def with_raw(field: str, value: str) -> bytes:
    return f'{{"file_name": "a.png", "{field}": {value}}}'.encode()


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "..\\..\\x",
        "file:///etc/passwd",
        "zip://x::..",
        "C:\\x",
        "\\\\srv\\s",
        "a\0.png",
        "....//",
        "x" * 5000,
        "~/x",
        "s3://b/k",
        "ftp://h/f",
        "gopher://h",
        "",
        ".",
        "a/./b",
        "CON.png",
        "a.png.",
        "a.png ",
        "a:b",
        "a\u202egnp.exe",
        "e\u0301.png",
    ],
)
def test_unsafe_file_names_are_refused(name: str) -> None:
    issue = the_issue(line(file_name=name))
    assert (issue.rule, issue.field, issue.line) == ("unsafe-path", "file_name", 1)
    assert len(issue.value) <= 80


def test_names_are_decoded_zero_times() -> None:
    table, report = read_jsonl(line(file_name="a/%2e%2e/b"))
    assert report.ok
    assert table["file_name"].to_pylist() == ["a/%2e%2e/b"]


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("NaN", "not-finite"),
        ("Infinity", "not-finite"),
        ("-Infinity", "not-finite"),
        ("1e999", "not-finite"),
        (str(2**53 + 1), "number-too-large"),
        (str(-(2**53) - 1), "number-too-large"),
        ("1" * 400, "number-too-large"),
        ("1" * 5000, "number-too-large"),
        ('"a\\u0000b"', "bad-text"),
        ('"\\ud800"', "bad-text"),
        ('"\\udc00\\ud800"', "bad-text"),
        ('{"\\u0000": 1}', "bad-text"),
        ("[" * 65 + "]" * 65, "too-deep"),
        ('{"a": 1, "a": 1}', "duplicate-key"),
        ("01", "not-json"),
        ("1.", "not-json"),
        ("+1", "not-json"),
        ("True", "not-json"),
        ("'x'", "not-json"),
        ("1 // comment", "not-json"),
        ("[1,]", "not-json"),
    ],
)
@pytest.mark.parametrize("before", [0, 300])
def test_lax_json_is_refused(value: str, rule: str, before: int) -> None:
    lines = [with_raw("score", "null").replace(b"a.png", b"%d.png" % i) for i in range(before)]
    issue = the_issue(b"\n".join([*lines, with_raw("score", value)]))
    assert (issue.rule, issue.line) == (rule, before + 1)


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"file_name": 3}, "file_name", "wrong-type"),
        ({"file_name": None}, "file_name", "missing-field"),
        ({"caption": 12}, "caption", "wrong-type"),
        ({"caption": True}, "caption", "wrong-type"),
        ({"categories": "cat"}, "categories", "wrong-type"),
        ({"categories": [1, "cat"]}, "categories[1]", "mixed-types"),
        ({"categories": [1.5]}, "categories[0]", "wrong-type"),
        ({"categories": [True]}, "categories[0]", "wrong-type"),
        ({"categories": [None]}, "categories[0]", "wrong-type"),
        ({"objects": []}, "objects", "wrong-type"),
        ({"objects": {"bbox": [[1, 2, 3, 4]]}}, "objects.categories", "missing-field"),
        ({"objects": {"categories": [1]}}, "objects.bbox", "missing-field"),
        (
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": [1, 2]}},
            "objects.categories",
            "unequal-lengths",
        ),
        ({"objects": {"bbox": [[1, 2, 3]], "categories": [1]}}, "objects.bbox[0]", "bbox-length"),
        ({"objects": {"bbox": [[1, 2, 3, "4"]], "categories": [1]}}, "objects.bbox[0][3]", "wrong-type"),
        ({"objects": {"bbox": [[1, 2, 3, True]], "categories": [1]}}, "objects.bbox[0][3]", "wrong-type"),
        ({"objects": {"bbox": [[1, 2, 3, None]], "categories": [1]}}, "objects.bbox[0][3]", "wrong-type"),
        ({"objects": {"bbox": [[1, 2, -3, 4]], "categories": [1]}}, "objects.bbox[0]", "bbox-negative-size"),
        ({"objects": {"bbox": [[1, 2, 3, 1e16]], "categories": [1]}}, "objects.bbox[0]", "number-too-large"),
        (
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": [1], "area": [-1]}},
            "objects.area[0]",
            "negative-area",
        ),
        (
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": [1], "iscrowd": [2]}},
            "objects.iscrowd[0]",
            "iscrowd-value",
        ),
        (
            {"objects": {"bbox": [[1, 2, 3, 4]], "categories": [1], "id": [1.5]}},
            "objects.id[0]",
            "wrong-type",
        ),
        ({"objects": {"bbox": [[1, 2, 3, 4]], "categories": [1], "x": 3}}, "objects.x", "wrong-type"),
        ({"objects": {"bbox": [], "categories": [], "category": []}}, "objects.category", "reserved-field"),
        ({"objects": {"bbox": [], "categories": [], "category": None}}, "objects.category", "reserved-field"),
    ],
)
def test_each_broken_rule_names_its_field(fields: dict[str, Any], field: str, rule: str) -> None:
    issue = the_issue(line(**fields))
    assert (issue.field, issue.rule, issue.severity) == (field, rule, "error")


@pytest.mark.parametrize(
    ("outline", "place", "rule"),
    [
        ([[1, 2, 3, 4]], "[0]", "polygon-length"),
        ([[1, 2, 3, 4, 5, 6, 7]], "[0]", "polygon-length"),
        ([[1, 2, 3, 4, 5, None]], "[0][5]", "wrong-type"),
        ([3], "[0]", "wrong-type"),
        (3, "", "wrong-type"),
        ({"counts": "x"}, "", "rle-keys"),
        ({"size": [0, 5], "counts": "x"}, ".size", "rle-size"),
        ({"size": [4, 5, 6], "counts": "x"}, ".size", "rle-size"),
        ({"size": [4, 5], "counts": [-1]}, ".counts", "rle-counts"),
        ({"size": [4, 5], "counts": 7}, ".counts", "rle-counts"),
    ],
)
def test_bad_outlines_are_refused(outline: Any, place: str, rule: str) -> None:
    objects = {"bbox": [[1, 2, 3, 4]], "categories": [1], "segmentation": [outline]}
    issue = the_issue(line(objects=objects))
    assert (issue.field, issue.rule) == (f"objects.segmentation[0]{place}", rule)


@pytest.mark.parametrize(
    "text",
    [
        b'{"file_name": "a.png", "\\ud800": 1}',
        b'{"file_name": "a.png", "\\udc80x": null}',
        b'{"file_name": "a.png", "objects": {"bbox": [[1, 1, 2, 2]], "categories": [1], "\\ud800": [1]}}',
    ],
)
def test_half_surrogate_pairs_in_names_of_fields_are_bad_text(text: bytes) -> None:
    assert the_issue(text).rule == "bad-text"
    with pytest.raises(ValidationError, match="half a surrogate pair"):
        ImageRecord.model_validate(json.loads(text))


def test_the_last_of_duplicate_keys_does_not_win() -> None:
    issue = the_issue(b'{"file_name": "a.png", "file_name": "../../etc/passwd"}')
    assert (issue.rule, issue.field) == ("duplicate-key", "file_name")


@pytest.mark.parametrize("opener", [b"[", b'{"a":', b'{"file_name":', b'{"":[', b'{"objects":{"bbox":[['])
@pytest.mark.parametrize("times", [100, 200_000])
def test_endless_nesting_does_not_crash_the_interpreter(opener: bytes, times: int) -> None:
    valid = b"".join(line(file_name=f"{i}.png", x=1) + b"\n" for i in range(300))
    deep = b'{"file_name": "a.png", "x": ' + opener * times + b"}" + b"\n"
    for data in (deep, valid + deep + valid.replace(b".png", b".jpg")):
        issue = the_issue(data, max_line_bytes=1 << 30)
        assert (issue.rule, issue.line) == ("too-deep", data[: data.index(deep)].count(b"\n") + 1)


def test_brackets_in_text_are_not_nesting() -> None:
    assert read_jsonl(line(caption="[" * 1000 + '\\"{'))[1].ok


@pytest.mark.parametrize("text", [b"null", b"null\nnull", b"null\n" * 500, b"[]", b"3", b'"x"', b"true"])
def test_lines_that_are_no_objects(text: bytes) -> None:
    assert {issue.rule for issue in issues_of(text)} == {"not-an-object"}


@pytest.mark.parametrize(
    "text",
    [
        b'{"file_name": "a.png"} {"file_name": "b.png"}',
        b'{"file_name": "a.png"}{}',
        b'{"file_name":\n"a.png"}',
    ],
)
@pytest.mark.parametrize("before", [0, 300])
def test_one_object_a_line(text: bytes, before: int) -> None:
    lines = [line(file_name=f"{i}.png") for i in range(before)]
    found = issues_of(b"\n".join([*lines, text]))
    assert {issue.rule for issue in found} == {"not-json"}
    assert found[0].line == before + 1


@pytest.mark.parametrize("bad", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"\xe2\x80"])
@pytest.mark.parametrize("before", [0, 300])
def test_text_that_is_not_utf8(bad: bytes, before: int) -> None:
    lines = [line(file_name=f"{i}.png", caption="x") for i in range(before)]
    issue = the_issue(b"\n".join([*lines, b'{"file_name": "a.png", "caption": "' + bad + b'"}']))
    assert (issue.rule, issue.line) == ("not-utf8", before + 1)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_line_feeds_end_lines(separator: str) -> None:
    table, report = read_jsonl(
        json.dumps({"file_name": "a.png", "caption": f"x{separator}y"}, ensure_ascii=True).encode()
    )
    assert report.ok
    assert table["caption"].to_pylist() == [f"x{separator}y"]
    if not separator.isascii():
        raw = f'{{"file_name": "a.png", "caption": "x{separator}y"}}'.encode()
        assert read_jsonl(raw)[0]["caption"].to_pylist() == [f"x{separator}y"]


def test_bom_crlf_blank_lines_and_no_last_line_end() -> None:
    table, report = read_jsonl(b'\xef\xbb\xbf{"file_name": "a.png"}\r\n\r\n \t\n\n{"file_name": "b.png"}')
    assert report.ok
    assert table["line"].to_pylist() == [1, 5]


def test_a_long_line_is_refused_by_its_length() -> None:
    issue = the_issue(line(caption="x" * 2000), max_line_bytes=1000)
    assert issue.rule == "line-too-long"


@pytest.mark.parametrize("values", [('"x"', "1"), ("1", '"x"'), ("[1]", '["x"]'), ("true", "1"), ("{}", "[]")])
@pytest.mark.parametrize("between", [1, 400])
def test_unlike_types_name_both_lines(values: tuple[str, str], between: int) -> None:
    lines = [with_raw("x", values[0])] + [with_raw("x", "null")] * between + [with_raw("x", values[1])]
    issue = the_issue(b"\n".join(lines))
    assert (issue.rule, issue.line) == ("mixed-types", between + 2)
    assert "line 1 " in issue.message


def test_unlike_categories_name_both_lines() -> None:
    objects = {"bbox": [[1, 2, 3, 4]], "categories": ["cat"]}
    issue = the_issue(line(categories=[1]) + b"\n" + line(file_name="b.png", objects=objects))
    assert (issue.rule, issue.line, issue.field) == ("mixed-types", 2, "objects.categories[0]")
    assert "line 1 " in issue.message


def test_the_last_line_of_many_is_named_exactly() -> None:
    lines = [line(file_name=f"{i}.png", objects={"bbox": [[1, 2, 3, 4]], "categories": [1]}) for i in range(40_000)]
    lines.append(line(file_name="z.png", objects={"bbox": [[1, 2, 3, 4], [1, 2, -3, 4]], "categories": [1, 2]}))
    issue = the_issue(b"\n".join(lines))
    assert (issue.line, issue.field, issue.rule) == (40_001, "objects.bbox[1]", "bbox-negative-size")
    assert str(issue) == ("metadata.jsonl:40001: objects.bbox[1]: the width of a box is negative (bbox-negative-size)")


def test_misspelt_fields_get_a_suggestion() -> None:
    issue = the_issue(line(captoin="a cat"))
    assert (issue.severity, issue.rule, issue.suggestion) == (
        "warning",
        "unknown-field",
        "did you mean `caption`?",
    )
    issue = the_issue(b'{"filename": "a.png"}')
    assert (issue.rule, issue.suggestion) == ("missing-field", "`filename` should probably be `file_name`")


def test_a_million_different_fields_cost_no_memory() -> None:
    data = b"\n".join(b'{"file_name": "%d.png", "k%d": 1}' % (i, i) for i in range(3000))
    table, report = read_jsonl(data)
    assert set(report.counts) == {"too-many-fields"}
    assert len(table.schema.field("extra").type) < 1000
    one_line = b'{"file_name": "a.png", ' + b", ".join(b'"k%d": 1' % i for i in range(5000)) + b"}"
    assert the_issue(one_line).rule == "too-many-fields"


def test_a_million_mistakes_cost_bounded_memory() -> None:
    table, report = read_jsonl(b"null\n" * 30_000)
    assert len(table) == 0
    assert report.error_count == 30_000
    assert len(report) == 10_000
    one_line = line(objects={"bbox": [0] * 50_000, "categories": []})
    assert len(issues_of(one_line)) <= 100


@pytest.mark.parametrize(
    "names",
    [
        ("A.png", "a.png"),
        ("stra\u00dfe", "strasse"),
        ("\ufb01x", "fix"),
        ("\uff21.png", "a.png"),
        ("x/a", "X/A"),
    ],
)
def test_names_that_collide_are_refused(names: tuple[str, str]) -> None:
    issue = the_issue(b"\n".join(line(file_name=name) for name in names))
    assert (issue.rule, issue.line) == ("name-collision", 2)
    assert "line 1" in issue.message


def test_control_characters_never_reach_the_terminal() -> None:
    bad = b'{"file_name": "a\\u001b[2J.png", "\\u001b]0;x\\u0007": NaN}'
    assert all(str(issue).isprintable() for issue in issues_of(bad))


def test_validation_opens_no_socket_and_no_file(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    path.write_bytes(
        line(file_name="http://169.254.169.254/") + b"\n" + line(url="http://[::ffff:127.0.0.1]/", y="s3://x/y")
    )
    seen: list[str] = []
    armed = True

    def watch(event: str, args: tuple[Any, ...]) -> None:
        if armed and (event.startswith("socket.") or (event == "open" and str(args[0]) != str(path))):
            seen.append(f"{event} {args}")

    sys.addaudithook(watch)
    socket.socket().close()
    assert seen, "the hook sees sockets"
    seen.clear()
    with pytest.raises(InvalidMetadataError) as caught:
        ImageMetadata.load_from_file(path)
    armed = False
    assert not seen
    assert [issue.rule for issue in caught.value.issues] == ["unsafe-path"]
