"""What people see in the repo: a README with valid YAML, and images that `datasets` loads."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest
import yaml
from PIL import Image
from tests.conftest import png
from tests.hub.conftest import REPO
from tests.hub.origin import HubInMemory

from imagecards import CardRegistry, ImageDataset
from imagecards.errors import NotFoundError, StorageError
from imagecards.registry import commit as committing
from imagecards.registry import showing
from imagecards.storage.hub import HubStore

MakeFolder = Callable[..., Path]
URL = f"hf://datasets/{REPO}/cards"
Viewer = Literal["sample", "full", "none"]


def readme(hub: HubInMemory) -> tuple[dict[str, Any], str]:
    """The YAML of the README, and the rest."""
    _, front, body = hub.files(REPO)["README.md"].decode().split("---\n", 2)
    return yaml.safe_load(front), body


def shown(hub: HubInMemory) -> list[str]:
    return [path for path in hub.files(REPO) if path.startswith("viewer/") and path.endswith(".parquet")]


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    """Two splits of three images, each with a caption and an object."""
    made = make_folder({f"{split}/{number}.png": None for split in ("train", "test") for number in range(3)})
    for split in ("train", "test"):
        with (made / split / "metadata.jsonl").open("w") as file:
            for number in range(3):
                objects = {"bbox": [[number, 1.0, 2, 3]], "categories": ["cat" if number % 2 else "dog"]}
                record = {"file_name": f"{number}.png", "caption": f"{split} {number}", "objects": objects}
                file.write(json.dumps(record) + "\n")
    return made


LOAD = """
import json, sys
from datasets import load_dataset

def plain(row):
    return dict(row, image=list(row["image"].convert("L").tobytes())) if "image" in row else row

loaded = [load_dataset(sys.argv[1], *[name for name in [config] if name]) for config in sys.argv[2:]]
print("\\n" + json.dumps([{split: [plain(row) for row in rows] for split, rows in each.items()} for each in loaded]))
"""


def load(*configs: str) -> Any:
    """What `datasets.load_dataset` gives for each, in a process of its own, with the images' pixels."""
    done = subprocess.run([sys.executable, "-c", LOAD, REPO, *configs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def pixels(place: Path) -> list[int]:
    with Image.open(place) as image:
        return list(image.convert("L").tobytes())


def test_datasets_loads_images_objects_and_tables(hub: HubInMemory, folder: Path) -> None:
    registry = CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder), "pets/photos", license="MIT", description="cats | dogs")
    registry.register(pl.DataFrame({"id": [1, 2]}), "pets/table")
    loaded, table = load("", "pets--table")
    assert {split: len(rows) for split, rows in loaded.items()} == {"train": 3, "test": 3}
    for number, row in enumerate(loaded["train"]):
        assert row["caption"] == f"train {number}"
        assert row["objects"]["bbox"] == [[number, 1.0, 2.0, 3.0]]
        assert row["objects"]["category"] == [0 if number % 2 else 1]
        assert row["image"] == pixels(folder / "train" / f"{number}.png")
    assert table == {"train": [{"id": 1}, {"id": 2}]}


def test_the_readme(hub: HubInMemory, folder: Path) -> None:
    registry = CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder), "pets/photos", license="MIT", description="cats | <b>dogs</b>")
    front, body = readme(hub)
    assert front["license"] == "mit"
    assert front["size_categories"] == ["n<1K"]
    assert front["task_categories"] == ["object-detection"]
    assert front["tags"] == ["imagecards"]
    (config,) = front["configs"]
    assert config["config_name"] == "pets--photos"
    assert config["default"] is True
    assert sorted(path for each in config["data_files"] for path in each["path"]) == sorted(shown(hub))
    assert "| pets/photos | 1.0.0 | 6 | 6 | 0 | cats &#124; &#60;b&#62;dogs&#60;/b&#62; |" in body
    head = hub.repos[REPO].history("main")[0]
    assert head.title.startswith("Add cards/pets/photos/1.0.0.json"), "card and README are one commit"

    registry.register(np.arange(6), "a/numbers", license="my own")
    front, body = readme(hub)
    assert (front["license"], front["license_name"]) == ("other", "several")
    assert [each["config_name"] for each in front["configs"]] == ["pets--photos"]
    assert "| a/numbers | 1.0.0 |" in body


def test_what_people_write_into_it_stays(hub: HubInMemory, folder: Path) -> None:
    registry = CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder), "pets/photos")
    before = hub.files(REPO)["README.md"].decode()
    mine = (
        before.replace("tags:\n", "language:\n- en\ntags:\n- pets\n").replace("---\n\n", "---\n\n# Mine\n\n")
        + "\nthe end\n"
    )
    hub.plant(REPO, "README.md", mine.encode())
    (folder / "train" / "9.png").write_bytes(png(seed=9))
    registry.register(ImageDataset(image_dir=folder), "pets/photos")
    front, body = readme(hub)
    assert front["language"] == ["en"]
    assert front["tags"] == ["pets", "imagecards"]
    assert body.startswith("\n# Mine\n")
    assert body.endswith("\nthe end\n")
    assert "| pets/photos | 1.1.0 | 7 |" in body
    assert body.count("written anew") == 1


def test_a_long_readme_stays_whole(hub: HubInMemory) -> None:
    registry = CardRegistry(URL)
    registry.register(np.array([1]), "a/b")
    mine = "a word " * 50_000 + "and the end\n"
    hub.plant(REPO, "README.md", hub.files(REPO)["README.md"] + mine.encode())
    registry.register(np.array([1, 2]), "a/b")
    front, body = readme(hub)
    assert body.endswith(mine)
    assert front["tags"] == ["imagecards"]


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe", b"---\n", b"---\n- a\n---\n", b"---\n{: [\n---\nx", b"---\na: &a [*a]\n---\n", b"no yaml"],
)
def test_a_readme_that_makes_no_sense_stops_nobody(hub: HubInMemory, text: bytes) -> None:
    registry = CardRegistry(URL)
    registry.store.make()
    hub.plant(REPO, "README.md", text)
    hub.plant(REPO, "viewer/index.json", text)
    registry.register(pl.DataFrame({"id": [1]}), "a/b")
    front, _ = readme(hub)
    assert front["configs"][0]["config_name"] == "a--b"


@pytest.mark.parametrize(("viewer", "images"), [("sample", 4), ("full", 6), ("none", 0)])
def test_how_much_is_shown(
    hub: HubInMemory, folder: Path, viewer: Viewer, images: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(showing, "_IMAGES", 2)
    CardRegistry(URL, viewer=viewer).register(ImageDataset(image_dir=folder), "pets/photos")
    rows = 0
    for number, path in enumerate(shown(hub)):
        place = tmp_path / f"{number}.parquet"
        place.write_bytes(hub.files(REPO)[path])
        rows += pq.read_metadata(place).num_rows
    assert rows == images
    front, _ = readme(hub)
    assert ("configs" in front) == (images > 0)


def test_files_that_are_shown_no_more_are_removed(hub: HubInMemory, folder: Path) -> None:
    CardRegistry(URL).register(ImageDataset(image_dir=folder), "pets/photos")
    assert len(shown(hub)) == 2
    CardRegistry(URL).register(ImageDataset(image_dir=folder / "train"), "pets/photos")
    assert shown(hub) == ["viewer/pets/photos/train-00000-of-00001.parquet"]
    CardRegistry(URL, viewer="none").register(ImageDataset(image_dir=folder / "test"), "pets/photos")
    assert shown(hub) == []


def test_pages_that_are_refused_keep_no_version_from_being_registered(
    hub: HubInMemory, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(showing, "render_readme", lambda *said: "no yaml")
    registry = CardRegistry(URL)
    with caplog.at_level(logging.WARNING):
        card = registry.register(ImageDataset(image_dir=folder), "pets/photos")
    assert "README and viewer are left as they are" in caplog.text
    assert registry.load("pets/photos") == card
    assert "README.md" not in hub.files(REPO)
    assert registry.verify(deep=True).ok


# -- withdrawing ---------------------------------------------------------------------------------------------


def rows_shown(hub: HubInMemory, tmp_path: Path) -> int:
    import pyarrow.parquet as pq

    place = tmp_path / "shown.parquet"
    rows = 0
    for path in shown(hub):
        place.write_bytes(hub.files(REPO)[path])
        rows += pq.read_metadata(place).num_rows
    return rows


def test_a_withdrawn_version_is_no_longer_shown_and_the_one_before_is(
    hub: HubInMemory, folder: Path, tmp_path: Path
) -> None:
    registry = CardRegistry(URL)
    registry.register(pl.DataFrame({"id": [1]}), "pets/table")
    registry.register(ImageDataset(image_dir=folder / "train"), "pets/photos", description="before")
    before = hub.files(REPO)
    registry.register(ImageDataset(image_dir=folder), "pets/photos", description="with a face")
    assert rows_shown(hub, tmp_path) == 6
    registry.withdraw("pets/photos@2.0.0", "a face")
    assert rows_shown(hub, tmp_path) == 3
    after = hub.files(REPO)
    assert after["README.md"] == before["README.md"]
    assert after["viewer/index.json"] == before["viewer/index.json"]
    head = hub.repos[REPO].history("main")[0]
    assert head.title.startswith("Add tombs/pets/photos/2.0.0.json"), "tombstone and README are one commit"

    registry.withdraw("pets/photos@1.0.0", "a face here too")
    front, body = readme(hub)
    assert shown(hub) == []
    assert [each["config_name"] for each in front["configs"]] == ["pets--table"]
    assert "pets/photos" not in body


def test_what_showed_no_images_shows_none_when_a_version_is_withdrawn(hub: HubInMemory, folder: Path) -> None:
    registry = CardRegistry(URL, viewer="none")
    registry.register(ImageDataset(image_dir=folder / "train"), "pets/photos")
    registry.register(ImageDataset(image_dir=folder), "pets/photos")
    CardRegistry(URL).withdraw("pets/photos@2.0.0", "a face")
    assert shown(hub) == []
    assert "| pets/photos | 1.0.0 | 3 |" in readme(hub)[1]


@pytest.mark.parametrize("kept", [True, False])
def test_a_version_that_was_registered_without_a_viewer_is_never_shown(
    hub: HubInMemory, folder: Path, tmp_path: Path, kept: bool
) -> None:
    hidden, registry = CardRegistry(URL, viewer="none"), CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder / "train"), "pets/photos", version="1.0.0")
    hidden.register(ImageDataset(image_dir=folder), "pets/photos", version="2.0.0")
    registry.register(ImageDataset(image_dir=folder / "test"), "pets/photos", version="3.0.0")
    hidden.register(pl.DataFrame({"id": [1]}), "pets/table")
    registry.register(pl.DataFrame({"id": [2]}), "pets/table")
    assert rows_shown(hub, tmp_path) == 3
    if not kept:  # nobody knows then
        index = json.loads(hub.files(REPO)["viewer/index.json"])
        changed = {name: about | {"shown": ["2.0.0"]} for name, about in index.items()}
        hub.plant(REPO, "viewer/index.json", json.dumps(changed).encode())
    registry.withdraw("pets/photos@3.0.0", "a face")
    registry.withdraw("pets/table@2.0.0", "wrong")
    assert shown(hub) == []
    front, body = readme(hub)
    assert "configs" not in front
    assert "| pets/photos | 2.0.0 | 6 |" in body
    assert "| pets/table | 1.0.0 |" in body
    registry.register(ImageDataset(image_dir=folder / "test"), "pets/photos", version="4.0.0")
    registry.withdraw("pets/photos@2.0.0", "a face, too")
    registry.withdraw("pets/photos@4.0.0", "and here")
    assert rows_shown(hub, tmp_path) == (3 if kept else 0)
    assert "| pets/photos | 1.0.0 | 3 |" in readme(hub)[1]


def test_another_card_of_the_same_version_is_not_shown(hub: HubInMemory, folder: Path) -> None:
    """Two registries in one repo may have the same names."""
    CardRegistry(URL, viewer="none").register(ImageDataset(image_dir=folder), "pets/photos")
    CardRegistry(f"{URL}2").register(ImageDataset(image_dir=folder / "test"), "pets/photos")
    CardRegistry(URL).register(ImageDataset(image_dir=folder / "train"), "pets/photos", version="2.0.0")
    CardRegistry(URL).withdraw("pets/photos@2.0.0", "a face")
    assert shown(hub) == []


def test_an_older_version_is_withdrawn_without_a_change_of_what_is_shown(hub: HubInMemory, folder: Path) -> None:
    registry = CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder / "train"), "pets/photos")
    registry.register(ImageDataset(image_dir=folder), "pets/photos")
    before = hub.files(REPO)
    registry.withdraw("pets/photos@1.0.0", "old")
    after = hub.files(REPO)
    assert set(after) - set(before) == {"cards/tombs/pets/photos/1.0.0.json"}
    assert {path: after[path] for path in before} == before


def test_who_registers_meanwhile_goes_on_being_shown(
    hub: HubInMemory, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder / "train"), "pets/photos")
    registry.register(ImageDataset(image_dir=folder), "pets/photos")
    commit = committing.commit

    def late(*arguments: Any, **options: Any) -> bytes:
        CardRegistry(URL).register(ImageDataset(image_dir=folder / "test"), "pets/photos", version="9.0.0")
        return commit(*arguments, **options)

    monkeypatch.setattr("imagecards.registry.withdraw.commit", late)
    registry.withdraw("pets/photos@2.0.0", "a face")
    assert "| pets/photos | 9.0.0 | 3 |" in readme(hub)[1]
    assert [path.rpartition("/")[2] for path in shown(hub)] == ["train-00000-of-00001.parquet"]


def test_pages_that_can_not_be_read_keep_no_version_from_being_withdrawn(
    hub: HubInMemory, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    registry = CardRegistry(URL)
    registry.register(ImageDataset(image_dir=folder), "pets/photos")

    def fail(self: HubStore, path: str) -> bytes:
        raise StorageError("no page today")

    monkeypatch.setattr(HubStore, "page", fail)
    with caplog.at_level(logging.WARNING):
        registry.withdraw("pets/photos@1.0.0", "a face")
    assert "README and viewer still show pets/photos@1.0.0: no page today" in caplog.text
    with pytest.raises(NotFoundError, match="every version of pets/photos was withdrawn"):
        registry.versions("pets/photos")
