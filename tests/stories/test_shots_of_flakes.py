"""Flakes under a microscope: versions with and without classes, at three smallest areas, with shots, all replayed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pytest
from PIL import Image

from imagecards import CardRegistry, DataCard, ImageDataset
from imagecards.datasets import Step
from imagecards.geometry import instances_of, runs_to_coco
from imagecards.splits import KShot, WithoutSplits
from imagecards.testing.flakes import make_flakes
from imagecards.transforms import ClassAgnostic, MinArea

SHOTS = (1, 2, 3, 5, 10)
RUNS = 10
AREAS = {"200": 200, "300": 300, "full": 0}
REPLAY = """
import sys
from imagecards import CardRegistry
registry = CardRegistry(sys.argv[1])
for name in sys.argv[2:]:
    found = registry.replay(name)
    print(name, found.ok, found.actual, [artifact.same for artifact in found.artifacts])
"""


@pytest.fixture
def raw(registry: CardRegistry, tmp_path: Path) -> DataCard:
    made = make_flakes(tmp_path, 60, width=128, height=96)
    lines, number = [], 0
    for line in (made.images / "metadata.jsonl").read_text().splitlines():
        record = json.loads(line)
        mask = np.asarray(Image.open((made.masks / record["file_name"]).with_suffix(".png")))
        outlines = [runs_to_coco(runs) for _, runs in instances_of(mask)]
        ids = list(range(number, number := number + len(outlines)))
        record["objects"] |= {"segmentation": outlines, "id": ids}
        lines.append(json.dumps(record) + "\n")
    (made.images / "metadata.jsonl").write_text("".join(lines))
    return registry.register(ImageDataset(image_dir=made.images), "flakes/raw")


def opened(registry: CardRegistry, name: str) -> ImageDataset:
    dataset = registry.open(name)
    assert isinstance(dataset, ImageDataset)
    return dataset


def ids_of(dataset: ImageDataset) -> list[int]:
    return pc.list_flatten(dataset.table["objects"]).combine_chunks().field("id").to_pylist()  # type: ignore[no-any-return]


def test_every_version_of_flakes_comes_from_one_and_is_replayed(
    registry: CardRegistry, raw: DataCard, tmp_path: Path
) -> None:
    shots = KShot(shots=SHOTS, runs=RUNS, seed=0)
    names = []
    for size, pixels in AREAS.items():
        for kind, last in (("with-class", []), ("agnostic", [ClassAgnostic(name="flake")])):
            steps: list[Step] = [MinArea(pixels=pixels), shots, *last]
            card = registry.derive(raw, steps, name=f"flakes/{kind}-{size}")
            options = {"kind": "classes", "images": False}
            registry.attach(card, "semantic", format="masks", steps=WithoutSplits(), options=options)
            assert len(card.summary.splits) == len(SHOTS) * RUNS
            assert not [file.key for file in card.files() if file.key.endswith(".tar") and card.attempt in file.key]
            names.append(str(card.name))

    objects = {name: registry.load(name).summary.objects for name in names}
    assert objects["flakes/with-class-200"] > objects["flakes/with-class-300"] > 0
    assert objects["flakes/with-class-full"] == raw.summary.objects
    for size in AREAS:
        classes, agnostic = (opened(registry, f"flakes/{kind}-{size}") for kind in ("with-class", "agnostic"))
        assert dict(classes.splits) == dict(agnostic.splits)
        assert ids_of(agnostic) == ids_of(classes)
        assert {category["name"] for category in agnostic.attributes["categories"]} == {"flake"}
    assert registry.lineage(raw).descendants == tuple(f"{name}@1.0.0" for name in sorted(names))

    surroundings = os.environ | {"PYTHONHASHSEED": "271828", "IMAGECARDS_CACHE": str(tmp_path / "an-empty-cache")}
    command = [sys.executable, "-c", REPLAY, registry.url, *names]
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name} True {registry.load(name).dataset_digest} [True]" for name in names]
