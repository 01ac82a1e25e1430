"""The small documents beside cards: tags, tombstones, markers, artifacts; attempts and frozen values."""

import copy
import json
import pickle
import subprocess
import sys
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from enum import IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from imagecards.cards import (
    Artifact,
    ArtifactFile,
    AttachedArtifact,
    CardName,
    CardRef,
    RegistryMarker,
    StoredFile,
    Tag,
    TagEntry,
    Tombstone,
    Version,
    attempt_time,
    check_tag,
    new_attempt,
)
from imagecards.cards.frozen import FrozenDict, FrozenList, freeze_json
from imagecards.errors import FormatError, IntegrityError, InvalidInputError

ATTEMPT = "20261120T123526Z-0123456789abcdef"
DIGEST = "sha256:" + "ab" * 32
OTHER = "sha256:" + "cd" * 32
UUID = "123e4567-e89b-12d3-a456-426614174000"
NAME = CardName("vision", "flakes")
REF = CardRef(NAME, Version(1, 2, 0))


def file(path: str) -> ArtifactFile:
    key = f"data/vision/flakes/{ATTEMPT}/artifacts/masks/{path}"
    return ArtifactFile(path=path, stored=StoredFile(key=key, size=3, digest=DIGEST))


DOCUMENTS = [
    TagEntry(card=NAME, tag=Tag("prod"), version=Version(1, 2, 0, "rc.1"), number=3),
    TagEntry(card=NAME, tag=Tag("prod"), number=1),
    Tombstone(card=REF, reason="labels of run 7 were swapped\nsee the log"),
    Tombstone(card=REF),
    RegistryMarker(registry=UUID),
    AttachedArtifact(card=DIGEST, name="masks", artifact=Artifact(kind="folder", files=(file("a/b.png"), file("c")))),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: type(document).__name__)
def test_documents_come_back_byte_for_byte(document: Any) -> None:
    data = document.to_json()
    again = type(document).from_json(data, "here")
    assert again == document
    assert again.to_json() == data
    assert pickle.loads(pickle.dumps(document)) == document
    assert hash(again) == hash(document)
    body = {key: value for key, value in json.loads(data).items() if key != "checksum"}
    assert body["format"] == "1.0"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: type(document).__name__)
def test_one_kind_of_document_is_never_taken_for_another(document: Any) -> None:
    for other in DOCUMENTS:
        if type(other) is not type(document):
            with pytest.raises((IntegrityError, FormatError)):
                type(other).from_json(document.to_json(), "here")


@pytest.mark.parametrize(
    ("document", "checksum", "members"),
    [
        (
            TagEntry(card=NAME, tag=Tag("prod"), version=Version(1, 0, 0), number=1),
            "18653a059b73dba073218dcea7f14d4bf16ed0d3ea0b8042f447e28a7c869ff4",
            ['"card": "vision/flakes"', '"format": "1.0"', '"number": 1', '"tag": "prod"', '"version": "1.0.0"'],
        ),
        (
            Tombstone(card=REF, reason="wrong"),
            "9d4813d6576496298680de7473fbb5eea57d972766ca32f146a424815ee4714d",
            ['"card": "vision/flakes@1.2.0"', '"format": "1.0"', '"reason": "wrong"'],
        ),
        (
            RegistryMarker(registry=UUID),
            "e5b594e354d34a03c4b7d0f4b82897bc73bb5c3b4f17f4f94fc8455122491263",
            ['"format": "1.0"', f'"registry": "{UUID}"'],
        ),
    ],
)
def test_golden_documents(document: Any, checksum: str, members: list[str]) -> None:
    lines = [f'"checksum": "sha256:{checksum}"', *members]
    assert document.to_json().decode() == "{\n " + ",\n ".join(lines) + "\n}\n"


def test_an_attached_artifact_belongs_to_one_card_and_one_name() -> None:
    attached = AttachedArtifact(card=DIGEST, name="masks", artifact=Artifact(kind="folder"))
    attached.check_pin(DIGEST, "masks", "x.json")
    with pytest.raises(IntegrityError) as caught:
        attached.check_pin(OTHER, "masks", "x.json")
    assert str(caught.value) == (
        f"x.json was attached to the card {DIGEST}, and the card there is {OTHER}: "
        "one of the two was replaced; restore it from a copy"
    )
    with pytest.raises(IntegrityError) as caught:
        attached.check_pin(DIGEST, "plot", "x.json")
    assert str(caught.value) == ("x.json holds the artifact 'masks': it was moved there; restore the file from a copy")


def test_artifacts() -> None:
    artifact = Artifact(kind="folder", files=(file("a/b.png"), file("c")))
    assert artifact.size == 6
    assert artifact.keys() == (file("a/b.png").stored.key, file("c").stored.key)
    assert Artifact(kind="folder").size == 0


@pytest.mark.parametrize(
    ("kind", "paths", "fault"),
    [
        ("file", [], "an artifact of kind 'file' is one file with a plain name"),
        ("file", ["a", "b"], "an artifact of kind 'file' is one file with a plain name"),
        ("file", ["a/b"], "an artifact of kind 'file' is one file with a plain name"),
        ("folder", ["a", "a"], "'a' and 'a' are one file on some systems: rename one"),
        ("folder", ["A.png", "a.png"], "'A.png' and 'a.png' are one file on some systems: rename one"),
        ("folder", ["a/b", "A"], "'a' is both a file and the folder of 'a/b': rename one"),
        ("archive", ["a"], "Input should be 'file' or 'folder'"),
    ],
)
def test_artifacts_that_could_not_be_written_back_are_refused(kind: Any, paths: list[str], fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Artifact(kind=kind, files=[file(path) for path in paths])
    assert fault in str(caught.value)


def test_names_of_artifacts() -> None:
    with pytest.raises(ValidationError, match=r"'My Masks' is not a valid artifact name: .*; did you mean 'my-masks'"):
        AttachedArtifact(card=DIGEST, name="My Masks", artifact=Artifact(kind="folder"))


@pytest.mark.parametrize("text", ["prod", "a", "release-2026.11", "v", "version1", "x" * 64])
def test_tags(text: str) -> None:
    assert Tag(text) == check_tag(text) == text
    assert isinstance(Tag(text), str)
    assert pickle.loads(pickle.dumps(Tag(text))) == text


RULE = "1 to 64 of the characters a-z 0-9 . _ -, the first one a letter"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("latest", "'latest' can't be a tag: it always means the highest release"),
        ("LATEST", "'LATEST' can't be a tag: did you mean 'latest', the highest release?"),
        ("v1", "'v1' can't be a tag, because it looks like a version: did you mean '1'?"),
        ("V1.2.0", "'V1.2.0' can't be a tag, because it looks like a version: did you mean '1.2.0'?"),
        ("My Tag", f"'My Tag' is not a tag: {RULE}; did you mean 'my-tag'?"),
        ("1st", f"'1st' is not a tag: {RULE}"),
        ("", f"'' is not a tag: {RULE}"),
        ("a/b", f"'a/b' is not a tag: {RULE}; did you mean 'a-b'?"),
        ("x" * 65, f"{'x' * 65!r} is not a tag: {RULE}; did you mean {'x' * 64!r}?"),
        (
            "nul",
            "'nul' is not a tag that every file system can hold: it has a part that Windows "
            "reserves for a device; "
            "choose another",
        ),
        (1, "a tag is text such as 'prod', not int: 1"),
    ],
)
def test_what_can_be_no_tag_is_explained(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Tag(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("number", [0, -1, 100_000_000, True, "1"])
def test_entries_of_a_tag_count_from_one(number: Any) -> None:
    with pytest.raises(ValidationError):
        TagEntry(card=NAME, tag=Tag("prod"), number=number)


@pytest.mark.parametrize(("field", "value"), [("card", "flakes"), ("card", REF), ("tag", "Prod"), ("tag", "latest")])
def test_entries_of_a_tag_name_a_card_and_a_tag(field: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        TagEntry.model_validate({"card": NAME, "tag": "prod", "number": 1, field: value})
    assert type(TagEntry.model_validate({"card": str(NAME), "tag": "prod", "number": 1}).tag) is Tag


def test_an_entry_of_a_tag_belongs_to_one_place() -> None:
    entry = TagEntry(card=NAME, tag=Tag("prod"), number=2)
    entry.check_place(NAME, "prod", 2, "x.json")
    for place in ((CardName("vision", "cats"), "prod", 2), (NAME, "test", 2), (NAME, "prod", 3)):
        with pytest.raises(IntegrityError, match="and holds vision/flakes@prod, entry 2: it was moved"):
            entry.check_place(*place, "x.json")


def test_a_tombstone_belongs_to_one_version() -> None:
    tomb = Tombstone(card=REF)
    tomb.check_place(REF, "x.json")
    tomb.check_place(CardRef(NAME, REF.version, DIGEST), "x.json")
    with pytest.raises(IntegrityError) as caught:
        tomb.check_place(CardRef(NAME, Version(1, 0, 0)), "x.json")
    assert str(caught.value) == (
        "x.json is the place of the tombstone of vision/flakes@1.0.0, and holds that of vision/flakes@1.2.0: "
        "it was moved; restore the file from a copy"
    )
    with pytest.raises(ValidationError, match="give card without #sha256"):
        Tombstone(card=CardRef(NAME, REF.version, DIGEST))


@pytest.mark.parametrize("registry", ["", UUID.upper(), "urn:uuid:" + UUID, UUID + "\n"])
def test_markers_hold_a_uuid(registry: str) -> None:
    with pytest.raises(ValidationError, match=r"is not a UUID in its usual form: give str\(uuid\.uuid4\(\)\)"):
        RegistryMarker(registry=registry)


@given(
    st.datetimes(timezones=st.integers(-720, 720).map(lambda minutes: timezone(timedelta(minutes=minutes)))).filter(
        lambda moment: 2 < moment.year < 9998
    ),
    st.binary(min_size=8, max_size=8).map(bytes.hex),
)
def test_attempts_tell_their_time(moment: datetime, token: str) -> None:
    attempt = new_attempt(moment, token)
    assert len(attempt) == 33
    assert attempt_time(attempt) == moment.astimezone(UTC).replace(microsecond=0)
    assert attempt_time(attempt).utcoffset() == timedelta(0)


def test_attempts_need_a_zone_and_a_token() -> None:
    with pytest.raises(InvalidInputError, match=r"has no time zone: give datetime\.now\(UTC\)"):
        new_attempt(datetime(2026, 1, 1), "0" * 16)  # noqa: DTZ001  # the point of the test
    with pytest.raises(InvalidInputError, match=r"'xyz' is not 16 hex digits: give secrets\.token_hex\(8\)"):
        new_attempt(datetime(2026, 1, 1, tzinfo=UTC), "xyz")


@pytest.mark.parametrize(
    "text", ["", "20261120T123526Z", ATTEMPT.upper(), ATTEMPT + "0", "20261320T123526Z-" + "0" * 16]
)
def test_what_is_no_attempt_is_explained(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        attempt_time(text)
    assert str(caught.value) == (
        f"{text!r} is not the id of an attempt: it has the form 20261120T123526Z-0123456789abcdef"
    )


DICT_CHANGES: list[Any] = [
    lambda value: value.__setitem__("a", 1),
    lambda value: value.__delitem__("a"),
    lambda value: value.__ior__({"b": 1}),
    lambda value: value.clear(),
    lambda value: value.pop("a"),
    lambda value: value.popitem(),
    lambda value: value.setdefault("b", 1),
    lambda value: value.update(b=1),
]
LIST_CHANGES: list[Any] = [
    lambda value: value.__setitem__(0, 1),
    lambda value: value.__delitem__(0),
    lambda value: value.__iadd__([1]),
    lambda value: value.__imul__(2),
    lambda value: value.append(1),
    lambda value: value.clear(),
    lambda value: value.extend([1]),
    lambda value: value.insert(0, 1),
    lambda value: value.pop(),
    lambda value: value.remove(1),
    lambda value: value.reverse(),
    lambda value: value.sort(),
]


@pytest.mark.parametrize(("make", "changes"), [(FrozenDict, DICT_CHANGES), (FrozenList, LIST_CHANGES)])
def test_frozen_values_refuse_every_change(make: Any, changes: list[Any]) -> None:
    plain: Any = {"a": 1} if make is FrozenDict else [1]
    frozen = make(plain)
    for change in changes:
        with pytest.raises(TypeError, match="a card can't be changed: copy the value"):
            change(frozen)
    assert frozen == plain
    assert pickle.loads(pickle.dumps(frozen)) == plain
    assert type(pickle.loads(pickle.dumps(frozen))) is make
    assert copy.deepcopy(frozen) is copy.copy(frozen) is frozen
    assert json.dumps(frozen) == json.dumps(plain)


class Colour(IntEnum):
    RED = 3


def test_freezing_makes_plain_json() -> None:
    value: Any = freeze_json(OrderedDict(a=(1, Colour.RED, True), b=None))
    assert value == {"a": [1, 3, True], "b": None}
    assert [type(item) for item in value["a"]] == [int, int, bool]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [0, float("inf")]}, "a[1]: inf is not a JSON number; leave it out or write it as text"),
        ({"a": 2**53 + 1}, "a: 9007199254740993 is beyond 2^53, where JSON readers round; write it as text"),
        (
            {"a": 10**5000},
            "a: an integer of 16610 bits is beyond 2^53, where JSON readers round; write it as text",
        ),
        ({1: 2}, "the key 1 is not text, and JSON has no other keys; write it as text"),
        ({"a": {"b": b""}}, "a.b: bytes is not JSON; write it as text, a number, a list or a dict"),
        ({"\ud800": 1}, "'\\ud800' has half a surrogate pair, which is no character; remove it"),
        (["\ud800"], "[0]: '\\ud800' has half a surrogate pair, which is no character; remove it"),
    ],
)
def test_what_is_no_json_is_named(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|surrogate") as caught:
        freeze_json(value)
    assert str(caught.value) == message


def test_endless_nesting_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(ValueError, match="more than 64 lists and dicts are nested; flatten them"):
        freeze_json(value)


def test_cards_are_light() -> None:
    code = "import sys, imagecards.cards; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"pyarrow", "polars", "numpy", "PIL", "pandas", "rich", "asyncio", "multiprocessing"}
    assert heavy.isdisjoint(loaded)
    assert "pydantic" in loaded
