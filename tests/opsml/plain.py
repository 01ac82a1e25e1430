"""What people do with plain opsml; each function is called in a process of its own."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from opsml.data import DataInterfaceMetadata, DataInterfaceSaveMetadata

from opsml import CardRegistry, DataCard, DataInterface, RegistryType

EVERYTHING = 2**31 - 1  # -1 is everything for SQLite alone


class TextData(DataInterface):
    """Some files with text."""

    def __new__(cls, files: dict[str, str] | None = None) -> "TextData":
        made: TextData = super().__new__(cls)
        return made

    def __init__(self, files: dict[str, str] | None = None) -> None:
        super().__init__()
        self.files = {"data.txt": "hello"} if files is None else files

    @staticmethod
    def from_metadata(metadata: Any) -> "TextData":
        return TextData()

    def save(self, path: Path, save_kwargs: Any = None) -> DataInterfaceMetadata:
        for name, text in self.files.items():
            (path / name).write_text(text)
        return DataInterfaceMetadata(save_metadata=DataInterfaceSaveMetadata(data_uri=Path(next(iter(self.files)))))


def register(name: str = "cats", count: int = 1, version: str | None = None) -> list[tuple[str, str]]:
    """Register text data again and again; the version and uid of each."""
    registry = CardRegistry(RegistryType.Data)
    made = []
    for _ in range(count):
        given = {} if version is None else {"version": version}
        card = DataCard(interface=TextData(), space="lab", name=name, **given)
        registry.register_card(card)
        made.append((card.version, card.uid))
    return made


def listed(name: str = "cats") -> list[tuple[str, str]]:
    """The version and uid of each row of a name."""
    rows = CardRegistry(RegistryType.Data).list_cards(space="lab", name=name, limit=EVERYTHING)
    return [(row.version, row.uid) for row in rows]


def loadable(name: str = "cats") -> list[str]:
    """The uids of a name whose cards and files opsml still loads."""
    registry = CardRegistry(RegistryType.Data)
    found = []
    for _, uid in listed(name):
        with TemporaryDirectory() as folder, suppress(RuntimeError):
            registry.load_card(uid=uid, interface=TextData).download_artifacts(Path(folder))
            if Path(folder, "data.txt").read_text() == "hello":
                found.append(uid)
    return found
