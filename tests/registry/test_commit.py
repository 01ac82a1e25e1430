"""The truth about how a commit ended, whatever the storage answers."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError, StorageError, VersionConflictError
from imagecards.registry import publish
from imagecards.storage import MemoryStore

MakeFolder = Callable[..., Path]
LOST, NEVER_SENT, REFUSED, VISIBLE = "lost answer", "never sent", "refused", "visible, not known to be durable"


class Troubled(MemoryStore):
    """A store that answers badly when a key with a certain beginning is put."""

    def __init__(self, trouble: str, prefix: str, times: int) -> None:
        super().__init__()
        self.trouble = trouble
        self.prefix = prefix
        self.times = times

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        if not key.startswith(self.prefix) or self.times == 0:
            return super().put_if_absent(key, body)
        self.times -= 1
        if self.trouble in (LOST, VISIBLE):
            super().put_if_absent(key, body)
        if self.trouble == REFUSED:
            raise StorageError("refused")
        raise CommitUnknownError("no answer", "", self.trouble == VISIBLE)


def register(store: Troubled, folder: Path) -> ImageCardsError | None:
    try:
        CardRegistry(store).register(ImageDataset(image_dir=folder), "a/b", tags=["prod"])
    except ImageCardsError as error:
        return error
    return None


@pytest.mark.parametrize("prefix", ["imagecards.json", "cards/", "tags/"])
@pytest.mark.parametrize("trouble", [LOST, NEVER_SENT])
def test_an_answer_that_was_lost_once_changes_nothing(make_folder: MakeFolder, trouble: str, prefix: str) -> None:
    store = Troubled(trouble, prefix, times=1)
    assert register(store, make_folder(2)) is None
    assert str(CardRegistry(store).load("a/b@prod").version) == "1.0.0"
    assert CardRegistry(store).verify(deep=True).ok


def test_answers_that_are_lost_for_ever_are_not_called_success_or_failure(make_folder: MakeFolder) -> None:
    store = Troubled(NEVER_SENT, "cards/", times=10**9)
    error = register(store, make_folder(2))
    assert isinstance(error, CommitUnknownError)
    assert "may or may not be there" in str(error)
    assert f"registry.resolve({error.attempt!r})" in str(error)
    assert CardRegistry(store).resolve(error.attempt) is None
    assert any(key.key.startswith("data/") for key in store.list("")), "a late request may still name these files"
    store.times = 0
    assert register(store, make_folder(2)) is None


@pytest.mark.parametrize("times", [1, 10**9], ids=["once", "for ever"])
def test_a_card_that_landed_is_found_by_its_attempt(make_folder: MakeFolder, times: int) -> None:
    store = Troubled(VISIBLE, "cards/", times)
    error = register(store, make_folder(2))
    assert isinstance(error, CommitUnknownError)
    assert error.visible
    assert "may not outlive a power failure" in str(error)
    card = CardRegistry(store).resolve(error.attempt)
    assert card is not None
    assert str(card.ref) == "a/b@1.0.0"
    assert CardRegistry(store).verify(deep=True).ok


def test_a_refusal_leaves_nothing(make_folder: MakeFolder) -> None:
    store = Troubled(REFUSED, "cards/", times=1)
    error = register(store, make_folder(2))
    assert type(error) is StorageError
    assert [entry.key for entry in store.list("")] == ["imagecards.json"]


class Slow(Troubled):
    """A store in which each card takes an hour to be put, and the first answers to that are lost."""

    hours = 0.0

    def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
        if key.startswith("cards/"):
            self.hours += 1
        return super().put_if_absent(key, body)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    store = Slow(NEVER_SENT, "cards/", times=0)
    monkeypatch.setattr("imagecards.registry.attempt.steady_time", lambda: store.hours * 3600)
    return store


def test_an_attempt_that_became_too_old_commits_nothing(
    slow: Slow, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pack_for_hours(*arguments: object) -> object:
        slow.hours += 6.1
        return pack_images(*arguments)  # type: ignore[arg-type]  # handed through

    from imagecards.registry.image_content import pack_images

    monkeypatch.setattr("imagecards.registry.register.pack_images", pack_for_hours)
    error = register(slow, make_folder(2))
    assert type(error) is StorageError
    assert "has taken 6.1 h" in str(error)
    assert [entry.key for entry in slow.list("")] == ["imagecards.json"]


@pytest.mark.parametrize(("began", "sent"), [(1.5, 5), (4.5, 2)])
def test_a_card_is_not_sent_again_by_an_attempt_that_became_too_old(
    slow: Slow, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch, began: float, sent: int
) -> None:
    slow.times = 10**9
    check_ready = publish._check_ready

    def check_for_hours(*arguments: object) -> None:
        slow.hours += began
        check_ready(*arguments)  # type: ignore[arg-type]  # handed through

    monkeypatch.setattr(publish, "_check_ready", check_for_hours)
    error = register(slow, make_folder(2))
    assert isinstance(error, CommitUnknownError), "what was sent before may still arrive"
    assert slow.hours - began == sent
    assert any(entry.key.startswith("data/") for entry in slow.list(""))


def test_a_refusal_after_a_lost_answer_is_not_called_failure(make_folder: MakeFolder) -> None:
    class LostThenRefused(Troubled):
        def put_if_absent(self, key: str, body: Iterable[bytes]) -> bool:
            if key.startswith("cards/"):
                self.trouble = LOST if self.trouble == NEVER_SENT else REFUSED
            return super().put_if_absent(key, body)

    store = LostThenRefused(NEVER_SENT, "cards/", times=10**9)
    error = register(store, make_folder(2))
    assert isinstance(error, CommitUnknownError)
    assert CardRegistry(store).resolve(error.attempt) is not None
    assert CardRegistry(store).verify(deep=True).ok


def test_a_lost_answer_is_not_taken_for_a_conflict(make_folder: MakeFolder) -> None:
    store = Troubled(LOST, "cards/", times=1)
    folder = make_folder(2)
    card = CardRegistry(store).register(ImageDataset(image_dir=folder), "a/b", version="3.0.0")
    assert str(card.version) == "3.0.0"
    other = make_folder(2, name="other", seed=7)
    with pytest.raises(VersionConflictError):
        CardRegistry(store).register(ImageDataset(image_dir=other), "a/b", version="3.0.0")


def test_a_parent_that_is_withdrawn_meanwhile_is_named(
    make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = CardRegistry(MemoryStore())
    raw = registry.register(ImageDataset(image_dir=make_folder(2)), "a/raw")
    packed = []

    def withdraw_then_pack(*arguments: object) -> object:
        packed.append(1)
        registry.withdraw("a/raw@1.0.0", reason="wrong")
        return pack_images(*arguments)  # type: ignore[arg-type]  # handed through

    from imagecards.registry.image_content import pack_images

    monkeypatch.setattr("imagecards.registry.register.pack_images", withdraw_then_pack)
    with pytest.raises(StorageError, match=r"the parent a/raw@1\.0\.0 was withdrawn meanwhile \(wrong\): name another"):
        registry.register(ImageDataset(image_dir=make_folder(3, name="other")), "a/b", parents=[raw])
    assert packed == [1]
    with pytest.raises(NotFoundError):
        registry.load("a/b")
