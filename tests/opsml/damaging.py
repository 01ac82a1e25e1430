"""The ways in which plain opsml damages a registry, or lets it be; each is called in a process of its own."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from opsml.data import DataInterfaceMetadata
from opsml.model import ModelInterfaceMetadata, ModelInterfaceSaveMetadata
from tests.opsml.plain import TextData, register

from opsml import CardRegistry, DataCard, ModelCard, ModelInterface, Prompt, PromptCard, RegistryType, start_experiment

PAIR = {"0001.jpg": "a picture", "0001.txt": "a caption"}


class Killed(TextData):
    """The process ends when its files were written."""

    def save(self, path: Path, save_kwargs: Any = None) -> DataInterfaceMetadata:
        super().save(path)
        os._exit(9)


class Links(TextData):
    """A file that is a link to one outside."""

    def save(self, path: Path, save_kwargs: Any = None) -> DataInterfaceMetadata:
        target = Path("outside.txt").absolute()
        target.write_text(self.files["data.txt"])
        described = super().save(path)
        (path / "data.txt").unlink()
        (path / "data.txt").symlink_to(target)
        return described


class OddName(TextData):
    """A file whose name is no text."""

    def save(self, path: Path, save_kwargs: Any = None) -> DataInterfaceMetadata:
        Path(os.fsdecode(os.fsencode(path) + b"/caf\xe9.txt")).write_text("x")
        return super().save(path)


class TextModel(ModelInterface):
    """A model that is a file of text."""

    def __new__(cls, *_: Any) -> "TextModel":
        made: TextModel = super().__new__(cls)
        return made

    def save(self, path: Path, save_kwargs: Any = None) -> ModelInterfaceMetadata:
        (path / "model.txt").write_text("a model")
        return ModelInterfaceMetadata(save_metadata=ModelInterfaceSaveMetadata(model_uri=Path("model.txt")))


def register_in_one_second(count: int) -> list[tuple[str, str]]:
    """Register again and again, with a clock of seconds that stands still, as it does on a fast machine."""
    made = []
    for _ in range(count):
        made += register()
        with closing(sqlite3.connect(os.environ["OPSML_TRACKING_URI"].removeprefix("sqlite://"))) as database:
            database.execute("UPDATE opsml_data_registry SET created_at = '2026-01-01 00:00:00'")
            database.commit()
    return made


def register_again(version: str) -> list[tuple[str, str]]:
    """Register an exact version three times: opsml takes another number for the later ones."""
    return [made for _ in range(3) for made in register(version=version)]


def register_reloaded() -> list[tuple[str, str]]:
    """Register an older card once more, as it was loaded."""
    registry = CardRegistry(RegistryType.Data)
    older = register(count=2)
    card = registry.load_card(uid=older[0][1], interface=TextData)
    registry.register_card(card)
    return [*older, (card.version, card.uid)]


def register_backports() -> list[str]:
    """5.0.0, then 22 numbers of an older line, then one more without a number."""
    made = register(version="5.0.0")
    for number in range(22):
        made += register(version=f"1.0.{number}")
    made += register()
    return [version for version, _ in made]


def register_killed() -> None:
    """Be killed in a registration."""
    registry = CardRegistry(RegistryType.Data)
    registry.register_card(DataCard(interface=Killed(), space="lab", name="cats"))


def register_link(text: str) -> str:
    """Register a link; the uid."""
    return _registered(Links({"data.txt": text}))


def register_odd_name() -> None:
    """Register a file that opsml panics at."""
    with suppress(BaseException):
        _registered(OddName())


def register_empty() -> None:
    """Register an empty file, which opsml panics at where it is sent anywhere."""
    with suppress(BaseException):
        _registered(TextData({"data.txt": ""}))


def register_pairs(count: int) -> None:
    """Register two files of one stem again and again; opsml takes it now and then."""
    for _ in range(count):
        with suppress(RuntimeError):
            _registered(TextData(PAIR))


def files_of(uid: str, wanted: dict[str, str]) -> list[str]:
    """The files of a card that come back with what was in them."""
    folder = Path(f"files-{uid}")
    try:
        CardRegistry(RegistryType.Data).load_card(uid=uid, interface=TextData).download_artifacts(folder)
    except RuntimeError:
        return []
    there = [name for name in wanted if (folder / name).exists()]
    return [name for name in there if (folder / name).read_text(errors="replace") == wanted[name]]


def link_and_delete() -> dict[str, str]:
    """A model and an experiment that name data cards, which are deleted; and an experiment whose model is."""
    registry, models = CardRegistry(RegistryType.Data), CardRegistry(RegistryType.Model)
    data = DataCard(interface=TextData(), space="lab", name="cats")
    registry.register_card(data)
    model = ModelCard(interface=TextModel(), space="lab", name="net", datacard_uid=data.uid)
    models.register_card(model)
    with start_experiment(space="lab", name="trial") as experiment:
        other = DataCard(interface=TextData(), space="lab", name="dogs")
        experiment.register_card(other)
        gone = ModelCard(interface=TextModel(), space="lab", name="gone")
        experiment.register_card(gone)
        uid = experiment.card.uid
    for card in (data, other):
        registry.delete_card(registry.load_card(uid=card.uid, interface=TextData))
    models.delete_card(models.load_card(uid=gone.uid, interface=ModelInterface))
    return {"data": data.uid, "model": model.uid, "experiment": uid, "other": other.uid, "gone": gone.uid}


def register_each_kind() -> None:
    """A data card, a model that names it, an experiment that has both of its own, and a prompt."""
    (made,) = register("each")
    model = ModelCard(interface=TextModel(), space="lab", name="net", datacard_uid=made[1])
    CardRegistry(RegistryType.Model).register_card(model)
    with start_experiment(space="lab", name="trial") as experiment:
        experiment.register_card(DataCard(interface=TextData(), space="lab", name="other"))
    prompt = Prompt(message="Which cat?", model="a-model", provider="openai")
    CardRegistry(RegistryType.Prompt).register_card(PromptCard(prompt=prompt, space="lab", name="question"))


def _registered(interface: TextData) -> str:
    card = DataCard(interface=interface, space="lab", name="cats")
    CardRegistry(RegistryType.Data).register_card(card)
    uid: str = card.uid
    return uid
