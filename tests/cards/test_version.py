"""Versions: the grammar and order of semantic versioning, proved against a slow model of its text."""

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from imagecards.cards import FIRST, Version
from imagecards.errors import InvalidInputError

NUMBERS = st.integers(0, 30) | st.integers(0, 10**18 - 1)
IDENTIFIERS = NUMBERS.map(str) | st.from_regex(r"[0-9]{0,2}[a-z-][0-9a-z-]{0,4}", fullmatch=True)
PRERELEASES = st.lists(IDENTIFIERS, max_size=3).map(".".join)
VERSIONS = st.builds(Version, NUMBERS, NUMBERS, NUMBERS, PRERELEASES)
NEARBY = st.builds(
    Version,
    st.integers(0, 2),
    st.integers(0, 2),
    st.integers(0, 2),
    st.sampled_from(["", "", "0", "1", "10", "a", "rc.1", "rc.2", "rc.10", "rc.1.0", "rc", "-"]),
)


def precedes(one: str, other: str) -> bool:
    """Whether one version is lower, by the text of the specification, section 11, one rule after another."""
    (core, _, pre), (other_core, _, other_pre) = one.partition("-"), other.partition("-")
    for left, right in zip(core.split("."), other_core.split("."), strict=True):
        if int(left) != int(right):
            return int(left) < int(right)
    if not pre or not other_pre:
        return bool(pre) and not other_pre
    for left, right in zip(pre.split("."), other_pre.split("."), strict=False):
        if left == right:
            continue
        if left.isdigit() and right.isdigit():
            return int(left) < int(right)
        if left.isdigit() or right.isdigit():
            return left.isdigit()
        return left < right
    return len(pre.split(".")) < len(other_pre.split("."))


@given(VERSIONS)
def test_text_and_back(version: Version) -> None:
    assert Version.parse(str(version)) == version
    assert str(Version.parse(str(version))) == str(version)
    assert Version(*version.release, version.prerelease) == version
    assert pickle.loads(pickle.dumps(version)) == version
    assert hash(Version.parse(str(version))) == hash(version)


@given(NEARBY, NEARBY)
def test_order_is_that_of_the_specification(one: Version, other: Version) -> None:
    assert (one < other) == precedes(str(one), str(other))
    assert (one == other) == (str(one) == str(other))
    assert (one <= other) == (one < other or one == other)
    assert (one > other) == (other < one)
    assert (one >= other) == (other <= one)


def test_order_of_the_specifications_example() -> None:
    texts = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
    ]
    texts += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0", "10.0.0"]
    assert [str(version) for version in sorted(map(Version.parse, reversed(texts)))] == texts


def test_parts() -> None:
    version = Version.parse("1.20.3-rc.1.x-y")
    assert (version.major, version.minor, version.patch, version.prerelease) == (1, 20, 3, "rc.1.x-y")
    assert version.release == (1, 20, 3)
    assert repr(version) == "Version('1.20.3-rc.1.x-y')"
    assert Version(1, 0, 0) == FIRST


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.2", "'1.2' is not a version: did you mean '1.2.0'?"),
        ("1", "'1' is not a version: did you mean '1.0.0'?"),
        ("v1.2.0", "'v1.2.0' is not a version: did you mean '1.2.0'?"),
        (" 1.2.0\n", "' 1.2.0\\n' is not a version: did you mean '1.2.0'?"),
        ("1.2.0-RC1", "'1.2.0-RC1' is not a version: did you mean '1.2.0-rc1'?"),
        (
            "1.2.0+linux",
            "'1.2.0+linux' has build metadata, which says nothing about order: write '1.2.0'",
        ),
        (
            "1.2.0-01",
            "'1.2.0-01' is not a version: in its pre-release, '01' begins with a zero or is too large; "
            "write it as '1.0.0-rc.1'",
        ),
        (
            "1.2.0-a..b",
            "'1.2.0-a..b' is not a version: in its pre-release, one of its identifiers is empty; "
            "write it as '1.0.0-rc.1'",
        ),
        (
            "01.2.0",
            "'01.2.0' is not a version: write three numbers, such as '1.2.0', or '1.2.0-rc.1' before a release",
        ),
        (3, "a version is text such as '1.2.0', not int: 3"),
        ([1, 0], "a version is text such as '1.2.0', not list: [1, 0]"),
    ],
)
def test_what_is_not_a_version_is_explained(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Version.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3.4",
        "1.-1.0",
        "1.2.x",
        "1.2.3-",
        "1.2.3-ü",
        "\u0661.٢.٣",
        "1.2.3\n",
        "1.2.3-a_b",
        "9" * 19 + ".0.0",
        "1.0.0-" + "a" * 65,
    ],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        Version.parse(text)


@given(st.text(max_size=12))
def test_any_text_is_a_version_or_refused(text: str) -> None:
    try:
        version = Version.parse(text)
    except InvalidInputError:
        return
    assert str(version) == text


@pytest.mark.parametrize(
    ("version", "part", "following"),
    [
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "patch", "1.2.4"),
        ("2.0.0-rc.1", "major", "2.0.0"),
        ("2.0.0-rc.1", "patch", "2.0.0"),
        ("1.2.0-rc.1", "minor", "1.2.0"),
        ("1.2.0-rc.1", "major", "2.0.0"),
        ("1.2.3-rc.1", "minor", "1.3.0"),
        ("1.2.3-rc.1", "patch", "1.2.3"),
    ],
)
def test_bump(version: str, part: str, following: str) -> None:
    assert str(Version.parse(version).bump(part)) == following  # type: ignore[arg-type]  # parametrised


@given(VERSIONS.filter(lambda version: max(version.release) < 10**18 - 1))
def test_a_bump_is_the_lowest_higher_release_of_its_kind(version: Version) -> None:
    for part in ("major", "minor", "patch"):
        following = version.bump(part)
        assert following > version
        assert following.prerelease == ""
    assert version.bump("patch") <= version.bump("minor") <= version.bump("major")


def test_bump_of_something_else() -> None:
    with pytest.raises(
        InvalidInputError, match="'huge' is not a part of a version: choose 'major', 'minor' or 'patch'"
    ):
        Version(1, 0, 0).bump("huge")  # type: ignore[arg-type]  # the point of the test


def test_versions_are_values() -> None:
    version = Version(1, 0, 0)
    with pytest.raises(AttributeError, match="a version can't be changed: 'major' was to be set"):
        version.major = 2  # type: ignore[misc]  # the point of the test
    with pytest.raises(AttributeError, match="a version can't be changed: 'key' was to be deleted"):
        del version.key
    assert version != "1.0.0"
    assert version != (1, 0, 0)
    with pytest.raises(TypeError):
        assert version < "2.0.0"


def test_in_pydantic_and_json_a_version_is_its_text() -> None:
    adapter = TypeAdapter(list[Version])
    versions = [Version(1, 0, 0), Version(1, 0, 0, "rc.1")]
    assert json.loads(adapter.dump_json(versions)) == ["1.0.0", "1.0.0-rc.1"]
    assert adapter.validate_json(b'["1.0.0","1.0.0-rc.1"]') == versions
    assert adapter.validate_python(versions) == versions
    assert adapter.json_schema()["items"] == {"type": "string"}
    with pytest.raises(ValueError, match=r"did you mean '1.0.0'"):
        adapter.validate_python(["v1.0.0"])
