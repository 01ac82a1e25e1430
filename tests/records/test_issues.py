import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.errors import InvalidMetadataError
from imagecards.records.issues import (
    MAX_KEPT_ISSUES,
    MAX_VALUE_CHARS,
    Collector,
    Issue,
    Report,
    Severity,
    printable,
    shown,
)


def make(number: int, severity: Severity = "error", rule: str = "some-rule") -> Issue:
    return Issue("m.jsonl", number, "caption", "12", rule, "this is text, not a number", severity)


def test_an_issue_reads_as_a_sentence_with_its_place() -> None:
    assert str(make(3)) == "m.jsonl:3: caption: this is text, not a number (some-rule)"
    assert (
        str(Issue("a.png", None, "", "", "empty-file", "the file is empty")) == "a.png: the file is empty (empty-file)"
    )


def test_an_issue_is_a_json_object() -> None:
    assert json.loads(json.dumps(make(3).to_dict())) == {
        "file": "m.jsonl",
        "line": 3,
        "field": "caption",
        "value": "12",
        "rule": "some-rule",
        "message": "this is text, not a number",
        "severity": "error",
        "suggestion": None,
    }


def test_only_errors_stop() -> None:
    assert Report().ok
    warnings = Report([make(1, "warning")])
    assert warnings.ok
    warnings.raise_errors()
    report = warnings + Report([make(2)])
    assert not report.ok
    assert [issue.line for issue in report.errors] == [2]
    assert [issue.line for issue in report.warnings] == [1]
    with pytest.raises(InvalidMetadataError, match="1 error, 1 warning") as caught:
        report.raise_errors()
    assert caught.value.issues == tuple(report)


def test_a_report_is_a_sequence() -> None:
    report = Report([make(1), make(2), make(3)])
    assert (len(report), report[0], report[1:]) == (3, make(1), (make(2), make(3)))
    assert make(2) in report
    assert report == Report([make(1), make(2), make(3)])
    assert report != Report([make(1)])
    assert hash(report) == hash(Report(report))
    assert pickle.loads(pickle.dumps(report)) == report


def test_errors_are_kept_even_after_any_number_of_warnings() -> None:
    report = Report([make(i, "warning", "w") for i in range(MAX_KEPT_ISSUES + 5)] + [make(7), make(8)])
    assert len(report) == MAX_KEPT_ISSUES
    assert [issue.line for issue in report.errors] == [7, 8]
    assert report[-1] == make(8)
    assert report.counts == {"w": MAX_KEPT_ISSUES + 5, "some-rule": 2}


@given(
    st.lists(st.tuples(st.sampled_from(["error", "warning"]), st.sampled_from("abc")), max_size=20),
    st.integers(0, 20),
)
def test_joining_is_the_same_as_collecting_at_once(kinds: list[tuple[Severity, str]], cut: int) -> None:
    issues = [make(i, severity, rule) for i, (severity, rule) in enumerate(kinds)]
    collector = Collector()
    for issue in issues:
        collector.add(issue)
    assert Report(issues[:cut]) + Report(issues[cut:]) == Report(issues) == collector.report()


def test_joined_counts_stay_exact() -> None:
    many = Report([make(i) for i in range(MAX_KEPT_ISSUES)])
    joined = many + many + Report([make(1, "warning")])
    assert (joined.error_count, joined.warning_count, len(joined)) == (
        2 * MAX_KEPT_ISSUES,
        1,
        MAX_KEPT_ISSUES,
    )


def test_rendering_is_capped_and_counts_the_rest() -> None:
    text = Report([make(i) for i in range(1500)]).render(limit=2)
    assert text.splitlines() == [
        "1,500 errors",
        "  m.jsonl:0: caption: this is text, not a number (some-rule)",
        "  m.jsonl:1: caption: this is text, not a number (some-rule)",
        "  ... and 1,498 more",
        "by rule: some-rule 1,500",
    ]


def test_json_holds_counts_and_issues() -> None:
    found = json.loads(Report([make(1), make(2, "warning")]).to_json())
    assert (found["ok"], found["errors"], found["warnings"]) == (False, 1, 1)
    assert [issue["line"] for issue in found["issues"]] == [1, 2]


@pytest.mark.parametrize("value", ["x" * 10_000, list(range(10_000)), {"a": "b" * 999}, [[[[[1]]]]], None, 1.5])
def test_shown_values_are_short(value: object) -> None:
    assert 0 < len(shown(value)) <= MAX_VALUE_CHARS


def test_a_number_too_long_for_python_is_shown() -> None:
    assert shown(10**5000) == "<a int too long to show>" or len(shown(10**5000)) <= MAX_VALUE_CHARS


@given(st.text())
def test_printable_text_is_safe_for_a_terminal(text: str) -> None:
    assert printable(text).isprintable()


def test_hostile_fields_are_escaped() -> None:
    issue = Issue("m\x1b[2J.jsonl", 1, "\x1b]0;x\x07" + "y" * 1000, "", "r", "m\u202e")
    assert str(issue).isprintable()
    assert len(str(issue)) < 400
