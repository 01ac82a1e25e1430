"""Pins: what a lock holds, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from imagecards import CardRegistry
from imagecards.cards import seal, unseal
from imagecards.errors import FormatError, IntegrityError, InvalidInputError, NotFoundError, StorageError
from imagecards.registry.pins import Lock, find_references


@pytest.fixture
def filled(registry: CardRegistry) -> CardRegistry:
    registry.register(pl.DataFrame({"x": [1]}), "a/t", tags=["prod"])
    return registry


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "imagecards.lock"


def test_a_locked_reference_means_the_card_of_then(filled: CardRegistry, place: Path) -> None:
    first = filled.load("a/t")
    filled.lock("a/t@^1", "a/t@prod", path=place)
    filled.register(pl.DataFrame({"x": [1, 2]}), "a/t", bump="minor", tags=["prod"])
    assert filled.load("a/t@^1").version != first.version
    for reference in ("a/t@^1", "a/t@prod", "a/t@1.0.0", first):
        assert filled.load(reference, lock=place) == first
    assert filled.open("a/t@^1", lock=place).to_polars().height == 1  # type: ignore[union-attr]
    assert filled.load("a/t@^1", lock=Lock.read(place)) == first


def test_what_the_lock_does_not_hold_is_refused(filled: CardRegistry, place: Path) -> None:
    filled.lock("a/t@^1", path=place)
    filled.register(pl.DataFrame({"x": [1, 2]}), "a/t", bump="minor")
    for reference in ("a/t", "a/t@~1.0", "a/t@1.1.0"):
        with pytest.raises(NotFoundError, match=r"does not hold .*; it has a/t@\^1 = 1.0.0: run `imagecards lock`"):
            filled.load(reference, lock=place)
    with pytest.raises(NotFoundError, match="it has no pin of that name"):
        filled.load("a/other", lock=place)
    with pytest.raises(IntegrityError, match="contradicts the lock"):
        filled.load(f"a/t@^1#sha256:{'0' * 64}", lock=place)


def test_a_card_that_was_replaced_is_refused(filled: CardRegistry, place: Path) -> None:
    filled.lock("a/t@^1", path=place)
    card = Path(filled.url) / "cards/a/t/1.0.0.json"
    body = unseal(card.read_bytes(), "")
    assert isinstance(body, dict)
    card.write_bytes(seal(body | {"description": "another"}))
    with pytest.raises(IntegrityError, match="the card was replaced"):
        filled.load("a/t@^1", lock=place)


def test_a_version_that_was_withdrawn_is_refused(filled: CardRegistry, place: Path) -> None:
    filled.lock("a/t@^1", path=place)
    filled.withdraw("a/t@1.0.0", "bad")
    with pytest.raises(NotFoundError, match="was withdrawn: bad"):
        filled.load("a/t@^1", lock=place)


def test_the_text_is_the_same_for_the_same_pins(filled: CardRegistry, place: Path) -> None:
    filled.lock("a/t@prod", "a/t@^1", "a/t@prod", path=place)
    text = place.read_text()
    assert filled.lock("a/t@^1", "a/t@prod", path=place).to_json() == text
    assert Lock.read(place).to_json() == text
    assert json.loads(text) == {
        "format": 1,
        "cards": [
            {"reference": text, "name": "a/t", "version": "1.0.0", "digest": filled.load("a/t").digest}
            for text in ("a/t@^1", "a/t@prod")
        ],
    }


def test_nothing_is_written_where_a_reference_is_wrong(filled: CardRegistry, place: Path) -> None:
    with pytest.raises(NotFoundError):
        filled.lock("a/t", "a/nothing", path=place)
    with pytest.raises(InvalidInputError):
        filled.lock("a/t", "nonsense", path=place)
    assert not place.exists()
    with pytest.raises(StorageError, match="can't be written"):
        filled.lock("a/t", path=place / "below")


PIN = {"reference": "a/t@^1", "name": "a/t", "version": "1.0.0", "digest": f"sha256:{'0' * 64}"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"nonsense",
        b"[" * 100_000,
        b'{"format": 2, "cards": []}',
        b'{"format": 1, "cards": 7}',
        b'{"format": 1, "cards": ["x"]}',
        *[
            json.dumps({"format": 1, "cards": [PIN | change]}).encode()
            for change in (
                {"reference": 7},
                {"reference": "a/u@^1"},
                {"reference": "a/t@^2"},
                {"version": "^1"},
                {"digest": "sha256:0"},
                {"more": 1},
            )
        ],
        json.dumps({"format": 1, "cards": [PIN, PIN | {"version": "1.1.0"}]}).encode(),
        b" " * (16 << 20) + b"{}",
    ],
    ids=range(15),
)
def test_what_is_no_lock_file_is_one_error(place: Path, body: bytes) -> None:
    place.write_bytes(body)
    with pytest.raises(FormatError, match="is not a lock file of format 1"):
        Lock.read(place)


def test_a_lock_that_is_not_there_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="write it with `imagecards lock`"):
        Lock.read(tmp_path / "no.lock")
    with pytest.raises(StorageError, match="can't be read"):
        Lock.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("open('a/b@^1'); open(\"a/b@prod\")", ["a/b@^1", "a/b@prod"]),
        ("open('a/b@>=1,<2')", ["a/b@>=1,<2"]),
        ("open('a/b')", []),
        ("mail('me/you@example.org!')", []),
        ("'https://x/y@1'", []),
        ("'a/b@1.0.0' 'a/b@1.0.0'", ["a/b@1.0.0"]),
    ],
)
def test_references_are_found_in_the_text_of_a_job(text: str, found: list[Any]) -> None:
    assert find_references(text) == found
