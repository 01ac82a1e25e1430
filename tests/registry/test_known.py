"""Images that came out of a registry go back into it without being read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from imagecards import CardRegistry, ImageDataset
from imagecards.datasets import RenamedSource
from imagecards.registry.reading import ShardSource
from imagecards.transforms import Crop, DropEmpty, Merge, RenameClasses, Sample

MakeFolder = Callable[..., Path]
OBJECTS = {"objects": {"bbox": [[0, 0, 2, 2]], "categories": ["x"]}}


def opened(registry: CardRegistry, reference: str) -> ImageDataset:
    dataset = registry.open(reference)
    assert isinstance(dataset, ImageDataset)
    return dataset


def shards(registry: CardRegistry) -> list[Path]:
    return sorted(Path(registry.url).rglob("shard-*.tar"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the stored images that are read."""
    found: list[str] = []
    before = ShardSource.read

    def read(self: ShardSource, name: str) -> bytes:
        found.append(name)
        return before(self, name)

    monkeypatch.setattr(ShardSource, "read", read)
    return found


def test_untouched_images_are_neither_read_nor_stored_again(
    registry: CardRegistry, make_folder: MakeFolder, reads: list[str]
) -> None:
    folder = make_folder({"a.png": OBJECTS, "b.png": {"caption": "nothing"}, "c.png": OBJECTS})
    parent = registry.register(ImageDataset(image_dir=folder), "a/raw")
    before = shards(registry)
    for number, step in enumerate((DropEmpty(), RenameClasses(names={"x": "y"}), Sample(n=2), Merge(prefixes=["p"]))):
        made = step.apply(opened(registry, "a/raw"))
        card = registry.register(made, f"a/made-{number}")  # without a word on its parents
        assert card.shards == parent.shards
        assert opened(registry, f"a/made-{number}").facts["sha256"].to_pylist() == [
            sha256
            for name, sha256 in opened(registry, "a/raw").facts.select(["file_name", "sha256"]).to_pandas().to_numpy()
            if name in {each.removeprefix("p/") for each in made.names}
        ]
    assert reads == []
    assert shards(registry) == before
    assert registry.verify(deep=True).ok


def test_only_images_that_are_made_are_read(
    registry: CardRegistry, make_folder: MakeFolder, reads: list[str], tmp_path: Path
) -> None:
    one = registry.register(ImageDataset(image_dir=make_folder({"a.png": OBJECTS, "b.png": None})), "a/one")
    two = registry.register(ImageDataset(image_dir=make_folder({"c.png": OBJECTS}, name="other", seed=7)), "a/two")
    merged = Merge().apply(
        Crop(x=0, y=0, width=4, height=4).apply(opened(registry, "a/one")), opened(registry, "a/two")
    )
    card = registry.register(merged, "a/merged", parents=[one, two])
    assert sorted(reads) == ["a.png", "b.png"]
    again = opened(registry, "a/merged")
    assert again.image("a.png").size == (4, 4)
    assert again.read_bytes("c.png") == (tmp_path / "other" / "c.png").read_bytes()
    assert set(two.shards) < set(card.shards)
    assert registry.verify(deep=True).ok


def test_images_of_another_registry_are_known_and_stored_here(
    registry: CardRegistry, make_folder: MakeFolder, reads: list[str], tmp_path: Path
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/raw")
    elsewhere = CardRegistry(tmp_path / "elsewhere")
    elsewhere.register(opened(registry, "a/raw"), "b/raw")
    assert len(reads) == 2
    assert elsewhere.verify(deep=True).ok


def test_images_of_a_withdrawn_version_are_stored_again(
    registry: CardRegistry, make_folder: MakeFolder, reads: list[str]
) -> None:
    parent = registry.register(ImageDataset(image_dir=make_folder(2)), "a/raw")
    dataset = opened(registry, "a/raw")
    registry.withdraw("a/raw@1.0.0", reason="mistaken")
    card = registry.register(dataset, "a/again")
    assert len(reads) == 2
    assert not set(card.shards) & set(parent.shards)


def test_other_names_of_images_that_are_not_there_are_not_known(
    registry: CardRegistry, make_folder: MakeFolder
) -> None:
    registry.register(ImageDataset(image_dir=make_folder(2)), "a/raw")
    dataset = opened(registry, "a/raw")
    table = dataset.table.slice(0, 1).set_column(0, "file_name", [["other.png"]])
    renamed = ImageDataset.from_source(RenamedSource(dataset.source, {"other.png": dataset.names[1]}), table)
    card = registry.register(renamed, "a/renamed")
    facts = opened(registry, "a/renamed").facts
    assert facts["sha256"].to_pylist() == dataset.facts["sha256"].to_pylist()[1:]  # of the image, not of the table
    assert card.summary.images == 1
