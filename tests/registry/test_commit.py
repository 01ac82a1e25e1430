"""The truth about how a commit ended, whatever the storage answers."""

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import CommitUnknownError, ImageCardsError, NotFoundError, StorageError, VersionConflictError
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
