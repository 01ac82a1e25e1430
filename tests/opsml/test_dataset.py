"""ImageDataset in opsml: what opsml 1.4 and 2.1 held theirs to, and what plain opsml sees of it."""

import json
import os
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from tests.conftest import MakeFolder, png
from tests.opsml.servers import Mode

import imagecards as ic
from imagecards.errors import InvalidInputError, InvalidMetadataError, NotFoundError

pytest.importorskip("opsml")


def cats(folder: Path) -> Path:
    """Two images of the same bytes and their records, as opsml's own tests have them."""
    folder.mkdir(parents=True)
    records = []
    for name, number in (("cats.jpg", 1), ("cat2.jpg", 2)):
        (folder / name).write_bytes(png(64, 48))
        boxes = [[4.0 * number, 5.0, 6.0, 7.0]] * number
        records.append({"file_name": name, "objects": {"bbox": boxes, "categories": [1] * number}})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    for name in ("cats.jpg", "cat2.jpg"):  # a JPEG by its name has to be one by its content
        from PIL import Image

        with Image.open(folder / name) as image:
            image.convert("RGB").save(folder / name, "JPEG")
    return folder


# What opsml 1.4 asserts.


def test_a_record_takes_what_it_took() -> None:
    box = ic.opsml.BBox(bbox=[[302.0, 109.0, 73.0, 52.0]], categories=[0])
    record = ic.opsml.ImageRecord(file_name="0001.png", caption="This is a caption", objects=box)
    assert record.file_name == "0001.png"
    assert record.objects == box


def test_metadata_with_a_file_twice_is_accepted_and_written(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"file_name": "0001.png", "caption": "This is a golden retriever playing with a ball"},
        {"file_name": "0002.png", "caption": "A german shepherd"},
        {"file_name": "0003.png", "objects": {"bbox": [[302.0, 109.0, 73.0, 52.0]], "categories": [0]}},
        {"file_name": "0002.png", "objects": {"bbox": [[1.0, 2.0, 3.0, 4.0]], "categories": [1]}},
    ]
    metadata = ic.opsml.ImageMetadata(records=[ic.opsml.ImageRecord(**record) for record in records])
    metadata.write_to_file(tmp_path / "metadata.jsonl")
    assert len(ic.opsml.ImageMetadata.load_from_file(tmp_path / "metadata.jsonl").records) == 4


def test_metadata_that_is_not_there_is_told_as_it_was(tmp_path: Path) -> None:
    folder = cats(tmp_path / "images")
    assert len(ic.opsml.ImageDataset(image_dir=str(folder), metadata="metadata.jsonl").dataset) == 2
    with pytest.raises(ValidationError, match=r"metadata file blah\.jsonl does not exist"):
        ic.opsml.ImageDataset(image_dir=str(folder), metadata="blah.jsonl")
    with pytest.raises(ValidationError, match="metadata must be a jsonl file"):
        ic.opsml.ImageDataset(image_dir=str(folder), metadata="metadata.json")
    with pytest.raises(ValidationError, match="image_dir must be a directory"):
        ic.opsml.ImageDataset(image_dir=str(folder / "none"))
    with pytest.raises(ValidationError, match="image_dir must be a directory"):
        ic.opsml.ImageDataset()


def test_a_card_is_registered_and_loaded_by_opsml_itself(sqlite: Mode, tmp_path: Path) -> None:
    sqlite.run(_natively, str(cats(tmp_path / "images")))


def _natively(images: str) -> None:
    from opsml.data import DataLoadKwargs

    from opsml import CardRegistry, DataCard

    records = [ic.ImageRecord(file_name="cats.jpg", caption="two"), ic.ImageRecord(file_name="cat2.jpg")]
    interface = ic.opsml.ImageDataset(image_dir=images, metadata=ic.ImageMetadata(records=records), embed=True)
    card = DataCard(interface=interface, space="lab", name="cats", tags=list(interface.tags))
    registry = CardRegistry("data")
    registry.register_card(card)

    loaded = registry.load_card(uid=card.uid, interface=ic.opsml.ImageDataset)
    with pytest.raises(InvalidInputError, match=r"call card\.load\(\) first"):
        _ = loaded.interface.dataset
    loaded.load()
    assert isinstance(loaded.data, ic.ImageDataset)
    with pytest.raises(InvalidInputError, match="comes from opsml"):
        _ = loaded.interface.tags
    ic.formats.write(loaded.data, "out", "imagefolder")
    assert sorted(os.listdir("out")) == ["cat2.jpg", "cats.jpg", "metadata.jsonl"]
    assert Path("out/cats.jpg").read_bytes() == Path(images, "cats.jpg").read_bytes()
    assert ic.ImageDataset(image_dir="out").records[0].caption == "two"

    again = registry.load_card(uid=card.uid, interface=ic.opsml.ImageDataset)
    again.load(load_kwargs=DataLoadKwargs(data={"at": images}))
    assert again.data.names == ("cats.jpg", "cat2.jpg")
    assert ic.opsml.load(space="lab", name="cats").names == ("cats.jpg", "cat2.jpg")
    assert [row.data_type for row in registry.list_cards()] == ["Image"]


def test_plain_opsml_loads_the_table_of_records(sqlite: Mode, tmp_path: Path) -> None:
    sqlite.run(_register, str(cats(tmp_path / "images")))
    columns, name, size = sqlite.run(_load_plainly)
    assert {"file_name", "caption", "categories", "objects", "sha256", "width", "splits"} <= set(columns)
    assert name == "cats.jpg"
    assert size == (tmp_path / "images" / "cats.jpg").stat().st_size


def _register(images: str) -> None:
    ic.opsml.register(ic.opsml.ImageDataset(image_dir=images), space="lab", name="cats")


def _load_plainly() -> tuple[list[str], str, int]:
    import sys

    import pyarrow.parquet  # noqa: F401  # which opsml uses and does not import

    sys.modules["imagecards"] = None  # type: ignore[assignment]  # whoever loads it has opsml alone
    from opsml import CardRegistry

    card = CardRegistry("data").load_card(space="lab", name="cats")
    card.load()
    return card.data.column_names, card.data["file_name"][0].as_py(), card.data["size"][0].as_py()


# What opsml 2.1 asserts.


def test_names_of_opsml_2_are_taken_with_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cats(Path("images"))
    with pytest.deprecated_call(match=r"filepath= .* here it is file_name="):
        record = ic.opsml.ImageRecord(filepath=Path("images/cat2.jpg"), size=3, caption="one")
    with pytest.deprecated_call(match=r"data_dir= .* here it is image_dir="):
        assert len(ic.opsml.ImageDataset(data_dir=Path("images")).dataset) == 2
    metadata = ic.opsml.ImageMetadata(records=[record])
    with pytest.deprecated_call(match="splits="):
        dataset = ic.opsml.ImageDataset(image_dir=Path("images"), splits={"train": metadata, None: metadata}).dataset
    assert dataset.names == ("cat2.jpg",)
    assert dict(dataset.splits) == {"train": ("cat2.jpg",)}
    assert dataset.records[0].caption == "one"
    assert dataset.read_bytes("cat2.jpg") == Path("images/cat2.jpg").read_bytes()


def test_metadata_of_opsml_2_are_read(tmp_path: Path) -> None:
    images = cats(tmp_path / "images")
    place = tmp_path / "metadata.jsonl"
    line = {"filepath": str(images / "cats.jpg"), "size": 63304, "caption": "c", "categories": None, "objects": None}
    place.write_text(json.dumps(line) + "\n")
    with pytest.deprecated_call(match="filepath="):
        metadata = ic.opsml.ImageMetadata.load_from_file(place)
    with pytest.deprecated_call(match="splits="):
        dataset = ic.opsml.ImageDataset(image_dir=images, splits={"train": metadata}).dataset
    assert dataset.names == ("cats.jpg",)
    place.write_bytes(b"\xef\xbb\xbf" + place.read_bytes() + b"\n")
    with pytest.deprecated_call(match="filepath="):
        assert len(ic.opsml.ImageMetadata.load_from_file(place)) == 1
    place.write_text(
        '{"filepath": \n{"filepath": 3}\n{"filepath": "a", "objects": {"bbox": [[1]], "categories": [1]}}\n[]\n'
    )
    with pytest.deprecated_call(), pytest.raises(InvalidMetadataError) as caught:
        ic.opsml.ImageMetadata.load_from_file(place)
    assert {issue.line for issue in caught.value.issues} == {1, 2, 3, 4}
    with pytest.raises(NotFoundError):
        ic.opsml.ImageMetadata.load_from_file(tmp_path / "none.jsonl")


def test_paths_of_opsml_2_may_lead_upwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cats(tmp_path / "images")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    with pytest.deprecated_call():
        record = ic.opsml.ImageRecord(filepath="../images/cats.jpg")
        metadata = ic.opsml.ImageMetadata(records=[record])
        assert ic.opsml.ImageDataset(data_dir="../images", splits={"a": metadata}).dataset.names == ("cats.jpg",)
    with pytest.raises(ValidationError, match="filepath is no path"):
        ic.opsml.ImageRecord(filepath=3)


def test_splits_of_opsml_2_are_validated_as_well(tmp_path: Path) -> None:
    images = cats(tmp_path / "images")

    def tags(split: str, **said: Any) -> tuple[str, ...]:
        metadata = ic.ImageMetadata(records=[ic.ImageRecord(file_name="cats.jpg", **said)])
        with pytest.deprecated_call():
            tags: tuple[str, ...] = ic.opsml.ImageDataset(image_dir=images, splits={split: metadata}).tags
        return tags

    with pytest.raises(InvalidMetadataError, match="box-outside-image"):
        tags("train", objects=ic.BBox(bbox=[[0, 0, 999, 999]], categories=["cat"]))
    with pytest.raises(InvalidInputError, match=r"the split '\.\./train' can't be a folder"):
        tags("../train")


def test_splits_that_name_files_of_other_splits_are_accepted(tmp_path: Path) -> None:
    images = tmp_path / "images"
    seen: list[ic.ImageRecord] = []
    splits = {}
    for split in ("train", "test", "eval"):  # the records of opsml's own test accumulate
        (images / split).mkdir(parents=True)
        for number in range(2):
            (images / split / f"{number}.png").write_bytes(png(seed=number))
            seen.append(ic.ImageRecord(file_name=f"{split}/{number}.png"))
        splits[split] = ic.ImageMetadata(records=list(seen))
    with pytest.deprecated_call(match="splits="):
        dataset = ic.opsml.ImageDataset(image_dir=images, splits=splits).dataset
    assert [len(dataset.split(split)) for split in ("train", "test", "eval")] == [2, 4, 6]
    assert len(dataset) == 6


def test_arguments_of_opsml_2_that_contradict_are_refused(tmp_path: Path) -> None:
    images = cats(tmp_path / "images")
    metadata = ic.ImageMetadata(records=[ic.ImageRecord(file_name="none.jpg")])
    with pytest.deprecated_call(), pytest.raises(InvalidInputError, match="as image_dir="):
        ic.opsml.ImageDataset(image_dir=images, data_dir=images)
    with pytest.raises(InvalidInputError, match="give one of them"):
        ic.opsml.ImageDataset(image_dir=images, metadata=metadata, splits={"a": metadata})
    with pytest.deprecated_call(), pytest.raises(NotFoundError, match=r"none\.jpg is not in"):
        ic.opsml.ImageDataset(image_dir=images, splits={"a": metadata})


def test_a_split_is_loaded_alone(sqlite: Mode, make_folder: MakeFolder) -> None:
    images = make_folder({f"{split}/{number}.png": None for split in ("train", "test") for number in range(3)})
    for split in ("train", "test"):
        lines = [json.dumps({"file_name": f"{number}.png", "caption": split}) + "\n" for number in range(3)]
        (images / split / "metadata.jsonl").write_text("".join(lines))
    assert sqlite.run(_split, str(images)) == [f"train/{number}.png" for number in range(3)]


def _split(images: str) -> list[str]:
    interface = ic.opsml.ImageDataset(image_dir=images, embed=True)
    ic.opsml.register(interface, space="lab", name="cats")
    shutil.rmtree(images)
    train = ic.opsml.load(space="lab", name="cats").split("train")
    assert len(list(train.read_many())) == 3
    assert {record.caption for record in train} == {"train"}
    return list(train.names)


# What is ours.


def test_interfaces_are_pickled(tmp_path: Path) -> None:
    interface = ic.opsml.ImageDataset(image_dir=cats(tmp_path / "images"))
    again = pickle.loads(pickle.dumps(interface))
    assert again.dataset.names == interface.dataset.names
    assert again.manifest == interface.manifest


def test_the_digest_is_that_of_a_registry(registry: ic.CardRegistry, tmp_path: Path) -> None:
    images = cats(tmp_path / "images")
    card = registry.register(ic.ImageDataset(image_dir=images), "lab/cats")
    assert ic.opsml.ImageDataset(image_dir=images).manifest.digest == card.dataset_digest
    made = ic.opsml.ImageDataset.from_card(registry, "lab/cats")
    assert made.manifest.digest == card.dataset_digest
    assert made.manifest.card == card.pin
    assert made.manifest.uri == registry.url
    assert made.tags == ("imagecards", f"digest={card.digest}")


def test_a_table_is_no_dataset_of_images(registry: ic.CardRegistry) -> None:
    import numpy as np

    registry.register(np.array([1]), "lab/numbers")
    with pytest.raises(InvalidInputError, match=r"lab/numbers@1\.0\.0 is a table"):
        ic.opsml.ImageDataset.from_card(registry, "lab/numbers")


def test_a_folder_is_kept_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = cats(tmp_path / "images")
    monkeypatch.chdir(tmp_path)
    assert ic.opsml.ImageDataset(image_dir="images").manifest.uri == str(images)


def test_passwords_in_addresses_are_not_kept() -> None:
    with pytest.raises((InvalidInputError, ValidationError)) as caught:
        ic.opsml.ImageDataset(image_dir="https://me:secret@127.0.0.1:1/a.zip")
    assert "secret" not in str(caught.value)


def test_passwords_in_addresses_that_answer_are_not_kept_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imagecards.opsml.dataset.OpenDataset", lambda **_: None)
    with pytest.raises(InvalidInputError) as caught:
        ic.opsml.ImageDataset(image_dir="https://me:secret@example.org/a.zip")
    assert "secret" not in str(caught.value)


def test_images_of_one_stem_and_odd_names_come_back(sqlite: Mode, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    names = ["0001.png", "0001.PNG.png", "größe 火.png", "card.png", "a.b.c.png", "sub/0001.png"]
    for number, name in enumerate(names):
        (images / name).parent.mkdir(exist_ok=True)
        (images / name).write_bytes(png(seed=number))
    for other in ("0001.txt", "0001.json", "empty.txt"):
        (images / other).write_text("" if other == "empty.txt" else "{}")
    sqlite.run(_embedded, str(images), names)


def _embedded(images: str, names: list[str]) -> None:
    before = {name: Path(images, name).read_bytes() for name in names}
    ic.opsml.register(ic.opsml.ImageDataset(image_dir=images, embed=True), space="lab", name="odd")
    shutil.rmtree(images)
    dataset = ic.opsml.load(space="lab", name="odd")
    assert {name: dataset.read_bytes(name) for name in dataset.names} == before


def test_an_issue_stops_before_anything_is_written(tmp_path: Path) -> None:
    images = cats(tmp_path / "images")
    (images / "cats.jpg").write_bytes(b"no image")
    with pytest.raises(InvalidMetadataError, match=r"cats\.jpg"):
        _ = ic.opsml.ImageDataset(image_dir=images).tags
