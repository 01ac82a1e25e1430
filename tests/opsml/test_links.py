"""Models and experiments of opsml that name a dataset of ours are among its uses; its children are found by a tag."""

from pathlib import Path

import pytest
from tests.conftest import MakeFolder
from tests.opsml.servers import Mode

import imagecards as ic

pytest.importorskip("opsml")


def test_models_and_experiments_are_uses(mode: Mode, make_folder: MakeFolder, tmp_path: Path) -> None:
    mode.run(_linked, str(make_folder(2)), str(tmp_path / "registry"))


def _linked(images: str, place: str) -> None:
    from opsml.model import ModelInterfaceMetadata, ModelInterfaceSaveMetadata

    from opsml import CardRegistry, ModelCard, ModelInterface, start_experiment

    class Model(ModelInterface):
        def __new__(cls) -> "Model":
            return super().__new__(cls)  # type: ignore[no-any-return]

        def save(self, path: Path, save_kwargs: object = None) -> ModelInterfaceMetadata:
            (path / "model.txt").write_text("weights")
            return ModelInterfaceMetadata(save_metadata=ModelInterfaceSaveMetadata(model_uri=Path("model.txt")))

    registry = ic.CardRegistry(place)
    card = registry.register(ic.ImageDataset(image_dir=images), "vision/cats")
    made = ic.opsml.register(ic.opsml.ImageDataset.from_card(registry, card), space="lab", name="cats")
    other = ic.opsml.register(ic.opsml.ImageDataset(image_dir=images, embed=True), space="lab", name="no-card")
    for uid in (made.uid, other.uid):
        CardRegistry("model").register_card(ModelCard(interface=Model(), space="lab", name="unet", datacard_uid=uid))
    with start_experiment(space="lab") as experiment:
        experiment.card.add_datacard_uid(made.uid)
    with start_experiment(space="lab") as experiment:
        experiment.register_card(_datacard(registry))

    recorded = ic.opsml.record_links(registry)
    assert [use.by.partition("/")[0] for use in recorded] == ["opsml:model", *["opsml:experiment"] * 2]
    assert recorded[0].by == "opsml:model/lab/unet@0.1.0"
    assert recorded[0].metadata["datacard"] == made.uid
    assert registry.uses(card) == recorded
    assert "opsml:model/lab/unet@0.1.0" in registry.lineage(card).render()
    assert ic.opsml.record_links(registry) == ()
    embedded, linked = (ic.opsml.load(space="lab", name=name) for name in ("no-card", "cats"))
    assert list(embedded.read_many()) == list(linked.read_many())


def _datacard(registry: ic.CardRegistry) -> object:
    from opsml import DataCard

    return DataCard(
        interface=ic.opsml.ImageDataset.from_card(registry, "vision/cats"), space="lab", name="in-experiment"
    )


def test_cards_of_another_registry_are_passed_over(sqlite: Mode, make_folder: MakeFolder, tmp_path: Path) -> None:
    sqlite.run(_another_registry, str(make_folder(2)), str(tmp_path))


def _another_registry(images: str, place: str) -> None:
    """Two registries have a card of the same name and version."""
    from tests.opsml.damaging import TextModel

    from opsml import CardRegistry, ModelCard

    here, there = ic.CardRegistry(f"{place}/here"), ic.CardRegistry(f"{place}/there")
    for registry, caption in ((here, "a"), (there, "b")):
        metadata = ic.ImageMetadata(records=[ic.ImageRecord(file_name="000.png", caption=caption)])
        card = registry.register(ic.ImageDataset(image_dir=images, metadata=metadata), "vision/cats")
        made = ic.opsml.register(ic.opsml.ImageDataset.from_card(registry, card), space="lab", name="cats")
        model = ModelCard(interface=TextModel(), space="lab", name=f"net-{caption}", datacard_uid=made.uid)
        CardRegistry("model").register_card(model)
    assert [use.by for use in ic.opsml.record_links(there)] == ["opsml:model/lab/net-b@0.1.0"]
    assert [use.by for use in ic.opsml.record_links(here)] == ["opsml:model/lab/net-a@0.1.0"]
    card_file = Path(place, "here", "cards", "vision", "cats", "1.0.0.json")
    card_file.write_bytes(card_file.read_bytes()[:-9])
    assert ic.opsml.record_links(here) == ()


def test_children_are_found_by_plain_opsml(sqlite: Mode, make_folder: MakeFolder, tmp_path: Path) -> None:
    sqlite.run(_children, str(make_folder(2)), str(tmp_path / "registry"))


def _children(images: str, place: str) -> None:
    from opsml import CardRegistry

    registry = ic.CardRegistry(place)
    parent = registry.register(ic.ImageDataset(image_dir=images), "vision/cats")
    registry.derive(parent, [ic.transforms.MinArea(pixels=1)], "vision/child")
    for name in ("cats", "child"):
        ic.opsml.register(ic.opsml.ImageDataset.from_card(registry, f"vision/{name}"), space="lab", name=name)
    listed = CardRegistry("data").list_cards(tags=[f"parent={parent.digest}"])
    assert [row.name for row in listed] == ["child"]
    listed = CardRegistry("data").list_cards(tags=[f"digest={parent.digest}", "imagecards"])
    assert [row.name for row in listed] == ["cats"]
