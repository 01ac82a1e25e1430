"""Ranges: against a slow model that enumerates what each operator allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.cards import LATEST, Spec, Version
from imagecards.errors import InvalidInputError

NUMBER = st.integers(0, 3)
PRE = st.sampled_from(["", "", "", "0", "rc.1", "rc.2", "rc.10"])
VERSIONS = st.builds(Version, NUMBER, NUMBER, NUMBER, PRE)
OPERATORS = st.sampled_from(["", "^", "~", ">=", ">", "<=", "<", "="])
OPERANDS = VERSIONS.map(str) | st.tuples(NUMBER, NUMBER).map(lambda pair: f"{pair[0]}.{pair[1]}") | NUMBER.map(str)
WILDCARDS = (
    NUMBER.map("{}.*".format) | st.tuples(NUMBER, NUMBER).map(lambda pair: f"{pair[0]}.{pair[1]}.*") | st.just("*")
)
TERMS = st.builds("{}{}".format, OPERATORS, OPERANDS) | WILDCARDS
RANGES = st.lists(TERMS, min_size=1, max_size=3).map(",".join)


def model_term(term: str, version: Version) -> bool:
    """Whether a term allows a version: by comparing numbers, with no notion of an interval."""
    if term == "*":
        return True
    operator = term.rstrip("0123456789.*-rc") if term[0] in "^~<>=" else ""
    operand = term[len(operator) :].removesuffix(".*")
    if operand.count(".") < 2:
        numbers = tuple(map(int, operand.split(".")))
        own = version.release[: len(numbers)]
        rules = {"": own == numbers, "=": own == numbers, ">=": own >= numbers, ">": own > numbers}
        rules |= {"<=": own <= numbers, "<": own < numbers, "~": own == numbers}
        if operator == "^":
            return own >= numbers and model_caret(numbers, version)
        return rules[operator]
    bound = Version.parse(operand)
    rules = {"": version == bound, "=": version == bound, ">=": version >= bound, ">": version > bound}
    rules |= {"<=": version <= bound, "<": version < bound}
    rules["~"] = version >= bound and version.release[:2] == bound.release[:2]
    rules["^"] = version >= bound and model_caret(bound.release, version)
    return rules[operator]


def model_caret(numbers: tuple[int, ...], version: Version) -> bool:
    """The first number that isn't zero, and all before it, must stay; of zeros alone, the last one."""
    fixed = next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)
    return version.release[: fixed + 1] == numbers[: fixed + 1]


def model(text: str, version: Version) -> bool:
    terms = text.split(",")
    if version.prerelease:
        named = [term.lstrip("^~<>=") for term in terms if "-" in term]
        if not any(Version.parse(operand).release == version.release for operand in named):
            return False
    return all(model_term(term, version) for term in terms)


@given(RANGES, st.lists(VERSIONS, max_size=12))
def test_ranges_match_what_the_model_matches(text: str, versions: list[Version]) -> None:
    spec = Spec.parse(text)
    matching = [version for version in versions if model(text, version)]
    assert [version for version in versions if spec.matches(version)] == matching
    assert spec.best(versions) == max(matching, default=None)
    assert str(spec) == text


@given(TERMS, st.lists(st.sampled_from([" ", ""]), min_size=2, max_size=2), TERMS)
def test_blanks_around_terms_mean_nothing(one: str, blanks: list[str], other: str) -> None:
    spaced, tight = Spec.parse(f"{one}{blanks[0]},{blanks[1]}{other}"), Spec.parse(f"{one},{other}")
    for major in range(3):
        version = Version(major, 1, 0)
        assert spaced.matches(version) == tight.matches(version)


@pytest.mark.parametrize(
    ("text", "matching"),
    [
        ("^1.2.3", "1.2.3 1.2.4 1.3.0 1.99.0"),
        ("^1.2", "1.2.0 1.2.3 1.2.4 1.3.0 1.99.0"),
        ("^1", "1.0.0 1.2.0 1.2.3 1.2.4 1.3.0 1.99.0"),
        ("^0.2.3", "0.2.3 0.2.9"),
        ("^0.0.3", "0.0.3"),
        ("^0.0", "0.0.3 0.0.4"),
        ("^0", "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0"),
        ("~1.2.3", "1.2.3 1.2.4"),
        ("~1.2", "1.2.0 1.2.3 1.2.4"),
        ("~1", "1.0.0 1.2.0 1.2.3 1.2.4 1.3.0 1.99.0"),
        ("1.2", "1.2.0 1.2.3 1.2.4"),
        ("1.2.*", "1.2.0 1.2.3 1.2.4"),
        ("1.*", "1.0.0 1.2.0 1.2.3 1.2.4 1.3.0 1.99.0"),
        (">=1,<2", "1.0.0 1.2.0 1.2.3 1.2.4 1.3.0 1.99.0"),
        (">= 1.2.4, < 1.99", "1.2.4 1.3.0"),
        (">1.2", "1.3.0 1.99.0 2.0.0 2.1.0"),
        (">1", "2.0.0 2.1.0"),
        ("<=1.2,>=1", "1.0.0 1.2.0 1.2.3 1.2.4"),
        (">=2.0.0-rc.2", "2.0.0 2.0.0-rc.2 2.0.0-rc.10 2.1.0"),
        ("^2.0.0-rc.2", "2.0.0 2.0.0-rc.2 2.0.0-rc.10 2.1.0"),
        (">2.0.0-rc.2,<=2.0.0", "2.0.0 2.0.0-rc.10"),
        ("2.0.0-rc.1", "2.0.0-rc.1"),
        ("1.2.3", "1.2.3"),
        ("=1.2.3", "1.2.3"),
        (">=3", ""),
        (">=2,<1", ""),
    ],
)
def test_examples(text: str, matching: str) -> None:
    there = "0.0.3 0.0.4 0.2.3 0.2.9 0.3.0 1.0.0 1.2.0 1.2.3 1.2.4 1.3.0 1.99.0 2.0.0-rc.1 2.0.0-rc.2 2.0.0-rc.10"
    versions = [Version.parse(version) for version in [*there.split(), "2.0.0", "2.1.0"]]
    spec = Spec.parse(text)
    assert {str(version) for version in versions if spec.matches(version)} == set(matching.split())


def test_latest_is_the_highest_release_and_never_a_prerelease() -> None:
    versions = [Version(1, 9, 0), Version(1, 10, 0), Version(2, 0, 0, "rc.1")]
    assert LATEST.best(versions) == Spec.parse("*").best(versions) == Version(1, 10, 0)
    assert LATEST.best(versions[2:]) is None
    assert Spec.parse("latest") == LATEST


def test_exact_versions_and_tags_say_what_they_are() -> None:
    assert Spec.parse("1.2.0-rc.1").exact == Version(1, 2, 0, "rc.1")
    assert Spec.parse("1.2").exact is None
    spec = Spec.parse("prod")
    assert (spec.tag, spec.exact) == ("prod", None)
    with pytest.raises(InvalidInputError, match="'prod' is a tag: ask the registry which version it stands for"):
        spec.best([Version(1, 0, 0)])


FORMS = "write a version (1.2.0), latest, a tag, or a range such as ^1.2, ~1.2, 1.* or >=1,<2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1.x", "'1.x' is no version, tag or range: did you mean '1.*'?"),
        ("1.2.x", "'1.2.x' is no version, tag or range: did you mean '1.2.*'?"),
        ("1.*.*", "'1.*.*' is no version, tag or range: did you mean '1.*'?"),
        ("^1.*", "'^1.*' is no version, tag or range: did you mean '^1'?"),
        ("^v1.2", "'^v1.2' is no version, tag or range: did you mean '^1.2'?"),
        ("==1.2.0", "'==1.2.0' is no version, tag or range: did you mean '=1.2.0'?"),
        ("~=1.2", "'~=1.2' is no version, tag or range: did you mean '~1.2'?"),
        (">=1 <2", "'>=1 <2' is no version, tag or range: did you mean '>=1,<2'?"),
        (">=1 && <2", "'>=1 && <2' is no version, tag or range: did you mean '>=1,<2'?"),
        (" ^1", "' ^1' is no version, tag or range: did you mean '^1'?"),
        (">=1,", "'>=1,' is no version, tag or range: did you mean '>=1'?"),
        ("", f"'' is no version, tag or range: {FORMS}"),
        ("1||2", f"'1||2' is no version, tag or range: {FORMS}"),
        ("!=1.2", f"'!=1.2' is no version, tag or range: {FORMS}"),
        ("1.2-rc.1", f"'1.2-rc.1' is no version, tag or range: {FORMS}"),
        (">=prod", f"'>=prod' is no version, tag or range: {FORMS}"),
        ("1.2.3.4", f"'1.2.3.4' is no version, tag or range: {FORMS}"),
        ("^", f"'^' is no version, tag or range: {FORMS}"),
        ("1.2.0+x", "'1.2.0+x' has build metadata, which says nothing about order: write '1.2.0'"),
        ("v1.2", "'v1.2' can't be a tag, because it looks like a version: did you mean '1.2'?"),
        (
            "Prod",
            "'Prod' is not a tag: 1 to 64 of the characters a-z 0-9 . _ -, the first one a letter; "
            "did you mean 'prod'?",
        ),
        ("Latest", "'Latest' can't be a tag: did you mean 'latest', the highest release?"),
        (None, "a version or range is text such as '^1.2', not NoneType: None"),
        ("1" * 257, f"'{'1' * 40}'... is no version or range: it is longer than 256 characters"),
    ],
)
def test_what_is_no_range_is_explained(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Spec.parse(text)
    assert str(caught.value) == message


@given(st.text(max_size=20) | st.text("0123456789.*xv^~<>=, -rc&|", max_size=20))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        spec = Spec.parse(text)
    except InvalidInputError:
        return
    assert str(spec) == text


def test_numbers_at_the_limit() -> None:
    highest = 10**18 - 1
    spec = Spec.parse(f"^{highest}")
    assert spec.matches(Version(highest, highest, highest))
    assert not Spec.parse(f">{highest}.{highest}.{highest}").matches(Version(highest, highest, highest))
