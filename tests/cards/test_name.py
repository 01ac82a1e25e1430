"""Names and references: what is accepted, and how what is not is explained."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from imagecards.cards import LATEST, CardName, CardRef, Reference, Spec, Version, check_label, parse_reference
from imagecards.errors import InvalidInputError
from imagecards.paths import check_relative

DIGEST = "sha256:" + "0123456789abcdef" * 4
RULE = "1 to 64 of the characters a-z 0-9 . _ -, the first one a letter or a digit"
LABELS = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,63}", fullmatch=True).filter(lambda text: check_relative(text) is None)
NAMES = st.builds(CardName, LABELS, LABELS)
REFS = st.builds(CardRef, NAMES, st.builds(Version, *[st.integers(0, 9)] * 3), st.sampled_from([None, DIGEST]))


@given(NAMES)
def test_names_and_their_text(name: CardName) -> None:
    assert CardName.parse(str(name)) == name
    assert pickle.loads(pickle.dumps(name)) == name
    assert check_relative(str(name)) is None


@given(REFS)
def test_references_and_their_text(ref: CardRef) -> None:
    assert CardRef.parse(str(ref)) == ref
    assert copy.deepcopy(ref) == ref
    adapter = TypeAdapter(CardRef)
    assert adapter.validate_json(adapter.dump_json(ref)) == ref
    assert adapter.dump_python(ref, mode="json") == str(ref)
    reference = parse_reference(str(ref))
    assert (reference.name, reference.spec.exact, reference.digest) == (ref.name, ref.version, ref.digest)


@given(NAMES, st.sampled_from(["", "@1.2.0", "@^1", "@prod", "@>=1, <2", "@1.*"]), st.sampled_from(["", DIGEST]))
def test_what_people_write_and_back(name: CardName, spec: str, digest: str) -> None:
    text = f"{name}{spec}" + (f"#{digest}" if digest else "")
    assert str(parse_reference(text)) == text
    assert parse_reference(str(parse_reference(text))) == parse_reference(text)


def test_a_reference_without_a_version_means_the_latest() -> None:
    assert parse_reference("vision/flakes") == Reference(CardName("vision", "flakes"), LATEST, None)
    assert str(parse_reference("vision/flakes@latest")) == "vision/flakes"


def test_names_sort_by_space_then_name() -> None:
    names = [CardName("b", "a"), CardName("a", "b"), CardName("a", "a")]
    assert list(map(str, sorted(names))) == ["a/a", "a/b", "b/a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "flakes",
            "'flakes' is not a card's name: it has no space; write space/name, such as 'vision/flakes'",
        ),
        ("a/b/c", "'a/b/c' is not a card's name: it has 3 parts; write two, space/name"),
        ("a/b@1.2.0", "'a/b@1.2.0' has more than a name is made of: write 'a/b'"),
        ("Vision/flakes", f"'Vision' is not a valid space: {RULE}; did you mean 'vision'?"),
        ("vision/My Flakes", f"'My Flakes' is not a valid name: {RULE}; did you mean 'my-flakes'?"),
        ("vision/", f"'' is not a valid name: {RULE}"),
        (
            "vision/con",
            "'con' is not a valid name, because as a path it has a part that Windows reserves for a device: "
            "choose another",
        ),
        (
            "vision/a.",
            "'a.' is not a valid name, because as a path it has a part that ends with a dot or a space: choose another",
        ),
        (b"a/b", "a card's name is text such as 'vision/flakes', not bytes: b'a/b'"),
    ],
)
def test_what_is_no_name_is_explained(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        CardName.parse(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "label",
    [
        "..",
        ".hidden",
        "-a",
        "_a",
        "A",
        "é",
        "a/b",
        "a\\b",
        "a b",
        "a\n",
        "a\x00",
        "a" * 65,
        "%2e",
        "a:b",
        "\u0661",
    ],
)
def test_labels_that_are_refused(label: str) -> None:
    with pytest.raises(InvalidInputError):
        CardName(label, "name")
    with pytest.raises(InvalidInputError):
        check_label(label, "artifact name")


def test_labels_are_text() -> None:
    with pytest.raises(InvalidInputError, match=r"^a space is text such as 'flakes', not int: 1$"):
        CardName(1, "name")  # type: ignore[arg-type]  # the point of the test


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Vision/Flakes", "vision/flakes"),
        ("vision/flakes:1.2", "vision/flakes@1.2"),
        ("vision/flakes==1.2.0", "vision/flakes@1.2.0"),
        ("vision/flakes>=1,<2", "vision/flakes@>=1,<2"),
        ("vision/flakes 1.2.0", "vision/flakes@1.2.0"),
        ("vision/flakes@v1.2.0", "vision/flakes@1.2.0"),
        ("vision\\flakes", "vision/flakes"),
        (" vision / flakes ", "vision/flakes"),
        ("/vision/flakes/", "vision/flakes"),
        ("vision/flakes@PROD", "vision/flakes@prod"),
        (f"vision/flakes@{DIGEST}", f"vision/flakes#{DIGEST}"),
        (f"vision/flakes@1.2.0@{DIGEST}", f"vision/flakes@1.2.0#{DIGEST}"),
        (f"vision/flakes#{DIGEST.upper()}", f"vision/flakes#{DIGEST}"),
    ],
)
def test_slips_are_understood_but_not_accepted(text: str, meant: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_reference(text)
    assert str(caught.value).endswith(f"; did you mean {meant!r}?")
    assert str(caught.value).count("did you mean") == 1
    parse_reference(meant)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "flakes",
            "'flakes' is not a card's name: it has no space; write space/name, such as 'vision/flakes'",
        ),
        (
            "a/b#sha256:12",
            "'a/b#sha256:12' is not a reference: behind the # stands a digest, sha256: and 64 of 0-9 a-f",
        ),
        ("a/b#", "'a/b' is not a reference: behind the # stands a digest, sha256: and 64 of 0-9 a-f"),
        (
            "a/b@",
            "'' is no version, tag or range: write a version (1.2.0), latest, a tag, or a "
            "range such as ^1.2, "
            "~1.2, 1.* or >=1,<2; did you mean 'a/b'?",
        ),
        (1, "a reference is text such as 'vision/flakes@1.2.0', not int: 1"),
    ],
)
def test_what_is_no_reference_is_explained(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_reference(text)
    assert str(caught.value) == message


def test_a_card_reference_names_one_version() -> None:
    with pytest.raises(InvalidInputError) as caught:
        CardRef.parse("a/b@^1")
    assert str(caught.value) == "'a/b@^1' names no exact version: write one, such as a/b@1.2.0"
    with pytest.raises(InvalidInputError, match="behind the # stands a digest"):
        CardRef(CardName("a", "b"), Version(1, 0, 0), "sha256:12")
    with pytest.raises(InvalidInputError, match="behind the # stands a digest"):
        Reference(CardName("a", "b"), Spec.parse("1.*"), "md5:12")


@given(st.text(max_size=30) | st.text("abAB/@#:^~<>=.*,1 -", max_size=30))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        reference = parse_reference(text)
    except InvalidInputError:
        return
    assert parse_reference(str(reference)) == reference
