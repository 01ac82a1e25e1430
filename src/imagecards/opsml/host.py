"""opsml itself: the one file that imports it and knows its types. Every call of it is in `imagecards.opsml.calls`."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from imagecards.errors import InvalidInputError, MissingDependencyError, StorageError
from imagecards.opsml.calls import calling, patiently

Kind = Literal["data", "model", "experiment", "prompt"]

_PLATFORMS = "it has wheels for Linux (glibc), macOS and Windows on x86_64, and for macOS on arm64"
_EVERYTHING = 2**31 - 1  # -1 is everything for SQLite alone


@dataclass(frozen=True)
class Row:
    """One line of opsml's list of cards.

    Attributes:
        uid: What opsml knows the card by.
        space: Its space.
        name: Its name there.
        version: Its version, as opsml writes it.
        tags: Its tags.
        created: When its row was made, to the second where the database is SQLite.
        data_type: What opsml's list says of its data.
        datacards: The uids of the data cards that a model or experiment names.
        experiments: The uids of the experiments that it belongs to.
    """

    uid: str
    space: str
    name: str
    version: str
    tags: tuple[str, ...]
    created: datetime
    data_type: str
    datacards: tuple[str, ...]
    experiments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.space}/{self.name} {self.version} ({self.uid})"


def opsml() -> ModuleType:
    """The package.

    Raises:
        MissingDependencyError: It is not installed, or is older than version 3.
    """
    try:
        module = import_module("opsml")
    except ImportError as error:
        message = f"imagecards.opsml needs opsml 3: pip install 'imagecards[opsml]'; {_PLATFORMS}"
        raise MissingDependencyError(message) from error
    version = metadata.version("opsml")
    if int(version.partition(".")[0]) < 3:
        message = f"imagecards.opsml needs opsml 3, and {version} is installed: pip install 'imagecards[opsml]'"
        raise MissingDependencyError(message)
    return module


def part(path: str) -> Any:
    """A part of opsml by its path: ``"data.DataInterface"``.

    Raises:
        MissingDependencyError: opsml is not installed, is too old, or has no such part any more.
    """
    room, _, name = path.rpartition(".")
    found = opsml()
    try:
        return getattr(import_module(f"opsml.{room}") if room else found, name)
    except (AttributeError, ImportError) as error:
        message = f"opsml {metadata.version('opsml')} has no {path}: imagecards.opsml was written for 3.0; update both"
        raise MissingDependencyError(message) from error


@cache
def registry(kind: Kind = "data", use: str = "") -> Any:
    """The registry of a kind of cards, where the environment says that it is.

    Args:
        kind: Which cards.
        use: One that is busy can't be called: calls from within `save` take another, by any other text.

    Raises:
        MissingDependencyError: opsml is not installed.
        StorageError: It can't be opened.
    """
    open_registry = part("CardRegistry")

    def opened() -> Any:
        with calling("open its registry"):
            return open_registry(kind)

    return patiently(opened)


def rows(
    kind: Kind = "data",
    *,
    uid: str | None = None,
    space: str | None = None,
    name: str | None = None,
    version: str | None = None,
    tags: Sequence[str] = (),
) -> tuple[Row, ...]:
    """The cards that opsml lists: all that have every property that is given.

    Args:
        kind: Which cards.
        uid: The card's uid.
        space: Its space.
        name: Its name.
        version: Its version; opsml's ranges are not what they say, so give an exact one.
        tags: Tags that it has. (opsml pastes them into SQL.)

    Raises:
        InvalidInputError: A text has a quote.
        StorageError: opsml can't list them.
    """
    for text in (space, name, version, uid, *tags):
        if text is not None and not {"'", '"', "\\"}.isdisjoint(text):
            raise InvalidInputError(f"{text!r} has a quote, and nothing in opsml is called so: correct it")
    opened = registry(kind)
    with calling("list cards"):
        found = opened.list_cards(
            uid=uid, space=space, name=name, version=version, tags=list(tags) or None, limit=_EVERYTHING
        )
        return tuple(_row(record, kind) for record in found)


def load_card(uid: str, kind: Kind = "data", interface: Any = None) -> Any:
    """The card of a uid, without its files.

    Args:
        uid: The uid.
        kind: Which kind of card it is.
        interface: What reads its data; by default a data card comes with none that could.

    Raises:
        StorageError: There is none, or it can't be decrypted.
    """
    given = interface if interface is not None or kind != "data" else _NoInterface
    opened = registry(kind)
    options = {"interface": given} if kind == "data" else {}

    def loaded() -> Any:
        with calling(f"load the card {uid}"):
            return opened.load_card(uid=uid, **options)

    return patiently(loaded)


def described(card: Any) -> dict[str, Any]:
    """What a card of opsml says of itself, as JSON values."""
    with calling("describe a card"):
        said: dict[str, Any] = json.loads(card.model_dump_json())
        return said


def download(card: Any, to: Path) -> None:
    """Write a card's files, decrypted, into a folder.

    Raises:
        StorageError: One is missing, or can't be decrypted.
    """
    with calling(f"read the files of {card.space}/{card.name} {card.version} ({card.uid})"):
        card.download_artifacts(to)


def delete(row: Row) -> None:
    """Delete a data card: its row, and the folder of its version.

    A row that shares its version with another shares the folder, too: both lose their files.

    Raises:
        StorageError: It can't be deleted.
    """
    opened = registry()
    card = part("DataCard")(
        interface=_NoInterface.from_metadata(None), space=row.space, name=row.name, version=row.version, uid=row.uid
    )
    with calling(f"delete the card {row}"):
        opened.delete_card(card)


def register_card(
    interface: Any,
    *,
    space: str,
    name: str,
    version: str | None = None,
    tags: Sequence[str] = (),
    use: str = "",
) -> Any:
    """Register a data card: opsml makes its row, has the interface save its files, encrypts and stores them.

    Args:
        interface: What saves the files.
        space: Its space.
        name: Its name.
        version: Its version; opsml takes another one where it is there, so look at what comes back.
        tags: Its tags.
        use: As in `registry`.

    Raises:
        StorageError: opsml failed, or what it called did. Its row is gone, unless it panicked.
    """
    opened = registry("data", use)
    with calling(f"register {space}/{name}"):
        card = part("DataCard")(interface=interface, space=space, name=name, version=version, tags=list(tags))
        opened.register_card(card)
    return card


def in_passing_row(inside: Callable[[], None], *, space: str, name: str, tags: Sequence[str]) -> None:
    """Do something while a row is in opsml's list, and take it out again: it never has files.

    Args:
        inside: What to do; it keeps its own results and errors.
        space: The row's space.
        name: Its name.
        tags: Its tags.

    Raises:
        StorageError: opsml could not make the row: nothing was done.
    """
    begun: list[bool] = []

    def save() -> None:
        begun.append(True)
        inside()
        raise RuntimeError("passed")  # makes opsml take the row out

    try:
        register_card(_passing_class()(save), space=space, name=name, tags=tags)
    except StorageError:
        if not begun:
            raise


def saved(records: str, extra: Mapping[str, str]) -> Any:
    """What an interface returns from ``save``: a table that opsml itself can load, of a dataset of images.

    Args:
        records: The parquet file of the table.
        extra: What to keep in the card.
    """
    return part("data.DataInterfaceMetadata")(
        save_metadata=part("data.DataInterfaceSaveMetadata")(data_uri=Path(records)),
        extra_metadata=dict(extra),
        interface_type=part("data.DataInterfaceType").Arrow,
        data_type=images(),
    )


def images() -> Any:
    """What opsml's list says of a dataset of images."""
    return part("data.DataType").Image


def models_named() -> dict[str, tuple[str, ...]]:
    """The uids of the models that each experiment names, by its own.

    Raises:
        StorageError: opsml can't list them.
    """
    opened = registry("experiment")
    with calling("list cards"):
        return {each.uid: tuple(each.modelcard_uids or ()) for each in opened.list_cards(limit=_EVERYTHING)}


def decrypt(kind: Kind, uid: str, to: Path) -> tuple[str, ...]:
    """Decrypt a card, and its files into a folder; nothing that is in them is run.

    Args:
        kind: Which kind of card it is.
        uid: Its uid.
        to: A new folder.

    Returns:
        The files that the card says it has, relative to the folder.

    Raises:
        StorageError: Something is missing, or can't be decrypted.
    """
    readers = {"data": _NoInterface, "model": part("ModelInterface")}
    opened = registry(kind)
    with calling(f"decrypt the card {uid}"):
        card = opened.load_card(uid=uid, **({"interface": readers[kind]} if kind in readers else {}))
        if kind == "experiment":
            if card.list_artifacts():
                card.download_artifacts(lpath=to)
        elif kind in readers:
            card.download_artifacts(to)
            saved = json.loads(card.model_dump_json())["metadata"]["interface_metadata"]["save_metadata"]
            named = [saved.get(field) for field in ("data_uri", "model_uri")]
            return tuple(place for place in named if isinstance(place, str))
    return ()


@cache
def _passing_class() -> Any:
    base = part("data.DataInterface")

    class Passing(base):  # type: ignore[misc,valid-type]  # known only where opsml is
        def __new__(cls, *_: Any) -> Any:
            return super().__new__(cls)

        def __init__(self, save: Callable[[], None]) -> None:
            self._save = save

        def save(self, path: Any, save_kwargs: Any = None) -> None:
            self._save()

    return Passing


class _NoInterface:
    """What opsml asks for an interface when only the card is wanted."""

    @staticmethod
    def from_metadata(_: Any) -> Any:
        return part("data.DataInterface")()


def _row(record: Any, kind: Kind) -> Row:
    linked = kind != "prompt"  # which panics when it is asked for uids of others
    return Row(
        uid=record.uid,
        space=record.space,
        name=record.name,
        version=record.version,
        tags=tuple(getattr(record, "tags", None) or ()),
        created=record.created_at if record.created_at.tzinfo else record.created_at.replace(tzinfo=UTC),
        data_type=getattr(record, "data_type", None) or "",
        datacards=tuple(getattr(record, "datacard_uids", None) or ()) if linked else (),
        experiments=tuple(getattr(record, "experimentcard_uids", None) or ()) if linked else (),
    )
