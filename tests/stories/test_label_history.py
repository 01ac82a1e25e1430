"""The history of a label set: four published versions, one of them with a row that contradicts itself."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.errors import InvalidMetadataError
from imagecards.registry.rendering import Lineage

MakeFolder = Callable[..., Path]
Labels = dict[str, list[str]]

NAMES = [f"exposure-{number:02d}.png" for number in range(12)]


def published(version: int) -> Labels:
    """The labels as they were published: bad images are relabelled, and one image comes later."""
    labels = {name: ["good"] for name in NAMES[:11]}
    if version >= 2:
        labels |= {NAMES[3]: ["ghosts"], NAMES[5]: ["bad-tracking"]}
    if version >= 3:
        labels |= {NAMES[5]: ["ghosts"], NAMES[11]: ["good"]}
    if version >= 4:
        labels |= {NAMES[0]: ["unknown"], NAMES[3]: ["good"]}
    return labels


def write(folder: Path, labels: Labels, *more: tuple[str, list[str]]) -> ImageDataset:
    rows = [*labels.items(), *more]
    (folder / "metadata.jsonl").write_text(
        "".join(json.dumps({"file_name": name, "categories": categories}) + "\n" for name, categories in rows)
    )
    return ImageDataset(image_dir=folder)


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    return make_folder(dict.fromkeys(NAMES))


def test_the_history_of_a_label_set(registry: CardRegistry, folder: Path) -> None:
    last = folder / NAMES[11]
    kept = last.read_bytes()
    last.unlink()
    cards: list[DataCard] = [registry.register(write(folder, published(1)), "astro/labels", source="release 1")]
    cards.append(registry.register(write(folder, published(2)), "astro/labels", source="release 2"))

    last.write_bytes(kept)
    twice = write(folder, published(3), (NAMES[5], ["good"]))
    with pytest.raises(InvalidMetadataError) as refused:
        registry.register(twice, "astro/labels", source="release 3")
    [issue] = [issue for issue in refused.value.issues if issue.severity == "error"]
    assert (issue.line, issue.field) == (13, "categories")
    assert "line 6" in str(issue)
    assert registry.versions("astro/labels") == [card.version for card in cards]

    cards.append(registry.register(write(folder, published(3)), "astro/labels", source="release 3"))
    cards.append(registry.register(write(folder, published(4)), "astro/labels", source="release 4"))
    assert [str(card.version) for card in cards] == ["1.0.0", "2.0.0", "3.0.0", "4.0.0"]

    changed = [
        [(row.image, row.before, row.after) for row in registry.diff(old, new).fields] for old, new in pairwise(cards)
    ]
    assert changed == [
        [(NAMES[3], ["good"], ["ghosts"]), (NAMES[5], ["good"], ["bad-tracking"])],
        [(NAMES[5], ["bad-tracking"], ["ghosts"])],
        [(NAMES[0], ["good"], ["unknown"]), (NAMES[3], ["ghosts"], ["good"])],
    ]
    assert registry.diff(cards[1], cards[2]).images.added == (NAMES[11],)
    whole = registry.diff(cards[0], cards[3])
    assert [row.image for row in whole.fields] == [NAMES[0], NAMES[5]]
    for card in cards:
        found = registry.lineage(card)
        assert isinstance(found, Lineage)
        assert found.problems == ()
    assert registry.verify(deep=True).ok
