"""Folders as tools leave them: each is recognised as one format, and nothing is read through a link."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.formats.drawn import draw_image
from tests.formats.sameness import said
from tests.formats.strategies import make_dataset

from imagecards.errors import FormatError
from imagecards.formats import find_format, read, write

CVAT = "<annotations><version>1.1</version><image id='0' name='a.png' width='20' height='10'/></annotations>"
VOC = "<annotation><filename>a.png</filename></annotation>"
COCO = json.dumps(
    {"images": [{"id": 1, "file_name": "a.png", "width": 20, "height": 10}], "annotations": [], "categories": []}
)
LABELME = json.dumps({"shapes": [], "imagePath": "../images/a.png", "imageHeight": 10, "imageWidth": 20})
LABEL_STUDIO = json.dumps([{"id": 1, "data": {"image": "a.png"}, "annotations": []}])
SHAPES = json.dumps({"categories": [{"id": 1, "name": "shapes"}], "info": {"shapes": []}, **json.loads(COCO)})
IMAGE_FIRST = json.dumps({"imageData": "A" * 500_000, "imagePath": "a.png", "shapes": []})
YOLO = "0 0.5 0.5 0.2 0.2\n"


def lay(folder: Path, files: dict[str, str | None]) -> Path:
    for name, text in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            Image.fromarray(np.ones((10, 20), np.uint8)).save(place)
        else:
            place.write_text(text)
    return folder


LAYOUTS: dict[str, tuple[dict[str, str | None], str | None]] = {
    "labelme in labels": ({"images/a.png": None, "labels/a.json": LABELME}, "labelme"),
    "voc in labels": ({"images/a.png": None, "labels/a.xml": VOC}, "voc"),
    "coco in labels": ({"images/a.png": None, "labels/labels.json": COCO}, None),
    "masks in labels": ({"images/a.png": None, "labels/a.png": None}, None),
    "labels": ({"images/a.png": None, "labels/a.txt": YOLO}, "yolo"),
    "labels and masks": ({"images/a.png": None, "labels/a.txt": YOLO, "masks/a.png": None}, "yolo"),
    "coco and masks": ({"images/a.png": None, "masks/a.png": None, "annotations/instances_x.json": COCO}, "coco"),
    "cvat and masks": ({"images/a.png": None, "masks/a.png": None, "annotations.xml": CVAT}, "cvat"),
    "maskterial": (
        {
            "train_images/a.png": None,
            "train_semantic_masks/a.png": None,
            "RLE_annotations/train_annotations_with_class_300.json": COCO,
        },
        "coco",
    ),
    "masks alone": ({"images/a.png": None, "masks/a.png": None}, "masks"),
    "labelme and coco": ({"a.png": None, "a.json": LABELME, "annotations.json": COCO}, None),
    "labelme and coco behind": ({"b.png": None, "b.json": LABELME, "a.json": COCO}, None),
    "labelme below coco": ({"images/a.png": None, "labels/a.json": LABELME, "annotations.json": COCO}, None),
    "labelme among others": ({**{f"{n}.json": "{}" for n in range(30)}, "z.png": None, "z.json": LABELME}, "labelme"),
    "label studio and coco": ({"a.png": None, "export.json": LABEL_STUDIO, "annotations.json": COCO}, None),
    "label studio and others": ({"a.png": None, "export.json": LABEL_STUDIO, "config.json": "{}"}, "labelstudio"),
    "voc and cvat": ({"a.png": None, "a.xml": VOC, "annotations.xml": CVAT}, None),
    "a category called shapes": ({"a.png": None, "b.json": SHAPES}, "coco"),
    "a key called shapes": ({"a.png": None, "b.json": COCO[:-1] + ', "shapes": []}'}, "coco"),
    "labelme with categories": (
        {"a.png": None, "b.json": LABELME[:-1] + ', "categories": [], "file_name": 1}'},
        "labelme",
    ),
    "labelme, the image first": ({"a.png": None, "b.json": IMAGE_FIRST}, "labelme"),
    "some other yaml": ({"config.yaml": "names: [a]\n"}, None),
    "workflow": ({"ci.yaml": "train: yes\nname: x\n"}, None),
}


@pytest.mark.parametrize("kind", LAYOUTS)
def test_a_folder_has_one_format(kind: str, tmp_path: Path) -> None:
    files, format = LAYOUTS[kind]
    folder = lay(tmp_path / "in", files)
    if format is None:
        with pytest.raises(FormatError, match="say which it is"):
            find_format(folder)
    else:
        assert find_format(folder).name == format


@pytest.mark.parametrize("kind", ["labelme and coco", "label studio and coco", "voc and cvat"])
def test_what_may_be_either_is_told_and_read_as_it_is_said(kind: str, tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", LAYOUTS[kind][0])
    if "labelme" in kind:
        (folder / "a.json").write_text(LABELME.replace("../images/", ""))
    with pytest.raises(FormatError) as caught:
        find_format(folder)
    for name in kind.replace("label studio", "labelstudio").split(" and "):
        assert name in str(caught.value)
        assert read(folder, name).dataset.names == ("a.png",)


def test_other_json_beside_an_export_is_told(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"a.png": None, "export.json": LABEL_STUDIO, "config.json": "{}"})
    assert [(issue.rule, issue.file) for issue in read(folder).report] == [("not-labelstudio", "config.json")]


def test_several_exports_of_cvat_are_read_together(tmp_path: Path) -> None:
    labels = "<meta><task><labels><label><name>{}</name></label></labels></task></meta>"
    files: dict[str, str | None] = {"images/a.png": None, "images/b.png": None}
    for name in ("a", "b"):
        files[f"{name}.xml"] = CVAT.replace("a.png", f"{name}.png").replace("<image", labels.format(name) + "<image")
    files["c.xml"] = files["a.xml"]
    reading = read(lay(tmp_path / "in", files), strict=False)
    assert reading.dataset.names == ("a.png", "b.png")
    assert [category["name"] for category in reading.dataset.attributes["categories"]] == ["a", "b"]
    assert [(issue.rule, issue.file) for issue in reading.report] == [("duplicate-image", "c.xml")]


CSV = "ImageId,ClassId,EncodedPixels\na.png,1,1 3\n"


@pytest.mark.parametrize(
    ("format", "files"),
    [
        ("cvat", {"annotations.xml": CVAT}),
        ("labelstudio", {"export.json": LABEL_STUDIO}),
        ("severstal", {"train.csv": CSV, "train_images/a.png": None, "train_images/n.png": None}),
    ],
)
def test_images_that_nothing_lists_are_told(format: str, files: dict[str, str | None], tmp_path: Path) -> None:
    others = [f"test_images/{number}.png" for number in range(7)]
    first: dict[str, str | None] = {} if format == "severstal" else {"images/a.png": None}
    folder = lay(tmp_path / "in", {**first, **files, **dict.fromkeys(others)})
    reading = read(folder)
    (issue,) = reading.report
    assert (reading.format, issue.rule, issue.severity) == (format, "unlisted-image", "warning")
    assert issue.message.startswith("images of the folder are not listed, and left out (7): test_images/0.png, ")
    assert issue.message.endswith("4.png, ...")
    if format == "severstal":  # the images of its own folder that have no row are negatives
        assert said(reading.dataset)["train/n.png"] == {"objects": []}


@pytest.mark.parametrize("format", ["yolo", "yolo-seg", "labelme", "labelstudio", "masks", "coco", "imagefolder"])
@pytest.mark.parametrize("split", ["images", "labels", "masks", "train"])
def test_what_is_written_is_recognised_whatever_splits_are_called(format: str, split: str, tmp_path: Path) -> None:
    objects = {"bbox": [[1.0, 1.0, 3.0, 3.0]], "categories": ["images"]}
    names = [f"{split}/a.png", f"{split}/images/b.png", f"{split}/masks/c.png"]
    records = [{"file_name": name, "objects": objects} for name in names]
    dataset = make_dataset(records, dict.fromkeys(names, (20, 10)), {split: names})
    write(dataset, tmp_path / "out", format)
    assert find_format(tmp_path / "out").name == format


def test_annotations_are_not_read_through_links(tmp_path: Path) -> None:
    """A link may lead to any file of the machine, and what is read becomes part of a card."""
    outside = lay(tmp_path / "outside", {"x.yaml": "names: [secret]\n", "x.xml": CVAT, "a.txt": YOLO})
    lay(outside, {"x.json": json.dumps({"kind": "instances", "categories": [{"id": 1, "name": "secret"}]})})
    folder = lay(tmp_path / "in", {"images/a.png": None, "masks/a.png": None})
    links = {"data.yaml": "x.yaml", "annotations.xml": "x.xml", "masks.json": "x.json"}
    for name, target in links.items():
        os.symlink(outside / target, folder / name)
    assert find_format(folder).name == "masks"
    for format in ("yolo", "masks"):
        dataset = read(folder, format).dataset
        assert "secret" not in str(dataset.attributes)
        assert not set(links) & set(dataset.annotation_files)
    with pytest.raises(FormatError, match="no annotation file"):
        read(folder, "cvat")


@pytest.mark.parametrize("linked", ["labels", "labels/a.txt"])
def test_linked_labels_are_an_error_and_not_a_negative(linked: str, tmp_path: Path) -> None:
    outside = lay(tmp_path / "outside", {"labels/a.txt": YOLO})
    folder = lay(tmp_path / "in", {"images/a.png": None, "data.yaml": "names: [a]\ntrain: images\n"})
    (folder / linked).parent.mkdir(exist_ok=True)
    os.symlink(outside / linked, folder / linked)
    reading = read(folder, "yolo", strict=False)
    assert [(issue.rule, issue.file) for issue in reading.report.errors] == [("symlink", "labels/a.txt")]
    assert reading.dataset.names == ()


def test_a_file_that_is_named_may_be_a_link(tmp_path: Path) -> None:
    folder = lay(tmp_path / "in", {"real.yaml": "names: [a]\ntrain: images\n", "images/a.png": None})
    os.symlink("real.yaml", folder / "data.yaml")
    assert read(folder / "data.yaml", "yolo").dataset.attributes["categories"] == [{"id": 0, "name": "a"}]


def test_names_that_differ_by_case_have_labels_of_their_own(tmp_path: Path) -> None:
    names = ["A.png", "a.jpg", "a-2.png"]
    records = [{"file_name": name, "objects": {"bbox": [], "categories": []}} for name in names]
    dataset = make_dataset(records, dict.fromkeys(names, (4, 4)))
    for format in ("yolo", "masks"):
        losses = write(dataset, tmp_path / format, format)
        assert losses.rules == ("images-renamed-apart",)
        assert losses[0].examples == ("a.jpg -> images/a-3.jpg",)
        assert set(read(tmp_path / format).dataset.names) == {"A.png", "a-2.png", "a-3.jpg"}


def test_names_that_are_none_of_images_are_told(tmp_path: Path) -> None:
    dataset = make_dataset([{"file_name": "a", "objects": {"bbox": [], "categories": []}}], {"a": (4, 4)})
    for format in ("yolo", "masks", "labelme", "labelstudio"):
        assert "image-hidden" in write(dataset, tmp_path / format, format).rules


@pytest.mark.parametrize("format", ["yolo", "masks"])
def test_splits_within_splits(format: str, tmp_path: Path) -> None:
    splits = {"a": ["a/x.png"], "a/b": ["a/b/x.png"], "images": ["images/x.png"], "masks": ["masks/x.png"]}
    names = [*(name for members in splits.values() for name in members), "x.png"]
    objects = {"bbox": [[1.0, 1.0, 2.0, 2.0]], "categories": ["c"]}
    dataset = make_dataset(
        [{"file_name": name, "objects": objects} for name in names], dict.fromkeys(names, (9, 9)), splits
    )
    losses = write(dataset, tmp_path / "out", format)
    assert "splits-changed" not in losses.rules
    back = read(tmp_path / "out").dataset
    assert set(back.names) == set(names)
    assert {split: list(members) for split, members in back.splits.items()} == splits


def test_an_image_in_the_folder_of_another_split_is_told(tmp_path: Path) -> None:
    names = ["train/a.png", "train/b.png"]
    dataset = make_dataset([{"file_name": name} for name in names], dict.fromkeys(names, (4, 4)), {"train": names[:1]})
    losses = write(dataset, tmp_path / "out", "masks")
    assert [loss.examples for loss in losses if loss.rule == "splits-changed"] == [("train/b.png",)]


def test_the_archives_of_voc(tmp_path: Path) -> None:
    """They have folders around the one that is VOC's."""
    base = tmp_path / "in" / "VOCdevkit" / "VOC2012"
    lay(base, {"Annotations/a.xml": VOC, "ImageSets/Main/train.txt": "a\n"})
    draw_image(base / "JPEGImages" / "a.png")
    draw_image(base / "SegmentationClass" / "a.png")
    dataset = read(tmp_path / "in").dataset
    assert dict(dataset.splits) == {"train": ("train/a.png",)}
    assert dataset.names == ("train/a.png",)
