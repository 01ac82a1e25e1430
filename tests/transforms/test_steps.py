"""What holds of every transform."""

import os
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any, ClassVar

import pytest
from PIL import Image
from pydantic import BaseModel, ValidationError

from imagecards import transforms
from imagecards.datasets import ImageDataset, Step, own_steps, replaced
from imagecards.errors import AlreadyExistsError
from imagecards.records import ImageMetadata
from imagecards.transforms import (
    TRANSFORMS,
    Binarise,
    ClassAgnostic,
    Crop,
    DropEmpty,
    Merge,
    MergeClasses,
    MinArea,
    RenameClasses,
    Resize,
    Sample,
    SelectClasses,
    Tile,
    register_step,
)

Make = Callable[..., ImageDataset]

STEPS: list[Step] = [
    Binarise(positive="a"),
    ClassAgnostic(),
    Crop(x=1, y=1, width=5, height=4),
    DropEmpty(),
    Merge(prefixes=["p"]),
    MergeClasses(into={"z": ["a", "b"]}),
    MinArea(pixels=2),
    RenameClasses(names={"a": "z"}),
    Resize(scale=0.5, lost="drop"),
    Sample(fraction=0.5),
    SelectClasses(classes=["b"]),
    Tile(width=4, height=4, overlap=1),
]
BY_NAME = {step.step_name: step for step in STEPS}

PROGRAM = """
import sys, json
from io import BytesIO
from PIL import Image
from imagecards.datasets import ImageDataset
from imagecards.records import ImageMetadata, dataset_digest, record_digests
from imagecards.transforms import *

class Memory:
    def read(self, name):
        Image.frombytes("L", (8, 6), bytes(range(48))).save(target := BytesIO(), "PNG")
        return target.getvalue()
    def read_many(self, names): return map(self.read, names)
    def close(self): pass

outlines = [{"size": [6, 8], "counts": [3, 9, 36]}, [[1, 1, 7, 1, 7, 3]]]
boxes = [[0, 0, 4, 4], [1, 1, 6, 2]]
objects = [{"bbox": boxes, "categories": ["a", "bcd"[n % 3]], "segmentation": outlines} for n in range(20)]
records = [{"file_name": f"{n}.png", "objects": each} for n, each in enumerate(objects)]
dataset = ImageDataset.from_source(Memory(), ImageMetadata(records=records).table,
    {"x": ["1.png", "7.png"], "y": ["2.png"]}, attributes={"categories": [{"id": 4, "name": "a"}]})
for step in [Sample(n=9, seed=3), MergeClasses(into={"bc": ["b", "c"]}), Resize(longest=6, masks="any-overlap"),
             Tile(width=4, height=3, overlap=1), RenameClasses(names={"a": "A"}), DropEmpty(), Merge(prefixes=["m"])]:
    dataset = step.apply(dataset)
facts = dataset.facts["sha256"].to_pylist()
digests = record_digests(ImageMetadata.from_table(dataset.table).table, facts)
print(dataset_digest(list(dataset.names), digests, dataset.splits, dataset.attributes))
print(json.dumps(dict(dataset.attributes)))
"""


@pytest.fixture
def dataset(make: Make, objects: Callable[..., Any]) -> ImageDataset:
    names = [f"{number}.png" for number in range(6)]
    images = {}
    for number, name in enumerate(names):
        Image.frombytes("L", (8, 6), bytes(range(number, 48 + number))).save(target := BytesIO(), "PNG")
        images[name] = target.getvalue()
    fields = objects(
        [("a", [0, 0, 4, 4]), ("b", [1, 1, 6, 2])],
        id=[1, 2],
        segmentation=[{"size": [6, 8], "counts": [3, 9, 36]}, [[1, 1, 7, 1, 7, 3]]],
    )
    records = [{"file_name": name, "objects": fields, "night": number} for number, name in enumerate(names)]
    return make(
        records,
        attributes={"categories": [{"id": 7, "name": "a"}, {"id": 9, "name": "b"}]},
        splits={"train": names[:4], "test": names[4:], "all": names},
        images=images,
    )


def test_every_transform_is_listed_under_its_name() -> None:
    assert set(TRANSFORMS) == set(BY_NAME)
    assert {step.__name__ for step in TRANSFORMS.values()} <= set(transforms.__all__)
    with pytest.raises(TypeError):
        TRANSFORMS["other"] = DropEmpty  # type: ignore[index]  # it is read-only


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_step_changes_nothing_in_place_and_gives_sound_records(name: str, dataset: ImageDataset) -> None:
    before = (dataset.table, dict(dataset.splits), dict(dataset.attributes))
    made = BY_NAME[name].apply(dataset)
    again = BY_NAME[name].apply(dataset)
    assert (dataset.table, dict(dataset.splits), dict(dataset.attributes)) == before
    ImageMetadata.from_table(made.table)
    assert made.table.equals(again.table)
    assert set(made.splits) == set(dataset.splits)
    assert {each for members in made.splits.values() for each in members} <= set(made.names)
    assert made.splits["all"] == made.names
    assert made.table["width"].to_pylist() == made.facts["width"].to_pylist()
    assert list(made.read_many()) == list(again.read_many())


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_dataset_without_images_stays_one(name: str, make: Make) -> None:
    empty = make([], attributes={"categories": [{"id": 7, "name": "a"}, {"id": 9, "name": "b"}]})
    made = BY_NAME[name].apply(empty)
    assert len(made) == 0
    ImageMetadata.from_table(made.table)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_step_is_frozen_and_knows_its_fields(name: str) -> None:
    step = BY_NAME[name]
    assert isinstance(step, BaseModel)
    assert TRANSFORMS[name](**step.model_dump(mode="json")) == step
    with pytest.raises(ValidationError):
        TRANSFORMS[name](**{**step.model_dump(), "other": 1})
    for field in type(step).model_fields:
        with pytest.raises(ValidationError):
            setattr(step, field, None)


def test_the_outcome_depends_on_no_hash_seed() -> None:
    printed = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0].startswith("sha256:")
    assert printed[0] == printed[1]


def test_own_steps_have_a_name_of_their_own(dataset: ImageDataset) -> None:
    @register_step
    class FirstOnly(Step):
        step_name: ClassVar[str] = "first-only"

        def apply(self, dataset: ImageDataset, *others: ImageDataset) -> ImageDataset:
            return replaced(dataset, table=dataset.table.slice(0, 1))

    assert own_steps()["first-only"] is FirstOnly
    assert FirstOnly().apply(dataset).splits == {"all": ("0.png",), "test": (), "train": ("0.png",)}

    class Another(FirstOnly):
        pass

    with pytest.raises(AlreadyExistsError, match="the step 'first-only' is"):
        register_step(Another)
