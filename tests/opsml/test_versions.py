"""Versions and ranges of cards in opsml mean what they mean in semantic versioning."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.cards import Version
from imagecards.errors import InvalidInputError, NotFoundError
from imagecards.opsml.host import Row
from imagecards.opsml.versions import exact_version, matching, next_version, parse_version


def row(version: str, uid: str = "u") -> Row:
    return Row(uid, "lab", "cats", version, (), datetime(2026, 1, 1, tzinfo=UTC), "Image", (), ())


THERE = [
    "0.1.0",
    "0.2.0",
    "0.2.1-rc1",
    "1.0.0",
    "1.0.1",
    "1.2.1",
    "1.2.10",
    "1.3.0",
    "1.4.0+gpu",
    "2.0.0",
    "10.0.0-rc1",
]


@pytest.mark.parametrize(
    ("version", "highest"),
    [
        (None, "2.0.0"),  # opsml gives 10.0.0-rc1
        ("*", "2.0.0"),
        ("1", "1.4.0+gpu"),
        ("1.2", "1.2.10"),
        ("1.*", "1.4.0+gpu"),
        ("1.2.*", "1.2.10"),
        ("~1", "1.4.0+gpu"),
        ("~1.2", "1.2.10"),
        ("~1.2.1", "1.2.10"),
        ("^1.2.1", "1.4.0+gpu"),  # opsml stops at 1.2.10
        ("^1.2", "1.4.0+gpu"),  # opsml panics
        ("^0.1", "0.1.0"),
        ("^0.2", "0.2.0"),
        ("^1", "1.4.0+gpu"),
        (">=1.0,<1.3", "1.2.10"),
        ("0.2.1-rc1", "0.2.1-rc1"),
        ("1.2.1", "1.2.1"),
        ("1.4.0+gpu", "1.4.0+gpu"),
        ("10.0.0-rc1", "10.0.0-rc1"),
    ],
)
def test_ranges(version: str | None, highest: str) -> None:
    assert matching(map(row, THERE), version)[0].version == highest


@pytest.mark.parametrize("version", ["3", "~0.3", "0.2.1", "10"])
def test_what_matches_nothing_says_what_there_is(version: str) -> None:
    with pytest.raises(NotFoundError, match=r"no version matches .*: there are 0\.1\.0, 0\.2\.0, 0\.2\.1-rc1"):
        matching(map(row, THERE), version)


@pytest.mark.parametrize(
    ("version", "guess"),
    [
        ("v1", "'1'"),
        ("V1.2.1", "'1.2.1'"),
        ("v1.2.1-rc1", "'1.2.1-rc1'"),
        ("1.x", r"'1\.\*'"),
        ("^1.2.x", r"'\^1\.2'"),
        ("prod", None),
        ("Newest!", None),
        ("", None),
        ("=> 1", None),
        ("1" * 999, None),
    ],
)
def test_what_is_no_range_is_told_in_words_of_opsml(version: str, guess: str | None) -> None:
    meant = f"did you mean {guess}\\? Otherwise " if guess else ""
    said = f"^'{re.escape(version[:60])}' is no version or range, and opsml has no tags: {meant}write a version"
    with pytest.raises(InvalidInputError, match=said) as caught:
        matching(map(row, THERE), version)
    for form in ("1.2.0", "latest", "^1.2", "~1.2", "1.*", ">=1,<2", "*"):
        assert form in str(caught.value)
        assert matching(map(row, [*THERE, "1.2.0"]), form)


def test_rows_of_one_version_stand_side_by_side() -> None:
    rows = [row("1.0.0", "a"), row("1.1.0", "b"), row("1.0.0", "c"), row("odd", "d")]
    assert [each.uid for each in matching(rows, "1")] == ["b", "c", "a"]


_RELEASES = st.tuples(*[st.integers(0, 12)] * 3).map(lambda numbers: ".".join(map(str, numbers)))
_VERSIONS = st.one_of(_RELEASES, _RELEASES.map(lambda text: f"{text}-rc1"), _RELEASES.map(lambda text: f"{text}+b1"))


@given(st.sets(_VERSIONS, max_size=12), st.sampled_from(["major", "minor", "patch"]))
def test_the_next_version_is_above_all(taken: set[str], bump: str) -> None:
    made = parse_version(next_version(taken, bump))  # type: ignore[arg-type]
    assert made is not None
    for text in taken:
        other = parse_version(text)
        assert other is not None
        assert other < made
        assert (other.major, other.minor, other.patch) != (made.major, made.minor, made.patch), "opsml refuses it"


@given(st.lists(_VERSIONS, min_size=1, max_size=12))
def test_the_latest_is_the_highest_release(versions: list[str]) -> None:
    releases = [parsed for text in versions if (parsed := parse_version(text)) and not parsed.prerelease]
    if releases:
        assert parse_version(matching(map(row, versions), None)[0].version) == max(releases)
    else:
        with pytest.raises(NotFoundError):
            matching(map(row, versions), None)


def test_exact_versions() -> None:
    assert exact_version(Version(1, 2, 3)) == "1.2.3"
    with pytest.raises(InvalidInputError, match="pre-release"):
        exact_version("1.0.0-rc.1")
