"""What people do with imagecards.opsml; each function is called in a process of its own."""

import os
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import imagecards as ic
from imagecards.opsml import host
from imagecards.opsml.calls import calling

Made = list[tuple[str, str, str]]


def register_many(images: str, worker: int, count: int, name: str = "cats") -> Made:
    """Register datasets that differ in a caption; the version, uid and caption of each."""
    made = []
    for number in range(count):
        caption = f"{worker}:{number}"
        records = [ic.ImageRecord(file_name="000.png", caption=caption)]
        interface = ic.opsml.ImageDataset(image_dir=images, metadata=ic.ImageMetadata(records=records))
        card = ic.opsml.register(interface, space="lab", name=name)
        made.append((card.version, card.uid, caption))
    return made


def captions(versions: Sequence[str], name: str = "cats") -> dict[str, str | None]:
    """What each version holds, when it is loaded."""
    found = {}
    for version in versions:
        dataset = ic.opsml.load(space="lab", name=name, version=version)
        assert dataset.read_bytes("000.png")
        found[version] = dataset.records[0].caption
    return found


def listed(space: str | None = None) -> list[tuple[str, str, str]]:
    """Every row that opsml lists, claims among them."""
    return sorted((row.space, row.name, row.version) for row in host.rows(space=space))


def register(images: str, name: str = "cats", **how: Any) -> tuple[str, str]:
    """Register a folder; its version and uid."""
    embed = how.pop("embed", False)
    card = ic.opsml.register(ic.opsml.ImageDataset(image_dir=images, embed=embed), space="lab", name=name, **how)
    return card.version, card.uid


def opened(images_of: Sequence[str] | None = None, **which: Any) -> dict[str, Any]:
    """What `load` opens: names, bytes, records, splits."""
    dataset = ic.opsml.load(**{"space": "lab", "name": "cats", **which})
    names = dataset.names if images_of is None else images_of
    return {
        "names": dataset.names,
        "bytes": {name: dataset.read_bytes(name) for name in names},
        "records": [record.present() for record in dataset.records],
        "splits": dict(dataset.splits),
        "attributes": dict(dataset.attributes),
    }


def die_while_registering(images: str, name: str = "cats") -> None:
    """Register, and be killed while opsml has the row and no files."""
    interface = ic.opsml.ImageDataset(image_dir=images)
    interface.__dict__["manifest"] = interface.manifest
    setattr(type(interface), "save", lambda *_: os._exit(9))  # noqa: B010
    ic.opsml.register(interface, space="lab", name=name)


class Refused(Exception):
    """What a test raises in `save`."""


def fail_while_registering(images: str) -> list[tuple[str, str, str]]:
    """Register with writes that fail, each of which comes out as it was; what opsml lists then."""
    interface = ic.opsml.ImageDataset(image_dir=images)
    for error in (Refused("bad bbox at record 7"), KeyboardInterrupt(), SystemExit(3)):

        def write(*_: Any, error: BaseException = error) -> None:
            raise error

        host.__dict__["saved"] = write
        with pytest.raises(type(error)) as caught:
            ic.opsml.register(interface, space="lab", name="cats")
        assert caught.value is error
    return listed()


def panic_while_registering(images: str, begins: str) -> list[tuple[str, str, str]]:
    """Register with an opsml that panics behind the row whose name begins so; what it lists then."""
    register_card = host.register_card

    def panic(*arguments: Any, **options: Any) -> Any:
        if options["name"].startswith(begins):
            orphan(options)
            with calling("panic"):
                host.registry().list_cards(version="^1.2")
        return register_card(*arguments, **options)

    host.__dict__["register_card"] = panic
    with pytest.raises(ic.errors.StorageError, match="index out of bounds"):
        register(images)
    return listed()


def orphan(options: Any) -> None:
    """A row without files, as a panic in opsml leaves it."""
    database = os.environ["OPSML_TRACKING_URI"].removeprefix("sqlite://")
    with sqlite3.connect(database) as connection:
        tags = str(list(options["tags"])).replace("'", '"')
        connection.execute(
            "insert into opsml_data_registry (uid, space, name, major, minor, patch, version, tags) "
            "values ('01a2279f-376a-7e52-aa04-4e6534d74155', ?, ?, 0, 1, 0, '0.1.0', ?)",
            (options["space"], options["name"], tags),
        )
        connection.execute(
            "insert into opsml_artifact_key (uid, space, registry_type, encrypted_key, storage_key) values "
            "('01a2279f-376a-7e52-aa04-4e6534d74155', 'lab', 'data', '', 'opsml_data_registry/lab/cats/v0.1.0')"
        )
    connection.close()


def claim(version: str, name: str = "cats") -> None:
    """A claim whose process was killed."""
    from tests.opsml.plain import TextData

    host.register_card(
        TextData(), space="lab", name="claim-0123456789", tags=[f"of=lab/{name}", f"version={version}"], use="a claim"
    )


def age(days: int) -> None:
    """Let all rows in a SQLite registry be some days older."""
    database = os.environ["OPSML_TRACKING_URI"].removeprefix("sqlite://")
    with sqlite3.connect(database) as connection:
        changed = connection.execute(
            "update opsml_data_registry set created_at = datetime(created_at, ?)", (f"-{days} days",)
        ).rowcount
    connection.close()
    assert changed


def noise_of(images: str) -> tuple[str, list[str]]:
    """What appears on standard output, and in the folder for temporary files, of registering and loading."""
    temporary = Path(os.environ["TMPDIR"])
    out = temporary.parent / "out"
    before = set(temporary.iterdir())
    kept = os.dup(1)
    with out.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.write(1, b"before\n")
        register(images)
        os.write(1, b"between\n")
        register(images, embed=True)
        dataset = ic.opsml.load(space="lab", name="cats")
        assert dataset.read_bytes("000.png")
        del dataset
        os.write(1, b"after\n")
        os.dup2(kept, 1)
    return out.read_text(), sorted(path.name for path in set(temporary.iterdir()) - before)


def prints_of_others(images: str) -> str:
    """Whether lines that another thread prints meanwhile get lost."""
    out = Path(os.environ["TMPDIR"]).parent / "out"
    done = threading.Event()

    def talk() -> None:
        number = 0
        while not done.is_set() or number < 3:
            os.write(1, f"line {number}\n".encode())
            number += 1
            done.wait(0.001)
        os.write(1, f"{number} lines\n".encode())

    with out.open("wb") as file:
        os.dup2(file.fileno(), 1)
    talking = threading.Thread(target=talk)
    talking.start()
    for _ in range(3):
        register(images)
    done.set()
    talking.join()
    return out.read_text()


def use_after_fork(images: str, started: str) -> str:
    """What a process sees that is forked when opsml was not used yet, by us, or by plain opsml."""
    if started == "by us":
        register(images)
    elif started == "by opsml":
        host.part("CardRegistry")("data").list_cards()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            said = str(len(host.rows()))
        except ic.ImageCardsError as error:
            said = f"{type(error).__name__}: {error}"
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return os.read(read, 10_000).decode()
