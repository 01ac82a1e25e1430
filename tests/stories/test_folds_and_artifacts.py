"""A survey of artefacts: from COCO to four folds, one of them written for training, and back by lineage and replay.

The numbers are those of the XAMI dataset: 1,055 images, 5 classes, 7,021 objects, 25 label sets, the rarest class in 21
images.
"""

import json
from pathlib import Path

import pytest
from tests.conftest import png
from tests.splits.conftest import xami

from imagecards import CardRegistry, ImageDataset
from imagecards.cards import DataCard
from imagecards.splits import KFold, OnePlan, Pattern, split_statistics

CATEGORIES = ("artefacts", "central-ring", "other", "read-out-streak", "smoke-ring", "star-loop")
SIDE = 32


def write_coco(folder: Path, labels: dict[str, list[str]]) -> None:
    """Images with the COCO file beside them, as Roboflow exports it; each object is a triangle."""
    folder.mkdir()
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    for number, (name, classes) in enumerate(labels.items()):
        file_name = name.replace(".jpg", ".png")
        (folder / file_name).write_bytes(png(SIDE, SIDE, seed=number))
        images.append({"id": number, "file_name": file_name, "width": SIDE, "height": SIDE})
        for place, label in enumerate(classes):
            x, y = (7 * place + number) % 20, (5 * place) % 20
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": CATEGORIES.index(label),
                    "bbox": [x, y, 8, 8],
                    "area": 32,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + 8, y, x, y + 8]],
                }
            )
    categories = [
        {"id": number, "name": name, "supercategory": "artefacts" if number else "none"}
        for number, name in enumerate(CATEGORIES)
    ]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "_annotations.coco.json").write_text(json.dumps(document))


@pytest.fixture(scope="module")
def labels() -> dict[str, list[str]]:
    return xami()


@pytest.fixture
def raw(registry: CardRegistry, labels: dict[str, list[str]], tmp_path: Path) -> DataCard:
    write_coco(tmp_path / "data", labels)
    return registry.register(ImageDataset.read(tmp_path / "data"), "xami/raw", license="CC-BY-NC-3.0-IGO")


def test_folds_of_a_survey_and_the_labels_that_one_of_them_trains_on(
    registry: CardRegistry, raw: DataCard, labels: dict[str, list[str]], tmp_path: Path
) -> None:
    assert (raw.summary.images, raw.summary.objects) == (1055, 7021)
    assert "annotations" in raw.artifacts

    observation = Pattern(pattern=r"^S\d{10}")
    grouped = KFold(k=4, seed=42, name="by-observation", group_by=observation)
    folds = registry.derive("xami/raw@^1", [KFold(k=4, seed=42), grouped], name="xami/folds")
    assert [made.name for made in folds.transform] == ["k-fold", "k-fold"]
    assert not [file.key for file in folds.files() if file.key.endswith(".tar") and folds.attempt in file.key]

    dataset = registry.open(folds)
    assert isinstance(dataset, ImageDataset)
    sets = {name.replace(".jpg", ".png"): frozenset(classes) for name, classes in labels.items()}
    assert len(set(sets.values())) == 25
    valid = [dataset.splits[f"mskf_{fold}/valid"] for fold in range(4)]
    for counts in (
        [len(names) for names in valid],
        [sum(not sets[name] for name in names) for names in valid],
        *([sum(label in sets[name] for name in names) for names in valid] for label in CATEGORIES[1:]),
    ):
        assert max(counts) - min(counts) <= 1
    assert sum(len(names) for names in valid) == 1055

    observed = [{name[:11] for name in dataset.splits[f"by-observation_{fold}/valid"]} for fold in range(4)]
    assert sum(map(len, observed)) == len(set().union(*observed))
    assert "other" in str(grouped.balance(dataset))
    assert "mskf_0/train" in str(split_statistics(dataset))

    kept = registry.attach(
        folds, "yolo-fold-2", format="yolo-seg", steps=OnePlan(plan="mskf_2"), options={"images": False}
    )
    artifact = registry.artifact(folds, "yolo-fold-2")
    out = artifact.fetch(tmp_path / "yolo")
    for part in ("train", "valid"):
        names = dataset.splits[f"mskf_2/{part}"]
        written = {path.stem: path.read_text().count("\n") for path in (out / part / "labels").iterdir()}
        assert written == {Path(name).stem: len(labels[name.replace(".png", ".jpg")]) for name in names}
    assert kept.written is not None

    found = registry.lineage(raw)
    assert found.descendants == ("xami/folds@1.0.0",)
    [edge] = [edge for edge in found.edges if edge.target == "xami/folds@1.0.0 artifact:yolo-fold-2"]
    assert (edge.source, edge.format, edge.steps[0].params) == ("xami/folds@1.0.0", "yolo-seg", {"plan": "mskf_2"})
    assert registry.replay(folds).ok
