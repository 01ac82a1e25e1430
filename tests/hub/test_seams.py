"""Where images that are not stored, copies and what the Hub shows meet."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.hub.origin import HubInMemory
from tests.hub.test_registry import URL, titles
from tests.hub.test_showing import readme, shown
from tests.remote import upload

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import InvalidInputError
from imagecards.transforms import MinArea

MakeFolder = Callable[..., Path]


def test_linked_images_are_not_stored_to_be_shown(hub: HubInMemory, make_folder: MakeFolder) -> None:
    dataset = ImageDataset(image_dir=upload(make_folder(4)))
    there = CardRegistry(URL)
    card = there.register(dataset, "a/b", copy=False)
    there.derive("a/b", MinArea(pixels=2), "a/large")
    assert shown(hub) == []
    front, body = readme(hub)
    assert "configs" not in front
    assert "| a/b | 1.0.0 | 4 |" in body
    assert card.summary.linked == 4


@pytest.mark.parametrize(("viewer", "files"), [("none", 0), ("sample", 1)])
def test_materialized_images_are_shown_as_the_registry_says(
    hub: HubInMemory, make_folder: MakeFolder, viewer: str, files: int
) -> None:
    there = CardRegistry(URL, viewer=viewer)  # type: ignore[arg-type]
    there.register(ImageDataset(image_dir=upload(make_folder(4))), "a/b", copy=False)
    assert there.materialize("a/b").summary.linked == 0
    assert len(shown(hub)) == files
    assert there.verify(deep=True).ok


def test_a_plan_of_images_that_stay_where_they_lie(hub: HubInMemory, make_folder: MakeFolder) -> None:
    folder = make_folder(4)
    dataset = ImageDataset(image_dir=upload(folder))
    there = CardRegistry(URL)
    plan = there.plan(dataset, "a/b", copy=False)
    assert (plan.files, plan.size, plan.images, plan.commits) == (2, 0, 0, 2)
    card = there.register(dataset, "a/b", copy=False)
    assert len(card.keys()) == plan.files
    assert titles(hub)[-2:] == ["Add 2 data files", "Add cards/a/b/1.0.0.json"]
    assert there.plan(dataset, "a/b").images == 4
    with pytest.raises(InvalidInputError, match=r"the folder .* can't be registered with copy=False"):
        there.plan(ImageDataset(image_dir=folder), "a/b", copy=False)
    with pytest.raises(InvalidInputError, match="parents"):
        there.plan(dataset, "a/b", parents="a/b")
