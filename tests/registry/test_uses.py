"""Uses: what is recorded, once, and what becomes of it."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import CardName, CardRef, Use, Version, seal, unseal
from imagecards.errors import IntegrityError, InvalidInputError, ReadOnlyError
from imagecards.storage.memory import MemoryStore

MakeFolder = Callable[..., Path]


@pytest.fixture
def filled(registry: CardRegistry) -> CardRegistry:
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    return registry


def test_a_use_is_pinned_and_timed(filled: CardRegistry) -> None:
    use = filled.record_use("a/t", "model/unet@3", metadata={"run": 7})
    assert (use.by, use.metadata, use.number) == ("model/unet@3", {"run": 7}, 1)
    assert use.card == filled.load("a/t").pin
    assert f"{use.time:%Y-%m-%dT%H:%M:%SZ}" == use.at
    assert filled.uses("a/t") == (use,)


def test_the_same_use_is_recorded_once(filled: CardRegistry) -> None:
    one = filled.record_use("a/t", "x")
    assert filled.record_use("a/t", "x") == one
    other = filled.record_use("a/t", "x", metadata={"fold": 2})
    assert [use.number for use in filled.uses("a/t")] == [1, 2]
    assert filled.record_use("a/t", "x", metadata={"fold": 2}) == other


def test_many_at_once_lose_nothing() -> None:
    registry = CardRegistry(MemoryStore())
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: registry.record_use("a/t", f"job/{number % 20}"), range(40)))
    assert sorted(use.by for use in registry.uses("a/t")) == sorted(f"job/{number}" for number in range(20))


def test_the_environment_records_who_opens(filled: CardRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGECARDS_USED_BY", "train/x")
    filled.open("a/t")
    filled.open("a/t@1.0.0")
    filled.load("a/t")
    assert [use.by for use in filled.uses("a/t")] == ["train/x"]


def test_a_job_goes_on_where_its_use_can_not_be_recorded(
    filled: CardRegistry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> bool:
        raise ReadOnlyError("read-only")

    monkeypatch.setenv("IMAGECARDS_USED_BY", "train/x")
    monkeypatch.setattr(filled.store, "put_if_absent", refuse)
    with caplog.at_level(logging.WARNING):
        assert filled.open("a/t") is not None
    assert "the use of a/t@1.0.0 by train/x was not recorded: read-only" in caplog.text
    monkeypatch.setenv("IMAGECARDS_USED_BY", "x" * 1000)
    assert filled.open("a/t") is not None


@pytest.mark.parametrize("by", ["", "x" * 513, "\ud800"])
def test_who_uses_has_a_name(filled: CardRegistry, by: str) -> None:
    with pytest.raises(InvalidInputError, match="this use can't be recorded"):
        filled.record_use("a/t", by)
    assert filled.uses("a/t") == ()


def test_metadata_is_json(filled: CardRegistry) -> None:
    with pytest.raises(InvalidInputError, match="metadata"):
        filled.record_use("a/t", "x", metadata={"when": object()})


def test_damage_hides_no_other_use_and_is_found(filled: CardRegistry, caplog: pytest.LogCaptureFixture) -> None:
    filled.record_use("a/t", "one")
    filled.record_use("a/t", "two")
    place = Path(filled.url) / "uses/a/t/1.0.0/00000001.json"
    place.write_bytes(place.read_bytes().replace(b"one", b"on3"))
    assert [use.by for use in filled.uses("a/t")] == ["two"]
    assert "a use of a/t@1.0.0 can't be read" in caplog.text
    [problem] = filled.verify().problems
    assert problem.place == "uses/a/t/1.0.0/00000001.json"
    place.unlink()
    place.with_name("notes.txt").write_text("x")
    assert [problem.message for problem in filled.verify().problems] == ["is not a use: remove it"]


def test_a_use_that_was_moved_is_found(filled: CardRegistry) -> None:
    use = filled.record_use("a/t", "one")
    ref = CardRef(CardName("a", "t"), Version(1, 0, 0))
    for card, number in ((ref, 2), (CardRef(ref.name, Version(2, 0, 0)), 1)):
        with pytest.raises(IntegrityError, match="it was moved"):
            use.check_place(card, number, "uses/a/t")


def test_a_use_of_another_card_does_not_count(filled: CardRegistry, caplog: pytest.LogCaptureFixture) -> None:
    filled.record_use("a/t", "one")
    place = Path(filled.url) / "uses/a/t/1.0.0/00000001.json"
    body = unseal(place.read_bytes(), "")
    assert isinstance(body, dict)
    place.write_bytes(seal(body | {"card": f"a/t@1.0.0#sha256:{'0' * 64}"}))
    assert filled.uses("a/t") == ()
    assert "pinned to another card" in caplog.text


def test_a_time_is_in_utc_to_the_second(filled: CardRegistry) -> None:
    with pytest.raises(ValueError, match="time"):
        Use(card=filled.load("a/t").pin, by="x", at="2026-11-20 12:35", number=1)


def test_impact_names_versions_splits_and_uses(registry: CardRegistry, make_folder: MakeFolder) -> None:
    make_folder(2, name="both/train")
    dataset = ImageDataset(image_dir=make_folder(1, name="both/test", seed=90).parent)
    card = registry.register(dataset, "a/b")
    registry.record_use(card, "model/unet@3")
    registry.register(ImageDataset(image_dir=make_folder(1, name="flat")), "a/c")
    registry.register(pl.DataFrame({"x": [1]}), "a/t")
    [hit] = registry.impact("train/000.png").hits
    assert (hit.reference, hit.splits, hit.uses, hit.withdrawn) == ("a/b@1.0.0", ("train",), ("model/unet@3",), False)
    same = registry.impact(hit.digest)
    assert [(each.reference, each.image) for each in same.hits] == [
        ("a/b@1.0.0", "train/000.png"),
        ("a/c@1.0.0", "000.png"),
    ]
    assert registry.impact(hit.digest.removeprefix("sha256:")) == same
    assert registry.impact("nothing.png").hits == ()
    assert same.to_polars()["splits"].to_list() == [["train"], []]
    registry.withdraw("a/c@1.0.0", "bad")
    assert [each.withdrawn for each in registry.impact(hit.digest).hits] == [False, True]
    with pytest.raises(InvalidInputError, match="an empty text"):
        registry.impact("")


def test_impact_tells_of_versions_that_can_not_be_looked_into(registry: CardRegistry, make_folder: MakeFolder) -> None:
    card = registry.register(ImageDataset(image_dir=make_folder(2)), "a/b")
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/c")
    assert card.records is not None
    (Path(registry.url) / card.records.key).unlink()
    found = registry.impact("000.png")
    assert [hit.reference for hit in found.hits] == ["a/c@1.0.0"]
    assert [problem.card for problem in found.problems] == ["a/b@1.0.0"]


def test_a_run_is_kept_with_the_revision_of_its_code(filled: CardRegistry) -> None:
    use = filled.record_use("a/t", "model/unet@3", run="r17", metadata={"epochs": 2})
    assert use.metadata["run"] == "r17"
    assert use.metadata["epochs"] == 2
    assert "imagecards" in use.metadata["code"]
    assert filled.record_use("a/t", "model/unet@3", run="r17", metadata={"epochs": 2}) == use
    assert filled.record_use("a/t", "model/unet@3", run="r18", metadata={"epochs": 2}) != use
