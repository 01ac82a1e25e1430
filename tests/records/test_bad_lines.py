"""Files of bad lines: what they cost, and what is said of them."""

import contextlib
import json
import time

import pytest

from imagecards.records import read_jsonl
from imagecards.records.exact import field_path
from imagecards.records.issues import Issue, Report


# What a hostile file may cost is a promise and not a benchmark: counted in what parsing it would cost the same
# machine. Tracing would count its own time as ours.
@pytest.mark.no_cover
@pytest.mark.parametrize("line", [b"{}", b"x", b"1", b'{"a": 1}', b'{"file_name": 1}'])
def test_a_megabyte_of_bad_lines_is_refused_quickly(line: bytes) -> None:
    count = 2**20 // (len(line) + 1)
    began = time.process_time()
    for text in [line] * count:
        with contextlib.suppress(ValueError):
            json.loads(text)
    between = time.process_time()
    report = read_jsonl((line + b"\n") * count)[1]
    assert time.process_time() - between < 10 * (between - began)  # it takes twice as long, and once took 20 times
    assert (report.error_count, len(report)) == (count, 10_000)


def test_good_lines_after_many_bad_ones_are_read() -> None:
    good = b"".join(b'{"file_name": "%d.png"}\n' % i for i in range(20_000))
    table, report = read_jsonl(b'{"file_name": 1}\n' * 20_000 + good + b"{}\n" * 300 + b'{"file_name": "z"}\n')
    assert len(table) == 20_001
    assert table["line"].to_pylist() == [*range(20_001, 40_001), 40_301]
    assert dict(report.counts) == {"wrong-type": 20_000, "missing-field": 300}


@pytest.mark.parametrize(
    "text",
    [b'[\n{"file_name": "a.png"}\n]', b'\n[{"file_name": "a.png"},\n{"x": 1}]\n', b'{\n"images": [\n]}', b"[{}, {}]"],
)
def test_one_json_document_is_one_issue(text: bytes) -> None:
    table, report = read_jsonl(text)
    (issue,) = report
    assert (len(table), issue.line) == (0, 2 if text.startswith(b"\n") else 1)
    assert "one JSON document" in issue.message
    assert issue.suggestion


def test_a_list_on_the_first_line_does_not_hide_the_others() -> None:
    table, report = read_jsonl(b'[1]\n{"file_name": "a.png"}\n')
    assert (len(table), [issue.rule for issue in report]) == (1, ["not-an-object"])


def test_long_keys_are_cut() -> None:
    key = b"k" * 2**20
    for line in (b'{"file_name": "a", "%s": NaN}', b'{"file_name": "a", "%s": 1, "%s": 1}'):
        report = read_jsonl(line.replace(b"%s", key))[1]
        assert report
        assert max(len(issue.field) + len(str(issue.suggestion)) for issue in report) < 200
    assert len(field_path(("a" * 10_000, 1))) == 83


def test_reports_leave_out_what_there_is_none_of() -> None:
    error, warning = Issue("f", 1, "", "", "r", "m"), Issue("f", 1, "", "", "r", "m", "warning")
    heads = [Report(issues).render().splitlines()[0] for issues in ([error], [warning, warning], [error, warning], [])]
    assert heads == ["1 error", "2 warnings", "1 error, 1 warning", "nothing is wrong"]


def test_joining_many_reports_is_the_same_as_adding_them() -> None:
    reports = [Report([Issue("f", i, "", "", "r", "m", "warning" if i % 3 else "error")] * 4000) for i in range(6)]
    assert Report.joined(reports) == sum(reports, Report())
