"""Withdrawing and tagging: what is accepted, and what an answer that was lost does to it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from imagecards import CardRegistry
from imagecards.cards import CardName, CardRef, Version
from imagecards.errors import CommitUnknownError, IntegrityError, InvalidInputError, NotFoundError
from imagecards.registry import lookup
from imagecards.registry.tags import append_tag
from imagecards.registry.withdraw import withdraw_version
from imagecards.storage.memory import MemoryStore

NAME = CardName("a", "b")
REF = CardRef(NAME, Version(1, 0, 0))


class Lossy(MemoryStore):
    """Loses the answers to some puts; those that landed stay."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix
        self.lose: list[bool] = []  # for each of the next puts there, whether it lands before its answer is lost
        self.puts = 0

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        if not key.startswith(self.prefix):
            return super().put_if_absent(key, body)
        self.puts += 1
        if self.lose:
            if self.lose.pop(0):
                super().put_if_absent(key, body)
            raise CommitUnknownError("the answer was lost")
        return super().put_if_absent(key, body)


def make(prefix: str) -> Lossy:
    store = Lossy(prefix)
    CardRegistry(store).register(pl.DataFrame({"x": [1]}), "a/b")
    return store


@pytest.mark.parametrize("lose", [[True], [False], [False, True], [True] * 4])
def test_a_withdrawal_survives_a_lost_answer(lose: list[bool]) -> None:
    store = make("tombs/")
    store.lose = lose
    withdraw_version(store, REF, "wrong")
    tomb = lookup.tombstone(store, REF)
    assert tomb is not None
    assert (tomb.card, tomb.reason) == (REF, "wrong")


def test_a_withdrawal_that_is_not_known_says_to_do_it_again() -> None:
    store = make("tombs/")
    store.lose = [False] * 100
    with pytest.raises(CommitUnknownError, match=r"withdraw a/b@1\.0\.0 again"):
        withdraw_version(store, REF, "wrong")
    store.lose = []
    withdraw_version(store, REF, "wrong")


def test_what_is_not_there_or_was_withdrawn_before_is_not_withdrawn() -> None:
    store = make("tombs/")
    with pytest.raises(NotFoundError, match=r"version 2\.0\.0 of a/b is not registered in .*; there is 1\.0\.0"):
        withdraw_version(store, CardRef(NAME, Version(2, 0, 0)), "wrong")
    withdraw_version(store, REF, "wrong")
    with pytest.raises(NotFoundError, match=r"a/b@1\.0\.0 was withdrawn: wrong"):
        withdraw_version(store, REF, "another reason")


@pytest.mark.parametrize("reason", [None, 1, b"wrong", "half a \ud800", "x" * 17_000_000])
def test_a_reason_is_text(reason: Any) -> None:
    store = make("tombs/")
    with pytest.raises(InvalidInputError) as caught:
        withdraw_version(store, REF, reason)
    assert len(str(caught.value)) < 200
    assert store.puts == 0


@pytest.mark.parametrize("how", ["spoilt", "link"])
def test_a_damaged_card_can_be_withdrawn(registry: CardRegistry, how: str) -> None:
    card = registry.register(pl.DataFrame({"x": [1]}), "a/b")
    path = Path(registry.url) / "cards/a/b/1.0.0.json"
    path.unlink()
    if how == "link":
        path.symlink_to("/etc/hostname")
    else:
        path.write_bytes(b"not a card")
    if how == "spoilt":
        with pytest.raises(IntegrityError):
            withdraw_version(registry.store, card.pin, "damaged")
    withdraw_version(registry.store, REF, "damaged")
    with pytest.raises(NotFoundError, match="every version of a/b was withdrawn"):
        registry.load("a/b")


@pytest.mark.parametrize("lose", [[True], [False], [False, True], [True] * 4])
@pytest.mark.parametrize("version", [Version(1, 0, 0), None])
def test_a_tag_survives_a_lost_answer(lose: list[bool], version: Version | None) -> None:
    store = make("tags/")
    if version is None:
        append_tag(store, NAME, "prod", Version(1, 0, 0))
    numbers = lookup.tag_numbers(store, NAME, "prod")
    store.lose = lose
    append_tag(store, NAME, "prod", version)
    entry = lookup.tag_entry(store, NAME, "prod")
    assert entry is not None
    assert (entry.card, entry.tag, entry.version, entry.number) == (NAME, "prod", version, len(numbers) + 1)


def test_a_tag_that_is_not_known_says_to_do_it_again() -> None:
    store = make("tags/")
    store.lose = [False] * 100
    with pytest.raises(CommitUnknownError, match="tag it again once the storage answers"):
        append_tag(store, NAME, "prod", Version(1, 0, 0))


def test_a_tag_that_fails_after_the_commit_is_not_told_as_a_failed_registration() -> None:
    store = Lossy("tags/")
    registry = CardRegistry(store)
    store.lose = [False] * 5  # as often as one entry is tried
    with pytest.raises(CommitUnknownError) as caught:
        registry.register(pl.DataFrame({"x": [1]}), "a/b", tags=["prod", "test"])
    message = str(caught.value)
    assert message.startswith("a/b@1.0.0 is registered; the tag test was set; the tag prod was not set, as far as is")
    assert message.endswith("; tag a/b@1.0.0 with prod again once the cause is mended")
    assert registry.resolve(caught.value.attempt) == registry.load("a/b@test")


def test_a_damaged_tag_is_told_beside_the_version_that_is_registered(registry: CardRegistry) -> None:
    registry.register(pl.DataFrame({"x": [1]}), "a/b", tags=["prod"])
    entry = Path(registry.url) / "tags/a/b/prod/00000001.json"
    entry.chmod(0o644)
    entry.write_bytes(b"{}")
    with pytest.raises(IntegrityError, match=r"^a/b@1\.1\.0 is registered; the tag prod was not set") as caught:
        registry.register(pl.DataFrame({"x": [1, 2]}), "a/b", tags=["prod"])
    assert caught.value.place == "tags/a/b/prod/00000001.json"
    assert str(registry.load("a/b").version) == "1.1.0"


def test_one_tag_that_fails_keeps_no_other_from_being_moved_or_taken_away(registry: CardRegistry) -> None:
    registry.register(pl.DataFrame({"x": [1]}), "a/b", tags=["prod", "test"])
    with pytest.raises(
        NotFoundError, match=r"the tag prod was taken away; the tag test was taken away; .*has no tag none"
    ):
        registry.untag("a/b", "prod", "none", "test")
    assert registry.tags("a/b") == {}
    with pytest.raises(InvalidInputError):
        registry.untag("a/b", "v1")
    with pytest.raises(NotFoundError, match=r"^a/b has no tag none: nothing to take away$"):
        registry.untag("a/b", "none")
