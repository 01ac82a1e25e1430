"""Sealed documents: the exact form, and that no change of any byte goes unnoticed."""

import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagecards.cards import document, seal, unseal
from imagecards.digests import digest
from imagecards.errors import IntegrityError, InvalidInputError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
BODIES = st.dictionaries(st.text().filter(lambda key: key != "checksum"), JSON, min_size=1, max_size=5)

GOLDEN = b"""{
 "checksum": "sha256:eacfc0d57242a439dde4e3b14793c883aa553ec40c380928fe5b18f75ac87253",
 "empty": [],
 "format": "1.0",
 "nested": {
  "a": [
   1,
   2.5,
   null,
   true
  ],
  "\xc3\xa9": "\xe2\x9c\x93\\n"
 }
}
"""


@given(BODIES)
def test_a_sealed_body_comes_back(body: dict[str, object]) -> None:
    sealed = seal(body)
    assert unseal(sealed, "here") == body
    assert seal(unseal(sealed, "here")) == sealed


@given(BODIES)
def test_the_form_is_that_of_pythons_json(body: dict[str, object]) -> None:
    head, checksum, rest = seal(body).split(b"\n", 2)
    text = head + b"\n" + rest
    assert text.decode() == json.dumps(body, sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert checksum.decode() == f' "checksum": "sha256:{hashlib.sha256(text).hexdigest()}",'


def test_golden_document() -> None:
    body = {"nested": {"é": "✓\n", "a": (1, 2.5, None, True)}, "format": "1.0", "empty": []}
    assert seal(body) == GOLDEN
    assert unseal(GOLDEN, "here") == {
        "empty": [],
        "format": "1.0",
        "nested": {"a": [1, 2.5, None, True], "é": "✓\n"},
    }


def test_every_changed_byte_is_found() -> None:
    for place in range(len(GOLDEN)):
        for bit in (0x01, 0x20, 0x80):
            damaged = bytearray(GOLDEN)
            damaged[place] ^= bit
            with pytest.raises(IntegrityError, match=r"^cards/a/b/1\.0\.0\.json "):
                unseal(bytes(damaged), "cards/a/b/1.0.0.json")


def test_every_missing_or_added_byte_is_found() -> None:
    for place in range(len(GOLDEN) + 1):
        with pytest.raises(IntegrityError):
            unseal(GOLDEN[:place] + b" " + GOLDEN[place:], "here")
        if place < len(GOLDEN):
            with pytest.raises(IntegrityError):
                unseal(GOLDEN[:place], "here")


def forge(text: str | bytes) -> bytes:
    """A document with a true checksum and any text."""
    data = text.encode() if isinstance(text, str) else text
    assert data.startswith(b"{\n")
    return b'{\n "checksum": "%b",' % digest(data).encode() + data[1:]


@pytest.mark.parametrize(
    "text",
    [
        '{\n "b": 1,\n "a": 2\n}\n',
        '{\n "a": 1,\n "a": 1\n}\n',
        '{\n  "a": 1\n}\n',
        '{\n "a": 1\n}',
        '{\n "a": 1\n}\n\n',
        '{\n "a": 1.50\n}\n',
        '{\n "a": 1E3\n}\n',
        '{\n "a": "\\u0041"\n}\n',
        '{\n "a": "\\ud800"\n}\n',
        '{\n "a": []\n}\n'.replace("[]", "[ ]"),
        '{\n "checksum": "sha256:1"\n}\n',
        '{\n "a": ' + "[" * 70 + "]" * 70 + "\n}\n",
    ],
)
def test_other_forms_with_a_true_checksum_are_refused(text: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        unseal(forge(text), "here")
    assert str(caught.value) == (
        "here has a true checksum but is not in the exact form of a document (sorted keys once "
        "each, an indent of "
        "one, nothing empty written out): another program wrote it; restore the file from a copy"
    )
    assert caught.value.place == "here"


@pytest.mark.parametrize(
    "text",
    [
        b'{\n "a": \xff\n}\n',
        b'{\n "a": "\xed\xa0\x80"\n}\n',
        b'{\n "a": NaN\n}\n',
        b'{\n "a": Infinity\n}\n',
        b'{\n "a": 1e999\n}\n',
        b'{\n "a": ' + b"9" * 5000 + b"\n}\n",
        b'{\n "a": ' + b"[" * 100_000 + b"\n}\n",
        b'{\n "a": 1} {}\n',
        b'{\n "a": 1, }\n',
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(IntegrityError, match=r"^here "):
        unseal(forge(text), "here")


def test_messages_name_the_place_and_the_next_step() -> None:
    with pytest.raises(IntegrityError) as caught:
        unseal(b"{}", "tags/a/b/prod/1.json")
    assert str(caught.value) == (
        "tags/a/b/prod/1.json does not begin with its checksum: it is damaged or no document; "
        "restore the file from a copy"
    )
    damaged = GOLDEN.replace(b"2.5", b"2.6")
    with pytest.raises(IntegrityError) as caught:
        unseal(damaged, "x.json")
    expected = GOLDEN.split(b'"')[3].decode()
    actual = digest(b"{\n" + damaged.split(b"\n", 2)[2])
    assert str(caught.value) == (
        f"x.json is damaged: it states the checksum {expected}, and its text has {actual}; restore the file from a copy"
    )
    assert (caught.value.expected, caught.value.actual) == (expected, actual)


def test_documents_have_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "LARGEST", 150)
    seal({"a": "x" * 20})
    with pytest.raises(InvalidInputError) as refused:
        seal({"a": "x" * 200})
    assert str(refused.value) == (
        "a document of 301 bytes is larger than the 150 that a registry reads: keep long lists "
        "in a file of the "
        "dataset or in an artifact"
    )
    with pytest.raises(IntegrityError) as caught:
        unseal(b"x" * 151, "x.json")
    assert str(caught.value) == (
        "x.json has 151 bytes, and no document has more than 150: restore the file from a copy"
    )


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_lacks_are_refused(number: float) -> None:
    with pytest.raises(InvalidInputError, match=r"^a document can hold JSON only \(.* is no JSON number\): change"):
        seal({"a": number})


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"^a document can hold JSON only \(set is no JSON type\)"):
        seal({"a": {1}})
    with pytest.raises(InvalidInputError, match=r"^a document can hold JSON only"):
        seal({"a": "\ud800"})
    with pytest.raises(InvalidInputError, match=r"^a document has at least one member, and none named 'checksum'"):
        seal({})
    with pytest.raises(InvalidInputError, match=r"^a document has at least one member, and none named 'checksum'"):
        seal({"checksum": "mine"})
    deep: object = "bottom"
    for _ in range(64):
        deep = [deep]
    with pytest.raises(InvalidInputError, match="nested more than 64 deep"):
        seal({"a": deep})
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InvalidInputError, match=r"^a document can hold JSON only"):
        seal({"a": deep})
