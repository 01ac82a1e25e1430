"""The garbage collector rests while datasets are read and written: it would look at every object again and again."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.formats.coco_documents import SQUARE, document, put

from imagecards.formats import read, write

_OBJECTS = 20_000  # many times as many as begin a collection


@pytest.fixture
def collections() -> Iterator[list[str]]:
    """One entry for each collection that begins."""
    begun: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            begun.append(str(info))

    gc.collect()
    gc.callbacks.append(note)
    yield begun
    gc.callbacks.remove(note)


def test_it_rests_while_datasets_are_read_and_written(tmp_path: Path, collections: list[str]) -> None:
    annotation = {"image_id": 10, "category_id": 7, "bbox": [1, 1, 4, 3], "segmentation": SQUARE}
    annotations = [{**annotation, "id": number} for number in range(_OBJECTS)]
    path = put(tmp_path / "coco.json", document("a.png") | {"annotations": annotations})
    read(path, check_images=False)
    collections.clear()
    dataset = read(path, check_images=False).dataset
    write(dataset, tmp_path / "out", "coco", images=False)
    assert len(collections) <= 2  # what follows a rest may begin one
    assert gc.isenabled()
